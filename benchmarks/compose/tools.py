"""Captured tools in subscription mode with a person at each, their variants, and tools nobody listed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.compose.headers import COPIED, CURRENT, PARTIAL, Wire, claiming, pick
from benchmarks.compose.machines import Placed, schedule, session_rate
from benchmarks.compose.people import Session, World, person, quiet, work_hours
from benchmarks.compose.unseen import UNSEEN

__all__ = ["TOOLS", "UNLISTED", "VARIANTS", "Tool", "declared_unlisted", "tool_users"]

STALE = ("2.1.2", "2.1.75", "2.1.257", "2.1.280", "1.0.113")
"""Versions written into the source of published tools."""

TELEMETRY_NAME = "claude-code/2.1.74 (external, cli)"
"""The name that the genuine telemetry posts carry, claimed on inference requests."""

SESSION_REQUESTS = 60
"""No session of a tool has more requests."""

RECORDED = (
    *("opencode-auth", "code-puppy", "crushproxy", "ccr", "ccr-passthrough", "llmux"),
    *("nanobot-anthropic", "kilo", "qwen"),
)
FIRST_PARTY = ("opencode-auth", "code-puppy", "crushproxy", "ccr")
KEPT_OUT = (
    *("crushproxy", "kilo", "claude-code/2.1.74"),
    *(f"unseen:{stack}{suffix}" for stack in ("wget", "mono") for suffix in ("", " few")),
)
"""Tools that no setting may be chosen on."""

UNLISTED = (
    *("KimiCLI/1.2", "smolagents/1.20", "nanobot (python)", "Charm Crush/0.9.0", "omp/18.2.0", "Trae/3.1"),
    *("my-agent 0.1", "Borealis/4.2.1", "tinkerbot/0.3", "quillwright/2.0.0 (linux; x64)", "Mosaic Dev/1.1"),
    *("pairloom/0.14.2", "sidecar-agent/7", "OctoPilot/2.2.0 (darwin)", "hexa (rust)", "nightshift/0.0.9"),
    "Yarrow CLI/5.6.1",
)
"""Honest names that no list has; the last ten are made up."""


@dataclass(frozen=True)
class Tool:
    """A tool in subscription mode.

    Attributes:
        name: what its figures are reported under.
        profile: of the catalogue.
        claim: user agent put in place of the recorded one, if any.
        first_party: it claims a name of the first party: expected ``harness``; any other tool
            names itself: expected ``declared_third_party``.

    """

    name: str
    profile: str
    claim: str = ""
    first_party: bool = True

    @property
    def expected(self) -> str:
        """The verdict on its users, which is their label too."""
        return "harness" if self.first_party else "declared_third_party"

    @property
    def kept_out(self) -> bool:
        """Whether no setting may be chosen on it."""
        return self.name in KEPT_OUT


def _stacks() -> list[Tool]:
    """Give full and partial copies on every stack, each under one stale version in one spelling."""
    names = [*(f"copied:{stack}" for stack in COPIED), *(f"partial:{stack}" for stack in PARTIAL)]
    names += [f"unseen:{stack}{suffix}" for stack in UNSEEN for suffix in ("", " few")]
    spellings = ("", " (external, cli)")
    return [
        Tool(name, name, f"claude-cli/{STALE[i % len(STALE)]}{spellings[i % 2]}")
        for i, name in enumerate(names)
    ]


TOOLS: tuple[Tool, ...] = (
    *(Tool(key, f"tool:{key}", first_party=key in FIRST_PARTY) for key in RECORDED),
    Tool("claude-code/2.1.74", "partial:python_sdk", TELEMETRY_NAME),
    *_stacks(),
)


def with_header(name: str) -> Callable[[Wire], Wire]:
    """Send one more header of the client's own, after the first three."""

    def change(wire: Wire) -> Wire:
        return replace(wire, names=(*wire.names[:3], name, *wire.names[3:]))

    return change


def lower_cased(wire: Wire) -> Wire:
    """Spell every name in lower case."""
    values = {name.lower(): value for name, value in wire.values.items()}
    return replace(wire, names=tuple(name.lower() for name in wire.names), values=values)


def up_to_date(wire: Wire) -> Wire:
    """Claim the current version."""
    return claiming(re.sub(r"(?<=/)[\d.]+", CURRENT, wire.user_agent, count=1))(wire)


VARIANTS: dict[str, Callable[[Wire], Wire]] = {
    **{name: with_header(name) for name in ("x-request-id", "traceparent", "accept-language", "via")},
    "lower-cased": lower_cased,
    "current version": up_to_date,
}
"""Variant -> the change of a claiming tool's requests, after which it is as guilty as before."""


def tool_users(world: World, account_ids: Sequence[str], tool: Tool, variant: str = "") -> list[Session]:
    """Plan people at a tool: a human rhythm in sessions of at most 60 requests, nothing but inference.

    Args:
        world: where sessions, profiles and chance come from.
        account_ids: the users.
        tool: that they use.
        variant: of ``VARIANTS``, if any.

    """
    catalogue = world.catalogue
    profile = catalogue.derive(tool.profile, tool.claim, claiming(tool.claim)) if tool.claim else tool.profile
    if variant:
        profile = catalogue.derive(profile, variant, VARIANTS[variant])
    names = {name.lower() for name in catalogue.profiles[profile][0].names}
    sessions = []
    for account_id in account_ids:
        account = quiet(person(world, account_id))
        account.profile, account.label, account.tools = profile, tool.expected, (f"tool-{tool.name}",)
        account.declared = "x-claude-code-session-id" in names
        if not account.declared:
            account.devices = (None,)
        account.add(_short(world, work_hours(world)))
        sessions += account.sessions
    return sessions


def _short(world: World, placed: Placed) -> Placed:
    reach = world.library.reach(SESSION_REQUESTS)
    return [(key, start, min(limit, start + float(reach[key]))) for key, start, limit in placed]


def declared_unlisted(world: World, account_ids: Sequence[str]) -> list[Session]:
    """Plan tools under honest names that no list has, on some third-party stack: 1-3 accounts a name."""
    rng, catalogue = world.rng, world.catalogue
    names = [agent for agent in rng.permutation(UNLISTED).tolist() for _ in range(int(rng.integers(1, 4)))]
    sessions = []
    for account_id, agent in zip(account_ids, names, strict=False):
        base = f"partial:{PARTIAL[UNLISTED.index(agent) % len(PARTIAL)]}"
        account = quiet(person(world, account_id))
        account.profile = catalogue.derive(base, agent, claiming(agent))
        account.label, account.tools = "declared_third_party", (f"tool-{agent}",)
        account.declared, account.devices = False, (None,)
        pattern = pick(rng, ("sequential", "cron"))
        machine = schedule(world, pattern, world.library.automated, session_rate(world))
        account.add(machine if world.chance(0.4) else work_hours(world))
        sessions += account.sessions
    return sessions
