"""Header names that were seen beside those that the client sends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Literal

__all__ = ["MARKS", "Line", "Mark", "Name", "header_diff"]

CONTEXT = 1
"""Equal names that are shown before and after a difference."""

Mark = Literal["same", "case", "moved", "missing", "extra"]

MARKS: dict[Mark, tuple[str, str]] = {
    "missing": ("\N{MINUS SIGN}", "missing"),
    "extra": ("+", "extra"),
    "moved": ("\N{UP DOWN ARROW}", "moved"),
    "case": ("\N{ALMOST EQUAL TO}", "in other case"),
}
"""Sign and meaning of each mark that is a difference."""


@dataclass(frozen=True, slots=True)
class Name:
    """A header's name, as logged, and what became of it.

    Attributes:
        text: the name.
        mark: ``same``; ``case``, the same in other upper and lower case; ``moved``, stands at
            another place on the other side; ``missing``, expected and not seen at all;
            ``extra``, seen and not expected at all.

    """

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the comparison; a side may be empty.

    Attributes:
        expected: name that the client sends here.
        seen: name that was seen here.
        skipped: number of equal names that stand here and are not shown.

    """

    expected: Name | None = None
    seen: Name | None = None
    skipped: int = 0


def header_diff(expected: Sequence[str], seen: Sequence[str]) -> tuple[Line, ...]:
    """Compare two lists of header names in wire order."""
    return tuple(_lines(expected, seen))


def _lines(expected: Sequence[str], seen: Sequence[str]) -> Iterator[Line]:
    wanted, found = [name.lower() for name in expected], [name.lower() for name in seen]
    operations = SequenceMatcher(a=wanted, b=found, autojunk=False).get_opcodes()
    for number, (tag, low, high, start, end) in enumerate(operations):
        if tag == "equal":
            before = CONTEXT if number else 0
            after = CONTEXT if number < len(operations) - 1 else 0
            yield from _same(expected[low:high], seen[start:end], before, after)
            continue
        left = [Name(name, "moved" if name.lower() in found else "missing") for name in expected[low:high]]
        right = [Name(name, "moved" if name.lower() in wanted else "extra") for name in seen[start:end]]
        yield from (Line(*pair) for pair in zip_longest(left, right))


def _same(expected: Sequence[str], seen: Sequence[str], before: int, after: int) -> Iterator[Line]:
    """Show names in another case and the first and last of equal ones, and how many lie between."""
    both = [
        Line(Name(one, "same"), Name(other, "same" if one == other else "case"))
        for one, other in zip(expected, seen, strict=True)
    ]
    ends = {*range(before), *range(len(both) - after, len(both))}
    keeps = [place in ends or line.seen != line.expected for place, line in enumerate(both)]
    for kept, run in groupby(zip(keeps, both, strict=True), key=itemgetter(0)):
        lines = [line for _, line in run]
        if kept or len(lines) == 1:
            yield from lines
        else:
            yield Line(skipped=len(lines))
