from math import e, exp, log

import polars as pl
import pytest

from detector.features.cadence import LARGEST_COUNT, MICRO
from detector.features.telemetry import AGREE, COUNTERS, SHORTEST_S, agrees, counters, posts

POST = {"kind": "telemetry"}
PROBE = {"kind": "probe"}


@pytest.fixture(scope="module")
def posted(requests):
    """The rows of ``posts``, accounts standing for sessions."""

    def build(*rows, session="account"):
        key = pl.col("account") if session == "account" else pl.lit(session, pl.UInt32)
        return posts(requests(*rows).with_columns(session=key).sort("session", "timestamp", "kind"))

    return build


@pytest.fixture(scope="module")
def counted(posted):
    return lambda *rows: posted(*rows).select(counters()).sum().row(0, named=True)


def test_the_lag_is_the_time_since_the_last_request(posted):
    rows = posted({"at": 0}, {"at": 10}, POST | {"at": 14.5}, POST | {"at": 20})
    assert rows["lag"].to_list() == [4.5, 10.0]


def test_a_post_before_any_request_has_no_lag(posted):
    assert posted(POST | {"at": 0}, {"at": 1}, POST | {"at": 2})["lag"].to_list() == [None, 1.0]


def test_a_post_at_the_time_of_a_request_follows_it(posted):
    assert posted(POST | {"at": 0}, {"at": 0})["lag"].to_list() == [0.0]


def test_the_interval_is_the_time_since_the_last_post(posted):
    rows = posted({"at": 0}, POST | {"at": 1}, {"at": 5}, POST | {"at": 31}, POST | {"at": 33})
    assert rows["interval"].to_list() == [None, 30.0, 2.0]


def test_probes_neither_interrupt_the_intervals_of_posts_nor_count_as_requests(posted):
    rows = posted({"at": 0}, POST | {"at": 1}, PROBE | {"at": 2}, POST | {"at": 4}).filter(kind="telemetry")
    assert rows.select("lag", "interval").rows() == [(1.0, None), (4.0, 3.0)]


def test_sessions_do_not_mix(posted):
    rows = posted({"at": 0}, POST | {"at": 1}, POST | {"at": 9, "account": 1})
    assert rows.select("lag", "interval").rows() == [(1.0, None), (None, None)]


def test_only_posts_and_probes_with_a_session_are_kept(posted):
    kinds = ("inference", "telemetry", "probe", "count_tokens", "other")
    rows = [{"kind": kind, "at": at} for at, kind in enumerate(kinds)]
    assert posted(*rows)["kind"].to_list() == ["telemetry", "probe"]
    assert posted(*rows, session=None).is_empty()


def test_counters_by_hand(counted):
    # lags e and 1 s (logs 1 and 0), interval 2e s (log 1 + ln 2)
    found = counted(
        PROBE | {"at": -1},
        {"at": 0},
        POST | {"at": e, "telemetry_requests": 1, "telemetry_events": 7},
        {"at": 3 * e - 1},
        POST | {"at": 3 * e, "telemetry_requests": 2},
    )
    assert (found["posts"], found["probes"], found["reports"], found["reported"]) == (2, 1, 2, 3)
    assert (found["events"], found["lags"], found["intervals"]) == (7, 2, 1)
    assert found["lag_log_sum"] / MICRO == pytest.approx(1, abs=2e-6)
    assert found["lag_log_square_sum"] / MICRO == pytest.approx(1, abs=2e-6)
    assert found["interval_log_sum"] / MICRO == pytest.approx(1 + log(2), abs=2e-6)
    assert found["interval_log_square_sum"] / MICRO == pytest.approx((1 + log(2)) ** 2, abs=2e-6)


def test_times_under_the_shortest_count_as_the_shortest(counted):
    found = counted({"at": 0}, POST | {"at": 0}, POST | {"at": 0.01})
    assert found["lag_log_sum"] / MICRO == pytest.approx(2 * log(SHORTEST_S), abs=2e-6)
    assert found["interval_log_sum"] / MICRO == pytest.approx(log(SHORTEST_S), abs=2e-6)


def test_probes_have_no_lag_or_interval_of_their_own(counted):
    found = counted({"at": 0}, PROBE | {"at": 1}, PROBE | {"at": 2})
    assert (found["probes"], found["posts"], found["lags"], found["intervals"]) == (2, 0, 0, 0)


def test_posts_that_do_not_say_how_much_they_report_are_posts_without_reports(counted):
    found = counted({"at": 0}, POST | {"at": 1}, POST | {"at": 2, "telemetry_requests": 0})
    assert (found["posts"], found["reports"], found["reported"]) == (2, 1, 0)


def test_made_up_counts_do_not_overflow(counted):
    fake = POST | {"telemetry_requests": 2**62, "telemetry_events": 2**63 - 1}
    found = counted({"at": 0}, *(fake | {"at": at} for at in range(1, 5)))
    assert (found["reported"], found["events"]) == (4 * LARGEST_COUNT, 4 * LARGEST_COUNT)


def test_counters_are_those_that_are_announced(counted):
    assert tuple(counted({})) == COUNTERS


# -- what vouches ----------------------------------------------------------------


def vouched(**counts):
    base = {"posts": 1, "reports": 1, "reported": 0, "served": 0, "unheard": 0}
    return pl.DataFrame([base | counts]).select(agrees()).item()


@pytest.mark.parametrize(
    ("reported", "agree"),
    [
        (99, True),
        (67, True),  # ln(100 / 68) is 0.386
        (66, False),  # ln(100 / 67) is 0.4005
        (148, True),  # ln(149 / 100) is 0.399
        (149, False),  # ln(150 / 100) is 0.405
        (0, False),
        (10**12, False),
    ],
)
def test_telemetry_vouches_where_it_reports_about_as_many_requests_as_were_served(reported, agree):
    assert exp(AGREE) == pytest.approx(1.49, abs=0.002)
    assert vouched(reported=reported, served=99) is agree


def test_silence_vouches_for_nothing():
    assert vouched(posts=0, reports=0, served=5) is False
    assert vouched(posts=0, reports=0, served=0) is False


def test_posts_that_give_no_number_vouch_for_all_requests():
    assert vouched(reports=0, served=500) is True


def test_what_a_group_lost_is_not_due():
    assert vouched(reported=10, served=100, unheard=90) is True
    assert vouched(reported=10, served=100, unheard=0) is False
