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
from itertools import groupby, product

__all__ = ["Library", "foreign", "layout", "library", "library_names"]

OWN = ("host", "connection", "accept-encoding", "content-length")
"""Names that libraries write themselves."""


@dataclass(frozen=True, slots=True)
class Library:
    """An HTTP library and the language of the programs that use it."""

    name: str
    language: str


def layout(names: Sequence[str]) -> str:
    """Return where the library's own headers stand, in lower case: proxies and tools change case.

    Args:
        names: header names in wire order, without those of hops.

    Returns:
        The names of ``OWN``, each run of others as ``*``, in one text.

    """
    marked = (name.lower() if name.lower() in OWN else "*" for name in names)
    return " ".join(mark for name, run in groupby(marked) for mark in (["*"] if name == "*" else run))


def library(names: Sequence[str], encoding: str | None = None) -> frozenset[Library]:
    """Return the libraries that write their headers in this layout; none where none is known to.

    What follows the library's own headers hides it no more than what stands before them.

    Args:
        names: header names in wire order, without those of hops.
        encoding: the accept-encoding, null where none was logged. A layout that proxies write too
            names a library only with an accept-encoding of that library's.

    """
    known, whole = _known(), layout(names)
    keys = ((shape, value) for shape in (whole, whole.removesuffix(" *")) for value in ("", encoding or ""))
    return next((known[key] for key in keys if key in known), frozenset())


def library_names(names: Sequence[str]) -> str | None:
    """Return the names of :func:`library`, sorted and joined by "or"; None where there are none."""
    return " or ".join(sorted(one.name for one in library(names))) or None


def foreign(
    lists: Sequence[Sequence[str]],
    references: Sequence[Sequence[str]],
    encodings: Sequence[str | None] | None = None,
) -> list[bool]:
    """Tell which lists another library wrote than those of the references.

    Args:
        lists: header names in wire order.
        references: orders that are known to be a client's own.
        encodings: the accept-encoding sent with each list, null where none was logged.

    Returns:
        For each list whether a known library wrote it, and none that may have written a reference.

    """
    own = frozenset().union(*map(library, references))
    values = encodings or [None] * len(lists)
    wrote = [library(names, value) for names, value in zip(lists, values, strict=True)]
    return [bool(libraries) and not libraries & own for libraries in wrote]


@cache
def _known() -> dict[tuple[str, str], frozenset[Library]]:
    """Return the libraries of each layout and accept-encoding (``""``: any) of ``libraries.toml``."""
    text = resources.files("detector.features").joinpath("libraries.toml").read_text("utf-8")
    layouts: dict[tuple[str, str], frozenset[Library]] = {}
    for row in tomllib.loads(text)["library"]:
        for spelling, encoding in product(row["layouts"], row.get("encodings", [""])):
            key = spelling.lower(), encoding
            layouts[key] = layouts.get(key, frozenset()) | {Library(row["name"], row["language"])}
    return layouts
