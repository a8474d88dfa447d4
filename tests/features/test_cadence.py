from math import e, log

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.cadence import COUNTERS, LONGEST_S, MICRO, SQUARE, counters, human_counters, turns
from detector.settings import default_settings

RULES = default_settings().cadence


@pytest.fixture(scope="module")
def turned(requests):
    """The rows of ``turns``, accounts standing for sessions, in the order of time."""

    def build(*rows, rules=RULES, **common):
        frame = requests(*rows, **common).with_columns(session=pl.col("account"))
        return turns(frame.sort("session", "timestamp"), rules).sort("session", "timestamp")

    return build


@pytest.fixture(scope="module")
def counted(turned):
    """The counters of all rows taken as one session, those of ``COUNTERS`` only."""

    def build(*rows, rules=RULES, **common):
        found = turned(*rows, rules=rules, **common)
        human = found.filter("human").select(human_counters(rules))
        return {**found.select(counters(rules)).sum().row(0, named=True), **human.sum().row(0, named=True)}

    return build


# -- turns ---------------------------------------------------------------------


def test_a_gap_runs_from_the_end_of_the_last_response(turned):
    # 4 s of response from 0, so the request at 10 waited 10 - 4 = 6 s
    rows = turned({"at": 0, "duration_ms": 4000.0}, {"at": 10})
    assert rows["gap"].to_list() == [None, 6.0]
    assert rows["overlap"].to_list() == [False, False]


def test_without_durations_a_gap_runs_from_start_to_start(turned):
    assert turned({"at": 0}, {"at": 10}, {"at": 13})["gap"].to_list() == [None, 10.0, 3.0]


def test_a_request_at_the_very_end_of_the_last_response_has_a_gap_of_zero(turned):
    rows = turned({"at": 0, "duration_ms": 10_000.0}, {"at": 10})
    assert rows.select("gap", "overlap").row(1) == (0.0, False)


def test_a_request_while_another_is_open_is_an_overlap_and_has_no_gap(turned):
    rows = turned({"at": 0, "duration_ms": 10_000.001}, {"at": 10})
    assert rows.select("gap", "overlap").row(1) == (None, True)


def test_a_gap_starts_when_the_last_open_response_ends_not_the_latest_one(turned):
    # open from 0 to 100; the request at 10 is done at 11, but 103 waits from 100: 3 s
    rows = turned({"at": 0, "duration_ms": 100e3}, {"at": 10, "duration_ms": 1e3}, {"at": 50}, {"at": 103})
    assert rows["gap"].to_list() == [None, None, None, 3.0]
    assert rows["overlap"].to_list() == [False, True, True, False]


def test_sessions_have_no_gap_between_them_and_do_not_overlap_each_other(turned):
    rows = turned({"at": 0, "duration_ms": 60e3}, {"account": 1, "at": 5}, {"account": 1, "at": 7})
    assert rows["gap"].to_list() == [None, None, 2.0]
    assert rows["overlap"].sum() == 0


def test_requests_at_one_time_without_durations_are_a_gap_of_zero(turned):
    assert turned({"at": 0}, {"at": 0}, {"at": 0})["gap"].to_list() == [None, 0.0, 0.0]


def test_a_request_is_human_unless_it_carries_a_tool_result_or_overlaps(turned):
    rows = turned(
        {"at": 0, "duration_ms": 5e3, "tool_result": False},
        {"at": 1, "tool_result": False},
        {"at": 2, "tool_result": True},
        {"at": 10, "tool_result": True},
        {"at": 20, "tool_result": False},
        {"at": 30, "tool_result": None},
    )
    assert rows["human"].to_list() == [True, False, False, False, True, None]


def test_a_small_model_beside_a_main_one_is_a_helper_and_leaves_the_gap_whole(turned):
    rows = turned(
        {"at": 0, "model": "Opus"},
        {"at": 5, "model": "claude-HAIKU-4", "duration_ms": 60e3},
        {"at": 12, "model": "Opus"},
    )
    assert rows["helper"].to_list() == [False, True, False]
    assert rows["gap"].to_list() == [None, None, 12.0]
    assert rows["overlap"].to_list() == [False, False, False]
    assert rows["human"].to_list() == [None, None, None]


def test_a_session_on_a_small_model_alone_has_no_helpers(turned):
    rows = turned({"at": 0}, {"at": 5}, model="haiku")
    assert rows["helper"].to_list() == [False, False]
    assert rows["gap"].to_list() == [None, 5.0]


def test_an_unknown_model_is_a_main_model(turned):
    rows = turned({"at": 0, "model": None}, {"at": 5, "model": "haiku"})
    assert rows["helper"].to_list() == [False, True]


def test_the_main_model_of_another_session_makes_no_helpers_here(turned):
    rows = turned({"account": 0, "model": "haiku"}, {"account": 1, "model": "opus"})
    assert rows["helper"].to_list() == [False, False]


@pytest.mark.parametrize(
    ("model", "small"),
    [("gpt-5-mini", True), ("gemini-2.0-flash", True), ("minimax", True), ("geminist", False)],
)
def test_small_models_are_known_by_a_word_that_starts_like_theirs(turned, model, small):
    assert turned({"model": "opus"}, {"at": 1, "model": model})["helper"].to_list() == [False, small]


@pytest.mark.parametrize("duration", [1e12, 9e15, 1e18, 1e300])
def test_a_response_longer_than_a_day_counts_as_a_day(turned, duration):
    rows = turned({"at": 0, "duration_ms": duration}, {"at": LONGEST_S - 1}, {"at": LONGEST_S + 7})
    assert rows["overlap"].to_list() == [False, True, False]
    assert rows["gap"].to_list() == [None, None, 7.0]


# -- counters ------------------------------------------------------------------


def test_gap_counters_by_hand(counted):
    # gaps 6, 30.5 and 301 s; a response of a second ends each request but the first
    rows = ({"at": 0}, {"at": 6, "duration_ms": 1e3}, {"at": 37.5, "duration_ms": 1e3}, {"at": 339.5})
    found = counted(*rows)
    assert (found["gaps"], found["gaps_long"], found["gaps_away"]) == (3, 2, 1)
    assert found["gap_sum"] == (6 + 30.5 + 301) * MICRO
    assert found["gap_square_sum"] == (36 + 930.25 + 90601) * SQUARE
    assert found["overlaps"] == 0


def test_pauses_of_exactly_the_bound_are_neither_long_nor_away_nor_instant(counted):
    long, away, instant = RULES.long_gap_s, RULES.away_gap_s, RULES.instant_s
    moments = (0, long, long + away, long + away + instant)
    found = counted(*({"at": at} for at in moments), tool_result=False)
    assert (found["gaps_long"], found["gaps_away"], found["human_instant"]) == (1, 0, 0)


def test_human_counters_by_hand(counted):
    # human gaps e, 1 and e^2 s: logs 1, 0, 2; tool gap of 5 s is left out
    rows = [(0, False), (e, False), (e + 1, False), (e + 6, True), (e + 6 + e**2, False)]
    found = counted(*({"at": at, "tool_result": tool} for at, tool in rows))
    assert (found["human_turns"], found["tool_steps"], found["human_gaps"], found["gaps"]) == (4, 1, 3, 4)
    assert found["human_log_sum"] / MICRO == pytest.approx(1 + 0 + 2, abs=2e-6)
    assert found["human_log_square_sum"] / MICRO == pytest.approx(1 + 0 + 4, abs=5e-6)
    assert found["human_instant"] == 1


def test_the_first_prompt_is_a_turn_without_a_gap(counted):
    found = counted({"tool_result": False})
    assert (found["human_turns"], found["human_gaps"], found["gaps"]) == (1, 0, 0)


def test_gaps_under_the_shortest_count_as_the_shortest_in_logarithms(counted):
    found = counted({"at": 0}, {"at": 0}, {"at": 0.1}, tool_result=False)
    assert found["human_gaps"] == 2
    assert found["human_log_sum"] / MICRO == pytest.approx(2 * log(RULES.shortest_gap_s), abs=2e-6)
    assert found["gap_sum"] == 0.1 * MICRO


def test_where_nothing_tells_prompts_from_steps_neither_is_counted_but_gaps_are(counted):
    found = counted(*({"at": at} for at in range(5)), tool_result=None)
    human = {name: found[name] for name in COUNTERS if name.startswith("human") or name == "tool_steps"}
    assert {value or 0 for value in human.values()} == {0}
    assert found["gaps"] == 4


def test_helpers_are_counted_apart_and_are_neither_turns_nor_steps(counted):
    main = ({"at": 0, "model": "opus", "tool_result": False}, {"at": 9, "model": "opus", "tool_result": True})
    helpers = ({"at": 3 + i, "model": "haiku", "tool_result": i > 0} for i in range(3))
    found = counted(*main, *helpers)
    assert (found["helpers"], found["human_turns"], found["tool_steps"], found["gaps"]) == (3, 1, 1, 1)


def test_overlaps_are_counted(counted):
    found = counted({"at": 0, "duration_ms": 9e3}, {"at": 1}, {"at": 2}, {"at": 10})
    assert (found["overlaps"], found["gaps"]) == (2, 1)


def test_a_gap_over_a_day_counts_as_a_day(counted):
    found = counted({"at": 0}, {"at": 40 * LONGEST_S})
    assert (found["gap_sum"], found["gap_square_sum"]) == (LONGEST_S * MICRO, LONGEST_S**2 * SQUARE)


def test_squares_of_thousands_of_day_long_gaps_still_fit(counted):
    # in millionths 1,300 day-long gaps squared come to 9.7e18, over the 9.2e18 of an integer
    found = counted(*({"at": day * LONGEST_S} for day in range(1301)))
    assert found["gap_square_sum"] == 1300 * LONGEST_S**2 * SQUARE


def test_a_single_request_has_turns_but_no_gaps(counted):
    found = counted({"tool_result": True})
    assert {name: value for name, value in found.items() if value} == {"tool_steps": 1}


def test_counters_are_those_that_are_announced(counted):
    assert set(counted({})) == set(COUNTERS)


# -- properties ----------------------------------------------------------------

ASKED = st.lists(
    st.tuples(
        st.integers(0, 400),  # start, seconds
        st.one_of(st.none(), st.integers(0, 120)),  # duration, seconds
        st.one_of(st.none(), st.booleans()),  # tool_result
        st.sampled_from(["opus", "haiku", None]),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda asked: asked[0],
)


@given(ASKED)
@settings(max_examples=80, deadline=None)
def test_counters_against_a_loop(counted, asked):
    found = counted(
        *(
            {
                "at": at,
                "duration_ms": None if lasted is None else lasted * 1e3,
                "tool_result": tool,
                "model": model,
            }
            for at, lasted, tool, model in asked
        )
    )
    helpers = any(model != "haiku" for *_, model in asked)
    open_until, gaps, human, overlaps, turned, steps = None, [], [], 0, 0, 0
    for at, lasted, tool, model in sorted(asked):
        if helpers and model == "haiku":
            continue
        overlap = open_until is not None and at < open_until
        if open_until is not None and not overlap:
            gaps.append(at - open_until)
            if tool is False:
                human.append(at - open_until)
        overlaps += overlap
        turned += tool is False and not overlap
        steps += tool is True
        open_until = max(open_until or 0, at + (lasted or 0))
    expected = {
        "gaps": len(gaps),
        "gap_sum": sum(gaps) * MICRO,
        "gap_square_sum": sum(gap**2 for gap in gaps) * SQUARE,
        "gaps_long": sum(gap > RULES.long_gap_s for gap in gaps),
        "human_gaps": len(human),
        "human_instant": sum(gap < RULES.instant_s for gap in human),
        "overlaps": overlaps,
        "human_turns": turned,
        "tool_steps": steps,
    }
    assert {name: found[name] or 0 for name in expected} == expected
