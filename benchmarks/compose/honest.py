"""Honest classes that look guilty, each in any telemetry state."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.compose.headers import CURRENT, claiming, pick
from benchmarks.compose.machines import END, Placed, jobs, unattended
from benchmarks.compose.people import (
    DAY,
    HOSTING,
    HOUR,
    INTERNET_PROVIDERS,
    ZONES,
    Account,
    Company,
    Session,
    World,
    companies,
    dressed,
    person,
    work_hours,
)
from benchmarks.compose.proxies import REWRITES
from benchmarks.compose.sources import Deck
from benchmarks.compose.states import Group, in_state, one_by_one
from benchmarks.compose.stretches import long_days, pushes, scheduled, unbroken

__all__ = ["ENTRY_POINTS", "HONEST"]

ENTRY_POINTS = ("claude-vscode", "claude-jetbrains", "claude-desktop", "remote", "local-agent", "claude-zed")
FORGE_ENTRY_POINTS = ("claude-code-github-action", "github-action")
FORGE_NETWORK = 8075
TRAVELS = ((-5, 7922, "US"), (1, 3320, "DE"), (9, 4713, "JP"), (5.5, 9829, "IN"), (-3, 28573, "BR"))
"""Hours from UTC, network and country of the places that a traveller visits."""

REWRITING = tuple(style for style in REWRITES if style not in {"signed", "http2"})


def ordinary(kind: str) -> Group:
    """Plan people of a class that the composed week has had all along."""

    def planner(world: World, account_id: str, state: str) -> list[Session]:
        account = in_state(dressed(world, account_id, kind), state)
        account.add(work_hours(world, power=kind == "power_user"))
        return account.sessions

    return one_by_one(planner)


def corporate_proxy(world: World, account_ids: Sequence[str], state: str) -> list[Session]:
    """Plan companies of 5 to 20 people, each behind one proxy."""
    return _staff(world, account_ids, state, companies(world, len(account_ids)))


def tiny_company_proxy(world: World, account_ids: Sequence[str], state: str) -> list[Session]:
    """Plan companies of 2 to 4 people, each behind a rewriting proxy of its own."""
    return _tiny(world, account_ids, state, (2, 5))


def lone_proxy(world: World, account_ids: Sequence[str], state: str) -> list[Session]:
    """Plan people each alone behind a rewriting proxy."""
    return _tiny(world, account_ids, state, (1, 2))


def _tiny(world: World, account_ids: Sequence[str], state: str, sizes: tuple[int, int]) -> list[Session]:
    firms: list[Company] = []
    while len(firms) < len(account_ids):
        size, firm = int(world.rng.integers(*sizes)), companies(world, 1)[0]
        firms += [replace(firm, style=pick(world.rng, REWRITING))] * size
    return _staff(world, account_ids, state, firms[: len(account_ids)])


def _staff(world: World, account_ids: Sequence[str], state: str, firms: Sequence[Company]) -> list[Session]:
    sessions = []
    for seat, account_id in enumerate(account_ids):
        company = firms[seat % len(firms)]
        account = in_state(dressed(world, account_id, "corporate_proxy", company), state)
        account.add(work_hours(world, zone=company.zone))
        sessions += account.sessions
    return sessions


def headless(world: World, account_id: str, state: str) -> list[Session]:
    """Plan the own client in print mode or the vendor's own SDK."""
    account = in_state(unattended(world, account_id), state)
    account.add(jobs(world))
    return account.sessions


def official_scheduler(world: World, account_id: str, state: str) -> list[Session]:
    """Plan a person by day whose client goes on by its own scheduler, loop command or queue.

    A scheduler opens a session a task; a loop stays in one, which has its probe and helper calls behind it.
    """
    account, zone = _by_day(world, account_id, state)
    home = {"devices": account.devices[:1], "addresses": account.addresses[:1]}
    if world.chance(0.35):
        loop = replace(account, **home, probe=None, helper=False, sessions=[])
        for stretch in scheduled(world, zone):
            before = len(loop.sessions)
            loop.add(stretch)
            night = loop.sessions[before:]
            loop.sessions[before:] = [task._replace(session_id=night[0].session_id) for task in night]
        return account.sessions + loop.sessions
    queue = replace(account, **home)
    for stretch in scheduled(world, zone):
        queue.add(stretch)
    return account.sessions


def jittered_scheduler(world: World, account_id: str, state: str) -> list[Session]:
    """Plan a person by day whose scheduler starts its tasks up to ten minutes late, as some do."""
    account, zone = _by_day(world, account_id, state)
    queue = replace(account, devices=account.devices[:1], addresses=account.addresses[:1])
    for stretch in scheduled(world, zone):
        late = world.rng.uniform(0, 10 * 60, len(stretch))
        queue.add(
            [(key, start + by, limit + by) for (key, start, limit), by in zip(stretch, late, strict=True)]
        )
    return account.sessions


def _by_day(world: World, account_id: str, state: str) -> tuple[Account, float]:
    """Plan the day of a scheduler's owner, and give the zone; a third have only 2-4 sessions of their own."""
    account = in_state(person(world, account_id), state)
    zone = float(world.rng.choice(ZONES))
    own = work_hours(world, zone=zone)
    if world.chance(0.35):
        own = [own[i] for i in np.sort(world.rng.permutation(len(own))[: int(world.rng.integers(2, 5))])]
    account.add(own)
    return account, zone


def all_nighter(world: World, account_id: str, state: str) -> list[Session]:
    """Plan an ordinary person with one or two stretches of 30-40 h, and a long sleep after each."""
    rng = world.rng
    account = in_state(person(world, account_id), state)
    zone = float(rng.choice(ZONES))
    placed, deck = work_hours(world, zone=zone), Deck(world.library.people, rng)
    first = int(rng.integers(0, 3))
    for day in (first, first + 3)[: int(rng.integers(1, 3))]:
        begin = max(0.0, day * DAY + (rng.normal(9.5, 1) - zone) * HOUR)
        end = min(begin + rng.uniform(30, 40) * HOUR, END)
        placed = [one for one in placed if not begin - 8 * HOUR < one[1] < end + 10 * HOUR]
        placed = [(key, start, min(limit, begin) if start < begin else limit) for key, start, limit in placed]
        placed += unbroken(world, deck, begin, end)
    account.add(placed)
    return account.sessions


def editor_desktop(world: World, account_ids: Sequence[str], state: str) -> list[Session]:
    """Plan the client inside an editor, desktop app or remote session, entry points dealt in turn."""
    sessions = []
    first = int(world.rng.integers(len(ENTRY_POINTS)))
    for i, account_id in enumerate(account_ids):
        entry = ENTRY_POINTS[(first + i) % len(ENTRY_POINTS)]
        account = in_state(person(world, account_id), state)
        agent = world.catalogue.profiles[account.profile][0].user_agent.replace("cli)", f"{entry})")
        account.profile = world.catalogue.derive(account.profile, entry, claiming(agent))
        account.add(work_hours(world))
        sessions += account.sessions
    return sessions


def ci_action(world: World, account_id: str, state: str) -> list[Session]:
    """Plan the official action on a code forge; half of the accounts are a person's by day as well."""
    agent = f"claude-cli/{CURRENT} (external, {pick(world.rng, FORGE_ENTRY_POINTS)})"
    sessions: list[Session] = []
    plan = "max"
    if world.chance(0.5):
        own = in_state(person(world, account_id), state)
        own.add(work_hours(world))
        sessions, plan = own.sessions, own.plan
    runner = Account(
        world,
        account_id,
        world.catalogue.derive("print", agent, claiming(agent)),
        devices=("fresh",),
        addresses=tuple((world.address(), FORGE_NETWORK) for _ in range(40)),
        plan=plan,
    )
    in_state(runner, state).add(pushes(world))
    return sessions + runner.sessions


def remote_dev_box(world: World, account_id: str, state: str) -> list[Session]:
    """Plan a person whose client runs on a rented machine: a data-centre network, one address."""
    account = in_state(person(world, account_id), state)
    account.addresses = ((world.address(), int(world.rng.choice(HOSTING))),)
    account.devices = account.devices[:1]
    account.add(work_hours(world))
    return account.sessions


def traveller(world: World, account_id: str, state: str) -> list[Session]:
    """Plan a person in three countries and time zones within the week, a day's flight between them."""
    rng = world.rng
    account = in_state(person(world, account_id), state)
    for i, stop in enumerate(rng.permutation(len(TRAVELS))[:3]):
        zone, network, account.country = TRAVELS[stop]
        account.addresses = ((world.address(), network),)
        begin, end = i * END / 3 + 5 * HOUR, (i + 1) * END / 3 - 5 * HOUR
        stay: Placed = []
        while not stay:
            days = work_hours(world, zone=zone)
            stay = [(key, start, min(limit, end)) for key, start, limit in days if begin < start < end]
        account.add(stay)
    return account.sessions


def many_terminals(world: World, account_id: str, state: str) -> list[Session]:
    """Plan four sessions side by side, five machines, 12-hour days."""
    account = in_state(person(world, account_id), state)
    account.devices = tuple(world.word(16) for _ in range(5))
    network = int(world.rng.choice(INTERNET_PROVIDERS))
    account.addresses = (*account.addresses, (world.address(), network))
    account.plan = "max"
    account.add(long_days(world, 4))
    return account.sessions


HONEST: dict[str, Group] = {
    "interactive": ordinary("interactive"),
    "corporate_proxy": corporate_proxy,
    "old_version": ordinary("old_version"),
    "power_user": ordinary("power_user"),
    "headless": one_by_one(headless),
    "official_scheduler": one_by_one(official_scheduler),
    "jittered_scheduler": one_by_one(jittered_scheduler),
    "all_nighter": one_by_one(all_nighter),
    "editor_desktop": editor_desktop,
    "ci_action": one_by_one(ci_action),
    "remote_dev_box": one_by_one(remote_dev_box),
    "traveller": one_by_one(traveller),
    "many_terminals": one_by_one(many_terminals),
    "tiny_company_proxy": tiny_company_proxy,
    "lone_proxy": lone_proxy,
}
"""Honest class -> how the week of such accounts is planned."""
