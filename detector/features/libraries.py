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

__all__ = ["Library", "layout", "library"]

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


@cache
def _known() -> dict[str, Library]:
    """Return the library of each layout of ``libraries.toml``."""
    text = resources.files("detector.features").joinpath("libraries.toml").read_text("utf-8")
    rows = tomllib.loads(text)["library"]
    return {layout: Library(row["name"], row["language"]) for row in rows for layout in row["layouts"]}
