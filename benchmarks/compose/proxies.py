"""Companies' proxies: what products of several kinds make of the headers that pass them."""

from collections.abc import Callable
from dataclasses import replace

from benchmarks.compose.headers import Wire

__all__ = ["REWRITES", "behind_proxy"]


def behind_proxy(style: str, ja4: str) -> Callable[[Wire], Wire]:
    """Pass a request through a company's proxy, of a product that rewrites it in the given style.

    Args:
        style: of ``REWRITES``.
        ja4: TLS fingerprint of the proxy.

    """
    change = REWRITES[style]

    def rewrite(wire: Wire) -> Wire:
        names, encoding, version = change(list(wire.names))
        spelling = {name.lower(): name for name in names}
        values = {
            spelling[k.lower()]: encoding if encoding and k.lower() == "accept-encoding" else v
            for k, v in wire.values.items()
            if k.lower() in spelling
        }
        version = version or wire.http_version
        return replace(wire, names=tuple(names), values=values, http_version=version, ja4=(ja4,))

    return rewrite


Rewritten = tuple[list[str], str, str]
"""Names, and the accept-encoding and HTTP version that a proxy writes; empty where it writes none."""


def _without(names: list[str], *left_out: str) -> list[str]:
    return [name for name in names if name.lower() not in left_out]


def _lower(names: list[str]) -> list[str]:
    return [name.lower() for name in names]


def _go(names: list[str]) -> list[str]:
    """As Go writes what its ``ReverseProxy`` passes on: three names, the others sorted in one spelling."""
    ahead = ("host", "user-agent", "content-length")
    rest = _without(names, *ahead, "connection")
    return [*(name.title() for name in ahead), *sorted(name.title() for name in rest), "X-Forwarded-For"]


REWRITES: dict[str, Callable[[list[str]], Rewritten]] = {
    "signed": lambda names: ([*names, "Via", "X-Forwarded-For"], "", ""),
    "host_first": lambda names: (["host", *_lower(_without(names, "host")), "via"], "", ""),
    "alphabetical": lambda names: (sorted([*names, "Via", "X-Forwarded-For"], key=str.lower), "", ""),
    "silent_alphabetical": lambda names: (sorted(names, key=str.lower), "", ""),
    "silent_lower": lambda names: (["host", *_lower(_without(names, "host"))], "", ""),
    "http2": lambda names: (
        [*_lower(_without(names, "connection", "host")), "x-forwarded-for", "via"],
        "",
        "2",
    ),
    "nginx": lambda names: (
        ["Host", "Connection", "Content-Length", *_without(names, "host", "connection", "content-length")],
        "",
        "",
    ),
    "nginx_length_in_place": lambda names: (
        ["Host", "X-Real-IP", "Connection", *_without(names, "host", "connection")],
        "",
        "",
    ),
    "nginx_unread": lambda names: (
        ["Host", "Connection", *_without(names, "host", "connection", "accept-encoding")],
        "",
        "",
    ),
    "squid": lambda names: (
        [*_without(names, "connection"), "Via", "X-Forwarded-For", "Cache-Control", "Connection"],
        "",
        "",
    ),
    "squid_silent": lambda names: ([*_without(names, "connection"), "Connection"], "", ""),
    "httpd": lambda names: (
        [
            *("Host", *_without(names, "host", "connection", "content-length")),
            *("X-Forwarded-For", "X-Forwarded-Host", "Connection", "Content-Length"),
        ],
        "",
        "",
    ),
    "envoy": lambda names: (
        [
            *("host", *_lower(_without(names, "host", "connection"))),
            *("x-forwarded-proto", "x-request-id", "x-envoy-expected-rq-timeout-ms"),
        ],
        "",
        "",
    ),
    "go": lambda names: (_go(names), "", ""),
    "inspected": lambda names: ([*names, "X-Team"], "gzip", ""),
    "marked": lambda names: (
        [*_lower(names), "x-employee", "x-department", "x-policy-id"],
        "",
        "",
    ),
    "unread": lambda names: (_without(names, "accept-encoding"), "", ""),
}
"""Style -> what a proxy of that kind writes, after the documentation of the product; the ``silent`` ones
re-order or re-spell names and add none of their own."""
