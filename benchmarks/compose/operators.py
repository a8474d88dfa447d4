"""Harness classes that look mild: office hours, drips, light riders, farms, relays, print mode."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.compose.headers import COPIED, claiming, pick
from benchmarks.compose.machines import HARNESSES, Placed, machine, schedule, session_rate, spoofed
from benchmarks.compose.people import HOSTING, Session, World, person, quiet, work_hours
from benchmarks.compose.states import Group, Planner, in_state, one_by_one
from benchmarks.compose.stretches import drip, fixed_hours, office

__all__ = ["OPERATED", "UNTELLABLE"]

UNTELLABLE = ("print_imitation",)
"""Classes that nothing in a log tells from headless use; they stand outside overall figures."""

RIDER_SHARE = 0.08


def office_hours_imitation(world: World, account_id: str, _state: str) -> list[Session]:
    """Plan the client's own headers between 9 and 18 local time, every day of the week."""
    account = machine(world, account_id, "interactive", "harness")
    if world.chance(0.5):
        account.tools = ("first-party",)
    account.add(office(world))
    return account.sessions


def slow_drip(world: World, account_id: str, _state: str) -> list[Session]:
    """Plan one to three requests every 20-60 min, round the clock."""
    account = machine(world, account_id, _wire(world), "harness")
    account.add(drip(world))
    return account.sessions


def light_rider(world: World, account_id: str, _state: str) -> list[Session]:
    """Plan a busy person and a rider with under a tenth of the requests, at one to three fixed hours."""
    rng = world.rng
    host = in_state(person(world, account_id), "on")
    days = work_hours(world, power=True)
    host.add(days)
    rider = machine(world, account_id, _wire(world), "harness")
    rider.plan = host.plan
    if world.chance(0.5):
        rider.addresses, rider.devices = host.addresses[:1], host.devices[:1]
    hours = rng.uniform(0, 24, int(rng.integers(1, 4)))
    budget = RIDER_SHARE * _requests(world, days) / (7 * len(hours))
    rider.add(fixed_hours(world, hours, max(1, int(budget))))
    return host.sessions + rider.sessions


def rotated_farm(world: World, account_ids: Sequence[str], _state: str) -> list[Session]:
    """Plan one operator's jobs over many accounts: same tools, address, client and hours on all."""
    rng = world.rng
    account_ids = list(account_ids)
    operator = machine(world, account_ids[0], _wire(world), "harness")
    operator.tools = (f"farm-{world.word()}",)
    hours = np.sort(rng.uniform(0, 24, int(rng.integers(2, 5))))
    sessions = []
    for place, account_id in enumerate(account_ids):
        devices = (world.word(16),)
        member = replace(operator, account_id=account_id, devices=devices, sessions=[])
        # The next account has its turn some minutes after the one before.
        member.add(fixed_hours(world, hours + place / 20, 25))
        sessions += member.sessions
    return sessions


def relay_pool_versions(world: World, account_id: str, _state: str) -> list[Session]:
    """Plan 5-10 strangers behind a relay that re-sorts headers and keeps each user's own version."""
    rng, catalogue = world.rng, world.catalogue
    address = (world.address(), int(rng.choice(HOSTING)))
    base = f"copied:{pick(rng, COPIED)}"
    sessions: list[Session] = []
    for _ in range(int(rng.integers(5, 11))):
        user = quiet(person(world, account_id))
        agent = catalogue.profiles[user.profile][0].user_agent
        user.profile = catalogue.derive(base, agent, claiming(agent))
        user.label, user.plan, user.addresses = "harness", "max", (address,)
        user.tools = ("first-party", world.word()) if world.chance(0.5) else ("first-party",)
        user.add(work_hours(world))
        sessions += user.sessions
    return sessions


def print_imitation(world: World, account_id: str, _state: str) -> list[Session]:
    """Plan the client's own print mode at a foreign program's hands, round the clock."""
    account = machine(world, account_id, "print", "harness")
    pattern = pick(world.rng, ("sequential", "parallel", "cron"))
    account.add(schedule(world, pattern, world.library.automated, session_rate(world)))
    return account.sessions


def _wire(world: World) -> str:
    """Choose the client's own headers, or all of them on another stack."""
    return "interactive" if world.chance(0.5) else spoofed(world, full=True)


def _requests(world: World, placed: Placed) -> int:
    """Count the requests of placed sessions before their limits."""
    arrivals = world.library.requests.group_by("key", maintain_order=True).agg("at").sort("key")["at"]
    return sum(int((arrivals[key] < limit - start).sum()) for key, start, limit in placed)


def _known(kind: str) -> Planner:
    def planner(world: World, account_id: str, _state: str) -> list[Session]:
        return HARNESSES[kind](world, account_id)

    return planner


OPERATED: dict[str, Group] = {
    **{kind: one_by_one(_known(kind)) for kind in HARNESSES},
    "office_hours_imitation": one_by_one(office_hours_imitation),
    "slow_drip": one_by_one(slow_drip),
    "light_rider": one_by_one(light_rider),
    "rotated_farm": rotated_farm,
    "relay_pool_versions": one_by_one(relay_pool_versions),
    "print_imitation": one_by_one(print_imitation),
}
"""Harness class -> how the week of such accounts is planned; the plain ones of the composed week first."""
