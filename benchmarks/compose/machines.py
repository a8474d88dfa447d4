"""Machines: schedules of automation, harnesses of every class, headless and declared use."""

from collections.abc import Callable

import numpy as np

from benchmarks.compose.headers import COPIED, CURRENT, PARTIAL, claiming, pick
from benchmarks.compose.people import (
    DAY,
    HOSTING,
    HOUR,
    INTERNET_PROVIDERS,
    Account,
    Session,
    World,
    person,
    quiet,
    work_hours,
)
from benchmarks.compose.sources import Deck

__all__ = [
    "END",
    "HARNESSES",
    "Placed",
    "declared",
    "headless",
    "jobs",
    "keyed",
    "machine",
    "schedule",
    "session_rate",
    "spoofed",
    "unattended",
]

Placed = list[tuple[int, float, float]]

SCHEDULES = ("sequential", "parallel", "cron", "night")
STALE = ("1.0.88", "2.0.14", "2.1.2", "2.1.75", "2.1.112")
END = 7 * DAY


def schedule(world: World, pattern: str, keys: np.ndarray, per_day: float) -> Placed:
    """Place about ``per_day`` sessions a day: round the clock, in batches, on the hour, or by night.

    Args:
        world: where sessions and chance come from.
        pattern: ``sequential`` round the clock one after another, ``parallel`` 2-10 at once in
            batches round the clock, ``cron`` at fixed minutes, ``night`` between 23 and 6 local
            time, ``ci`` in bursts of 1-4 by working days.
        keys: the pool of sessions.
        per_day: sessions a day, on average.

    """
    rng = world.rng
    first = int(rng.integers(0, 4)) if world.chance(0.4) else 0
    last = int(rng.integers(first + 2, 8))
    days = np.arange(first, last)
    count = max(6, round(per_day * len(days)))
    if pattern == "sequential":
        starts = np.sort(rng.uniform(first * DAY, last * DAY, count))
    elif pattern == "parallel":
        width = int(rng.integers(2, 11))
        batches = rng.uniform(first * DAY, last * DAY, max(2, count // width))
        starts = (batches[:, None] + rng.uniform(0, 40, (len(batches), width))).ravel()
    elif pattern == "cron":
        every = DAY / max(1.0, min(per_day, 48.0))
        ticks = np.arange(first * DAY + rng.uniform(0, every), last * DAY, every)
        starts = np.round(ticks / 60) * 60 + rng.uniform(0.5, 3.0, len(ticks))
    elif pattern == "night":
        dusk = days * DAY + (23 - float(rng.integers(-8, 10))) * HOUR
        starts = (
            dusk[:, None] + np.sort(rng.uniform(0, 6.8 * HOUR, (len(days), max(2, round(per_day)))))
        ).ravel()
    else:
        zone = float(rng.integers(-8, 10))
        days = days[days < 5] if (days < 5).any() else days
        width = rng.integers(1, 5, max(3, round(per_day / 2.5) * len(days)))
        pushes = rng.choice(days, len(width)) * DAY + (rng.normal(13.5, 3, len(width)) - zone) * HOUR
        starts = np.repeat(pushes, width) + rng.uniform(0, 25, width.sum())
    starts = np.sort(starts)
    dealt = Deck(keys, rng).deal(len(starts))
    if pattern == "sequential":
        starts = _one_after_another(starts, world.library.length[dealt], rng)
    return [(int(key), float(start), END) for key, start in zip(dealt, starts, strict=True) if start < END]


def _one_after_another(starts: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move each start behind the end of the session before it."""
    moved, free = starts.copy(), -np.inf
    for i, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        moved[i] = max(start, free)
        free = moved[i] + length + rng.uniform(2, 60)
    return moved


def machine(world: World, account_id: str, profile: str, label: str) -> Account:
    """Give an account that a machine uses: one address, one device, no telemetry."""
    rng = world.rng
    hosted = world.chance(0.6)
    asn = int(rng.choice(HOSTING if hosted else INTERNET_PROVIDERS))
    return Account(
        world,
        account_id,
        profile,
        label=label,
        devices=(world.word(16),),
        addresses=((world.address(), asn),),
        tools=(f"harness-{int(rng.integers(12))}",),
        plan=pick(rng, ("pro", "max", "max")),
        extra=int(rng.integers(8_000, 20_000)),
        models=("sonnet", "opus") if world.chance(0.5) else ("sonnet",),
    )


def session_rate(world: World) -> float:
    """Sessions a day of a machine: 6 to 60, most often about 20."""
    return float(np.clip(world.rng.lognormal(np.log(20), 0.6), 6, 60))


def _claim(world: World) -> str:
    """Give a first-party user agent as harnesses write it: current or stale, with or without parenthesis."""
    version = CURRENT if world.chance(0.4) else pick(world.rng, STALE)
    end = pick(world.rng, ("", " (external, cli)", " (external, cli)", " (external, sdk-cli)"))
    return f"claude-cli/{version}{end}"


def spoofed(world: World, *, full: bool) -> str:
    """Derive a profile that claims the first-party client on another stack."""
    base = f"copied:{pick(world.rng, COPIED)}" if full else f"partial:{pick(world.rng, PARTIAL)}"
    agent = _claim(world)
    return world.catalogue.derive(base, agent, claiming(agent))


def spoofed_partial(world: World, account_id: str) -> list[Session]:
    """Plan a harness that claims the client with few headers copied."""
    account = machine(world, account_id, spoofed(world, full=False), "harness")
    account.declared, account.cached = world.chance(0.4), world.chance(0.6)
    if world.chance(0.5):
        account.devices = (None,)
    account.add(_run(world))
    return account.sessions


def spoofed_full(world: World, account_id: str) -> list[Session]:
    """Plan a harness with every header copied onto another stack."""
    account = machine(world, account_id, spoofed(world, full=True), "harness")
    account.cached = world.chance(0.7)
    account.add(_run(world))
    return account.sessions


def imitation(world: World, account_id: str) -> list[Session]:
    """Plan a harness whose headers and TLS are the client's own; it sends nothing else."""
    account = machine(world, account_id, "interactive", "harness")
    if world.chance(0.5):
        account.tools = ("first-party",)
    account.add(_run(world))
    return account.sessions


def fake_telemetry(world: World, account_id: str) -> list[Session]:
    """Plan an imitation that posts made-up telemetry."""
    account = machine(world, account_id, "interactive", "harness")
    account.telemetry = "fake"
    account.probe = "probe" if world.chance(0.3) else None
    account.add(_run(world))
    return account.sessions


def riding(world: World, account_id: str) -> list[Session]:
    """Plan a person's week and a harness that rides on the account at night or in parallel."""
    host = person(world, account_id)
    host.add(work_hours(world))
    profile = spoofed(world, full=True) if world.chance(0.5) else "interactive"
    rider = machine(world, account_id, profile, "harness")
    rider.plan = host.plan
    if world.chance(0.5):
        rider.addresses, rider.devices = host.addresses, host.devices
    pattern = pick(world.rng, ("night", "parallel", "sequential"))
    rider.add(schedule(world, pattern, world.library.automated, session_rate(world)))
    return host.sessions + rider.sessions


def person_on_harness(world: World, account_id: str) -> list[Session]:
    """Plan a person at an undeclared third-party tool: a human rhythm under a spoofed client."""
    account = quiet(person(world, account_id))
    account.profile, account.label = spoofed(world, full=world.chance(0.4)), "harness"
    account.tools = (f"harness-{int(world.rng.integers(12))}",)
    account.add(work_hours(world))
    return account.sessions


def relay_pool(world: World, account_id: str) -> list[Session]:
    """Plan many people behind one account: their sessions in parallel, one address, many tool sets."""
    account = machine(world, account_id, "interactive", "harness")
    account.addresses = ((world.address(), int(world.rng.choice(HOSTING))),)
    account.tools, account.extra = tuple(world.word() for _ in range(int(world.rng.integers(12, 40)))), 0
    account.add(_many(world))
    return account.sessions


def _many(world: World) -> Placed:
    """Lay the sessions of many people, each awake in a zone of their own."""
    rng = world.rng
    count = int(rng.integers(90, 220))
    keys = Deck(world.library.people, rng).deal(count)
    starts = rng.uniform(0, END, count)
    return [(int(key), start, start + 8 * HOUR) for key, start in zip(keys, starts, strict=True)]


def _run(world: World) -> Placed:
    return schedule(world, pick(world.rng, SCHEDULES), world.library.automated, session_rate(world))


def unattended(world: World, account_id: str) -> Account:
    """Give an account of the own client in print mode or of the vendor's own SDK."""
    account = machine(world, account_id, pick(world.rng, ("print", "print", "agent_sdk")), "genuine")
    account.devices = ("fresh",) if world.chance(0.7) else account.devices
    account.tools = ("first-party",) if world.chance(0.6) else (world.word(),)
    if world.chance(0.2):
        account.telemetry, account.probe = "real", "probe"
    if world.chance(0.5):
        account.addresses = tuple((world.address(), account.addresses[0][1]) for _ in range(6))
    return account


def headless(world: World, account_id: str) -> list[Session]:
    """Plan the own client in print mode or the vendor's own SDK, on cron or in CI."""
    account = unattended(world, account_id)
    account.add(jobs(world))
    return account.sessions


def jobs(world: World) -> Placed:
    """Place what a headless client does in a week: on cron, or in CI on working days."""
    rate = float(np.clip(world.rng.lognormal(np.log(9), 0.7), 2, 40))
    return schedule(world, pick(world.rng, ("cron", "ci", "ci")), world.library.automated, rate)


def declared(world: World, account_id: str) -> list[Session]:
    """Plan a third-party tool that says so, on a subscription."""
    profile = pick(world.rng, ("opencode", "cline", "litellm"))
    account = machine(world, account_id, profile, "declared_third_party")
    account.declared, account.devices = profile == "opencode", (None,)
    account.add(work_hours(world) if profile != "litellm" else _run(world))
    return account.sessions


def keyed(world: World, account_id: str) -> list[Session]:
    """Plan a program on the vendor's SDK that pays per use."""
    account = machine(world, account_id, pick(world.rng, ("sdk_py", "sdk_ts")), "out_of_scope")
    account.auth, account.plan, account.declared, account.devices = "api_key", "api", False, (None,)
    account.add(_run(world))
    return account.sessions


HARNESSES: dict[str, Callable[[World, str], list[Session]]] = {
    "spoofed_partial": spoofed_partial,
    "spoofed_full": spoofed_full,
    "imitation": imitation,
    "fake_telemetry": fake_telemetry,
    "riding": riding,
    "person_on_harness": person_on_harness,
    "relay_pool": relay_pool,
}
"""Harness class -> how a week of such an account is planned."""
