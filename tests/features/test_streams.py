from datetime import timedelta
from math import exp, log, log10, pi
from statistics import median

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.extract import COUNTERS
from detector.features.fingerprint import MEASURES
from detector.features.registry import FEATURES
from detector.features.streams import (
    KEY,
    _hours_of_day,
    _moves,
    _sleepless,
    _starts,
    _tools,
    assign_streams,
    measure_sessions,
    measure_streams,
    when_used,
)

DAY = 24


@pytest.fixture(scope="module")
def rules(tuned):
    """Floors that the arithmetic below is written for, and settings of the fingerprint."""
    return tuned(
        floors={
            "posts": 8,
            "served": 20,
            "sessions": 3,
            "starts": 12,
            "days": 3,
            "prompts": 30,
            "gaps": 20,
            "habit_sessions": 1,
        },
        fingerprint={"strange_bits": 6.0, "odd_names": 3},
        cadence={"rest_hours": 6, "travel_hours": 3},
        sessions={"most_devices": 2},
    )


def described(*rows):
    """Sessions as ``describe_sessions`` gives them, as far as streams need them."""
    base = {
        "account": 0,
        "in_scope": True,
        "client": "tool",
        "cohort": "interactive",
        "posts": 9,
        "served": 50,
        "lost": False,
    }
    schema = {"session": pl.UInt32, "account": pl.UInt32, "in_scope": pl.Boolean}
    schema |= {"client": pl.String, "cohort": pl.String, "posts": pl.Int64, "served": pl.Int64}
    schema |= {"device": pl.UInt64, "lost": pl.Boolean} | dict.fromkeys(MEASURES, pl.Float64)
    full = [{"session": number} | base | row for number, row in enumerate(rows)]
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in full], schema=schema)


def streamed(rules, *rows):
    return assign_streams(described(*rows), rules)


def groups(rules, *rows):
    return streamed(rules, *rows)["stream"].to_list()


# -- which stream ----------------------------------------------------------------


def test_sessions_of_one_kind_on_one_account_are_one_stream(rules):
    assert groups(rules, {}, {}, {}) == [0, 0, 0]


@pytest.mark.parametrize(
    "other",
    [
        {"account": 1},
        {"client": "another"},
        {"cohort": "web"},
        {"order_distance": 0.1, "case_distance": 0.0},
        {"posts": 0},
    ],
)
def test_sessions_of_another_kind_are_another_stream(rules, other):
    first, second, third = groups(rules, {}, other, {})
    assert first == third != second


def test_streams_are_numbered_by_account(rules):
    assert groups(rules, {"account": 1}, {"account": 0}, {"account": 0, "client": "zoo"}) == [2, 0, 1]


def test_sessions_without_a_client_are_one_stream(rules):
    found = streamed(rules, {"client": None}, {"client": None}, {})
    assert found["stream"].to_list() == [1, 1, 0]


def test_out_of_scope_sessions_have_no_stream(rules):
    assert streamed(rules, {}, {"in_scope": False})["session"].to_list() == [0]


def test_machines_in_regular_use_are_streams_of_their_own(rules):
    found = groups(rules, *[{"device": 1}] * 3, *[{"device": 2}] * 3)
    assert found == [0, 0, 0, 1, 1, 1]


def test_a_machine_seen_in_few_sessions_is_no_stream_of_its_own(rules):
    found = groups(rules, *[{"device": 1}] * 3, *[{"device": 2}] * 2, {"device": None})
    assert found == [0, 0, 0, 1, 1, 1]


def test_a_machine_with_few_requests_is_no_stream_of_its_own(rules):
    found = groups(rules, *[{"device": 1, "served": 9}] * 2, *[{"device": 2, "served": 6}] * 3)
    assert len(set(found)) == 1


def test_more_machines_than_a_person_has_are_one_pool(rules):
    assert groups(rules, *[{"device": number} for number in (1, 2, 3) for _ in range(3)]) == [0] * 9


def test_machines_are_counted_by_account(rules):
    rows = [{"account": account, "device": account} for account in range(3) for _ in range(3)]
    assert groups(rules, *rows) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("measures", "odd"),
    [
        ({}, False),
        ({"order_distance": 0.0, "case_distance": 0.0}, False),
        ({"order_distance": 0.01, "case_distance": 0.0}, True),
        ({"order_distance": 0.0, "case_distance": 0.01}, True),
        ({"accept_encoding_bits": 5.99}, False),
        ({"accept_encoding_bits": 6.0}, True),
        ({"user_agent_bits": 6.0}, True),
        ({"values_bits": 6.0}, True),
        ({"ja4_bits": 20.0}, False),  # one client can show several
        ({"headers_missing": 1.0, "headers_extra": 1.0}, False),
        ({"headers_missing": 1.0, "headers_extra": 2.0}, True),
        ({"user_agent_bits": None, "values_bits": 7.0}, True),
    ],
)
def test_a_session_is_odd_when_a_fact_of_its_fingerprint_is_strange(rules, measures, odd):
    assert streamed(rules, measures)["odd"].to_list() == [odd]


def test_a_short_silent_session_takes_the_usual_state_of_its_account(rules):
    reporting = streamed(rules, {"served": 100}, {"posts": 0, "served": 7})
    silent = streamed(rules, {"posts": 0, "served": 100}, {"posts": 0, "served": 7})
    assert reporting["reporting"].to_list() == [True, True]
    assert silent["reporting"].to_list() == [False, False]


def test_the_usual_state_is_weighted_by_requests_not_sessions(rules):
    # three short silent sessions hold 21 requests, the reporting one 22
    rows = [{"served": 22}, *[{"posts": 0, "served": 7}] * 3]
    assert streamed(rules, *rows)["reporting"].to_list() == [True] * 4


def test_short_sessions_that_report_are_never_silent_by_custom(rules):
    # 21 requests in sessions of seven: enough for a stream of their own
    rows = [{"posts": 0, "served": 100}, *[{"posts": 1, "served": 7}] * 3]
    assert streamed(rules, *rows)["reporting"].to_list() == [False, True, True, True]


def test_a_long_silent_session_beside_reporting_ones_stays_apart(rules):
    found = streamed(rules, {"served": 100}, {"posts": 0, "served": 20})
    assert found["reporting"].to_list() == [True, False]
    assert found["stream"].n_unique() == 2


def test_a_stream_below_the_floor_joins_the_largest_of_its_kind(rules):
    # 19 silent requests are too few to be judged apart
    found = streamed(rules, {"served": 100}, {"posts": 0, "served": 19})
    assert found.select("stream", "reporting").rows() == [(0, True), (0, True)]
    found = streamed(rules, {"posts": 0, "served": 100}, {"posts": 1, "served": 19})
    assert found.select("stream", "reporting").rows() == [(0, False), (0, False)]


def test_two_streams_below_the_floor_join_each_other(rules):
    found = streamed(rules, {"served": 12}, {"posts": 0, "served": 15})
    assert found.select("stream", "reporting").rows() == [(0, False), (0, False)]


@pytest.mark.parametrize(
    "other", [{"account": 1}, {"cohort": "web"}, {"client": "another"}, {"values_bits": 9.0}]
)
def test_a_small_stream_never_joins_another_kind(rules, other):
    assert streamed(rules, {"served": 100}, {"posts": 0, "served": 19} | other)["stream"].n_unique() == 2


def test_one_session_alone_is_a_stream_however_small(rules):
    assert streamed(rules, {"served": 0, "posts": 0}).select("stream", "reporting").rows() == [(0, False)]


SESSIONS = st.lists(
    st.fixed_dictionaries(
        {
            "account": st.integers(0, 1),
            "client": st.sampled_from(["tool", None]),
            "cohort": st.sampled_from(["interactive", "headless"]),
            "posts": st.integers(0, 1),
            "served": st.sampled_from([0, 3, 7, 8, 19, 20, 200]),
            "values_bits": st.sampled_from([None, 9.0]),
            "device": st.sampled_from([None, 1, 2]),
        }
    ),
    min_size=1,
    max_size=12,
)


@given(SESSIONS)
@settings(max_examples=80, deadline=None)
def test_a_stream_holds_one_kind_and_only_an_account_without_more_has_a_small_one(rules, rows):
    found = streamed(rules, *rows)
    assert found["session"].to_list() == list(range(len(rows)))
    kinds = found.group_by("stream").agg(pl.struct(KEY).n_unique().alias("kinds"), pl.col("served").sum())
    assert kinds["kinds"].to_list() == [1] * kinds.height
    assert sorted(kinds["stream"]) == list(range(kinds.height))
    apart = (
        found.join(kinds, on="stream", suffix="_stream")
        .group_by(KEY[:-1])
        .agg(pl.col("stream").n_unique(), smallest=pl.col("served_stream").min())
    )
    # where silent and reporting sessions are told apart, both have enough to be judged
    assert apart.filter((pl.col("stream") > 1) & (pl.col("smallest") < 20)).is_empty()


@given(SESSIONS, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_the_order_of_sessions_changes_no_stream(rules, rows, shuffler):
    table = described(*rows)
    order = list(range(len(rows)))
    shuffler.shuffle(order)
    assert assign_streams(table[order], rules).equals(assign_streams(table, rules))


# -- hours of the day ----------------------------------------------------------------


def hours(*rows):
    """Activity by stream: (stream, hour since the epoch, requests, human)."""
    schema = {"stream": pl.UInt32, "hour": pl.Int32, "requests": pl.Int64, "human": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def quiet(rules, table):
    return dict(_hours_of_day(table, rules).select("stream", "quiet_hours_share").rows())


def test_quiet_hours_wrap_around_midnight(rules):
    # ten prompts in each hour from 6 to 21 of three days, and six at 2 o'clock: 22 to 5 holds 6 of 486
    busy = [(0, day * DAY + hour, 10, 10) for day in range(3) for hour in range(6, 22)]
    assert quiet(rules, hours(*busy, (0, 2, 6, 6)))[0] == pytest.approx(6 / 486)


def test_quiet_hours_that_hold_nothing_are_zero(rules):
    busy = [(0, day * DAY + hour, 10, 10) for day in range(3) for hour in range(6, 22)]
    assert quiet(rules, hours(*busy))[0] == 0


def test_activity_round_the_clock_has_a_third_in_any_eight_hours(rules):
    even = [(0, hour, 1, 1) for hour in range(3 * DAY)]
    assert quiet(rules, hours(*even))[0] == pytest.approx(8 / 24)


def test_quiet_hours_are_of_prompts_where_prompts_can_be_told(rules):
    # tools run all day, a person prompts at noon
    rows = [(0, hour, 9, 11 if hour % DAY == 12 else 0) for hour in range(3 * DAY)]
    assert quiet(rules, hours(*rows))[0] == 0
    unknown = [(0, hour, 9, 0) for hour in range(3 * DAY)]
    assert quiet(rules, hours(*unknown))[0] == pytest.approx(1 / 3)


def test_whether_prompts_can_be_told_is_asked_of_each_stream(rules):
    rows = [(0, hour, 9, 11 if hour % DAY == 12 else 0) for hour in range(3 * DAY)]
    found = quiet(rules, hours(*rows, *((1, hour, 9, 0) for hour in range(3 * DAY))))
    assert found == {0: 0, 1: pytest.approx(1 / 3)}


@pytest.mark.parametrize(("days", "prompts", "known"), [(3, 10, True), (2, 15, False), (3, 9, False)])
def test_too_few_days_or_prompts_have_no_quiet_hours(rules, days, prompts, known):
    found = quiet(rules, hours(*((0, day * DAY, prompts, prompts) for day in range(days))))
    assert (found[0] is not None) is known


@given(
    st.lists(
        st.tuples(st.integers(0, 10 * DAY), st.integers(1, 40)),
        min_size=1,
        max_size=60,
        unique_by=lambda x: x[0],
    )
)
@settings(max_examples=80, deadline=None)
def test_quiet_hours_against_all_windows(rules, active):
    day = [0] * DAY
    for hour, count in active:
        day[hour % DAY] += count
    least = min(sum(day[(start + step) % DAY] for step in range(8)) for start in range(DAY))
    found = quiet(rules, hours(*((0, hour, count, 0) for hour, count in active)))[0]
    if len({hour // DAY for hour, _ in active}) < 3 or sum(day) < 30:
        assert found is None
    else:
        assert found == pytest.approx(least / sum(day))


# -- replies day and night ------------------------------------------------------------


def sleepless(rules, *active, placed=True, silent=()):
    """The share of one stream with a reply in each of some hours, and without one in others."""
    rows = [(0, hour, 1) for hour in active] + [(0, hour, 0) for hour in silent]
    schema = {"stream": pl.UInt32, "hour": pl.Int32, "replies": pl.UInt32}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    place = pl.DataFrame({"stream": [0] if placed else [1]}, {"stream": pl.UInt32})
    return _sleepless(table, place, rules)["sleepless_share"].to_list()


@pytest.mark.parametrize(
    ("active", "share"),
    [
        (range(3 * DAY), 1),
        (range(0, 3 * DAY, 6), 2 / 3),  # from hour 0 to 66: two whole days of three
        (range(0, 3 * DAY, 7), 0),  # six idle hours are a rest
        ([*range(DAY), *range(2 * DAY, 2 * DAY + 2), 4 * DAY], 1 / 3),
        (range(2 * DAY), None),  # two days
    ],
)
def test_whole_days_and_nights_of_replies_among_the_days_with_one(rules, active, share):
    assert sleepless(rules, *active) == [share if share is None else pytest.approx(share)]


def test_only_replies_keep_anybody_awake(rules):
    assert sleepless(rules, 0, DAY, 2 * DAY, silent=range(1, DAY)) == [0]


def test_people_at_several_addresses_sleep_at_none(rules):
    assert sleepless(rules, *range(3 * DAY), placed=False) == []


# -- moves -------------------------------------------------------------------------


def moves(rules, *rows):
    """Moves of one account by its active hours: (hour, country)."""
    schema = {"account": pl.UInt32, "hour": pl.Int32, "country": pl.String}
    table = pl.DataFrame([(0, *row) for row in rows], schema=schema, orient="row")
    return _moves(table, rules)["country_moves"].to_list()


@pytest.mark.parametrize(
    ("rows", "per_day"),
    [
        (((0, "DE"), (1, "DE"), (DAY, "DE"), (2 * DAY, "DE")), 0),
        (((0, "DE"), (3, "FR"), (DAY, "FR"), (2 * DAY, "FR")), 1 / 3),
        (((0, "DE"), (4, "FR"), (DAY, "FR"), (2 * DAY, "FR")), 0),  # four hours are a flight
        (((0, "DE"), (0, "FR"), (1, "DE"), (1, "FR"), (DAY, "FR"), (2 * DAY, "FR")), 3 / 3),
        (((0, "DE"), (1, None), (2, "FR"), (DAY, "FR"), (2 * DAY, "FR")), 1 / 3),
        (((0, "DE"), (1, "FR"), (DAY, "DE"), (2 * DAY - 1, "DE")), None),  # two days
        (((0, None), (DAY, None), (2 * DAY, None)), "nowhere"),
    ],
)
def test_changes_of_country_within_a_few_hours_for_each_active_day(rules, rows, per_day):
    assert moves(rules, *rows) == ([] if per_day == "nowhere" else [pytest.approx(per_day)])


def test_two_accounts_in_two_countries_do_not_move(rules):
    rows = [
        (account, day * DAY + account, country)
        for day in range(3)
        for account, country in enumerate(("DE", "FR"))
    ]
    schema = {"account": pl.UInt32, "hour": pl.Int32, "country": pl.String}
    found = _moves(pl.DataFrame(rows, schema=schema, orient="row"), rules)
    assert found.sort("account").rows() == [(0, 0), (1, 0)]


# -- session starts ------------------------------------------------------------------


@pytest.fixture(scope="module")
def starts(requests, rules):
    """Phase and spread of session starts given in seconds after a whole hour."""

    def build(*seconds):
        moments = requests(*({"at": at} for at in seconds)).select(start="timestamp")
        table = moments.with_columns(stream=pl.lit(0, pl.UInt32))
        return _starts(table, rules).select("start_phase", "start_spread").row(0)

    return build


@pytest.mark.parametrize("period", [300, 900, 3600])
def test_starts_at_one_minute_of_the_clock_are_as_sure_as_they_are_many(starts, period):
    # R = 1, so p is exp(-n), and three periods were tried
    phase, _ = starts(*(turn * period + 17 for turn in range(15)))
    assert phase == pytest.approx(15 / log(10) - log10(3))


def test_starts_spread_evenly_over_every_period_say_nothing(starts):
    # multiples of 225 s: sixteen phases of an hour, four of 15 and of 5 minutes
    assert starts(*(turn * 225 for turn in range(16)))[0] == 0


def test_the_phase_of_starts_is_the_strongest_of_three_periods(starts):
    # nine on the hour, six half a 5-minute period later: 180, 60 and 15 degrees
    seconds = [turn * 3600 + (150 if turn >= 9 else 0) for turn in range(15)]

    def power(degrees):
        # squared length of nine unit vectors at 0 and six at the angle, over their number
        return abs(9 + 6 * exp_i(degrees)) ** 2 / 15

    assert power(180) == pytest.approx(9 / 15)
    best = max(power(180), power(60), power(15))
    assert starts(*seconds)[0] == pytest.approx(best / log(10) - log10(3))


def exp_i(degrees):
    return complex(
        pl.select(pl.lit(degrees * pi / 180).cos()).item(), pl.select(pl.lit(degrees * pi / 180).sin()).item()
    )


def test_equal_times_between_starts_do_not_spread(starts):
    assert starts(*(turn * 613 for turn in range(12)))[1] == pytest.approx(0, abs=1e-9)


def test_the_spread_of_times_between_starts_is_the_deviation_of_their_logarithms(starts):
    # waits of 100 s and 100 e^2 s by turns: logarithms 2 apart, so they deviate by 1
    waits = [100, 100 * exp(2)] * 6
    seconds = [sum(waits[:turn]) for turn in range(13)]
    assert starts(*seconds)[1] == pytest.approx(1, abs=1e-6)


def test_starts_at_one_moment_are_a_second_apart(starts):
    assert starts(*[5] * 12)[1] == 0


def test_starts_in_any_order_are_measured_in_the_order_of_time(starts):
    seconds = [turn**3 * 7 for turn in range(13)]
    assert starts(*reversed(seconds)) == pytest.approx(starts(*seconds))


def test_too_few_starts_say_nothing(starts):
    assert starts(*(turn * 3600 for turn in range(11))) == (None, None)


@given(st.lists(st.integers(0, 10**6), min_size=12, max_size=40))
@settings(max_examples=60, deadline=None)
def test_phase_against_complex_numbers(starts, seconds):
    powers = []
    for period in (300, 900, 3600):
        turns = [2 * pi * (second % period) / period for second in seconds]
        powers.append(abs(sum(complex(exp(0)) * 1j ** (turn * 2 / pi) for turn in turns)) ** 2 / len(seconds))
    assert starts(*seconds)[0] == pytest.approx(max(0, max(powers) / log(10) - log10(3)), abs=1e-5)


# -- tools -------------------------------------------------------------------------


class Tools:
    """Stands for a summary of which only the tools are asked."""

    def __init__(self, *rows):
        schema = {"session": pl.UInt32, "tools_hash": pl.UInt64}
        self.tools = pl.DataFrame(rows, schema=schema, orient="row")


def variety(rules, sessions, *rows):
    table = pl.DataFrame({"session": range(sessions)}, {"session": pl.UInt32}).with_columns(
        stream=pl.lit(0, pl.UInt32)
    )
    return _tools(table, Tools(*rows), rules)["tools_variety"].to_list()


def test_variety_counts_the_tool_sets_that_several_sessions_offer(rules):
    # of four sets 7 is offered in three sessions, 8 in two, 9 and 5 in one each
    assert variety(rules, 5, (0, 7), (1, 7), (2, 7), (2, 8), (3, 8), (3, 9), (4, 5)) == [2]
    assert variety(rules, 3, (0, 7), (1, 8), (2, 9)) == [0]


def test_too_few_sessions_with_tools_have_no_variety(rules):
    assert variety(rules, 9, (0, 7), (1, 8)) == [None]
    assert variety(rules, 9) == []


# -- whole streams -------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured(pipeline, rules):
    def build(*rows, **options):
        return pipeline(rows, rules, **options).streams

    return build


def talk(row, name, turns, *, steps=0, at=0.0, **values):
    """A session of so many prompts, each with so many tool steps, ten seconds apart."""
    asked = (tool for _ in range(turns) for tool in (False, *[True] * steps))
    return [
        row(at + 10 * number, session_id=name, tool_result=tool, user_agent="tool/1", model="opus", **values)
        for number, tool in enumerate(asked)
    ]


def test_single_turn_share_counts_sessions_with_one_prompt_at_most(measured, row):
    sizes = {"a": (1, 9), "b": (2, 3), "c": (5, 1), "d": (1, 20)}
    rows = [one for name, (turns, steps) in sizes.items() for one in talk(row, name, turns, steps=steps)]
    assert measured(*rows)["single_turn_share"].to_list() == [0.5]


def test_sessions_that_do_not_say_what_is_a_prompt_are_no_single_turns(measured, row):
    told = [one for name in "abc" for one in talk(row, name, 3, steps=2)]
    untold = [one | {"tool_result": None} for name in "defgh" for one in talk(row, name, 3, steps=2)]
    assert measured(*told, *untold)["single_turn_share"].to_list() == [0]
    assert measured(*told[:18], *untold)["single_turn_share"].to_list() == [None]
    assert measured(*untold)["single_turn_share"].to_list() == [None]


def test_session_minutes_are_the_median_from_first_request_to_last_answer(measured, row):
    lengths = {"a": 60, "b": 540, "c": 6000}
    rows = [row(at, session_id=name) for name, last in lengths.items() for at in (0, last)]
    rows.append(row(539, session_id="b", duration_ms=61e3))  # open until 600 s
    assert measured(*rows)["session_minutes"].to_list() == [median([1, 10, 100])]


def test_below_the_floor_of_sessions_nothing_is_said_of_sessions(measured, row):
    rows = [one for name in "ab" for one in talk(row, name, 1, steps=15)]
    (found,) = measured(*rows).to_dicts()
    for name in ("single_turn_share", "session_minutes", "probe_missing", "helper_missing", "tools_variety"):
        assert found[name] is None, name


def test_missing_probes_and_helpers_are_shares_of_the_sessions_that_report(measured, row):
    rows = [one for name in "abcd" for one in talk(row, name, 9)]
    posts = [row(95, session_id=name, path="/api/event_logging/batch") for name in "abcd"]
    probe = row(-1, session_id="a", path="/api/hello")
    helpers = [row(5, session_id=name, model="haiku") for name in "bcd"]
    found = measured(*rows, *posts, probe, *helpers)
    # the probe is in one of four sessions, helper calls are in three
    assert found.select("reporting", "probe_missing", "helper_missing").rows() == [(True, 0.75, 0.25)]
    silent = measured(*rows, probe, *helpers)
    assert silent.select("reporting", "probe_missing", "helper_missing").rows() == [(False, None, None)]


def test_parallel_sessions_is_the_mean_over_active_hours(measured, row):
    # two sessions in the first hour, one in the second, none in the third, one in the fourth
    hour = 3600
    rows = [
        row(0, session_id="a"),
        row(1, session_id="b"),
        row(hour, session_id="a"),
        row(3 * hour, session_id="a"),
    ]
    assert measured(*rows)["parallel_sessions"].to_list() == [pytest.approx(4 / 3)]


def test_counters_of_a_stream_are_sums_and_measures_means_weighted_by_requests(rules, pipeline, row):
    found = pipeline([*talk(row, "a", 4), *talk(row, "b", 12)], rules)
    sessions = found.sessions.with_columns(
        values_bits=pl.Series([1.0, 2.0]), headers_extra=pl.Series([4.0, None])
    )
    frozen = frozenset(record.name for record in FEATURES)
    (stream,) = measure_streams(sessions, found.summary, frozen, rules).to_dicts()
    assert {name: stream[name] for name in COUNTERS} == found.sessions.select(pl.col(COUNTERS).sum()).row(
        0, named=True
    )
    assert (stream["sessions"], stream["requests"], stream["served"]) == (2, 16, 16)
    # (4 * 1 + 12 * 2) / 16, and the only session of which it is known
    assert (stream["values_bits"], stream["headers_extra"], stream["ja4_bits"]) == (1.75, 4, None)


def test_churn_is_the_most_orders_of_a_session_to_the_logarithm_of_all_requests(measured, row):
    names = (["Host", "Accept"], ["Accept", "Host"])
    rows = [row(at, session_id="a", user_agent="x/1", header_names=names[at % 2]) for at in range(20)]
    assert measured(*rows)["fingerprint_churn"].to_list() == [pytest.approx(2 / log(21))]
    assert measured(*rows[:19])["fingerprint_churn"].to_list() == [None]
    bare = [one | {"header_names": None} for one in rows]
    assert measured(*bare)["fingerprint_churn"].to_list() == [None]


def test_the_stretch_and_the_restless_days_are_of_each_stream(measured, row):
    person = [row(3600 * hour, session_id="p", user_agent="x/1 (external, cli)") for hour in range(3)]
    timer = [row(3600 * hour, session_id="t", user_agent="x/1 (external, sdk-cli)") for hour in range(49)]
    found = {one["cohort"]: one for one in measured(*person, *timer).to_dicts()}
    assert (found["interactive"]["stretch_h"], found["interactive"]["restless_days"]) == (3, 0)
    assert (found["headless"]["stretch_h"], found["headless"]["restless_days"]) == (49, 2)


def test_moves_in_print_mode_are_nobodys(measured, row):
    agents = ("x/1 (external, cli)", "x/1 (external, sdk-cli)")
    rows = [
        row(DAY * 3600 * day, session_id=a, user_agent=a, country="DE") for day in range(3) for a in agents
    ]
    assert measured(*rows).sort("cohort").select("cohort", "country_moves").rows() == [
        ("headless", None),
        ("interactive", 0),
    ]


def test_a_stream_has_days_and_a_person_who_replies(measured, row):
    # two prompts a day, an hour apart, on four days
    rows = [
        row(DAY * 3600 * day + 3600 * turn, session_id=f"d{day}", user_agent="x/1", tool_result=False)
        for day in range(4)
        for turn in range(2)
    ]
    (found,) = measured(*rows).to_dicts()
    assert (found["days"], found["attended_days"], found["attended"]) == (4, 4, True)
    (alone,) = measured(*rows[::2]).to_dicts()
    assert (alone["days"], alone["attended_days"], alone["attended"]) == (4, 0, False)


def test_where_nothing_tells_prompts_from_steps_nobody_knows_whether_a_person_is_there(measured, row):
    rows = [row(60 * at, user_agent="x/1") for at in range(9)]
    every = frozenset(record.name for record in FEATURES)
    assert measured(*rows)["attended"].to_list() == [False]
    assert measured(*rows, features=every - {"attended_days"})["attended"].to_list() == [None]
    assert measured(*rows, features="available")["attended"].to_list() == [None]


@pytest.mark.parametrize(("elsewhere", "known"), [(0, True), (1, True), (2, False)])
def test_the_address_of_a_stream_is_the_one_that_it_nearly_always_comes_from(measured, row, elsewhere, known):
    # 19 of 20 requests are 95 %, 18 of 20 are not enough
    rows = [
        row(at, user_agent="x/1", client_ip="192.0.2.2" if at < elsewhere else "192.0.2.1")
        for at in range(20)
    ]
    (network,) = measured(*rows)["network"].to_list()
    assert (network is not None) is known


def test_operators_are_not_counted_before_the_fleet_is_known(pipeline, row, rules):
    every = frozenset(record.name for record in FEATURES)
    found = pipeline(talk(row, "a", 3), rules, features=every - {"operator_accounts"})
    assert found.streams["operator_accounts"].to_list() == [None]


@pytest.mark.parametrize("abroad", [False, True])
def test_of_an_account_in_two_countries_at_once_no_hours_are_held_against_it(measured, row, abroad):
    rows = [
        row(3600 * hour, session_id=name, user_agent="x/1", country="FR" if abroad and name == "b" else "DE")
        for hour in range(3 * DAY)
        for name in "ab"
    ]
    (found,) = measured(*rows).to_dicts()
    # 72 hours over the four days they touch; with two countries, each but the first hour has two moves
    assert found["country_moves"] == pytest.approx((2 * 72 - 1) / 4 if abroad else 0)
    names = [record.name for record in FEATURES if record.cause == "hours"]
    assert {found[name] is None for name in names} == {abroad}


def test_a_habit_needs_many_sessions(pipeline, row, rules, tuned):
    rows = [one for name in "abcd" for one in talk(row, name, 2, steps=9)]
    habits = [record.name for record in FEATURES if record.habit]
    assert habits
    few, many = (pipeline(rows, tuned(rules, floors={"habit_sessions": sessions})) for sessions in (5, 4))
    assert set(few.streams.select(habits).row(0)) == {None}
    assert set(many.streams.select(habits).row(0)) != {None}
    assert few.sessions.equals(many.sessions)


# -- availability --------------------------------------------------------------------


def test_what_the_log_cannot_feed_is_null_for_sessions_and_streams(pipeline, row, rules):
    rows = [one for name in "abc" for one in talk(row, name, 3, steps=9)]
    everything = pipeline(rows, rules)
    nothing = pipeline(rows, rules, features=frozenset())
    names = [record.name for record in FEATURES]
    assert nothing.streams.select(names).null_count().row(0) == (nothing.streams.height,) * len(names)
    own = [record.name for record in FEATURES if record.level == "session"]
    assert nothing.sessions.select(own).null_count().row(0) == (nothing.sessions.height,) * len(own)
    known = [name for name in names if everything.streams[name].null_count() == 0]
    assert {"human_turn_share", "pause_share", "stretch_h"} <= set(known)


def test_a_feature_that_is_not_available_takes_no_other_with_it(pipeline, row, rules):
    rows = [one for name in "abc" for one in talk(row, name, 3, steps=9)]
    names = frozenset(record.name for record in FEATURES)
    everything, without = pipeline(rows, rules), pipeline(rows, rules, features=names - {"pause_share"})
    assert everything.streams["pause_share"].null_count() == 0
    assert without.streams["pause_share"].null_count() == without.streams.height
    assert without.streams.drop("pause_share").equals(everything.streams.drop("pause_share"))


def test_measured_tables_hold_every_feature_as_a_number(pipeline, row, rules):
    found = pipeline(talk(row, "a", 3), rules)
    for record in FEATURES:
        assert found.streams.schema[record.name] == pl.Float64, record.name
        assert (record.name in found.sessions.columns) == (record.level == "session"), record.name


def test_a_log_out_of_scope_has_no_stream(measured, row):
    assert measured(row(auth="api_key"), row(1, auth="cloud")).is_empty()


def test_sessions_are_measured_out_of_scope_too(pipeline, row, rules):
    found = pipeline([row(at, auth="api_key") for at in range(30)], rules)
    outside = found.summary.sessions.with_columns(pl.lit(None, pl.Float64).alias(name) for name in MEASURES)
    table = measure_sessions(outside, frozenset({"pause_share"}), rules)
    assert table["pause_share"].to_list() == [0]


def test_a_session_ends_with_its_last_answer_at_most_a_day_after_its_last_request(pipeline, row, rules):
    found = pipeline([row(0, duration_ms=None), row(5, duration_ms=1e18)], rules).sessions
    assert found.select(length=pl.col("end") - pl.col("start")).item() == timedelta(days=1, seconds=5)


def test_a_version_is_vouched_for_where_telemetry_agrees_with_what_was_served(pipeline, row):
    post = {"path": "/api/event_logging/batch"}
    rows = [
        row(0, account_id="ann", user_agent="x/1"),
        row(1, account_id="ann", telemetry_requests=1, **post),
        row(0, account_id="bob", user_agent="x/1"),
        row(1, account_id="bob", telemetry_requests=40, **post),  # made up
        row(0, account_id="cyd", user_agent="x/1"),
    ]
    found = when_used(pipeline(rows).sessions)
    assert found.select("account", "client_version", "vouched").rows() == [
        (0, "1", True),
        (1, "1", False),
        (2, "1", False),
    ]
