"""What the provider's own clients look like on the wire: CLI, new products, web app, behind a proxy or not.

Header orders and values come from ``clients.toml``; this module composes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from detector.simulate.chance import choose
from detector.simulate.data import load
from detector.simulate.plan import Book, Client, Wire
from detector.simulate.proxies import Proxy

__all__ = [
    "Platform",
    "browser",
    "current_release",
    "draw_platform",
    "draw_release",
    "first_party",
    "header_values",
    "new_release",
    "own_names",
    "own_values",
    "version_of",
]

LOGGED_VALUES = frozenset(
    {
        "accept-encoding",
        "accept-language",
        "anthropic-version",
        "sec-fetch-mode",
        "x-app",
        "x-stainless-arch",
        "x-stainless-lang",
        "x-stainless-os",
        "x-stainless-package-version",
        "x-stainless-retry-count",
        "x-stainless-runtime",
        "x-stainless-runtime-version",
    }
)


@dataclass(frozen=True, slots=True)
class Platform:
    """Operating system and processor, as the SDK headers spell them."""

    os: str
    arch: str
    browser: str


def draw_platform(rng: np.random.Generator) -> Platform:
    """Draw a platform by its share."""
    rows = load("clients.toml")["platforms"]
    row = choose(rng, rows, [one["share"] for one in rows])
    return Platform(row["os"], row["arch"], row["browser"])


def _releases() -> list[dict[str, Any]]:
    return list(load("clients.toml")["first_party"]["releases"])


def draw_release(rng: np.random.Generator) -> int:
    """Index of a release, by the shares before the new one."""
    shares = np.array([one["share"] for one in _releases()])
    return choose(rng, range(shares.size), (shares / shares.sum()).tolist())


@cache
def new_release() -> int:
    """Index of the release that appears during the period."""
    return next(index for index, one in enumerate(_releases()) if one.get("new"))


@cache
def current_release() -> int:
    """Index of the release that most people run before the new one."""
    releases = _releases()
    return max(range(len(releases)), key=lambda index: float(releases[index]["share"]))


def version_of(release: int) -> str:
    """Version of the own CLI at ``release``."""
    return str(_releases()[release]["version"])


def header_values(names: Sequence[str], known: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Values of those of ``names`` that are logged with their value: ``known`` by lower-case name."""
    pairs = ((name, known.get(name.lower())) for name in names if name.lower() in LOGGED_VALUES)
    return tuple((name, value) for name, value in pairs if value is not None)


def own_values(release: int, platform: Platform) -> dict[str, str]:
    """Values that the own CLI at ``release`` sends, by lower-case name."""
    row = _releases()[release]
    return {
        "accept-encoding": load("clients.toml")["first_party"]["accept_encoding"],
        "anthropic-version": "2023-06-01",
        "x-app": "cli",
        "x-stainless-arch": platform.arch,
        "x-stainless-lang": "js",
        "x-stainless-os": platform.os,
        "x-stainless-package-version": row["package"],
        "x-stainless-retry-count": "0",
        "x-stainless-runtime": "node",
        "x-stainless-runtime-version": row["runtime"],
    }


def own_names(release: int, added: Sequence[str] = ()) -> tuple[str, ...]:
    """Header names of the own CLI at ``release`` in the order sent, ``added`` ones among them."""
    own, row = load("clients.toml")["first_party"], _releases()[release]
    names = sorted({*own["names"], *row["add"], *added} - set(row["drop"]))
    return (*names, *own["tail"])


@dataclass(frozen=True, slots=True)
class _Look:
    """Wires and fingerprints of one own client; the wires of inference are its variants."""

    inference: tuple[Wire, ...]
    telemetry: tuple[Wire, ...]
    probe: Wire
    ja4: str
    resumed: str
    telemetry_ja4: str
    telemetry_path: str


@cache
def _own_look(release: int, platform: Platform, entry: str, proxy: Proxy | None, product: str) -> _Look:
    own = load("clients.toml")["first_party"]
    row = _releases()[release]
    agent = product or f"claude-cli/{row['version']} (external, {entry})"
    # Releases that tell turns from tool steps add names as a session goes on.
    sets = [row["beside"], row["turn"], row["step"]] if "step" in row else [()]
    names = [own_names(release, added) for added in sets]
    known = own_values(release, platform)
    posts = own[row.get("telemetry", "telemetry")]
    encoding = (("Accept-Encoding", posts["accept_encoding"]),)
    sender = product.split(" ", maxsplit=1)[0] or f"claude-code/{row['version']}"
    telemetry = [Wire(tuple(posts["names"]), encoding, sender)]
    if "second" in posts:
        telemetry.append(Wire(tuple(posts["second"]), encoding, row["probe"]))
    probe = Wire(tuple(own["probe"]["names"]), (("Accept-Encoding", own["accept_encoding"]),), row["probe"])

    def seen(wire: Wire) -> Wire:
        return wire if proxy is None else proxy.pass_on(wire)

    def fingerprint(client: str) -> str:
        return client if proxy is None else proxy.ja4

    return _Look(
        tuple(seen(Wire(one, header_values(one, known), agent)) for one in names),
        tuple(seen(wire) for wire in telemetry),
        seen(probe),
        fingerprint(own["ja4"][0]),
        fingerprint(own["ja4"][1]),
        fingerprint(posts["ja4"][0]),
        posts["path"],
    )


def first_party(
    book: Book,
    release: int,
    platform: Platform,
    entry: str = "cli",
    proxy: Proxy | None = None,
    *,
    product: str = "",
) -> Client:
    """Return the provider's own CLI at ``release``, started through ``entry``.

    Args:
        book: where the wires are registered.
        release: index of the release.
        platform: operating system and processor.
        entry: entry point as the agent names it: ``cli``, ``sdk-cli``, ``sdk-py, agent-sdk/x``.
        proxy: a proxy on the way, null for none.
        product: agent of another own client on the same machinery, empty for the CLI.

    """
    look = _own_look(release, platform, entry, proxy, product)
    codes = [book.wires.code(wire) for wire in look.telemetry]
    several = len(look.inference) > 1
    return Client(
        book.wires.run(look.inference) if several else book.wires.code(look.inference[0]),
        book.ja4.code(look.ja4),
        book.ja4.code(look.resumed),
        variants=len(look.inference),
        choice="step" if several else "chance",
        telemetry=codes[0],
        second=codes[1] if len(codes) > 1 else -1,
        probe=book.wires.code(look.probe),
        telemetry_ja4=book.ja4.code(look.telemetry_ja4),
        telemetry_path=look.telemetry_path,
        version=version_of(release),
    )


def browser(book: Book, rng: np.random.Generator, platform: Platform, proxy: Proxy | None = None) -> Client:
    """Return the provider's web app in a browser: telemetry leaves through the same stack."""
    rows = load("clients.toml")["browsers"]
    row = choose(rng, rows, [one["share"] for one in rows])
    agent = row["agent"].format(os=platform.browser, major=choose(rng, row["majors"]))
    wire = Wire(tuple(row["names"]), header_values(row["names"], row["values"]), agent, row["http"])
    prints = list(row["ja4"])
    if proxy is not None:
        wire, prints = proxy.pass_on(wire), [proxy.ja4] * 2
    code = book.wires.code(wire)
    ja4 = book.ja4.code(prints[0])
    return Client(code, ja4, book.ja4.code(prints[-1]), telemetry=code, telemetry_ja4=ja4, version="web")
