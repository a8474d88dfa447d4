"""Telemetry states, with which every honest class is crossed, and plans of groups of accounts."""

from collections.abc import Callable, Sequence

from benchmarks.compose.people import Account, Session, World, quiet

__all__ = ["STATES", "Group", "Planner", "in_state", "one_by_one"]

STATES = ("on", "off", "blocked")

Planner = Callable[[World, str, str], list[Session]]
"""Plans the week of one account in a telemetry state."""

Group = Callable[[World, Sequence[str], str], list[Session]]
"""Plans the week of accounts that belong together (a company, an operator), in one telemetry state."""


def in_state(account: Account, state: str) -> Account:
    """Put an account into a telemetry state.

    ``on`` sends telemetry and the probe; ``off`` is opted out and sends neither, nor helper calls;
    ``blocked`` lets helper calls through, which are inference, and stops the other two.
    """
    if state == "off":
        return quiet(account)
    on = state == "on"
    account.telemetry = "real" if on else "none"
    account.probe = (account.probe or "probe") if on else None
    return account


def one_by_one(planner: Planner) -> Group:
    """Plan every account of a group by itself."""

    def group(world: World, account_ids: Sequence[str], state: str) -> list[Session]:
        return [session for account_id in account_ids for session in planner(world, account_id, state)]

    return group
