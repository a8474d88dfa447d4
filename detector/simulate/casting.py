"""Which planner plays which class of account."""

from collections.abc import Callable
from functools import partial

import numpy as np

from detector.simulate import clients, harnesses, others, people
from detector.simulate.chance import choose
from detector.simulate.classes import CLASSES, label_of
from detector.simulate.people import Company
from detector.simulate.plan import Book

__all__ = ["Planner", "plan_name", "planners"]

PLANS = ("pro", "max", "team", "enterprise")
PINNED_RELEASES = 4

Planner = Callable[[np.random.Generator, Book, int, str], object]
"""Plans one account: source of chance, book, number of the account, its plan."""


def _interactive(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    if rng.random() < 0.12:
        people.plan_web(rng, book, account, plan)
    else:
        people.plan_person(rng, book, account, plan, machines=1 + int(rng.random() < 0.2))


def _behind_proxy(
    rng: np.random.Generator, book: Book, account: int, plan: str, *, companies: list[Company]
) -> None:
    company = choose(rng, companies)
    people.plan_person(
        rng, book, account, plan, telemetry=company.telemetry, company=company, release=company.release
    )


def _pinned_or_first(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    if rng.random() < 0.6:
        people.plan_person(rng, book, account, plan, release=int(rng.integers(PINNED_RELEASES)))
    else:
        moment = book.release + float(rng.exponential(3600.0))
        people.plan_person(
            rng, book, account, plan, release=clients.current_release(), follows=1.0, switch=moment
        )


def _assisted(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    rhythm = "pasted" if rng.random() < 0.5 else "dictated"
    people.plan_person(rng, book, account, plan, telemetry=bool(rng.random() < 0.8), rhythm=rhythm)


def planners(companies: list[Company]) -> dict[str, Planner]:
    """Return the planner of every class.

    >>> list(planners([])) == [one.name for one in CLASSES]
    True
    """
    found: dict[str, Planner] = {
        "interactive": _interactive,
        "telemetry_off": partial(people.plan_person, telemetry=False),
        "corporate_proxy": partial(_behind_proxy, companies=companies),
        "power_user": people.plan_power,
        "headless": others.plan_headless,
        "old_or_new_version": _pinned_or_first,
        "accessibility": _assisted,
        "riding": harnesses.plan_riding,
        "relay_pool": harnesses.plan_relay,
        "person_on_harness": harnesses.plan_person_on_harness,
        "shared_account": others.plan_shared,
        "stolen_token": others.plan_stolen,
    }
    found |= {name: partial(harnesses.plan_harness, kind=name) for name in harnesses.DISGUISES}
    found |= {
        name: partial(harnesses.plan_declared, label=label_of(name))
        for name in ("declared_third_party", "permitted")
    }
    found |= {name: partial(others.plan_paying, auth=name) for name in ("api_key", "cloud")}
    return {one.name: found[one.name] for one in CLASSES}


def plan_name(rng: np.random.Generator, name: str) -> str:
    """Draw the plan that an account of class ``name`` pays for.

    Only ``permitted`` accounts and companies are on ``enterprise``.
    """
    if name in {"api_key", "cloud"}:
        return "payg"
    if name == "permitted":
        return "enterprise"
    if name == "corporate_proxy":
        return choose(rng, ("team", "enterprise"))
    weights = [0.2, 0.65, 0.15, 0.0] if name in {"power_user", "headless"} else [0.55, 0.3, 0.15, 0.0]
    return choose(rng, PLANS, weights)
