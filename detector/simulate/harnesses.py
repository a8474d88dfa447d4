"""Harnesses: automated tools on somebody's subscription, in every disguise."""

from typing import Any

import numpy as np

from detector.simulate import clients, people, places, stacks
from detector.simulate.chance import choose
from detector.simulate.habits import Habits, Machine, draw_habits, outside, sit_down
from detector.simulate.plan import Actor, Book, Bools, Client, Floats
from detector.simulate.reporting import draw_reporting

__all__ = [
    "DISGUISES",
    "harness_actor",
    "plan_declared",
    "plan_harness",
    "plan_person_on_harness",
    "plan_riding",
]

HOUR = 3600.0
DAY = 86400.0
DISGUISES = ("spoofed_partial", "spoofed_full", "imitation", "fake_telemetry")
STALE = (
    "2.0.14", "2.0.60", "2.0.76", "2.1.2", "2.1.7", "2.1.45", "2.1.75", "2.1.112", "2.1.203",
    "2.1.257", "2.1.280", "1.0.113",
)  # fmt: skip
FULL_STACKS = (
    "httpx", "requests", "aiohttp", "node_fetch", "node20_fetch", "axios", "go", "go_http2",
    "anthropic_python",
    "anthropic_node", "openai_python", "httpx_lower", "httpx2", "node_http", "bun_sorted", "bun_title",
)  # fmt: skip
PARTIAL_STACKS = (
    "httpx", "requests", "aiohttp", "node_fetch", "node20_fetch", "axios", "go", "go_http2",
    "anthropic_python",
    "anthropic_node", "openai_python", "anthropic_python", "anthropic_node", "node_fetch", "bun",
    "httpx_lower", "httpx2", "node_http",
)  # fmt: skip
COPIED = ("x-app", "anthropic-dangerous-direct-browser-access", "X-Claude-Code-Session-Id", "Accept")
TELEMETRY_NAME = "claude-code/2.1.74 (external, cli)"
"""The name that genuine telemetry carries, written on model requests by a harness that mixed them up."""
OWN_NAMES = ("x-request-id", "traceparent", "accept-language")
SCHEDULES = ("queue", "swarm", "cron", "office", "campaign")
SCHEDULE_SHARES = (0.2, 0.2, 0.25, 0.12, 0.23)


def _own_names(rng: np.random.Generator) -> list[str]:
    """Draw names that a harness sends of its own accord; most send none."""
    return [name for name in OWN_NAMES if rng.random() < 0.5] if rng.random() < 0.2 else []


def _partial(rng: np.random.Generator, book: Book) -> Client:
    version = choose(rng, STALE)
    agent = f"claude-cli/{version}" + (" (external, cli)" if rng.random() < 0.25 else "")
    if rng.random() < 0.07:
        agent = TELEMETRY_NAME
    extra = [name for name in COPIED if rng.random() < 0.35] + _own_names(rng)
    return stacks.foreign(book, choose(rng, PARTIAL_STACKS), agent, extra=extra, version=version)


def _full(rng: np.random.Generator, book: Book) -> Client:
    release = (
        clients.current_release() if rng.random() < 0.5 else int(rng.integers(1, clients.current_release()))
    )
    return stacks.copied(
        book, choose(rng, FULL_STACKS), release, clients.draw_platform(rng), extra=_own_names(rng)
    )


def _identical(rng: np.random.Generator, book: Book) -> Client:
    release = clients.current_release() if rng.random() < 0.75 else clients.draw_release(rng)
    entry = "cli" if rng.random() < 0.75 else "sdk-cli"
    return clients.first_party(book, release, clients.draw_platform(rng), entry)


def disguise(rng: np.random.Generator, book: Book, kind: str) -> Client:
    """Draw what a harness of this kind looks like on the wire."""
    if kind == "spoofed_partial":
        return _partial(rng, book)
    return _full(rng, book) if kind == "spoofed_full" else _identical(rng, book)


def harness_actor(
    rng: np.random.Generator, book: Book, account: int, plan: str, kind: str, **traits: Any
) -> Actor:
    """Describe a harness; ``traits`` override anything."""
    client = disguise(rng, book, kind)
    identical = kind in ("imitation", "fake_telemetry")
    place = places.draw_place(rng)
    hosted = rng.random() < 0.55
    counted = client.counts_retries
    base: dict[str, Any] = {
        "account": account,
        "client": client,
        "network": places.hosting_network(book, rng) if hosted else places.home_network(book, rng, place),
        "rhythm": choose(rng, ("harness", "slow", "scripted"), (0.8, 0.08, 0.12)),
        "label": "harness",
        "plan": plan,
        "device": people.device_ids(rng, 1)[0] if rng.random() < (0.9 if identical else 0.45) else None,
        "sessions": bool(rng.random() < (0.95 if identical else 0.55)),
        "telemetry": "made_up" if kind == "fake_telemetry" else "none",
        "subagents": choose(rng, (0.0, 0.05), (0.8, 0.2)),
        "retry": "sdk" if counted else choose(rng, ("client", "eager", "fixed"), (0.5, 0.25, 0.25)),
        "errors": float(rng.uniform(0.005, 0.05)),
        "tools": people.tools_hash(rng, client.version, 0.2)
        if identical and rng.random() < 0.6
        else people.tools_hash(rng, f"harness-{int(rng.integers(12))}", 0.35),
        "caching": bool(rng.random() < (0.85 if identical else 0.55)),
        "context": choose(rng, (rng.uniform(1500, 6000), rng.uniform(14000, 30000))),
        "growth": float(rng.uniform(0.3, 1.0)),
        "stream": bool(identical or rng.random() < 0.6),
    } | people.draw_model(rng)
    return Actor(**{**base, **traits})


def _lanes(rng: np.random.Generator, begin: Floats, lanes: int, count: int, spacing_s: float) -> Floats:
    """Draw starts of sessions that ``lanes`` workers take one after another from each of ``begin``."""
    each = max(1, round(count / (lanes * begin.size)))
    step = spacing_s * np.exp(0.5 * rng.standard_normal((begin.size, lanes, each)))
    step[:, :, 0] = 15.0 * rng.random((begin.size, lanes))
    start: Floats = (begin[:, None, None] + np.cumsum(step, axis=2)).ravel()
    return start


def schedule(rng: np.random.Generator, book: Book, kind: str, spacing_s: float, count: float) -> Floats:
    """Draw when a harness starts its sessions (s).

    Args:
        rng: source of chance.
        book: tells the length of the period.
        kind: ``queue`` (one to three workers), ``swarm`` (4-50), ``cron`` (fixed minutes), ``office``
            (working hours only), ``campaign`` (days without a break).
        spacing_s: seconds that a session takes.
        count: sessions wanted, more or less.

    """
    span = book.seconds
    if kind == "cron":
        minutes = np.array([5, 10, 15, 20, 30, 60, 120, 180, 360])
        fits = minutes[minutes * 60 >= min(span / max(count, 1), 21600)]
        every = float(fits[0]) * 60
        moment = np.arange(0.0, span, every) + 60.0 * int(rng.integers(0, int(every) // 60))
        return moment + 0.5 + rng.exponential(1.5, moment.size)
    if kind == "office":
        begin = rng.uniform(0, 1) * DAY + np.arange(book.days) * DAY
        begin = begin[(np.arange(book.days) + book.weekday) % 7 < 5]
        if not begin.size:
            begin = np.array([0.0])
        return np.concatenate(
            [moment + rng.uniform(0, 9 * HOUR, max(1, round(count / begin.size))) for moment in begin]
        )
    lanes = {
        "queue": int(rng.integers(1, 4)),
        "swarm": int(rng.integers(4, 51)),
        "campaign": int(rng.integers(1, 3)),
    }[kind]
    runs = 1 if kind == "campaign" else int(rng.integers(1, 6))
    opening: Floats = np.sort(rng.uniform(0, span * 0.9, runs)).astype(np.float64)
    if kind == "campaign":
        opening *= 0.3
        spacing_s *= float(np.clip(rng.uniform(1.5, 8.0) * DAY * lanes / (count * spacing_s), 1.0, 8.0))
    return _lanes(rng, opening, lanes, int(count), spacing_s)


def run_harness(
    rng: np.random.Generator, book: Book, actor: Actor, *, when: Habits | None = None, night: bool = False
) -> None:
    """Add the sittings of a harness, outside the hours ``when`` a person works if ``night``."""
    code = book.actor(actor)
    spacing = {"harness": 300.0, "slow": 700.0, "scripted": 260.0}.get(actor.rhythm, 300.0)
    count = float(np.clip(np.exp(np.log(75) + 0.8 * rng.standard_normal()), 8, 500)) * book.activity
    kind = choose(rng, SCHEDULES, SCHEDULE_SHARES)
    start = schedule(rng, book, kind, spacing, count * (2.5 if kind == "campaign" else 1.0))
    start = start[start < book.seconds]
    if night and when is not None:
        kept = start[outside(when, start)]
        # A schedule that falls wholly into the day is shifted by half a day.
        start = kept if kept.size >= 5 else (start + DAY / 2) % book.seconds
    if not start.size:
        start = rng.uniform(0, book.seconds, 8)
    fresh = -1
    device: Any = fresh
    if actor.device is not None and rng.random() < 0.3:
        device = np.array([book.devices.code(one) for one in people.device_ids(rng, start.size)])
    length = 0.0 if actor.rhythm != "scripted" else 1.0
    book.add(code, book.sessions(start.size), start, start + 6 * HOUR, length=length, device=device)


def plan_harness(rng: np.random.Generator, book: Book, account: int, plan: str, *, kind: str) -> None:
    """Plan an account that carries nothing but a harness."""
    run_harness(rng, book, harness_actor(rng, book, account, plan, kind))


def plan_riding(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a person's account with a harness on it, at night or in parallel."""
    person = people.plan_person(rng, book, account, plan, reporting=draw_reporting(rng, 0.85, 0.1))
    actor = harness_actor(rng, book, account, plan, choose(rng, DISGUISES))
    run_harness(rng, book, actor, when=person.habits, night=bool(rng.random() < 0.6))


def _walks(rng: np.random.Generator, book: Book, actor: Actor, habits: Habits) -> None:
    code = book.actor(actor)
    sit_down(rng, book, habits, [Machine(code, code, np.inf)])


def plan_person_on_harness(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a person at the keyboard of an undeclared tool: only the rhythm is human."""
    kind = choose(rng, ("spoofed_partial", "spoofed_full"), (0.6, 0.4))
    place = places.draw_place(rng)
    traits: dict[str, Any] = {"rhythm": choose(rng, ("third_party", "person"), (0.7, 0.3))}
    traits["network"] = places.home_network(book, rng, place)
    actor = harness_actor(rng, book, account, plan, kind, **traits)
    _walks(rng, book, actor, draw_habits(rng, book, place.hours, light=0.05))


def plan_declared(
    rng: np.random.Generator, book: Book, account: int, plan: str, *, label: str, table: str = "tools"
) -> None:
    """Plan a person, or sometimes a script, on a tool that says who it is; ``table`` lists the tools."""
    client = stacks.tool(book, rng, table)
    place = places.draw_place(rng)
    automated: Bools | bool = bool(rng.random() < 0.25)
    actor = harness_actor(
        rng,
        book,
        account,
        plan,
        "spoofed_partial",
        client=client,
        label=label,
        rhythm="harness" if automated else "third_party",
        network=places.home_network(book, rng, place),
        retry="sdk" if client.counts_retries else "client",
        tools=people.tools_hash(rng, client.version, 0.3),
        sessions=bool(rng.random() < 0.6),
    )
    if automated:
        run_harness(rng, book, actor)
    else:
        _walks(rng, book, actor, draw_habits(rng, book, place.hours))
