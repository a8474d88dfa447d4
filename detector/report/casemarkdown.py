"""A page as Markdown in which nothing from a log can become markup."""

import re

from detector.report.casetext import chart
from detector.report.document import Block, Document, Facts, Grid, Hours, Items, Text
from detector.report.text import shown

__all__ = ["document_markdown", "inert"]

CELL = 80
"""Letters of a table's cell that are shown at most."""

HARMLESS = re.compile(r"[^\x00-\x7f]|[A-Za-z0-9,.;%()'\"?!/+=^-]|:(?!//)")
"""Letters that no Markdown dialect reads as markup inside a line."""

LINK = re.compile(r"^\W*www\.|:\w+:", re.IGNORECASE)
"""Words of harmless letters that some dialects turn into links or pictures."""

LEADER = re.compile(r"^([-+=]+|\d+[.)])$")
"""Words that begin a list or underline a heading where they begin a line."""


def document_markdown(page: Document) -> str:
    """Return a page as Markdown (CommonMark with tables)."""
    lines = [f"# {inert(page.title)}", "", f"**{inert(page.answer)}**"]
    for section in page.sections:
        lines += ["", f"## {inert(section.title)}"]
        for block in section.blocks:
            lines += ["", *_block(block)]
    return "\n".join(lines)


def inert(text: str, most: int = 1000, *, cell: bool = False) -> str:
    """Return text as Markdown that shows it and does nothing.

    Words that hold a letter that could be markup, and words that could become links, stand
    as code; control and direction marks are escaped as in a terminal.

    Args:
        text: anything.
        most: letters shown at most.
        cell: whether it stands in a table, where even code may not hold a bare ``|``.

    """
    words = shown(text, most).split(" ")
    kept = [
        word if _harmless(word) and not (i == 0 and LEADER.match(word)) else _code(word)
        for i, word in enumerate(words)
    ]
    joined = " ".join(kept).strip()
    return joined.replace("|", "\\|") if cell else joined


def _harmless(word: str) -> bool:
    return all(HARMLESS.match(word, place) for place in range(len(word))) and not LINK.search(word)


def _code(word: str) -> str:
    """Return a word as a code span, fenced by more backticks than it holds in a row."""
    fence = "`" * (max(map(len, re.findall("`+", word)), default=0) + 1)
    pad = " " if word.startswith("`") or word.endswith("`") else ""
    return f"{fence}{pad}{word}{pad}{fence}"


def _block(block: Block) -> list[str]:
    if isinstance(block, Text):
        return [inert(block.text)]
    if isinstance(block, Facts):
        return _table(("", ""), block.rows, frozenset())
    if isinstance(block, Items):
        return [line for number, row in enumerate(block.rows, 1) for line in _item(row, number, block)]
    if isinstance(block, Hours):
        head = f"By hour of the day, UTC (# {inert(block.flagged)}, o {inert(block.other)}):".replace(
            "#", "`#`"
        )
        return [head, "", "```text", *chart(block.counts), "```"]
    return _grid(block)


def _item(row: tuple[str, str], number: int, block: Items) -> list[str]:
    mark = f"{number}. " if block.numbered else "- "
    end = "  " if row[1] else ""
    return [f"{mark}{inert(row[0])}{end}", *([f"{' ' * len(mark)}{inert(row[1])}"] if row[1] else [])]


def _grid(grid: Grid) -> list[str]:
    return _table(grid.head, grid.rows, grid.right)


def _table(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], right: frozenset[int]) -> list[str]:
    rule = [" ---: " if i in right else " --- " for i in range(len(head))]
    cells = [head, *rows]
    lines = [f"| {' | '.join(inert(cell, CELL, cell=True) for cell in row)} |" for row in cells]
    return [lines[0], f"|{'|'.join(rule)}|", *lines[1:]]
