"""Own clients that nobody sits at: a person's own scheduler, and the official action on a code forge."""

import numpy as np

from detector.simulate import people, places
from detector.simulate.chance import choose
from detector.simulate.data import load
from detector.simulate.habits import draw_habits
from detector.simulate.plan import Book, Floats
from detector.simulate.reporting import draw_reporting

__all__ = ["plan_action", "plan_scheduler"]

MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0
INTERVALS = (10, 15, 20, 30, 60)
MOST_RUNS = 48
NIGHTS = 0.5


def plan_scheduler(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a person who leaves the own client working on a schedule, at night or at lunch.

    Machine, address, entry point and telemetry are those of the person's day.
    """
    place = places.draw_place(rng)
    habits = draw_habits(rng, book, place.hours, light=0.35)
    person = people.plan_person(
        rng, book, account, plan, reporting=draw_reporting(rng), place=place, habits=habits, roams=0.0
    )
    rhythm = choose(rng, ("harness", "scripted"))
    machine = people.variant(book, person.machines[0], rhythm=rhythm, subagents=0.0)
    start, until = _runs(rng, book, place.hours)
    book.add(machine.at(start), book.sessions(start.size), start, until, length=0.0)


def _runs(rng: np.random.Generator, book: Book, hours: float) -> tuple[Floats, Floats]:
    """Draw start and end of scheduled runs (s): each starts on the minute and ends before the next one.

    A scheduler or a loop keeps its interval; a queue takes its tasks 10 to 60 minutes apart.
    """
    if rng.random() < 0.8:
        usual, span = float(rng.uniform(20.0, 25.5)), rng.uniform(5.0, 8.0) * HOUR
    else:
        usual, span = float(rng.uniform(11.5, 13.0)), rng.uniform(1.0, 2.5) * HOUR
    day = np.arange(-1, book.days + 1)
    moment = (day * 24.0 + usual - hours) * HOUR + rng.uniform(0.0, 0.5 * HOUR, day.size)
    moment = moment[(moment >= 0) & (moment < book.seconds)]
    on = rng.random(moment.size) < NIGHTS
    if not on.any():
        on[int(rng.integers(moment.size))] = True
    begin = np.ceil(moment[on] / MINUTE)
    shape = (begin.size, MOST_RUNS)
    queue = rng.random() < 0.3
    step = rng.integers(10, 61, shape) if queue else np.full(shape, choose(rng, INTERVALS))
    if not queue and rng.random() < 0.5:
        # A scheduler keeps to the clock, a loop counts from when it was started.
        begin = np.ceil(begin / step[0, 0]) * step[0, 0]
    run = begin[:, None] + np.cumsum(step, axis=1) - step
    inside = (run - begin[:, None]) * MINUTE < span
    start = run[inside] * MINUTE + rng.uniform(0.3, 1.8, int(inside.sum()))
    return start, start + step[inside] * MINUTE - 5.0


def plan_action(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan the official action on a code forge: fresh machines of a data centre, on pushes at any hour."""
    reporting = draw_reporting(rng)
    addresses = np.array([places.hosting_network(book, rng) for _ in range(8)])
    base = people.own_actor(
        rng,
        account,
        int(addresses[0]),
        plan,
        reporting=reporting,
        rhythm="headless",
        helper=0.0,
        context=float(rng.uniform(14000, 26000)),
    )
    entry = load("clients.toml")["first_party"]["entries"]["action"]
    machine = people.set_up(rng, book, base, entry=entry, follows=0.9)
    start = _pushes(rng, book)
    devices = [book.devices.code(device) for device in people.device_ids(rng, start.size)]
    book.add(
        machine.at(start),
        book.sessions(start.size),
        start,
        start + 3 * HOUR,
        network=addresses[rng.integers(0, addresses.size, start.size)],
        device=np.array(devices, dtype=np.int64),
    )
    if rng.random() < 0.4:
        people.plan_person(rng, book, account, plan, reporting=reporting)


def _pushes(rng: np.random.Generator, book: Book) -> Floats:
    """Draw starts of jobs (s): one to three on each push, pushes at any hour, fewer at the weekend."""
    day = np.arange(book.days)
    weekend = (day + book.weekday) % 7 >= 5
    daily = float(np.exp(np.log(8.0) + 0.6 * rng.standard_normal())) * book.activity
    count = rng.poisson(np.where(weekend, 0.4, 1.0) * daily)
    count[int(rng.integers(day.size))] += 1
    push = np.repeat(day * DAY, count) + rng.uniform(0.0, DAY, int(count.sum()))
    jobs = rng.integers(1, 4, push.size)
    start: Floats = np.repeat(push, jobs) + rng.exponential(6.0, int(jobs.sum()))
    return start
