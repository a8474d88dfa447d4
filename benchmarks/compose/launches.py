"""First days of new first-party clients: a product just launched, and a release just out."""

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.compose.headers import claiming, pick
from benchmarks.compose.machines import END
from benchmarks.compose.people import DAY, Account, Session, World, person, work_hours
from benchmarks.compose.recorded import RELEASE
from benchmarks.compose.states import Group, in_state

__all__ = ["LAUNCHES"]

PRODUCT = "claude-cowork/1.0.3 (external, desktop)"
"""A name that nobody has seen before the launch."""

LAST_SWITCH = 6.0
"""Days of the week after which nobody goes over any more: some session must follow."""


def new_product(world: World, account_ids: Sequence[str], state: str) -> list[Session]:
    """Plan people who used the CLI and go over to a product launched in the middle of the week."""
    catalogue = world.catalogue
    profile = catalogue.derive("interactive", PRODUCT, claiming(PRODUCT))
    reports = catalogue.derive("telemetry", PRODUCT, claiming(PRODUCT.partition(" ")[0]))
    sessions = []
    for account_id in account_ids:
        account = in_state(person(world, account_id), state)
        new = replace(account, profile=profile, telemetry_profile=reports)
        moment = min(3 + world.rng.exponential(0.7), LAST_SWITCH) * DAY
        sessions += _switched(account, new, moment)
    return sessions


def release_adopter(world: World, account_ids: Sequence[str], state: str) -> list[Session]:
    """Plan people who move from an older version to a recorded release in the week's last days."""
    sessions = []
    for account_id in account_ids:
        kind = pick(world.rng, ("interactive", "interactive", "power_user"))
        account = in_state(person(world, account_id), state)
        new = replace(account, profile=RELEASE, telemetry_profile=f"{RELEASE}:telemetry")
        new.probe = f"{RELEASE}:probe" if account.probe else None
        moment = world.rng.uniform(4.2, LAST_SWITCH) * DAY
        sessions += _switched(account, new, moment, power=kind == "power_user")
    return sessions


def _switched(old: Account, new: Account, moment: float, *, power: bool = False) -> list[Session]:
    """Give a week in which sessions from ``moment`` on (s) start under the new client."""
    placed = work_hours(old.world, power=power)
    while not any(moment < start < END for _, start, _ in placed):
        placed = work_hours(old.world, power=power)
    old.add([session for session in placed if session[1] <= moment])
    new.add([session for session in placed if session[1] > moment])
    # The new client was copied from the old one and writes into the same list.
    return old.sessions


LAUNCHES: dict[str, Group] = {"new_product": new_product, "release_adopter": release_adopter}
"""Honest classes that only the scored week has."""
