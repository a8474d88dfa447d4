"""What clients look like on the wire: own CLI, browsers, proxies, foreign stacks.

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
    "copied",
    "current_release",
    "draw_platform",
    "draw_release",
    "first_party",
    "foreign",
    "new_release",
    "tool",
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
SHUFFLES = 24


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


def _values(names: Sequence[str], known: dict[str, str]) -> tuple[tuple[str, str], ...]:
    pairs = ((name, known.get(name.lower())) for name in names if name.lower() in LOGGED_VALUES)
    return tuple((name, value) for name, value in pairs if value is not None)


def _known(release: dict[str, Any], platform: Platform) -> dict[str, str]:
    return {
        "accept-encoding": load("clients.toml")["first_party"]["accept_encoding"],
        "anthropic-version": "2023-06-01",
        "x-app": "cli",
        "x-stainless-arch": platform.arch,
        "x-stainless-lang": "js",
        "x-stainless-os": platform.os,
        "x-stainless-package-version": release["package"],
        "x-stainless-retry-count": "0",
        "x-stainless-runtime": "node",
        "x-stainless-runtime-version": release["runtime"],
    }


def _own_names(release: dict[str, Any]) -> list[str]:
    own = load("clients.toml")["first_party"]
    return sorted({*own["names"], *release["add"]} - set(release["drop"])) + list(own["tail"])


@cache
def _own_looks(
    release: int, platform: Platform, entry: str, proxy: Proxy | None
) -> tuple[tuple[Wire, ...], tuple[str, ...]]:
    """Wires and fingerprints of the own CLI: of inference (and resumed), of telemetry, of the probe."""
    own = load("clients.toml")["first_party"]
    row = _releases()[release]
    names = _own_names(row)
    wires = [
        Wire(
            tuple(names),
            _values(names, _known(row, platform)),
            f"claude-cli/{row['version']} (external, {entry})",
        ),
        Wire(
            tuple(own["telemetry"]["names"]),
            (("Accept-Encoding", own["telemetry"]["accept_encoding"]),),
            f"claude-code/{row['version']}",
        ),
        Wire(tuple(own["probe"]["names"]), (("Accept-Encoding", own["accept_encoding"]),), row["probe"]),
    ]
    prints = [own["ja4"][0], own["ja4"][1], own["telemetry"]["ja4"][0]]
    if proxy is not None:
        wires = [proxy.pass_on(wire) for wire in wires]
        prints = [proxy.ja4] * 3
    return tuple(wires), tuple(prints)


def first_party(
    book: Book, release: int, platform: Platform, entry: str = "cli", proxy: Proxy | None = None
) -> Client:
    """Return the provider's own CLI at ``release``, started through ``entry``.

    Args:
        book: where the wires are registered.
        release: index of the release.
        platform: operating system and processor.
        entry: entry point as the agent names it: ``cli``, ``sdk-cli``, ``sdk-py, agent-sdk/x``.
        proxy: a proxy on the way, null for none.

    """
    wires, prints = _own_looks(release, platform, entry, proxy)
    inference, telemetry, probe = (book.wires.code(wire) for wire in wires)
    ja4, resumed, other = (book.ja4.code(one) for one in prints)
    return Client(
        inference,
        ja4,
        resumed,
        telemetry=telemetry,
        probe=probe,
        telemetry_ja4=other,
        version=_releases()[release]["version"],
    )


def browser(book: Book, rng: np.random.Generator, platform: Platform, proxy: Proxy | None = None) -> Client:
    """Return the provider's web app in a browser: telemetry leaves through the same stack."""
    rows = load("clients.toml")["browsers"]
    row = choose(rng, rows, [one["share"] for one in rows])
    agent = row["agent"].format(os=platform.browser, major=choose(rng, row["majors"]))
    wire = Wire(tuple(row["names"]), _values(row["names"], row["values"]), agent, row["http"])
    prints = list(row["ja4"])
    if proxy is not None:
        wire, prints = proxy.pass_on(wire), [proxy.ja4] * 2
    code = book.wires.code(wire)
    ja4 = book.ja4.code(prints[0])
    return Client(code, ja4, book.ja4.code(prints[-1]), telemetry=code, telemetry_ja4=ja4, version="web")


def _spell(name: str, letters: str) -> str:
    if letters == "title":
        return "-".join(part.capitalize() for part in name.split("-"))
    return name.lower() if letters == "lower" else name


def _variants(
    names: list[str], known: dict[str, str], agent: str, stack: dict[str, Any], *, counts: bool
) -> list[Wire]:
    """Wires of one client on ``stack``: one, or one for each retry, or many orders."""
    http = stack["http"]
    if counts:
        return [
            Wire(tuple(names), _values(names, known | {"x-stainless-retry-count": str(retry)}), agent, http)
            for retry in range(3)
        ]
    if stack.get("shuffles"):
        orders = np.random.default_rng(len(names))
        body, tail = names[:-2], names[-2:]
        shuffled = [[*orders.permutation(body).tolist(), *tail] for _ in range(SHUFFLES)]
        return [Wire(tuple(order), _values(order, known), agent, http) for order in shuffled]
    return [Wire(tuple(names), _values(names, known), agent, http)]


def _on_stack(
    book: Book, stack: dict[str, Any], wires: list[Wire], *, counts: bool = False, version: str = ""
) -> Client:
    prints = stack["ja4"]
    return Client(
        book.wires.code(wires[0]) if len(wires) == 1 else book.wires.run(wires),
        book.ja4.code(prints[0]),
        book.ja4.code(prints[-1]),
        variants=len(wires),
        counts_retries=counts,
        version=version,
    )


def _stack_values(stack: dict[str, Any]) -> dict[str, str]:
    own = {"accept-encoding": stack["accept_encoding"], "accept-language": "*", "sec-fetch-mode": "cors"}
    return own | {key.lower(): value for key, value in stack.get("values", {}).items()}


def copied(book: Book, stack: str, release: int, platform: Platform) -> Client:
    """Return a harness on ``stack`` that copies every header of the own CLI, agent and values included.

    A copied retry header stays at 0: an SDK counts only the one that it writes itself.
    """
    rules = load("clients.toml")["stacks"][stack]
    row = _releases()[release]
    letters = rules.get("letters", "own")
    listed = {name.lower() for name in [*rules["copied"], *rules.get("drop", [])]}
    rest = [name for name in _own_names(row) if name.lower() not in listed]
    if rules.get("sorts"):
        rest.sort(key=str.lower)
    names = [name for slot in rules["copied"] for name in (rest if slot == "*" else [slot])]
    names = [_spell(name, letters) for name in names]
    known = _stack_values(rules) | _known(row, platform) | {"accept-encoding": rules["accept_encoding"]}
    agent = f"claude-cli/{row['version']} (external, cli)"
    wires = _variants(names, known, agent, rules, counts=False)
    return _on_stack(book, rules, wires, version=row["version"])


def foreign(book: Book, stack: str, agent: str, *, extra: Sequence[str] = (), version: str = "") -> Client:
    """Return a client that sends the stack's own headers under ``agent``, and a few copied ones."""
    rules = load("clients.toml")["stacks"][stack]
    letters = rules.get("letters", "own")
    names = list(rules["raw"])
    have = {name.lower() for name in names}
    place = 1 + next((i for i, name in enumerate(names) if name.lower() == "authorization"), len(names) - 2)
    names[place:place] = [_spell(name, letters) for name in extra if name.lower() not in have]
    if rules.get("sorts"):
        names[3:-1] = sorted(names[3:-1])
    known = {
        "anthropic-version": "2023-06-01",
        "x-app": "cli",
        "x-stainless-arch": "x64",
        "x-stainless-lang": "js",
        "x-stainless-os": "Linux",
        "x-stainless-runtime": "node",
        "x-stainless-retry-count": "0",
    } | _stack_values(rules)
    counts = bool(rules.get("counts_retries"))
    return _on_stack(
        book, rules, _variants(names, known, agent, rules, counts=counts), counts=counts, version=version
    )


def tool(book: Book, rng: np.random.Generator, table: str) -> Client:
    """Draw a client that says who it is, from ``tools`` or ``sdks``, on the stack that it runs on."""
    rows = load("clients.toml")[table]
    row = choose(rng, rows)
    return foreign(book, row["stack"], row["agent"], version=row["agent"].split(" ")[0])
