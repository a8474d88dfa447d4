"""Which HTTP library wrote a header list, where that can be told.

A tool that copies every header of another client still sends through its own
library, and that writes the headers of the connection in places of its own. An
order that no library is known to write may be a proxy's; one that a library is
known to write was written by a program on that library.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby

__all__ = ["Library", "foreign", "layout", "library"]

OWN = ("host", "connection", "accept-encoding", "content-length")
"""Names that libraries write themselves."""


@dataclass(frozen=True, slots=True)
class Library:
    """An HTTP library and the language of the programs that use it."""

    name: str
    language: str


def layout(names: Sequence[str]) -> str:
    """Return where the library's own headers stand.

    Args:
        names: header names in wire order, case as received, without those of hops.

    Returns:
        The names of ``OWN`` as received, each run of others as ``*``, in one text.

    """
    marked = (name if name.lower() in OWN else "*" for name in names)
    return " ".join(mark for name, run in groupby(marked) for mark in (["*"] if name == "*" else run))


def library(names: Sequence[str]) -> Library | None:
    """Return the library that writes its headers in this layout, None where none is known to."""
    return _known().get(layout(names))


def foreign(
    lists: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> tuple[list[bool], list[bool]]:
    """Tell which lists another library wrote than the one of the references.

    Args:
        lists: header names in wire order, case as received.
        references: orders that are known to be a client's own.

    Returns:
        For each list whether a library wrote it that wrote none of the references;
        and whether that is moreover one of another language than all of theirs.

    """
    own = {one for one in map(library, references) if one is not None}
    languages = {one.language for one in own}
    wrote = [library(names) for names in lists]
    return (
        [one is not None and one not in own for one in wrote],
        [one is not None and bool(own) and one.language not in languages for one in wrote],
    )


@cache
def _known() -> dict[str, Library]:
    """Return the library of each layout of ``libraries.toml``."""
    text = resources.files("detector.features").joinpath("libraries.toml").read_text("utf-8")
    rows = tomllib.loads(text)["library"]
    return {layout: Library(row["name"], row["language"]) for row in rows for layout in row["layouts"]}
