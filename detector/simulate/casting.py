"""Which planner plays which class of account."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from detector.simulate import (
    calendars,
    clients,
    harnesses,
    operators,
    others,
    people,
    relays,
    schedulers,
    workplaces,
)
from detector.simulate.chance import choose
from detector.simulate.classes import CLASSES, label_of
from detector.simulate.operators import Operator
from detector.simulate.people import Company
from detector.simulate.plan import Book
from detector.simulate.reporting import draw_reporting

__all__ = ["Planner", "Shared", "draw_shared", "plan_name", "planners"]

PLANS = ("pro", "max", "team", "enterprise")
PINNED_RELEASES = 4
PEOPLE_TO_A_COMPANY = 12
PEOPLE_TO_AN_OFFICE = 3
ACCOUNTS_TO_A_FARM = 20

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
        rng, book, account, plan, reporting=company.reporting, company=company, release=company.release
    )


def _pinned_or_first(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    reporting = draw_reporting(rng, 0.75, 0.15)
    if rng.random() < 0.6:
        people.plan_person(
            rng, book, account, plan, reporting=reporting, release=int(rng.integers(PINNED_RELEASES))
        )
    else:
        moment = book.release + float(rng.exponential(3600.0))
        people.plan_person(
            rng,
            book,
            account,
            plan,
            release=clients.current_release(),
            follows=1.0,
            switch=moment,
            reporting=reporting,
        )


def _assisted(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    rhythm = "pasted" if rng.random() < 0.5 else "dictated"
    people.plan_person(rng, book, account, plan, reporting=draw_reporting(rng, 0.8, 0.12), rhythm=rhythm)


def _unreported(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    people.plan_person(rng, book, account, plan, reporting=draw_reporting(rng, 0.0, 0.65))


@dataclass(frozen=True)
class Shared:
    """What accounts have in common with each other.

    Attributes:
        companies: large ones, of which each account behind a proxy draws its own.
        offices: small ones, by number of the account.
        operators: of farms, by number of the account.

    """

    companies: list[Company] = field(default_factory=list)
    offices: Mapping[int, Company] = field(default_factory=dict)
    operators: Mapping[int, Operator] = field(default_factory=dict)


def draw_shared(rng: np.random.Generator, book: Book, names: Sequence[str]) -> Shared:
    """Draw what accounts share.

    Args:
        rng: source of chance.
        book: where addresses and wires are registered.
        names: class of each account, by its number.

    """
    numbers = {
        name: [number for number, each in enumerate(names) if each == name]
        for name in ("corporate_proxy", "tiny_company_proxy", "rotated_farm")
    }
    companies = people.companies(rng, book, 2 + len(numbers["corporate_proxy"]) // PEOPLE_TO_A_COMPANY)
    staff, farmed = numbers["tiny_company_proxy"], numbers["rotated_farm"]
    offices: dict[int, Company] = {}
    for group in np.array_split(staff, max(1, round(len(staff) / PEOPLE_TO_AN_OFFICE))):
        offices |= dict.fromkeys(group.tolist(), workplaces.draw_office(rng, book))
    farms: dict[int, Operator] = {}
    for group in np.array_split(farmed, max(1, round(len(farmed) / ACCOUNTS_TO_A_FARM))):
        farms |= dict.fromkeys(group.tolist(), operators.draw_operator(rng, book))
    return Shared(companies, offices, farms)


def _in_office(
    rng: np.random.Generator, book: Book, account: int, plan: str, *, offices: Mapping[int, Company]
) -> None:
    workplaces.plan_office(rng, book, account, plan, office=offices[account])


def _farmed(
    rng: np.random.Generator, book: Book, account: int, plan: str, *, farms: Mapping[int, Operator]
) -> None:
    operators.plan_farmed(rng, book, account, plan, operator=farms[account])


def planners(shared: Shared) -> dict[str, Planner]:
    """Return the planner of every class.

    >>> list(planners(Shared())) == [one.name for one in CLASSES]
    True
    """
    found: dict[str, Planner] = {
        "interactive": _interactive,
        "telemetry_off": _unreported,
        "corporate_proxy": partial(_behind_proxy, companies=shared.companies),
        "power_user": people.plan_power,
        "headless": others.plan_headless,
        "old_or_new_version": _pinned_or_first,
        "accessibility": _assisted,
        "riding": harnesses.plan_riding,
        "relay_pool": relays.plan_relay,
        "person_on_harness": harnesses.plan_person_on_harness,
        "shared_account": others.plan_shared,
        "stolen_token": others.plan_stolen,
        "official_scheduler": schedulers.plan_scheduler,
        "all_nighter": calendars.plan_all_nighter,
        "editor_desktop": workplaces.plan_editor,
        "ci_action": schedulers.plan_action,
        "remote_dev_box": workplaces.plan_remote_box,
        "traveller": calendars.plan_traveller,
        "many_terminals": workplaces.plan_many_terminals,
        "tiny_company_proxy": partial(_in_office, offices=shared.offices),
        "new_product": workplaces.plan_new_product,
        "rotated_farm": partial(_farmed, farms=shared.operators),
        "declared_unlisted": partial(harnesses.plan_declared, label="declared_third_party", table="unlisted"),
        "slow_drip": operators.plan_slow_drip,
        "light_rider": operators.plan_light_rider,
        "office_hours_imitation": operators.plan_office_hours,
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
    heavy = name in {"power_user", "headless", "many_terminals", "ci_action"}
    weights = [0.2, 0.65, 0.15, 0.0] if heavy else [0.55, 0.3, 0.15, 0.0]
    return choose(rng, PLANS, weights)
