"""Pictures of the page as SVG paths: short, without colour or text of their own.

A case may be one of a thousand, so a picture is a few paths whose runs of equal height are
one step. The page's style sheet gives colours and scale, and what pictures share (days,
hours, marks) stands in the page once.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

__all__ = ["DAYS", "LEVELS", "Hour", "Profile", "Strip", "profile", "strip", "window"]

DAYS = 28
"""Days that a picture shows at most."""

LEVELS = 4
"""Steps of a bar's height."""

PITCH = 9
"""Units from a day's line to the next; a bar takes ``LEVELS`` of them up or down."""

COVERED = 20
"""Units of a coverage bar at 100 %."""

OVERFLOW = 24
"""Units at which a coverage bar ends at most: more was reported than served."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What one part of an account did in one hour: the flagged part, or all others.

    Attributes:
        hour: its start (UTC).
        flagged: whether this is the flagged part.
        requests: inference requests.
        served: of them, those that were answered.
        reported: requests that telemetry reported.

    """

    hour: datetime
    flagged: bool
    requests: int
    served: int
    reported: int


@dataclass(frozen=True, slots=True)
class Profile:
    """An account's days as SVG paths, a line a day; hours run from left to right.

    Attributes:
        others: bars above the line, requests that are not flagged; empty where none is.
        flagged: bars below the line, flagged requests.
        reported: of the requests of each day that are not flagged and were answered, the share
            that telemetry reported, cut off at 120 %; no line where it reported none.
        flagged_reported: the same of flagged requests.
        most: requests in the highest bar.
        hours: hours with requests that are not flagged.
        flagged_hours: hours with flagged requests.

    """

    others: str
    flagged: str
    reported: str
    flagged_reported: str
    most: int
    hours: int
    flagged_hours: int


@dataclass(frozen=True, slots=True)
class Strip:
    """A value against its cohort on a line from 0 to 100 units.

    Attributes:
        low: where the cohort's usual range begins.
        high: where it ends.
        median: where its median lies.
        value: where the value lies.

    """

    low: int
    high: int
    median: int
    value: int


def window(first: date, last: date, active: Sequence[date]) -> tuple[date, ...]:
    """Return the days to draw.

    Args:
        first: day of the run's first request.
        last: day of its last one.
        active: days on which the account's flagged part was active; where the run is longer than
            ``DAYS``, the window ends with the last of them.

    """
    if (last - first).days >= DAYS:
        last = max(active, default=last)
        first = max(first, last - timedelta(days=DAYS - 1))
        last = first + timedelta(days=DAYS - 1)
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))


def profile(days: Sequence[date], hours: Sequence[Hour]) -> Profile:
    """Draw the hours of an account.

    Args:
        days: as ``window`` gives them.
        hours: of the account on these days, in any order.

    """
    line = {day: PITCH * number + LEVELS for number, day in enumerate(days)}
    parts = {flagged: [one for one in hours if one.flagged == flagged] for flagged in (False, True)}
    most = max((one.requests for one in hours), default=0)
    return Profile(
        others=_bars(line, parts[False], most, -1),
        flagged=_bars(line, parts[True], most, 1),
        reported=_coverage(line, parts[False], -2),
        flagged_reported=_coverage(line, parts[True], 2),
        most=most,
        hours=sum(one.requests > 0 for one in parts[False]),
        flagged_hours=sum(one.requests > 0 for one in parts[True]),
    )


def strip(value: float, median: float, low: float, high: float) -> Strip:
    """Place a value beside its cohort; whatever lies furthest out gets the ends of the line."""
    least, most = min(value, median, low), max(value, median, high)
    width = most - least or 1.0

    def place(figure: float) -> int:
        return round(4 + 92 * (figure - least) / width)

    return Strip(place(low), place(high), place(median), place(value))


def _bars(line: Mapping[date, int], hours: Iterable[Hour], most: int, sign: int) -> str:
    """Return a step line a day; heights grow with the square root of the count."""
    heights: dict[date, list[int]] = {}
    for one in hours:
        if one.requests > 0:
            height = math.ceil(LEVELS * math.sqrt(one.requests / most))
            heights.setdefault(one.hour.date(), [0] * 24)[one.hour.hour] = sign * height
    return "".join(f"M0 {line[day]}{''.join(_steps(heights[day]))}" for day in sorted(heights))


def _steps(heights: Sequence[int]) -> Iterator[str]:
    """Go along the heights and back to the line."""
    before = 0
    runs = [(height, len(list(same))) for height, same in groupby(heights)]
    if runs and not runs[-1][0]:
        runs.pop()
    for height, length in runs:
        if height != before:
            yield f"v{height - before}"
        yield f"h{length}"
        before = height
    yield f"v{-before}"


def _coverage(line: Mapping[date, int], hours: Iterable[Hour], shift: int) -> str:
    """Return a line a day as long as the share of answered requests that telemetry reported."""
    served, reported = Counter[date](), Counter[date]()
    for one in hours:
        served[one.hour.date()] += one.served
        reported[one.hour.date()] += one.reported
    lengths = {
        day: min(OVERFLOW, math.ceil(COVERED * reported[day] / served[day])) for day in line if served[day]
    }
    return "".join(f"M0 {line[day] + shift}h{length}" for day, length in lengths.items() if length)
