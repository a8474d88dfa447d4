"""Harnesses that look mild: spread over many accounts, rare, light, or asleep at night."""

from dataclasses import dataclass, replace

import numpy as np

from detector.simulate import people, places
from detector.simulate.chance import choose
from detector.simulate.habits import draw_habits
from detector.simulate.harnesses import harness_actor
from detector.simulate.plan import Actor, Book, Floats
from detector.simulate.reporting import draw_reporting

__all__ = [
    "Operator",
    "draw_operator",
    "plan_farmed",
    "plan_light_rider",
    "plan_office_hours",
    "plan_slow_drip",
]

MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0
SILENT = ("spoofed_partial", "spoofed_full", "imitation")


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """Somebody who spreads jobs over many accounts.

    Attributes:
        program: what runs on each of them; ``account`` and ``plan`` are theirs.
        slots: second of the day at which each job starts.

    """

    program: Actor
    slots: Floats


def draw_operator(rng: np.random.Generator, book: Book) -> Operator:
    """Draw an operator: one program on one address, two to five jobs a day."""
    program = harness_actor(
        rng,
        book,
        0,
        "max",
        choose(rng, SILENT),
        network=places.hosting_network(book, rng),
        rhythm=choose(rng, ("harness", "scripted")),
        subagents=0.0,
    )
    slots = rng.choice(24 * 12, size=int(rng.integers(2, 6)), replace=False) * 5 * MINUTE
    return Operator(program, np.sort(slots).astype(np.float64))


def plan_farmed(rng: np.random.Generator, book: Book, account: int, plan: str, *, operator: Operator) -> None:
    """Plan one account of a farm: a few short sessions a day, the same on all accounts of ``operator``."""
    program = operator.program
    device = program.device and people.device_ids(rng, 1)[0]
    code = book.actor(replace(program, account=account, plan=plan, device=device))
    start = (np.arange(book.days)[:, None] * DAY + operator.slots).ravel()
    start += rng.exponential(20.0, start.size)
    book.add(code, book.sessions(start.size), start, start + 12 * MINUTE, length=0.0)


def plan_slow_drip(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a harness that makes one to three requests every 20 to 60 minutes, round the clock."""
    actor = harness_actor(rng, book, account, plan, choose(rng, SILENT), rhythm="drip", subagents=0.0)
    usual = rng.uniform(22.0, 55.0) * MINUTE
    spread = choose(rng, (0.0, 0.15, 0.4))
    step = usual * np.exp(spread * rng.standard_normal(int(book.seconds // (20 * MINUTE)) + 1))
    start = rng.uniform(0.0, usual) + np.cumsum(np.clip(step, 20 * MINUTE, 60 * MINUTE))
    if not (start < book.seconds).any():
        start[0] = 0.5 * book.seconds
    session = book.sessions(1) if rng.random() < 0.5 else book.sessions(start.size)
    book.add(book.actor(actor), session, start, start + 10 * MINUTE, length=0.0)


def plan_light_rider(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a busy person's account with a harness on it that makes few requests, at fixed hours."""
    place = places.draw_place(rng)
    habits = draw_habits(
        rng,
        book,
        place.hours,
        active=(0.8, 1.0),
        daily=float(rng.uniform(5, 9)),
        day_h=(11.5, 1.5),
        light=0.0,
    )
    habits = replace(habits, daily=max(habits.daily, 5.0), length=max(habits.length, 1.0))
    people.plan_person(
        rng, book, account, plan, reporting=draw_reporting(rng, 0.85, 0.1), place=place, habits=habits
    )
    rider = harness_actor(rng, book, account, plan, choose(rng, SILENT), rhythm="scripted", subagents=0.0)
    slots = rng.choice(24 * 4, size=int(rng.integers(1, 3)), replace=False) * 15 * MINUTE
    start = (np.arange(book.days)[:, None] * DAY + slots).ravel()
    start += 0.5 + rng.exponential(2.0, start.size)
    book.add(book.actor(rider), book.sessions(start.size), start, start + 10 * MINUTE, length=0.0)


def plan_office_hours(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a harness with genuine headers that works from 9 to 18 every day, and never at night."""
    place = places.draw_place(rng)
    actor = harness_actor(
        rng,
        book,
        account,
        plan,
        "imitation",
        network=places.home_network(book, rng, place),
        rhythm=choose(rng, ("harness", "scripted")),
    )
    daily = max(2, round(float(rng.uniform(6, 24)) * book.activity))
    midnight = np.repeat(np.arange(-1.0, book.days + 1.0), daily) * DAY - place.hours * HOUR
    start = midnight + rng.uniform(9.0, 17.8, midnight.size) * HOUR
    until: Floats = midnight + 18.0 * HOUR
    book.add(book.actor(actor), book.sessions(start.size), start, until, length=1.0)
