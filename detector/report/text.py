"""Text for a terminal: what came from a log is shown, never obeyed."""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any
from unicodedata import category, east_asian_width

__all__ = ["LONGEST", "Style", "columns", "fitted", "how_many", "shown", "table", "unstyled", "visible"]

LONGEST = 200
"""Letters of a text from a log that are shown at most."""

WORD = 12
"""Letters of a word that are given up so that a text is cut between words."""

Style = Callable[..., str]
"""Gives text a colour, as ``click.style`` does."""


def unstyled(text: str, **_: Any) -> str:
    """Return text as it is: the style where there is no colour."""
    return text


def visible(text: str) -> str:
    r"""Return text with every letter that is not seen, or that acts, as a Python escape.

    Control characters, ANSI sequences, marks that turn the direction of writing and
    the backslash itself are escaped (``\x1b``, ``\u202e``, ``\\``), so that two texts
    never look the same to a program that reads them back. Letters of any script stay.
    """
    return "".join(
        letter if letter.isprintable() and letter != "\\" else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def shown(text: str, most: int = LONGEST) -> str:
    """Return visible text, cut to a length with a word on how much is missing."""
    seen = visible(text)
    return seen if len(seen) <= most else f"{seen[:most]}...(+{len(seen) - most} characters)"


def columns(text: str) -> int:
    """Return how many columns of a terminal visible text takes: two a wide letter, none a combining mark."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def fitted(text: str, most: int) -> str:
    """Return visible text in at most so many columns, cut between words where one ends near."""
    if columns(text) <= most:
        return text
    room, kept = most - 3, ""
    for letter in text:
        room -= _columns(letter)
        if room < 0:
            break
        kept += letter
    words, _, part = kept.rpartition(" ")
    return (words if words and len(part) < WORD else kept).rstrip() + "..."


def table(
    rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset(), indent: str = "  "
) -> list[str]:
    """Return rows as lines of aligned columns.

    Args:
        rows: cells, already visible; rows may end early.
        right: numbers of the columns that are aligned to the right.
        indent: what every line begins with.

    """
    widths = [max(map(columns, column)) for column in zip_longest(*rows, fillvalue="")]
    return [
        (indent + "  ".join(_cell(cell, widths[i], i in right) for i, cell in enumerate(row))).rstrip()
        for row in rows
    ]


def how_many(chance: float) -> str:
    """Return a chance in (0, 1] in words: ``12%``, below 5 % ``1 in 250``; two digits matter."""
    if chance >= 0.05:
        return f"{chance:.0%}"
    times = 1 / chance
    digits = 10 ** max(0, len(str(round(times))) - 2)
    return f"1 in {round(times / digits) * digits:,}"


def _cell(text: str, width: int, right: bool) -> str:
    pad = " " * (width - columns(text))
    return pad + text if right else text + pad


def _columns(letter: str) -> int:
    """Return the columns of a letter (UAX 11; the later parts of a Korean syllable add none)."""
    if category(letter) in {"Mn", "Me"} or "\u1160" <= letter <= "\u11ff":
        return 0
    return 2 if east_asian_width(letter) in {"W", "F"} else 1
