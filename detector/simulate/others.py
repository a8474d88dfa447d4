"""Actors that are neither one person at a terminal nor a harness: jobs, sharers, thieves, paying users."""

from dataclasses import replace
from typing import Any

import numpy as np

from detector.simulate import people, places, stacks
from detector.simulate.chance import choose
from detector.simulate.habits import Machine, draw_habits, sit_down
from detector.simulate.harnesses import schedule
from detector.simulate.people import own_actor, plan_person
from detector.simulate.plan import Actor, Book, Floats
from detector.simulate.reporting import Reporting, draw_reporting

__all__ = ["plan_headless", "plan_paying", "plan_shared", "plan_stolen"]

HOUR = 3600.0
DAY = 86400.0


def _job_times(rng: np.random.Generator, book: Book, kind: str) -> Floats:
    """Draw starts of unattended jobs: on cron, or in bursts of a CI system in working hours (s)."""
    if kind == "cron":
        return schedule(rng, book, "cron", 200.0, choose(rng, (14.0, 60.0, 170.0, 340.0)) * book.activity)
    begin = float(rng.uniform(0, DAY)) + DAY * np.arange(book.days)
    begin = begin[(np.arange(book.days) + book.weekday) % 7 < 5]
    if not begin.size:
        begin = np.array([0.0])
    pushes = 1 + rng.poisson(6 * book.activity, begin.size)
    push = np.repeat(begin, pushes) + rng.uniform(0, 9 * HOUR, int(pushes.sum()))
    jobs = rng.integers(1, 5, push.size)
    return np.repeat(push, jobs) + rng.exponential(6.0, int(jobs.sum()))


def plan_headless(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan the own CLI in print mode or the vendor's SDK: cron, CI or a batch; often beside a person."""
    reporting = draw_reporting(rng, 0.45, 0.35)
    kind = choose(rng, ("cron", "ci", "batch"), (0.4, 0.4, 0.2))
    entry = choose(
        rng, ("sdk-cli", "sdk-py, agent-sdk/0.2.187", "sdk-ts, agent-sdk/0.2.187"), (0.6, 0.25, 0.15)
    )
    place = places.draw_place(rng)
    hosted = kind == "ci" or rng.random() < 0.4
    network = places.hosting_network(book, rng) if hosted else places.home_network(book, rng, place)
    actor = own_actor(
        rng,
        account,
        network,
        plan,
        reporting=reporting,
        rhythm="headless",
        helper=0.0,
        context=float(rng.uniform(14000, 26000)),
    )
    machine = people.set_up(rng, book, actor, entry=entry, follows=0.6)
    if kind == "batch":
        start = schedule(
            rng, book, "queue", 150.0, float(np.exp(3.6 + 0.6 * rng.standard_normal())) * book.activity
        )
    else:
        start = _job_times(rng, book, kind)
    start = start[start < book.seconds]
    device: Any = -1
    if hosted or rng.random() < 0.3:
        device = np.array(
            [book.devices.code(one) for one in people.device_ids(rng, start.size)], dtype=np.int64
        )
    networks: Any = -1
    if kind == "ci":
        pool = np.array([places.hosting_network(book, rng) for _ in range(6)])
        networks = pool[rng.integers(0, pool.size, start.size)]
    book.add(
        machine.at(start),
        book.sessions(start.size),
        start,
        start + 3 * HOUR,
        length=1.0,
        network=networks,
        device=device,
    )
    if rng.random() < 0.35:
        plan_person(rng, book, account, plan, reporting=reporting, place=place)


def plan_shared(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan two to five people on one account, each with an own machine, network and country."""
    for _ in range(int(rng.integers(2, 6))):
        reporting = draw_reporting(rng, 0.85, 0.1)
        place = places.draw_place(rng)
        habits = draw_habits(rng, book, place.hours, light=0.1)
        plan_person(rng, book, account, plan, reporting=reporting, place=place, habits=habits, label="watch")


def plan_stolen(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan genuine use, then a burst from another country by somebody who took the token."""
    home = places.draw_place(rng)
    habits = draw_habits(rng, book, home.hours, light=0.0)
    plan_person(rng, book, account, plan, place=home, habits=habits)
    away = places.draw_place(rng, other_than=home.country)
    hosted = rng.random() < 0.5
    network = (
        places.hosting_network(book, rng, away.country) if hosted else places.home_network(book, rng, away)
    )
    reporting = draw_reporting(rng, 0.5, 0.5)
    thief = people.set_up(
        rng, book, own_actor(rng, account, network, plan, reporting=reporting, label="watch")
    )
    begin = book.seconds * rng.uniform(0.5, 0.9)
    start = begin + rng.uniform(0, rng.uniform(3, 36) * HOUR, int(rng.integers(6, 30)))
    book.add(thief.at(start), book.sessions(start.size), start, start + 4 * HOUR, length=1.5)


def plan_paying(rng: np.random.Generator, book: Book, account: int, plan: str, *, auth: str) -> None:
    """Plan an account that pays per use: SDK programs, or the own CLI with a key."""
    place = places.draw_place(rng)
    label = "out_of_scope"
    if rng.random() < 0.3:
        plan_person(
            rng,
            book,
            account,
            plan,
            place=place,
            auth=auth,
            label=label,
            reporting=Reporting.ON if auth == "api_key" else Reporting.OFF,
        )
        return
    client = stacks.tool(book, rng, "sdks")
    rhythm = choose(rng, ("harness", "headless", "third_party", "scripted"))
    actor: Actor = own_actor(
        rng,
        account,
        places.hosting_network(book, rng),
        plan,
        reporting=Reporting.OFF,
        auth=auth,
        label=label,
        rhythm=rhythm,
        device=None,
        sessions=False,
        retry="sdk",
        tools=people.tools_hash(rng, "", 0.9),
        caching=bool(rng.random() < 0.5),
        stream=bool(rng.random() < 0.4),
        context=float(rng.uniform(500, 9000)),
    )
    actor = replace(actor, client=client)
    if rhythm == "third_party":
        code = book.actor(actor)
        sit_down(rng, book, draw_habits(rng, book, place.hours), [Machine(code, code, np.inf)])
        return
    kind = choose(rng, ("queue", "swarm", "cron", "office", "campaign"))
    start = schedule(rng, book, kind, 240.0, float(np.exp(3.8 + 0.8 * rng.standard_normal())) * book.activity)
    book.add(book.actor(actor), book.sessions(start.size), start, start + 6 * HOUR, length=1.0)
