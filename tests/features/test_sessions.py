from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.sessions import ORDER, OUT_OF_SCOPE, assign_sessions, in_order
from detector.settings import SessionSettings

MINUTE = 60.0
RULES = SessionSettings(gap_minutes=30.0, join_minutes=5.0, most_devices=4)
LINEAGES = pl.DataFrame(
    {"fingerprint": [0, 1, 2], "lineage": [1, 2, 1]}, {"fingerprint": pl.Int64, "lineage": pl.UInt32}
)


def assigned(frame, rules=RULES):
    """The rows with their session in order, those without one last, and the sessions."""
    session, sessions = assign_sessions(frame, LINEAGES, rules)
    rows = frame.with_columns(session)
    loose = rows.filter(pl.col("session").is_null()).sort(ORDER)
    return pl.concat([rows[in_order(frame, session)], loose]), sessions


def sessions_of(frame, rules=RULES):
    """Session of each row in the order of time, rows named by their second."""
    rows, _ = assigned(frame, rules)
    noon = frame["timestamp"].min()
    return {
        (moment - noon).total_seconds(): session
        for moment, session in rows.sort("timestamp").select("timestamp", "session").rows()
    }


def test_a_declared_id_is_one_session_however_long_the_pause(requests):
    frame = requests({"at": 0}, {"at": 5 * 3600}, {"at": 50 * 3600}, session_id="s")
    rows, sessions = assigned(frame)
    assert rows["session"].to_list() == [0, 0, 0]
    assert sessions.select("session", "account", "name", "in_scope").rows() == [(0, 0, "s", True)]
    assert sessions["start"][0] == frame["timestamp"][0]


def test_two_declared_ids_interleaved_are_two_sessions(requests):
    frame = requests(*({"at": at, "session_id": name} for at, name in enumerate("abab")))
    assert assigned(frame)[1]["name"].to_list() == ["a", "b"]
    assert sessions_of(frame) == {0: 0, 1: 1, 2: 0, 3: 1}


def test_a_pause_of_exactly_the_gap_does_not_end_an_undeclared_session(requests):
    assert assigned(requests({"at": 0}, {"at": 30 * MINUTE}))[1].height == 1


def test_a_microsecond_over_the_gap_ends_an_undeclared_session(requests):
    assert assigned(requests({"at": 0}, {"at": 30 * MINUTE + 1e-6}))[1].height == 2


def test_the_gap_is_measured_from_the_last_request_not_from_the_start(requests):
    frame = requests(*({"at": 29 * MINUTE * step} for step in range(10)))
    assert assigned(frame)[1].height == 1


def test_the_gap_is_a_setting(requests):
    frame = requests({"at": 0}, {"at": 20 * MINUTE})
    assert assigned(frame, SessionSettings(gap_minutes=10.0, join_minutes=5.0, most_devices=4))[1].height == 2


@pytest.mark.parametrize("session_id", ["s", None])
def test_a_session_that_crosses_midnight_is_one(requests, session_id):
    frame = requests({"at": 11.9 * 3600}, {"at": 12.1 * 3600}, session_id=session_id)
    assert assigned(frame)[1].height == 1


def test_an_undeclared_session_is_named_by_its_start_and_lineage(requests):
    _, sessions = assigned(requests({"at": 61.5}, {"at": 62}))
    assert sessions["name"].to_list() == ["~20261102T120101.500000-1"]


def test_undeclared_requests_of_two_lineages_are_two_sessions_each_with_its_own_gap(requests):
    # Lineage 1 at 0 and 40 min is apart by more than 30, though lineage 2 spoke between.
    frame = requests({"at": 0}, {"at": 20 * MINUTE, "fingerprint": 1}, {"at": 40 * MINUTE})
    rows, sessions = assigned(frame)
    assert rows["session"].to_list() == [0, 1, 2]
    assert [name[-2:] for name in sessions["name"]] == ["-1", "-2", "-1"]


def test_fingerprints_of_one_lineage_share_an_undeclared_session(requests):
    assert assigned(requests({"at": 0}, {"at": 1, "fingerprint": 2}))[1].height == 1


def test_declared_requests_do_not_bridge_the_gap_of_undeclared_ones(requests):
    frame = requests({"at": 0}, {"at": 20 * MINUTE, "session_id": "s"}, {"at": 40 * MINUTE})
    assert sorted(name[0] for name in assigned(frame)[1]["name"]) == ["s", "~", "~"]


def test_the_same_id_on_two_accounts_is_two_sessions(requests):
    frame = requests({"account": 0}, {"account": 1}, session_id="s")
    rows, sessions = assigned(frame)
    assert sessions.select("session", "account", "name").rows() == [(0, 0, "s"), (1, 1, "s")]
    assert rows.select("account", "session").rows() == [(0, 0), (1, 1)]


def test_undeclared_requests_of_two_accounts_are_two_sessions(requests):
    assert assigned(requests({"account": 0}, {"account": 1, "at": 1}))[1].height == 2


@pytest.mark.parametrize("auth", OUT_OF_SCOPE)
@pytest.mark.parametrize("session_id", ["s", None])
def test_rows_that_pay_per_use_are_a_session_of_their_own(requests, auth, session_id):
    frame = requests({"auth": "subscription"}, {"auth": auth, "at": 1}, session_id=session_id)
    rows, sessions = assigned(frame)
    assert sessions["in_scope"].to_list() == [True, False]
    assert rows.sort("timestamp")["session"].to_list() == [0, 1]


@pytest.mark.parametrize("auth", ["subscription", "web", None])
def test_every_other_auth_and_an_unknown_one_are_in_scope(requests, auth):
    assert assigned(requests({}, auth=auth, session_id="s"))[1]["in_scope"].to_list() == [True]


def test_unknown_and_subscription_auth_share_a_session(requests):
    assert assigned(requests({"auth": "subscription"}, {"at": 1}, session_id="s"))[1].height == 1


def test_sessions_are_numbered_by_account_and_start(requests):
    frame = requests(
        {"account": 1, "at": 0, "session_id": "z"},
        {"account": 0, "at": 9, "session_id": "a"},
        {"account": 0, "at": 5, "session_id": "b"},
    )
    _, sessions = assigned(frame)
    assert sessions.select("session", "name").rows() == [(0, "b"), (1, "a"), (2, "z")]


# -- telemetry, probes and the rest ------------------------------------------------


def joined(requests, *rows, **common):
    """Sessions of the rows that are not inference, in the order of time."""
    frame = requests(*rows, **common)
    aside = assigned(frame)[0].filter(pl.col("kind") != "inference")
    return aside.sort("timestamp")["session"].to_list()


def test_a_post_with_the_session_id_is_joined_however_far_in_time(requests):
    post = {"kind": "telemetry", "at": 30 * 3600}
    assert joined(requests, {}, post, session_id="s") == [0]


def test_a_post_with_the_id_of_another_accounts_session_is_not_joined(requests):
    post = {"kind": "telemetry", "account": 1, "at": 1}
    assert joined(requests, {}, post, session_id="s") == [None]


@pytest.mark.parametrize(("minutes", "session"), [(0, 0), (5, 0), (5 + 1e-6, None), (-1, None)])
def test_a_post_without_id_joins_the_last_request_in_the_window_before_it(requests, minutes, session):
    assert joined(requests, {"session_id": "s"}, {"kind": "telemetry", "at": minutes * MINUTE}) == [session]


def test_the_join_window_is_a_setting(requests):
    frame = requests({"session_id": "s"}, {"kind": "telemetry", "at": 8 * MINUTE})
    wide = SessionSettings(gap_minutes=30.0, join_minutes=10.0, most_devices=4)
    assert [assigned(frame, rules)[0]["session"].null_count() for rules in (RULES, wide)] == [1, 0]


def test_a_post_with_an_unknown_id_is_joined_by_time(requests):
    post = {"kind": "telemetry", "session_id": "never seen", "at": 10}
    assert joined(requests, {"session_id": "s"}, post) == [0]


def test_a_post_by_time_goes_to_the_session_that_spoke_last(requests):
    asked = ({"session_id": "a"}, {"session_id": "b", "at": 10}, {"session_id": "a", "at": 20})
    posts = ({"kind": "telemetry", "at": at} for at in (5, 15, 25))
    assert joined(requests, *asked, *posts) == [0, 1, 0]


def test_a_post_by_time_stays_on_its_account(requests):
    other = {"account": 1, "session_id": "b", "at": 9}
    assert joined(requests, {"session_id": "a"}, other, {"kind": "telemetry", "at": 10}) == [0]


def test_a_post_with_an_id_used_in_and_out_of_scope_reports_the_subscription(requests):
    frame = requests(
        {"auth": "api_key"}, {"at": 1}, {"kind": "telemetry", "at": 2, "auth": "subscription"}, session_id="s"
    )
    rows, sessions = assigned(frame)
    (session,) = rows.filter(pl.col("kind") == "telemetry")["session"]
    assert sessions.filter(session=session)["in_scope"].to_list() == [True]


@pytest.mark.parametrize(("minutes", "session"), [(-1, 0), (-5, 0), (-5 - 1e-6, None), (0, 0), (1, None)])
def test_a_probe_belongs_to_the_session_that_starts_within_the_window_after_it(requests, minutes, session):
    frame = requests({"session_id": "s"}, {"kind": "probe", "at": minutes * MINUTE})
    rows, _ = assigned(frame)
    assert rows.filter(pl.col("kind") == "probe")["session"].to_list() == [session]


def test_a_probe_in_the_middle_of_a_session_belongs_to_the_next_one(requests):
    asked = ({"session_id": "a"}, {"session_id": "a", "at": 10}, {"session_id": "b", "at": 20})
    assert joined(requests, *asked, {"kind": "probe", "at": 5}) == [1]


@pytest.mark.parametrize("kind", ["count_tokens", "other"])
def test_other_requests_are_joined_like_posts(requests, kind):
    rows = ({"kind": kind, "at": 1}, {"kind": kind, "at": -1}, {"kind": kind, "at": 9999, "session_id": "s"})
    assert joined(requests, {"session_id": "s"}, *rows) == [None, 0, 0]


def test_without_inference_there_is_no_session(requests):
    rows, sessions = assigned(requests({"kind": "telemetry", "session_id": "s"}, {"kind": "probe", "at": 1}))
    assert sessions.height == 0
    assert rows["session"].to_list() == [None, None]


def test_columns_are_kept_and_session_added(requests):
    frame = requests(
        {"session_id": "s"}, {"at": 1}, {"kind": "probe", "at": 2}, {"kind": "telemetry", "at": 3}
    )
    rows, sessions = assigned(frame)
    assert rows.columns == [*frame.columns, "session"]
    assert rows.schema["session"] == pl.UInt32
    assert sessions.columns == ["session", "account", "in_scope", "name", "start"]


COMPARED = {
    "tool_result": (True, False),
    "duration_ms": (1.0, 2.0),
    "input_tokens": (1, 2),
    "output_tokens": (1, 2),
    "cache_read_tokens": (1, 2),
    "cache_write_tokens": (1, 2),
    "status": (200, 429),
    "retry_after_s": (1.0, 2.0),
    "model": ("opus", "haiku"),
    "country": ("DE", "FR"),
}


@pytest.mark.parametrize(("column", "values"), COMPARED.items())
def test_at_one_time_rows_are_sorted_by_all_of_which_the_order_matters(requests, column, values):
    one, other = ({column: value} for value in values)
    tables = [assigned(requests(*rows, session_id="s"))[0] for rows in ((one, other), (other, one))]
    assert tables[0].equals(tables[1])


def test_times_too_far_apart_for_one_key_are_sorted_all_the_same(requests, monkeypatch):
    frame = requests(*({"at": at, "session_id": name} for at, name in zip((9, 3, 9, 1), "abab", strict=True)))
    session, _ = assign_sessions(frame, LINEAGES, RULES)
    short = in_order(frame, session).tolist()
    monkeypatch.setattr("detector.features.sessions.LARGEST_KEY", 1)
    assert in_order(frame, session).tolist() == short == [3, 1, 0, 2]


# -- properties --------------------------------------------------------------------

MOMENTS = st.lists(st.integers(0, 6 * 60), min_size=1, max_size=30)


@given(MOMENTS)
@settings(max_examples=50, deadline=None)
def test_undeclared_sessions_are_the_runs_without_a_longer_pause(requests, minutes):
    runs = [[]]
    for minute in sorted(minutes):
        if runs[-1] and minute - runs[-1][-1] > 30:
            runs.append([])
        runs[-1].append(minute)
    frame = requests(*({"at": minute * MINUTE} for minute in minutes))
    rows, sessions = assigned(frame)
    noon = rows["timestamp"].min() - timedelta(minutes=min(minutes))
    found = rows.group_by("session").agg("timestamp").sort("session")["timestamp"].to_list()
    assert [[(moment - noon).total_seconds() / 60 for moment in sorted(run)] for run in found] == runs
    assert sessions["session"].to_list() == list(range(len(runs)))


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "at": st.integers(0, 40).map(lambda step: step * 2 * MINUTE),
            "account": st.integers(0, 1),
            "kind": st.sampled_from(["inference", "inference", "telemetry", "probe", "other"]),
            "fingerprint": st.integers(0, 2),
            "session_id": st.sampled_from([None, None, "a", "b"]),
            "auth": st.sampled_from([None, "api_key"]),
            "model": st.sampled_from(["opus", "haiku"]),
            "status": st.sampled_from([None, 200, 429]),
            "cache_read_tokens": st.sampled_from([None, 1, 2]),
        }
    ),
    min_size=1,
    max_size=25,
)
ORDERED = ("session", "timestamp", "kind", "model", "status", "cache_read_tokens")


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_row_order_changes_nothing_and_no_row_is_lost(requests, rows, shuffler):
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    (left, sessions), (right, others) = (assigned(requests(*order)) for order in (rows, shuffled))
    assert sessions.equals(others)
    assert left.height == len(rows)
    # Same session, same time: still in one order, since the next request is compared with it.
    assert left.select(ORDERED).equals(right.select(ORDERED))


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_a_row_is_in_a_session_of_its_account_and_inference_always_has_one(requests, rows):
    joined, sessions = assigned(requests(*rows))
    both = joined.join(sessions.select("session", owner="account"), on="session", how="left")
    assert both.filter(pl.col("session").is_not_null() & (pl.col("owner") != pl.col("account"))).is_empty()
    assert both.filter((pl.col("kind") == "inference") & pl.col("session").is_null()).is_empty()
    starts = joined.filter(pl.col("kind") == "inference").group_by("session").agg(pl.col("timestamp").min())
    assert starts.sort("session")["timestamp"].to_list() == sessions["start"].to_list()
