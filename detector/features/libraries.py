"""Which HTTP library wrote a header list, where that can be told.

A tool that copies every header of another client still sends through its own
library, and that writes the headers of the connection in places of its own. A layout
that no library is known to write may be a proxy's; so may one that a proxy can make
of the client's own, unless the accept-encoding is the library's as well.
"""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby, product

__all__ = ["Library", "foreign", "layout", "library", "library_names", "rewritten"]

OWN = ("host", "connection", "accept-encoding", "content-length")
"""Names that libraries write themselves."""


@dataclass(frozen=True, slots=True)
class Library:
    """An HTTP library, the language of its programs, and each accept-encoding that it writes by itself."""

    name: str
    language: str
    encodings: tuple[str, ...] = ()


def layout(names: Sequence[str]) -> str:
    """Return where the library's own headers stand, in lower case: proxies and tools change case.

    Args:
        names: header names in wire order, without those of hops.

    Returns:
        The names of ``OWN``, each run of others as ``*``, in one text.

    """
    return _joined(name.lower() if name.lower() in OWN else "*" for name in names)


def library(
    names: Sequence[str], encoding: str | None = None, references: Sequence[Sequence[str]] = ()
) -> frozenset[Library]:
    """Return the libraries that may have written a list; none where none is known to, or a proxy may have.

    What follows the library's own headers hides it no more than what stands before them.

    Args:
        names: header names in wire order, without those of hops.
        encoding: the accept-encoding, null where none was logged.
        references: orders that are known to be the client's own. What a proxy can make of one of
            them names a library only with an accept-encoding of that library's.

    """
    known, whole = _known(), layout(names)
    wrote = next((known[key] for key in (whole, whole.removesuffix(" *")) if key in known), frozenset())
    own = {layout(order) for order in references}
    if whole in own or not any(whole in rewritten(one) for one in own):
        return wrote
    return frozenset(one for one in wrote if encoding in one.encodings)


def library_names(
    names: Sequence[str], encoding: str | None = None, references: Sequence[Sequence[str]] = ()
) -> str | None:
    """Return the names of :func:`library`, sorted and joined by "or"; None where there are none."""
    return " or ".join(sorted(one.name for one in library(names, encoding, references))) or None


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
    wrote = [library(names, value, references) for names, value in zip(lists, values, strict=True)]
    return [bool(libraries) and not libraries & own for libraries in wrote]


@cache
def rewritten(own: str) -> frozenset[str]:
    """Return the layouts that proxies can make of a client's own.

    They sort names, move Host to the front (Envoy, Apache httpd), put Connection and Content-Length
    behind it (nginx) or to the end (Squid, Apache httpd), drop Connection (RFC 9110, 7.6.1), drop
    Accept-Encoding to read the answer, and add names of their own. Those on Go's ``ReverseProxy`` write
    Host, User-Agent and Content-Length before the other names, sorted.

    Args:
        own: result of :func:`layout`.

    """
    made: list[Sequence[str]] = [GO, [name for name in GO if name != "accept-encoding"]]
    for order, ahead, behind, dropped in product((own.split(), SORTED), AHEAD, BEHIND, DROPPED):
        if not {*ahead, *behind} & {*dropped} and not {*ahead} & {*behind}:
            moved = {*ahead, *behind, *dropped}
            rest = [name for name in order if name not in moved]
            made += [[*ahead, *rest, *behind], [*ahead, *rest, "*", *behind]]
    return frozenset(_joined([*front, *marks, *end]) for marks in made for front in ADDED for end in ADDED)


SORTED = ("*", "accept-encoding", "*", "connection", "content-length", "*", "host", "*")
"""Names in alphabetical order."""

GO = ("host", "*", "content-length", "*", "accept-encoding", "*")
"""Names as a proxy on Go writes them."""

AHEAD = ((), ("host",), ("host", "connection"), ("host", "connection", "content-length"))
"""Names that a proxy writes before all others."""

BEHIND = ((), ("connection",), ("connection", "content-length"))
"""Names that a proxy writes after all others."""

DROPPED = ((), ("connection",), ("accept-encoding",), ("connection", "accept-encoding"))
"""Names that a proxy removes."""

ADDED = ((), ("*",))
"""Names of a proxy's own, in front and at the end."""


def _joined(marks: Iterable[str]) -> str:
    return " ".join(mark for name, run in groupby(marks) for mark in (["*"] if name == "*" else run))


@cache
def _known() -> dict[str, frozenset[Library]]:
    """Return the libraries of each layout of ``libraries.toml``."""
    text = resources.files("detector.features").joinpath("libraries.toml").read_text("utf-8")
    layouts: dict[str, frozenset[Library]] = {}
    for row in tomllib.loads(text)["library"]:
        one = Library(row["name"], row["language"], tuple(row.get("encodings", ())))
        for spelling in row["layouts"]:
            layouts[spelling.lower()] = layouts.get(spelling.lower(), frozenset()) | {one}
    return layouts
