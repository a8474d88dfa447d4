"""A case file as text for the terminal."""

import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from detector.report.case import Case
from detector.report.casedocument import case_document
from detector.report.document import Block, Document, Facts, Grid, Hours, Items, Text
from detector.report.text import shown, table

__all__ = ["chart", "document_text", "render_text"]

WIDTH = 100
"""Letters a line, about; tables may be wider."""

CELL = 48
"""Letters of a table's cell that are shown at most."""

DAYS = 14
"""Last days of the account that the activity chart shows at most."""

FLAGGED, OTHER, NONE = "#", "o", "."
HOUR = timedelta(hours=1)
RULER = "0     6     12    18"


def render_text(case: Case) -> str:
    """Return the case as text, every letter from the log visible and harmless."""
    return document_text(case_document(case))


def document_text(page: Document) -> str:
    """Return a page as text, every letter from the log visible and harmless."""
    lines = [shown(page.title), *_wrapped(page.answer, "  ")]
    for section in page.sections:
        lines += ["", section.title]
        for block in section.blocks:
            lines += _block(block)
    return "\n".join(lines)


def chart(counts: Mapping[datetime, tuple[int, int]]) -> list[str]:
    """Draw the hours of the last days that had requests: the flagged part before the rest."""
    marks = {
        hour.astimezone(UTC): FLAGGED if flagged else OTHER
        for hour, (flagged, other) in counts.items()
        if flagged or other
    }
    if not marks:
        return []
    last = max(marks).replace(hour=0)
    day = max(min(marks).replace(hour=0), last - (DAYS - 1) * 24 * HOUR)
    lines = [f"{'':10}  {RULER}"]
    while day <= last:
        lines.append(f"{day:%Y-%m-%d}  " + "".join(marks.get(day + i * HOUR, NONE) for i in range(24)))
        day += 24 * HOUR
    return lines


def _days(counts: Mapping[datetime, tuple[int, int]]) -> int:
    days = [hour.astimezone(UTC).date() for hour in counts]
    return (max(days) - min(days)).days + 1 if days else 0


def _block(block: Block) -> list[str]:
    if isinstance(block, Text):
        return _wrapped(block.text, "  ")
    if isinstance(block, Facts):
        width = max((len(name) for name, _ in block.rows), default=0) + 2
        return [
            line
            for name, said in block.rows
            for line in _wrapped(said, f"  {name:{width}}", " " * (width + 2))
        ]
    if isinstance(block, Items):
        return [line for number, row in enumerate(block.rows, 1) for line in _item(row, number, block)]
    if isinstance(block, Hours):
        cut = f", the last {DAYS} days" if _days(block.counts) > DAYS else ""
        head = f"by hour of the day, UTC{cut} ({FLAGGED} {block.flagged}, {OTHER} {block.other})"
        return [f"  {line}" for line in (head, *chart(block.counts))]
    return _grid(block)


def _item(row: tuple[str, str], number: int, block: Items) -> list[str]:
    mark = f"  {number}. " if block.numbered else "  - "
    lines = _wrapped(row[0], mark, " " * len(mark))
    return lines + (_wrapped(row[1], " " * len(mark)) if row[1] else [])


def _grid(grid: Grid) -> list[str]:
    cells = [tuple(shown(cell, CELL) for cell in row) for row in grid.rows]
    return table([grid.head, *cells], grid.right)


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    """Return visible text in lines of a bearable length."""
    return textwrap.wrap(
        shown(text, 1000),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
