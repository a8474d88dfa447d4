import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.attendance import attended, follow_ups, places, restless_days
from detector.features.cadence import turns
from detector.features.usage import steps

DAY = 24


@pytest.fixture(scope="module")
def rules(tuned):
    """Numbers that the arithmetic below is written for."""
    return tuned(
        attendance={"shortest_reply_s": 10.0, "longest_reply_s": 43_200.0, "reading_share": 0.25},
        floors={"replies": 3, "human_gaps": 8},
    )


# -- follow-ups and replies -----------------------------------------------------


@pytest.fixture(scope="module")
def shown(requests, rules):
    """Whether each request is a follow-up, and a reply: F, R or a dot; accounts stand for sessions."""

    def build(*rows, **common):
        base = {"tool_result": False, "model": "opus"} | common
        frame = requests(*rows, **base).with_columns(session=pl.col("account")).sort("session", "timestamp")
        turned = steps(turns(frame, rules.cadence)).select(follow_ups(rules.attendance))
        assert turned.null_count().row(0) == (0, 0)
        return "".join("R" if reply else "F" if follow else "." for follow, reply in turned.rows())

    return build


@pytest.mark.parametrize(
    ("gap", "mark"),
    [
        (0.0, "F"),
        (9.9, "F"),  # sooner than anybody reads and types
        (10.0, "R"),
        (300.0, "R"),
        (43_200.0, "R"),
        (43_201.0, "."),  # on another day
    ],
)
def test_a_prompt_after_reading_time_and_within_half_a_day_is_a_reply(shown, gap, mark):
    assert shown({"at": 0}, {"at": gap}) == f".{mark}"


def test_the_time_runs_from_the_end_of_the_answer(shown):
    assert shown({"at": 0, "duration_ms": 5000.0}, {"at": 14}) == ".F"
    assert shown({"at": 0, "duration_ms": 5000.0}, {"at": 15}) == ".R"
    # asked while the answer still ran
    assert shown({"at": 0, "duration_ms": 60_000.0}, {"at": 15}) == ".."


def test_the_first_prompt_of_a_conversation_answers_nobody(shown):
    assert shown({"at": 0}) == "."
    assert shown({"at": 0}, {"at": 60, "account": 1}) == ".."


@pytest.mark.parametrize(
    ("status", "mark"), [(200, "R"), (204, "R"), (None, "R"), (429, "."), (500, "."), (400, ".")]
)
def test_what_follows_an_error_is_another_attempt(shown, status, mark):
    assert shown({"at": 0, "status": status}, {"at": 60}) == f".{mark}"


def test_after_another_attempt_a_conversation_goes_on(shown):
    assert shown({"at": 0, "status": 529}, {"at": 60, "status": 200}, {"at": 120}) == "..R"


@pytest.mark.parametrize(
    ("before", "after", "mark"),
    [(50, 51, "R"), (50, 50, "R"), (50, 49, "."), (None, 5, "R"), (5, None, "R"), (None, None, "R")],
)
def test_a_context_that_starts_anew_is_another_conversation(shown, before, after, mark):
    assert shown({"at": 0, "input_tokens": before}, {"at": 60, "input_tokens": after}) == f".{mark}"


def test_what_is_read_from_the_cache_and_written_to_it_is_context_too(shown):
    first = {"at": 0, "input_tokens": 2, "cache_write_tokens": 900}
    assert shown(first, {"at": 60, "input_tokens": 3, "cache_read_tokens": 900}) == ".R"
    assert shown(first, {"at": 60, "input_tokens": 3, "cache_read_tokens": 800}) == ".."


def test_results_of_tools_are_nobodys_prompts(shown):
    assert shown({"at": 0}, {"at": 60, "tool_result": True}, {"at": 120}) == "..R"


def test_where_the_log_does_not_say_what_a_request_carries_nobody_replies(shown):
    assert shown({"at": 0}, {"at": 60}, {"at": 120}, tool_result=None) == "..."
    assert shown({"at": 0}, {"at": 60, "tool_result": None}, {"at": 120}) == "..R"


def test_helper_calls_are_nobodys_prompts(shown):
    assert shown({"at": 0}, {"at": 60, "model": "haiku"}, {"at": 120}) == "..R"


def test_a_helper_call_in_between_hides_neither_a_new_conversation_nor_an_error(shown):
    small = {"at": 30, "model": "haiku", "input_tokens": 5}
    first, later = {"at": 0, "input_tokens": 900}, {"at": 60, "input_tokens": 50}
    assert shown(first, small, later) == "..."
    assert shown(first, small, later | {"input_tokens": 901}) == "..R"
    assert shown(first | {"status": 500}, small | {"status": 200}, later | {"input_tokens": 901}) == "..."
    assert shown(first, small | {"status": 500}, later | {"input_tokens": 901}) == "..R"
    assert shown(first, {"at": 5, "account": 1}, {"at": 30, "account": 1} | small, later) == "...."


# -- attended streams --------------------------------------------------------------


def counted(*rows):
    """Hours of streams: (stream, hour, follow-ups, replies)."""
    schema = {"stream": pl.UInt32, "hour": pl.Int32, "follow_ups": pl.UInt32, "replies": pl.UInt32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def judged(rules, *rows):
    return attended(counted(*((0, *row) for row in rows)), rules).drop("stream").row(0, named=True)


@pytest.mark.parametrize(
    ("follow_ups", "replies", "present"),
    [
        (3, 3, True),
        (2, 2, False),  # too few to be sure
        (12, 3, True),  # a quarter of them
        (13, 3, False),
        (1000, 249, False),
        (1000, 250, True),
        (0, 0, False),
    ],
)
def test_a_person_is_there_with_enough_replies_that_are_enough_of_the_follow_ups(
    rules, follow_ups, replies, present
):
    assert judged(rules, (0, follow_ups, replies))["attended"] is present


def test_replies_are_summed_over_the_hours_of_a_stream(rules):
    assert judged(rules, (0, 1, 1), (5, 1, 1), (99, 10, 1))["attended"] is True


@pytest.mark.parametrize(("follow_ups", "share"), [(8, 0.25), (7, None), (0, None)])
def test_the_share_that_was_read_is_null_for_few_follow_ups(rules, follow_ups, share):
    assert judged(rules, (0, follow_ups, min(2, follow_ups)))["reading_share"] == share


def test_days_are_counted_with_a_request_and_with_a_reply(rules):
    found = judged(rules, (0, 1, 1), (23, 0, 0), (DAY, 2, 0), (5 * DAY, 0, 0), (6 * DAY + 3, 1, 1))
    assert (found["days"], found["attended_days"]) == (4, 2)


def test_streams_do_not_mix(rules):
    found = attended(counted((0, 0, 3, 3), (1, 0, 3, 0)), rules).sort("stream")
    assert found.select("stream", "attended").rows() == [(0, True), (1, False)]


# -- days without rest ------------------------------------------------------------------


def restless(*active, rest=6):
    table = pl.DataFrame(
        {"stream": [0] * len(active), "hour": active}, {"stream": pl.UInt32, "hour": pl.Int32}
    )
    return restless_days(table, "stream", rest).select("restless", "stretch").row(0)


@pytest.mark.parametrize(
    ("active", "days", "longest"),
    [
        (range(40), 1, 40),  # one long stretch is one event
        (range(24), 1, 24),
        (range(23), 0, 23),
        (range(48), 2, 48),
        ((0, 6, 12, 18, 23), 1, 24),  # five idle hours between are no rest
        ((0, 7, 14, 21), 0, 1),  # six are
        ((5,), 0, 1),
        ((20, 26), 0, 7),  # across midnight
        ([*range(25), *range(31, 55)], 2, 25),  # two stretches with six hours between
        ([*range(20), *range(26, 46), *range(52, 72)], 0, 20),
        ([*range(25), *range(30, 50)], 2, 50),  # five hours between: one stretch
    ],
)
def test_whole_days_and_nights_without_a_rest_of_six_hours(active, days, longest):
    assert restless(*active) == (days, longest)


def test_hours_of_several_sessions_count_once():
    assert restless(3, 3, 4, 4) == (0, 2)


def test_the_rest_of_one_stream_knows_nothing_of_another():
    rows = [(0, hour) for hour in range(0, 48, 12)] + [(1, hour) for hour in range(6, 54, 12)]
    table = pl.DataFrame(rows, {"stream": pl.UInt32, "hour": pl.Int32}, orient="row")
    assert restless_days(table, "stream", 6).sort("stream").rows() == [(0, 0, 1), (1, 0, 1)]


@given(st.lists(st.integers(0, 200), min_size=1, max_size=80), st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_days_without_rest_against_a_loop(active, rest):
    stretches, start, last = [], None, None
    for hour in sorted(active):
        if last is None or hour - last - 1 >= rest:
            start = hour
            stretches.append(0)
        stretches[-1], last = hour - start + 1, hour
    assert restless(*active, rest=rest) == (sum(length // DAY for length in stretches), max(stretches))


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60), st.integers(0, 200))
@settings(max_examples=80, deadline=None)
def test_another_active_hour_never_gives_rest(active, more):
    assert restless(*active, more)[1] >= restless(*active)[1]
    assert restless(*active, more)[0] >= restless(*active)[0]


# -- places ------------------------------------------------------------------------------


def placed(*rows, sessions=2):
    """Places of streams that are sessions of the same number: (session, network, requests)."""
    schema = {"session": pl.UInt32, "network": pl.UInt64, "requests": pl.UInt32}
    marks = pl.DataFrame(rows, schema=schema, orient="row")
    numbers = pl.Series("session", range(sessions), dtype=pl.UInt32)
    owners = pl.DataFrame([numbers, numbers.alias("stream")])
    return places(marks, owners).rows()


def test_the_most_frequent_address_and_its_share_of_requests():
    assert placed((0, 7, 3), (0, 8, 6), (0, 7, 0), (0, 9, 1), (1, 7, 5)) == [(0, 8, 0.6), (1, 7, 1)]


def test_requests_of_several_fingerprints_from_one_address_are_added_up():
    assert placed((0, 8, 5), (0, 7, 3), (0, 7, 3)) == [(0, 7, 6 / 11)]


def test_of_two_addresses_that_are_as_frequent_the_first_counts():
    assert placed((0, 8, 2), (0, 7, 2)) == [(0, 7, 0.5)]


def test_requests_without_an_address_do_not_count_and_a_stream_without_any_has_no_place():
    assert placed((0, None, 90), (0, 7, 1), (1, None, 5)) == [(0, 7, 1)]


def test_sessions_without_a_stream_have_no_place():
    assert placed((0, 7, 1), (5, 7, 1)) == [(0, 7, 1)]
