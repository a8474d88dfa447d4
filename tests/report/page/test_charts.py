import re
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from detector.report.page.charts import DAYS, LEVELS, Hour, profile, strip, window

MONDAY = date(2026, 11, 2)
WEEK = window(MONDAY, MONDAY + timedelta(days=6), [])


def hour(day, clock, requests, *, flagged=False, served=None, reported=0):
    moment = datetime(2026, 11, 2 + day, clock, tzinfo=UTC)
    return Hour(moment, flagged, requests, requests if served is None else served, reported)


def heights(path):
    """Read a path back: the height of every hour of every day, upwards positive."""
    found = {}
    for line in path.split("M0 ")[1:]:
        top, level, row = int(re.match(r"\d+", line)[0]), 0, []
        for move, length in re.findall(r"([vh])(-?\d+)", line):
            if move == "v":
                level -= int(length)
            else:
                row += [level] * int(length)
        assert level == 0
        found[(top - LEVELS) // 9] = row + [0] * (24 - len(row))
    return found


def test_days_are_those_of_the_run():
    assert [day.day for day in WEEK] == [2, 3, 4, 5, 6, 7, 8]
    assert window(MONDAY, MONDAY, []) == (MONDAY,)


def test_long_runs_show_the_days_up_to_the_last_flagged_one():
    last = MONDAY + timedelta(days=99)
    flagged = [MONDAY + timedelta(days=day) for day in (3, 60, 50)]
    days = window(MONDAY, last, flagged)
    assert (len(days), days[-1]) == (DAYS, MONDAY + timedelta(days=60))
    assert window(MONDAY, last, [])[-1] == last
    early = window(MONDAY, last, flagged[:1])
    assert (len(early), early[0]) == (DAYS, MONDAY)


def test_bars_go_up_for_others_and_down_for_flagged():
    drawn = profile(
        WEEK,
        [
            hour(0, 0, 16),
            hour(0, 1, 16),
            hour(0, 3, 1),
            hour(1, 22, 4, flagged=True),
            hour(1, 23, 9, flagged=True),
            hour(2, 5, 0),
        ],
    )
    # Heights grow with the square root: 16 is 4, 9 is 3, 4 is 2, 1 is 1.
    assert drawn.others == "M0 4v-4h2v4h1v-1h1v1"
    assert drawn.flagged == "M0 13h22v2h1v1h1v-3"
    assert (drawn.most, drawn.hours, drawn.flagged_hours) == (16, 3, 2)


def test_coverage_is_a_line_a_day():
    drawn = profile(
        WEEK,
        [
            hour(0, 1, 10, reported=5),
            hour(0, 2, 10, reported=5),
            hour(0, 2, 10, flagged=True, reported=0),
            hour(1, 2, 10, flagged=True, reported=40),
            hour(2, 2, 10, served=0, reported=3),
        ],
    )
    assert drawn.reported == "M0 2h10"  # half of 20 units, above the line of the first day
    assert drawn.flagged_reported == "M0 15h24"  # cut off at 120 %, below the line of the second


def test_an_account_without_hours_draws_nothing():
    drawn = profile(WEEK, [])
    assert (drawn.others, drawn.flagged, drawn.reported, drawn.most) == ("", "", "", 0)


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 6), st.integers(0, 23), st.booleans()), st.integers(1, 10**9), max_size=60
    )
)
def test_every_active_hour_is_seen_and_no_other(counts):
    hours = [hour(day, clock, many, flagged=flagged) for (day, clock, flagged), many in counts.items()]
    drawn = profile(WEEK, hours[::-1])
    assert drawn == profile(WEEK, hours)
    for flagged, path in ((False, drawn.others), (True, drawn.flagged)):
        seen = {
            (day, clock, flagged): abs(level)
            for day, row in heights(path).items()
            for clock, level in enumerate(row)
            if level
        }
        assert seen.keys() == {key for key in counts if key[2] == flagged}
        assert all(1 <= level <= LEVELS for level in seen.values())
        assert all((level > 0) != flagged for row in heights(path).values() for level in row if level)


def test_strip_places_a_value_beside_its_cohort():
    found = strip(10, 5, 0, 6)
    assert (found.low, found.median, found.high, found.value) == (4, 50, 59, 96)
    assert strip(-2, 5, 0, 8).value == 4
    assert strip(1, 1, 1, 1).value == 4


@given(st.floats(-1e9, 1e9), st.tuples(*[st.floats(-1e9, 1e9)] * 3))
def test_strips_keep_order_and_stay_on_the_line(value, cohort):
    low, median, high = sorted(cohort)
    found = strip(value, median, low, high)
    places = sorted([(low, found.low), (high, found.high), (median, found.median), (value, found.value)])
    assert [place for _, place in places] == sorted(place for _, place in places)
    assert all(4 <= place <= 96 for _, place in places)
