"""Stacks that nothing was chosen on: how four programs lay out headers, recorded in November 2026.

No row of the library table was made for them. Each sends every name of the client's, or the few that
a request needs.
"""

from dataclasses import replace

from benchmarks.compose.headers import Wire

__all__ = ["UNSEEN", "unseen"]

FEW = ("authorization", "anthropic-version", "anthropic-beta", "content-type", "user-agent", "x-app")
"""Names that a request needs, and the one by which the client names itself."""

UNSEEN = {
    "wget": ("host user-agent accept accept-encoding connection content-type content-length *", "identity"),
    "mono": ("* content-type content-length host", ""),
    "luasocket": ("host * accept * te * content-length * connection *", ""),
    "http-tiny": ("host * accept * content-type * content-length user-agent", ""),
}
"""Stack -> places of the names that it writes itself, every other name a star's, and its accept-encoding."""


def unseen(own: Wire) -> dict[str, list[Wire]]:
    """Return profiles ``unseen:stack`` (every name of ``own``) and ``unseen:stack few``.

    Args:
        own: a request of the genuine client.

    """
    few = tuple(name for name in own.names if name.lower() in FEW)
    return {
        f"unseen:{stack}{suffix}": [_laid_out(replace(own, names=names), *written)]
        for stack, written in UNSEEN.items()
        for suffix, names in (("", own.names), (" few", few))
    }


def _laid_out(own: Wire, places: str, encoding: str) -> Wire:
    """Give the names of ``own`` in the places of a stack; the stars share those that it does not write."""
    marks = places.split()
    spelling = {name.lower(): name for name in own.names}
    others = [name for name in own.names if name.lower() not in {*marks, "connection", "host", *LEFT_OUT}]
    stars = marks.count("*")
    names: list[str] = []
    for mark in marks:
        if mark != "*":
            names.append(spelling.get(mark, mark.title()))
        else:
            share = -(-len(others) // stars)
            names, others, stars = names + others[:share], others[share:], stars - 1
    values = {name: value for name, value in own.values.items() if name in names}
    values |= {name: encoding for name in names if name.lower() == "accept-encoding"}
    return replace(own, names=tuple(names), values=values, ja4=(None,))


LEFT_OUT = ("accept-encoding", "content-length")
"""Names that a stack sends only where it writes them itself."""
