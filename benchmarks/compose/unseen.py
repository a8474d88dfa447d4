"""Stacks that no row of the library table was made for: four programs, recorded in November 2026.

Nothing was chosen on two of them (``tools.KEPT_OUT``). Each sends every name of the client's, or the few that
a request needs.
"""

from dataclasses import replace

import numpy as np

from benchmarks.compose.headers import Wire

__all__ = ["UNSEEN", "unseen"]

FEW = ("authorization", "anthropic-version", "anthropic-beta", "content-type", "user-agent", "x-app")
"""Names that a request needs, and the one by which the client names itself."""

UNSEEN = {
    "wget": (
        "host user-agent accept accept-encoding connection content-type content-length *",
        "identity",
        False,
    ),
    "mono": ("* content-type content-length host", "", False),
    "luasocket": ("host * accept * te * content-length * connection *", "", True),
    "http-tiny": ("host * accept * content-type * content-length user-agent", "", True),
}
"""Stack -> places of the names that it writes itself, every other name a star's; its accept-encoding; and
whether its language keeps names in the order of a hash."""


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


def _laid_out(own: Wire, places: str, encoding: str, hashed: bool) -> Wire:
    """Give the names of ``own`` in the places of a stack; the stars share those that it does not write."""
    marks = places.split()
    spelling = {name.lower(): name for name in own.names}
    others = [name for name in own.names if name.lower() not in {*marks, "connection", "host", *LEFT_OUT}]
    if hashed:
        others = np.random.default_rng(0).permutation(others).tolist()
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
