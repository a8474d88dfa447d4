"""Profiles: what the requests of a client look like on the wire, taken from real captures."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

__all__ = ["COPIED", "CURRENT", "PARTIAL", "Catalogue", "Wire", "absent", "claiming", "pick"]

CURRENT = "2.1.330"
HARMLESS = (
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "x-app",
    "anthropic-version",
    "x-stainless-lang",
    "x-stainless-package-version",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
    "x-stainless-retry-count",
    "x-stainless-timeout",
)
RUNS = {
    "interactive": ("claude-code-2.1.330-interactive", "claude-code-2.1.330-interactive-tls"),
    "print": ("claude-code-2.1.330-oauth", "claude-code-2.1.330-interactive-tls"),
    "agent_sdk": ("claude-agent-sdk", "claude-code-2.1.330-interactive-tls"),
    "go": ("spoof-go", ""),
    "go_h2": ("spoof-go-tls", "spoof-go-tls"),
    "node_fetch": ("spoof-node-fetch", "raw-node-fetch-tls"),
    "httpx": ("spoof-py-httpx", "raw-py-httpx-tls"),
    "python_sdk": ("spoof-py-anthropic-sdk", "anthropic-py-tls"),
    "axios": ("raw-node-axios", "raw-node-axios-tls"),
    "requests": ("raw-py-requests", "raw-py-requests-tls"),
    "urllib3": ("raw-py-urllib3", "raw-py-requests-tls"),
    "opencode": ("opencode-anthropic", "opencode-anthropic-tls"),
    "litellm": ("litellm-anthropic", "raw-py-httpx-tls"),
    "cline": ("cline-openai", "opencode-anthropic-tls"),
    "qwen": ("qwen-code-anthropic", "qwen-code-tls"),
    "pydantic_ai": ("pydantic-ai-anthropic", "raw-py-httpx-tls"),
    "ai_sdk": ("ai-sdk-anthropic", "raw-node-fetch-tls"),
    "sdk_py": ("anthropic-py-tls", "anthropic-py-tls"),
    "sdk_ts": ("anthropic-ts-tls", "anthropic-ts-tls"),
}
"""Profile -> the run its headers come from, and the run of the same TLS stack its JA4 comes from, if any."""

COPIED = ("axios", "aiohttp", "requests", "go", "go_h2", "node_fetch", "httpx", "python_sdk")
PARTIAL = (
    *("axios", "requests", "urllib3", "go", "node_fetch", "httpx", "python_sdk"),
    *("opencode", "litellm", "qwen", "pydantic_ai", "ai_sdk", "sdk_ts"),
)


@dataclass(frozen=True)
class Wire:
    """One request as it looks on the wire."""

    user_agent: str
    names: tuple[str, ...]
    values: Mapping[str, str]
    path: str = "/v1/messages"
    http_version: str = "1.1"
    ja4: tuple[str | None, ...] = (None,)


@dataclass
class Catalogue:
    """Every profile in use: its variants, drawn anew for each request, and the table rows join."""

    profiles: dict[str, list[Wire]] = field(default_factory=dict)

    @classmethod
    def read(cls, captures: Path) -> "Catalogue":
        """Read captures into ``client``, ``copied:stack``, ``partial:stack``, ``probe``, ``telemetry``."""
        with captures.open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        found: dict[str, list[Wire]] = {}
        for key, (run, tls) in RUNS.items():
            ja4 = tuple(dict.fromkeys(row["ja4"] for row in rows if row["run"] == tls and row["ja4"])) or (
                None,
            )
            posts = [row for row in rows if row["run"] == run and row["method"] == "POST"]
            posts = [row for row in posts if not row["path"].endswith("count_tokens")]
            found[key] = list(dict.fromkeys(map(_hashable, posts)))
            found[key] = [replace(wire, ja4=ja4) for wire in found[key]]
        own = found["interactive"][0]
        new = cls({key: found[key] for key in RUNS if key not in {"axios", "requests", "urllib3"}})
        for stack in COPIED:
            new.profiles[f"copied:{stack}"] = _copied(stack, own, found)
        for stack in PARTIAL:
            few = [wire for wire in found[stack] if not _is_copy(wire)] or found[stack]
            new.profiles[f"partial:{stack}"] = [on_subscription(wire) for wire in few]
        probe = next(row for row in rows if row["run"] in RUNS["interactive"] and row["method"] == "HEAD")
        new.profiles["probe"] = [replace(_hashable(probe), ja4=own.ja4[:1])]
        stack = found["axios"][0]
        agent = f"claude-code/{CURRENT}"
        telemetry = replace(
            on_subscription(claiming(agent)(stack)), path="/api/event_logging/batch", ja4=(None,)
        )
        new.profiles["telemetry"] = [telemetry]
        return new

    def derive(self, base: str, suffix: str, change: Callable[[Wire], Wire]) -> str:
        """Add ``base`` with every variant changed; gives the new profile's name."""
        name = f"{base}|{suffix}"
        if name not in self.profiles:
            self.profiles[name] = [change(wire) for wire in self.profiles[base]]
        return name

    def table(self) -> pl.DataFrame:
        """Give a row a profile and variant, with the log's own columns."""
        records = [
            {
                "profile": name,
                "variant": variant,
                "variants": len(wires),
                "path": wire.path,
                "user_agent": wire.user_agent,
                "header_names": list(wire.names),
                "header_values": [
                    {"name": key, "value": value}
                    for key, value in wire.values.items()
                    if key.lower() in HARMLESS
                ],
                "http_version": wire.http_version,
                "ja4_first": wire.ja4[0],
                "ja4_later": wire.ja4[-1],
            }
            for name, wires in self.profiles.items()
            for variant, wire in enumerate(wires)
        ]
        return pl.DataFrame(records, infer_schema_length=None)


def claiming(user_agent: str) -> Callable[[Wire], Wire]:
    """Put another user agent into the header and its value."""

    def change(wire: Wire) -> Wire:
        values = {
            key: user_agent if key.lower() == "user-agent" else value for key, value in wire.values.items()
        }
        return replace(wire, user_agent=user_agent, values=values)

    return change


def absent(*names: str) -> Callable[[Wire], Wire]:
    """Leave headers out, as an older version does."""
    lower = {name.lower() for name in names}

    def change(wire: Wire) -> Wire:
        kept = tuple(name for name in wire.names if name.lower() not in lower)
        return replace(
            wire, names=kept, values={k: v for k, v in wire.values.items() if k.lower() not in lower}
        )

    return change


def on_subscription(wire: Wire) -> Wire:
    """Send the plan's token where a key was sent, and the feature header that the token needs."""
    token = {"x-api-key": "authorization", "X-Api-Key": "Authorization"}
    names = [token.get(name, name) for name in wire.names]
    if "anthropic-beta" not in [name.lower() for name in names]:
        at = next((i for i, name in enumerate(names) if name.lower() == "anthropic-version"), 0)
        names.insert(at + 1, "Anthropic-Beta" if names[at].istitle() else "anthropic-beta")
    return replace(wire, names=tuple(names))


def _hashable(row: dict[str, object]) -> Wire:
    values: Mapping[str, str] = _Values(row["header_values"])  # type: ignore[call-overload]
    agent = next((value for key, value in values.items() if key.lower() == "user-agent"), "")
    return Wire(agent, tuple(row["header_names"]), values, str(row["path"]), str(row["http_version"]))  # type: ignore[arg-type]


class _Values(dict[str, str]):
    """Header values that can be compared in a set."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


def _is_copy(wire: Wire) -> bool:
    """Tell a capture with every first-party header copied from one with a few."""
    return "x-app" in {name.lower() for name in wire.names}


def _copied(stack: str, own: Wire, found: Mapping[str, Iterable[Wire]]) -> list[Wire]:
    """Full copies: captured where there is a capture, else in the order that the stack is known to send."""
    if stack in RUNS and stack not in {"axios", "requests"}:
        copies = [wire for wire in found[stack] if _is_copy(wire)]
        return _shuffled(copies[0]) if stack == "go_h2" else copies
    tail = ("Connection", "Host", "Accept-Encoding", "Content-Length")
    head = tuple(name for name in own.names if name not in tail)
    if stack == "axios":
        names = (*head, *reversed(tail))
    elif stack == "aiohttp":
        names = ("Host", *head, "Accept-Encoding", "Content-Length")
    else:
        default = ("User-Agent", "Accept-Encoding", "Accept", "Connection")
        rest = (name for name in head if name not in default)
        names = ("Host", *default, *rest, "Content-Length")
    raw = next(iter(found["axios" if stack == "axios" else "requests"]))
    encoding = raw.values["Accept-Encoding"]
    values = {name: value for name, value in own.values.items() if name in names} | {
        "Accept-Encoding": encoding
    }
    return [replace(own, names=names, values=values, ja4=(None,) if stack == "aiohttp" else raw.ja4)]


def _shuffled(wire: Wire) -> list[Wire]:
    """Give orders as Go sends them over HTTP/2: another one for each request, its own two names last."""
    orders = np.random.default_rng(0)
    own = wire.names[-2:]
    return [replace(wire, names=(*orders.permutation(wire.names[:-2]).tolist(), *own)) for _ in range(64)]


def pick(rng: np.random.Generator, options: Iterable[str]) -> str:
    """Draw one of some names."""
    listed = list(options)
    return listed[int(rng.integers(len(listed)))]
