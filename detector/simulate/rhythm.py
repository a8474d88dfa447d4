"""From sittings to the times of requests, for many accounts at once.

Every gap, length and duration is drawn from the mixtures of ``rhythm.toml``;
nothing here loops over requests. Times are seconds, durations too.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from detector.simulate.data import load
from detector.simulate.plan import Actor, Bools, Floats, Ints, Sittings

__all__ = ["Steps", "Traits", "draw_steps"]

RETRIES = ("client", "sdk", "eager", "fixed")
FIRST_BACKOFF_S = 0.5
LONGEST_PAUSE_S = 6 * 3600.0


@cache
def profile_names() -> tuple[str, ...]:
    """Names of the rhythm profiles, in file order."""
    return tuple(load("rhythm.toml"))


def _table(section: str, key: str) -> Floats:
    return np.array([load("rhythm.toml")[name][section][key] for name in profile_names()], dtype=np.float64)


def _column(key: str) -> Floats:
    return np.array([load("rhythm.toml")[name][key] for name in profile_names()], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Traits:
    """What the expansion needs of each actor, as columns by actor index."""

    profile: Ints
    errors: Floats
    retry: Ints
    pace: Floats
    subagents: Floats

    @classmethod
    def of(cls, actors: list[Actor]) -> "Traits":
        """Collect the traits of ``actors``."""
        profiles = {name: index for index, name in enumerate(profile_names())}
        return cls(
            np.array([profiles[one.rhythm] for one in actors], dtype=np.int64),
            np.array([one.errors for one in actors]),
            np.array([RETRIES.index(one.retry) for one in actors], dtype=np.int64),
            np.array([one.pace for one in actors]),
            np.array([one.subagents for one in actors]),
        )


@dataclass(frozen=True, slots=True)
class Steps:
    """Model requests, ordered by sitting and time.

    Attributes:
        sitting: index of the sitting.
        start: arrival (s from the start of the period).
        duration: arrival to last byte (s).
        output: output tokens, 0 where the attempt failed.
        human: first request of a turn.
        last: last request of its turn.
        attempt: 0 for the first attempt, counting up.
        failed: whether the attempt was refused or broke.
        child: made by a sub-agent that runs beside its parent.
        length: number of requests that the turn was to have.

    """

    sitting: Ints
    start: Floats
    duration: Floats
    output: Ints
    human: Bools
    last: Bools
    attempt: Ints
    failed: Bools
    child: Bools
    length: Ints


def _mixture(rng: np.random.Generator, section: str, profile: Ints) -> Floats:
    """Draw a pause for each row from its profile's mixture (s)."""
    one, two, _ = np.cumsum(_table(section, "weights"), axis=1).T
    draw = rng.random(profile.size)
    code = profile * 3 + (draw >= one[profile]) + (draw >= two[profile])
    sigma = _table(section, "sigmas").ravel()[code]
    sigma *= rng.standard_normal(profile.size)
    np.exp(sigma, out=sigma)
    pauses: Floats = np.minimum(_table(section, "medians").ravel()[code] * sigma, LONGEST_PAUSE_S)
    return pauses


def _count(rng: np.random.Generator, section: str, profile: Ints, factor: Floats | float = 1.0) -> Ints:
    """Draw a whole number of at least 1 for each row from its profile's lognormal."""
    median, sigma, cap = (_table(section, key)[profile] for key in ("median", "sigma", "cap"))
    value = np.rint(median * factor * np.exp(sigma * rng.standard_normal(profile.size)))
    return np.clip(value, 1, cap).astype(np.int64)


def _running_sum(value: Floats, first: Ints, rows: Ints) -> Floats:
    """Cumulative sum of ``value`` that starts anew at each group's first row; groups have ``rows`` each."""
    total = np.cumsum(value)
    return total - np.repeat(total[first] - value[first], rows)


def _expand(rng: np.random.Generator, sittings: Sittings, traits: Traits, *, child: bool) -> Steps:
    actor = sittings.actor
    count = actor.size
    profile = traits.profile[actor]
    turns = np.where(sittings.length > 0, _count(rng, "turns", profile, np.maximum(sittings.length, 1e-9)), 1)
    of_turn = np.repeat(np.arange(count), turns)
    lengths = _count(rng, "steps", profile[of_turn])
    planned = int(lengths.sum())
    errors = np.repeat(traits.errors[actor][of_turn], lengths)
    tries = np.where(rng.random(planned) < errors, 2 + (rng.random(planned) < 0.3), 1)

    # From here on a row is an attempt. Repeating what a sitting has is faster than looking it up by row.
    before = np.cumsum(lengths) - lengths
    in_turn = np.add.reduceat(tries, before)
    in_sitting = np.add.reduceat(in_turn, np.cumsum(turns) - turns)
    first = np.cumsum(in_sitting) - in_sitting
    step = np.repeat(np.arange(planned), tries)
    size = step.size
    attempt = np.arange(size) - (np.cumsum(tries) - tries)[step]
    failed = attempt < tries[step] - 1
    place = step - np.repeat(before, in_turn)
    length = np.repeat(lengths, in_turn)
    sitting = np.repeat(np.arange(count), in_sitting)
    kind = np.repeat(profile, in_sitting)

    noise = rng.standard_normal((2, size))
    output = np.exp(_table("output", "sigma")[kind] * noise[0]) * _table("output", "median")[kind]
    output = np.where(failed, 0, np.clip(output, 1, 32000)).astype(np.int64)
    pace = np.repeat(traits.pace[actor], in_sitting)
    answer = _column("first_byte_s")[kind] + _column("token_s")[kind] * output * pace
    duration = np.where(failed, 0.15 + 0.6 * rng.random(size), answer * np.exp(0.3 * noise[1]))

    spread = _column("spread")[profile]
    tempo = np.exp(spread * rng.standard_normal(count))
    patience = np.exp(spread * rng.standard_normal(count))
    human = place == 0
    idle = _mixture(rng, "tool", kind) * np.repeat(tempo, in_sitting)
    opening = np.flatnonzero(human & (attempt == 0))
    pauses = _mixture(rng, "pause", kind[opening]) * patience[sitting[opening]]
    read = output[np.maximum(opening - 1, 0)] * _column("reading")[kind[opening]]
    idle[opening] = pauses + read * rng.random(opening.size)
    again = np.flatnonzero(attempt > 0)
    style = traits.retry[actor[sitting[again]]]
    backoff = FIRST_BACKOFF_S * 2.0 ** (attempt[again] - 1) * (1 + 0.25 * rng.random(again.size))
    idle[again] = np.select([style <= 1, style == 2], [backoff, 0.02 + 0.1 * rng.random(again.size)], 5.0)

    idle[1:] += duration[:-1]
    idle[first] = 0.0
    start = np.repeat(sittings.start, in_sitting) + _running_sum(idle, first, in_sitting)

    keep = start < np.repeat(sittings.until, in_sitting)
    return Steps(
        sitting=sitting[keep],
        start=start[keep],
        duration=duration[keep],
        output=output[keep],
        human=human[keep],
        last=(place == length - 1)[keep],
        attempt=attempt[keep],
        failed=failed[keep],
        child=np.full(int(keep.sum()), child),
        length=length[keep],
    )


def _children(
    rng: np.random.Generator, steps: Steps, sittings: Sittings, traits: Traits
) -> tuple[Sittings, Ints]:
    """Sittings of the sub-agents that some turns spawn, with the parent sitting of each."""
    actor = sittings.actor[steps.sitting]
    able = ~steps.failed & ~steps.last & steps.human & (steps.length >= 3)
    row = np.flatnonzero(able & (rng.random(actor.size) < traits.subagents[actor]))
    row = np.repeat(row, rng.integers(1, 5, row.size))
    parent = steps.sitting[row]
    start = steps.start[row] + steps.duration[row] + 0.05 + 1.5 * rng.random(row.size)
    made = Sittings(
        actor=sittings.actor[parent],
        session=sittings.session[parent],
        start=start,
        until=sittings.until[parent],
        length=np.zeros(row.size),
        network=sittings.network[parent],
        device=sittings.device[parent],
    )
    return made, parent


def draw_steps(rng: np.random.Generator, sittings: Sittings, traits: Traits) -> tuple[Steps, Steps | None]:
    """Draw every model request of ``sittings``.

    Returns:
        The requests of the sittings themselves, and those of sub-agents (null where there are none),
        whose ``sitting`` is the parent's.

    """
    steps = _expand(rng, sittings, traits, child=False)
    made, parent = _children(rng, steps, sittings, traits)
    if not made.actor.size:
        return steps, None
    inner = _expand(rng, made, traits, child=True)
    return steps, replace(inner, sitting=parent[inner.sitting])
