"""People whose calendar is unusual: nights worked through, and days in several time zones."""

from dataclasses import replace

import numpy as np

from detector.simulate import people, places
from detector.simulate.habits import Habits, draw_habits, during, sit_down
from detector.simulate.places import Place
from detector.simulate.plan import Book
from detector.simulate.reporting import draw_reporting

__all__ = ["plan_all_nighter", "plan_traveller"]

HOUR = 3600.0
BLOCK_H = 2.0
REST_H = 8.0
LEGS = 3
APART_H = 4.5


def plan_all_nighter(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan an ordinary person with one or two stretches of 30 to 40 hours."""
    place = places.draw_place(rng)
    habits = draw_habits(rng, book, place.hours, active=(0.6, 0.95), light=0.0)
    ordinary, stretches = _stretches(rng, book, habits)
    person = people.plan_person(
        rng, book, account, plan, reporting=draw_reporting(rng), place=place, habits=ordinary
    )
    sit_down(rng, book, stretches, person.machines)


def _stretches(rng: np.random.Generator, book: Book, habits: Habits) -> tuple[Habits, Habits]:
    """Return the ordinary days that remain, and the stretches in blocks that follow without a rest."""
    fits = np.flatnonzero((habits.begin >= 0) & (habits.begin + 40 * HOUR < book.seconds))
    if not fits.size:
        fits = np.array([int(np.argmax(habits.begin >= 0))])
    kept = np.ones(habits.begin.size, dtype=bool)
    blocks: list[float] = []
    ends: list[float] = []
    for day in rng.permutation(fits)[: int(rng.integers(1, 3))]:
        if not kept[day]:
            continue
        begin = float(habits.begin[day])
        end = begin + rng.uniform(31.0, 40.0) * HOUR
        if any(begin < other + REST_H * HOUR and end > other - REST_H * HOUR for other in blocks):
            continue
        kept &= (habits.end <= begin) | (habits.begin >= end + REST_H * HOUR)
        start = np.arange(begin, end - BLOCK_H * HOUR, BLOCK_H * HOUR)
        blocks += start.tolist()
        ends += np.minimum(start + 1.5 * BLOCK_H * HOUR, end).tolist()
    ordinary = replace(habits, begin=habits.begin[kept], end=habits.end[kept])
    return ordinary, Habits(np.array(blocks), np.array(ends), daily=1.0, length=habits.length, resume=0.0)


def plan_traveller(rng: np.random.Generator, book: Book, account: int, plan: str) -> None:
    """Plan a person with one machine in three countries far apart, a third of the period in each."""
    stops = _stops(rng)
    networks = [places.home_network(book, rng, stop) for stop in stops]
    base = people.own_actor(rng, account, networks[0], plan, reporting=draw_reporting(rng))
    machine = people.set_up(rng, book, base)
    days = [
        draw_habits(rng, book, stop.hours, active=(0.85, 1.0), daily=5.0, day_h=(13.0, 1.0), light=0.0)
        for stop in stops
    ]
    leg = book.seconds / LEGS
    # The first hours of a leg are a flight, and the night after it.
    legs = [
        during(habits, number * leg + (REST_H * HOUR if number else 0.0), (number + 1) * leg)
        for number, habits in enumerate(days)
    ]
    if not any(habits.begin.size for habits in legs):
        legs[0] = days[0]
    for habits, network, stop in zip(legs, networks, stops, strict=True):
        others = (places.mobile_network(book, rng, stop),)
        sit_down(rng, book, habits, [machine], networks=others, home=network)


def _stops(rng: np.random.Generator) -> list[Place]:
    """Draw three countries whose clocks are at least ``APART_H`` from each other."""
    while True:
        stops = [places.draw_place(rng) for _ in range(LEGS)]
        apart = [
            min((stop.hours - other.hours) % 24, (other.hours - stop.hours) % 24)
            for number, stop in enumerate(stops)
            for other in stops[:number]
        ]
        if min(apart) >= APART_H and len({stop.country for stop in stops}) == LEGS:
            return stops
