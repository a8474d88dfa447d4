"""A page of a few kinds of blocks, before anybody knows whether it is for a terminal, Markdown or HTML.

Texts are raw: whatever a log holds stands in them as it was logged, and each renderer
escapes all of it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeAlias

__all__ = ["Block", "Document", "Facts", "Grid", "Hours", "Items", "Section", "Text"]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what is said of each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list; each item may have a second line that explains it."""

    rows: tuple[tuple[str, str], ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table.

    Attributes:
        head: names of the columns.
        rows: cells.
        right: numbers of the columns that hold numbers.
        marked: numbers of the rows that stand out.

    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Hours:
    """Requests by hour: the riding part and the rest, for whole hours (UTC) that had any.

    ``flagged`` and ``other`` say what the two parts are called.
    """

    counts: Mapping[datetime, tuple[int, int]]
    flagged: str
    other: str


Block: TypeAlias = Text | Facts | Items | Grid | Hours


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its blocks."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A page: what it is about, the answer in a few words, and the sections."""

    title: str
    answer: str
    sections: tuple[Section, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give the page as plain dictionaries and lists, ready for JSON."""
        return {
            "title": self.title,
            "answer": self.answer,
            "sections": [
                {"title": section.title, "blocks": [_plain(block) for block in section.blocks]}
                for section in self.sections
            ],
        }


def _plain(block: Block) -> dict[str, Any]:
    if isinstance(block, Hours):
        rows = [[hour.isoformat(), *counts] for hour, counts in sorted(block.counts.items())]
        return {"kind": "hours", "columns": ["hour", block.flagged, block.other], "rows": rows}
    if isinstance(block, Grid):
        return {"kind": "grid", "columns": list(block.head), "rows": [list(row) for row in block.rows]}
    plain = json.loads(json.dumps(asdict(block)))
    return {"kind": type(block).__name__.lower(), **plain}
