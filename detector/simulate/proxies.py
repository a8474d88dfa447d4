"""Companies' proxies and TLS inspection: what they do to a request on its way."""

from dataclasses import dataclass, replace

import numpy as np

from detector.simulate.chance import choose
from detector.simulate.data import load
from detector.simulate.plan import Wire

__all__ = ["Proxy", "company_proxy", "rewriting_proxy"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """What a company's proxy does to every request that passes it.

    Attributes:
        ja4: TLS fingerprint of the proxy, seen instead of the client's.
        http: HTTP version between proxy and gateway.
        lower: whether names become lower-case.
        order: ``same``, ``sorted`` or ``host_first``.
        added: hop headers that it adds; ``ahead``: in front rather than at the end.
        encoding: ``accept-encoding`` that it writes, null where it keeps the client's.
        dropped: lower-case names that it removes.

    """

    ja4: str
    http: str = "1.1"
    lower: bool = False
    order: str = "same"
    added: tuple[str, ...] = ("Via", "X-Forwarded-For")
    ahead: bool = False
    encoding: str | None = None
    dropped: frozenset[str] = frozenset()

    def pass_on(self, wire: Wire) -> Wire:
        """Return the request as the gateway sees it."""
        names = [name for name in wire.names if name.lower() not in self.dropped]
        if self.order == "sorted":
            names.sort(key=str.lower)
        elif self.order == "host_first":
            names.sort(key=lambda name: name.lower() != "host")
        names = [*self.added, *names] if self.ahead else [*names, *self.added]
        values = [
            (name, self.encoding if self.encoding and name.lower() == "accept-encoding" else value)
            for name, value in wire.values
        ]
        if self.lower:
            names = [name.lower() for name in names]
            values = [(name.lower(), value) for name, value in values]
        return replace(wire, names=tuple(names), values=tuple(values), http=self.http)


def company_proxy(rng: np.random.Generator) -> Proxy:
    """Draw the style of one company's proxy."""
    http2 = rng.random() < 0.35
    added = (
        ("Via",),
        ("X-Forwarded-For",),
        ("Via", "X-Forwarded-For"),
        ("X-Forwarded-For", "X-Forwarded-Proto", "Via"),
        (),
    )
    return Proxy(
        ja4=choose(rng, load("clients.toml")["proxies"]["ja4"]),
        http="2" if http2 else "1.1",
        lower=bool(http2 or rng.random() < 0.35),
        order=choose(rng, ("same", "sorted", "host_first"), (0.5, 0.2, 0.3)),
        added=choose(rng, added),
        ahead=bool(rng.random() < 0.3),
        encoding=choose(rng, (None, None, "gzip, deflate", "gzip")),
        dropped=frozenset(
            {"connection", "host"} if http2 else ({"connection"} if rng.random() < 0.3 else ())
        ),
    )


def rewriting_proxy(rng: np.random.Generator) -> Proxy:
    """Draw a proxy that changes the order or the letters of the names that pass it."""
    while True:
        proxy = company_proxy(rng)
        if proxy.lower or proxy.order != "same":
            return proxy
