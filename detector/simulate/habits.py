"""When people work: active days, hours, rests, sessions and their resumption."""

from dataclasses import dataclass, replace

import numpy as np

from detector.simulate.plan import Book, Bools, Floats, Ints

__all__ = ["Habits", "Machine", "draw_habits", "during", "outside", "sit_down"]

HOUR = 3600.0
DAY = 86400.0
LONGEST_DAY_H = 15.5
SHORTEST_REST_H = 7.5


@dataclass(frozen=True, slots=True)
class Habits:
    """When a person works.

    Attributes:
        begin, end: first and last second of each active day, from the start of the period.
        daily: mean sessions an active day.
        length: factor on the turns of a session.
        resume: chance that a session is taken up again.

    """

    begin: Floats
    end: Floats
    daily: float
    length: float
    resume: float = 0.12


@dataclass(frozen=True, slots=True)
class Machine:
    """Actors of one installation: before and after it takes the new release (s)."""

    before: int
    after: int
    switch: float

    def at(self, start: Floats) -> Ints:
        """Actor for sittings that start at ``start``."""
        return np.where(start >= self.switch, self.after, self.before).astype(np.int64)


def draw_habits(
    rng: np.random.Generator,
    book: Book,
    hours: float,
    *,
    active: tuple[float, float] = (0.4, 0.95),
    daily: float = 2.4,
    day_h: tuple[float, float] = (9.5, 2.2),
    light: float = 0.22,
) -> Habits:
    """Draw when a person works: every active day leaves a rest of at least seven hours.

    Args:
        rng: source of chance.
        book: tells length and first weekday of the period.
        hours: offset of the person's time zone from UTC (h).
        active: range of the chance that a working day is active.
        daily: median of the mean sessions an active day.
        day_h: mean and deviation of the hours from the first to the last request of a day.
        light: chance of a light user, with a handful of sessions.

    """
    owl = rng.random() < 0.12
    begin_h = (13.0 if owl else 9.0) + 1.3 * rng.standard_normal()
    length_h = float(np.clip(rng.normal(*day_h), 3.0, LONGEST_DAY_H))
    chance = rng.uniform(*active)
    factor = float(np.exp(0.35 * rng.standard_normal()))
    if rng.random() < light:
        chance, daily, factor = rng.uniform(0.05, 0.25), 0.7, 0.6 * factor
    day = np.arange(-1, book.days + 1)
    weekend = (day + book.weekday) % 7 >= 5
    free = rng.uniform(0.05, 0.5)
    on = rng.random(day.size) < np.where(weekend, chance * free, chance)
    if not on[1:-1].any():
        on[int(rng.integers(1, day.size - 1))] = True
    day = day[on]
    usual = (day * 24.0 + begin_h - hours) * HOUR
    if not ((usual >= 0) & (usual < book.seconds - 2 * HOUR)).any():
        usual = np.sort(np.append(usual, rng.uniform(0.0, 0.6) * book.seconds))
    begin = usual + HOUR * rng.uniform(0.3, 1.1) * np.clip(rng.standard_normal(usual.size), -1.0, 1.8)
    late = np.where(rng.random(usual.size) < 0.1, rng.uniform(1.0, 4.0, usual.size), 0.0)
    span = np.clip(length_h + rng.normal(0, 1.2, usual.size) + late, 1.5, LONGEST_DAY_H) * HOUR
    # Hours of the day stay within a band, and every night leaves a rest.
    end = np.minimum(begin + span, usual + LONGEST_DAY_H * HOUR)
    end[:-1] = np.minimum(end[:-1], begin[1:] - SHORTEST_REST_H * HOUR)
    return Habits(begin, end, daily * float(np.exp(0.5 * rng.standard_normal())), factor)


def during(habits: Habits, begin: float, end: float) -> Habits:
    """Return the days of ``habits`` that lie between two moments (s), whole."""
    inside = (habits.begin >= begin) & (habits.end <= end)
    return replace(habits, begin=habits.begin[inside], end=habits.end[inside])


def outside(habits: Habits, moment: Floats) -> Bools:
    """Whether each moment lies outside the hours that a person works."""
    slot = np.searchsorted(habits.begin, moment, side="right") - 1
    inside = (slot >= 0) & (moment < habits.end[np.maximum(slot, 0)])
    return ~inside


def sit_down(
    rng: np.random.Generator,
    book: Book,
    habits: Habits,
    machines: list[Machine],
    *,
    networks: tuple[int, ...] = (),
    home: int = -1,
    session: int | None = None,
) -> None:
    """Add a person's sittings: sessions within the active hours, some of them resumed.

    Args:
        rng: source of chance.
        book: where they are added.
        habits: when the person works.
        machines: installations that the person works at, the first one mostly.
        networks: codes of addresses beside the usual one, chosen day by day.
        home: code of the usual address, -1 for the actor's own.
        session: number of the one session that all sittings share, null where each is a session.

    """
    count = 1 + rng.poisson(max(habits.daily * book.activity - 0.7, 0.05), habits.begin.size)
    day = np.repeat(np.arange(count.size), count)
    span = habits.end[day] - habits.begin[day]
    start = habits.begin[day] + span * rng.beta(1.0, 1.6, day.size) * 0.97
    until = habits.end[day] + 0.0
    number = book.sessions(day.size) if session is None else np.full(day.size, session)
    length = habits.length * np.exp(0.2 * rng.standard_normal(day.size))
    share = np.array([0.7 if index == 0 else 0.3 / (len(machines) - 1) for index in range(len(machines))])
    which = (
        rng.choice(len(machines), size=day.size, p=share / share.sum())
        if len(machines) > 1
        else np.zeros(day.size, int)
    )

    again = np.flatnonzero(rng.random(day.size) < habits.resume)
    later = np.minimum(day[again] + rng.integers(0, 2, again.size), count.size - 1)
    back = habits.begin[later] + (habits.end[later] - habits.begin[later]) * rng.random(again.size)
    fine = back > start[again] + HOUR
    again, later, back = again[fine], later[fine], back[fine]
    # The first sitting ends before the session is taken up again.
    until[again] = np.minimum(until[again], back - 0.3 * HOUR)

    all_day = np.concatenate([day, later])
    all_start = np.concatenate([start, back])
    all_until = np.concatenate([until, habits.end[later]])
    all_which = np.concatenate([which, which[again]])
    actor = (
        np.choose(all_which, [machine.at(all_start) for machine in machines])
        if len(machines) > 1
        else machines[0].at(all_start)
    )
    network: Ints | int = home
    if networks:
        codes = np.array([home, *networks])
        weights = np.array([0.65] + [0.35 / len(networks)] * len(networks))
        network = codes[rng.choice(codes.size, size=habits.begin.size, p=weights)][all_day]
    book.add(
        actor,
        np.concatenate([number, number[again]]),
        all_start,
        all_until,
        length=np.concatenate([length, 0.7 * length[again]]),
        network=network,
    )
