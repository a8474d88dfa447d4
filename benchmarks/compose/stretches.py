"""Stretches of time that are filled with sessions: nights of a scheduler, long days, pushes, drips.

Every function places sessions as ``(key, start, limit)``, seconds from the week's start.
"""

import numpy as np

from benchmarks.compose.machines import END, Placed
from benchmarks.compose.people import DAY, HOUR, World
from benchmarks.compose.sources import Deck

__all__ = ["drip", "fixed_hours", "long_days", "office", "pushes", "scheduled", "unbroken"]

MINUTE = 60.0


def scheduled(world: World, zone: float) -> list[Placed]:
    """Place what a person's own scheduler starts, by stretch: on half of the nights, or at lunch.

    One short session of one prompt every 10-60 min on the minute; a night lasts 5-8 h, a lunch 1-2 h.
    Half of the people leave the work of automated sessions to it, the others first turns of people's:
    automated sessions were recorded on other clients, whose contexts grow otherwise.

    Args:
        world: where sessions and chance come from.
        zone: hours from UTC.

    """
    rng, library = world.rng, world.library
    own = world.chance(0.5)
    deck = Deck(library.people if own else library.automated, rng)
    ends = library.first_turn() if own else np.full(len(library.length), np.inf)
    night = world.chance(0.75)
    dusk, hours = (rng.uniform(22, 25.5), (5, 8)) if night else (rng.uniform(11.5, 12.5), (1, 2))
    every = float(rng.choice((10, 15, 20, 30, 60) if night else (10, 15, 20))) * MINUTE
    count = int(np.clip(rng.binomial(7, 0.5), 2, 6))
    stretches = []
    for day in np.sort(rng.permutation(7)[:count]):
        begin = np.round((day * DAY + (dusk - zone) * HOUR) / MINUTE) * MINUTE
        ticks = np.arange(begin, begin + rng.uniform(*hours) * HOUR, every)
        starts = ticks + rng.uniform(0.3, 2.5, len(ticks))
        keys = deck.deal(len(ticks))
        stretches.append(
            [
                (int(key), float(start), float(start + min(every, 20 * MINUTE, ends[key])))
                for key, start in zip(keys, starts, strict=True)
                if 0 <= start < END
            ]
        )
    return [stretch for stretch in stretches if stretch]


def unbroken(world: World, deck: Deck, begin: float, end: float) -> Placed:
    """Place people's sessions one after another from ``begin`` to ``end`` (s), short breaks between."""
    placed: Placed = []
    start = begin
    while start < end - 600:
        key = int(deck.deal(1)[0])
        placed.append((key, start, end))
        start += min(float(world.library.length[key]), 3 * HOUR) + world.rng.uniform(1, 40) * MINUTE
    return placed


def long_days(world: World, terminals: int) -> Placed:
    """Place 12-hour days, 5 to 7 of them, at several terminals side by side."""
    rng, deck = world.rng, Deck(world.library.people, world.rng)
    dawn = rng.uniform(7, 10) - float(rng.choice((-8, -5, 0, 1, 2, 9)))
    placed: Placed = []
    for day in np.sort(rng.permutation(7)[: int(rng.integers(5, 8))]):
        begin = day * DAY + (dawn + rng.normal(0, 0.3)) * HOUR
        for _ in range(terminals):
            placed += unbroken(world, deck, begin + rng.uniform(0, HOUR), begin + 12 * HOUR)
    return placed


def pushes(world: World) -> Placed:
    """Place the jobs of pushes to a repository: 1-3 at once, at any hour, more on working days."""
    rng, library = world.rng, world.library
    busy = rng.uniform(2, 10)
    times = [day * DAY + rng.uniform(0, DAY, rng.poisson(busy if day < 5 else busy / 3)) for day in range(7)]
    starts = np.concatenate([*times, rng.uniform(0, END, 3)])
    starts = np.repeat(starts, rng.integers(1, 4, len(starts)))
    starts = np.sort(starts + rng.uniform(5, 40, len(starts)))
    keys = Deck(library.automated, rng).deal(len(starts))
    return [(int(key), float(start), END) for key, start in zip(keys, starts, strict=True)]


def office(world: World) -> Placed:
    """Place automated sessions between 9 and 18 local time, weekdays and weekends alike."""
    rng, deck = world.rng, Deck(world.library.automated, world.rng)
    zone, rate = float(rng.integers(-8, 10)), rng.uniform(8, 25)
    placed: Placed = []
    for day in range(7):
        begin = day * DAY + (9 - zone) * HOUR
        starts = np.sort(rng.uniform(begin, begin + 8.8 * HOUR, max(3, rng.poisson(rate))))
        keys = deck.deal(len(starts))
        placed += [
            (int(key), float(start), begin + 9 * HOUR) for key, start in zip(keys, starts, strict=True)
        ]
    return placed


def drip(world: World) -> Placed:
    """Place one to three requests every 20-60 min, round the clock."""
    rng = world.rng
    gaps = rng.uniform(20 * MINUTE, 60 * MINUTE, int(END / (20 * MINUTE)))
    starts = rng.uniform(0, DAY) + np.cumsum(gaps)
    starts = starts[starts < END]
    keys = Deck(world.library.automated, rng).deal(len(starts))
    counts = rng.integers(1, 4, len(starts))
    reach = np.stack([world.library.reach(count) for count in (1, 2, 3)])
    limits = np.minimum(starts + reach[counts - 1, keys], END)
    return [(int(k), float(s), float(e)) for k, s, e in zip(keys, starts, limits, strict=True)]


def fixed_hours(world: World, hours: np.ndarray, requests: int) -> Placed:
    """Place one automated session of at most so many requests at each of some hours, every day.

    Args:
        world: where sessions and chance come from.
        hours: of the day, UTC.
        requests: first requests of a session that are sent.

    """
    rng, library = world.rng, world.library
    starts = (np.arange(7)[:, None] * DAY + hours * HOUR).ravel()
    starts = np.sort(starts + rng.uniform(0.5, 3.0, len(starts)))
    keys = Deck(library.automated, rng).deal(len(starts))
    limits = np.minimum(starts + library.reach(requests)[keys], END)
    return [(int(k), float(s), float(e)) for k, s, e in zip(keys, starts, limits, strict=True)]
