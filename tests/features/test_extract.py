import random
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from detector.features.extract import COUNTERS, Summary, summarise
from detector.features.registry import FEATURES, feature
from detector.schema import REQUEST

POST = {"path": "/api/event_logging/batch", "telemetry_requests": 3, "telemetry_events": 9}
NAMES = ["Accept", "X-App", "X-Id", "Host"]
FEATURE_NAMES = [record.name for record in FEATURES]


# -- identify ------------------------------------------------------------------


def test_lineage_is_client_surface_and_set_of_names(identified):
    agent = "tool/1 (external, cli)"
    rows = [
        {"user_agent": agent, "header_names": NAMES},
        {
            "user_agent": "tool/2 (external, cli)",
            "header_names": NAMES[::-1],
        },  # version and order do not count
        {"user_agent": agent, "header_names": [*NAMES, "Via"], "http_version": "2"},  # nor a proxy on the way
        {"user_agent": "tool/1 (external, ide)", "header_names": NAMES},
        {"user_agent": "kit/1 (external, cli)", "header_names": NAMES},
        {"user_agent": agent, "header_names": [*NAMES, "X-More"]},
        {"user_agent": None, "header_names": None},
    ]
    lineage = identified(*rows)["lineage"].to_list()
    assert lineage[0] == lineage[1] == lineage[2]
    assert len(set(lineage)) == 5
    assert None not in lineage


def test_lineage_is_by_content_whatever_the_order_of_fingerprints(identified):
    rows = [{"user_agent": f"tool{number}/1", "header_names": NAMES} for number in (3, 1, 2)]
    forward, backward = identified(*rows), identified(*rows[::-1])
    assert forward["lineage"].to_list() == backward["lineage"].to_list()[::-1] == [3, 1, 2]


def test_lists_are_left_behind_and_what_is_compared_stays(identified):
    columns = set(identified({}).columns)
    assert not columns & {"header_names", "header_values"}
    assert {
        "client",
        "client_version",
        "surface",
        "headless",
        "names",
        "core",
        "values",
        "ja4",
        "lineage",
    } <= columns


# -- summarise -----------------------------------------------------------------


def test_an_account_is_counted_with_requests_of_any_kind(summed):
    rows = ({"at": 5, "kind": "probe"}, {"at": 9}, {"at": 2, "kind": "other"}, {"at": 7, "account": 1})
    table = summed(*rows).accounts
    assert table.select("account", "requests").rows() == [(0, 3), (1, 1)]
    lengths = table.select(length=pl.col("last_seen") - pl.col("first_seen"))["length"]
    assert lengths.to_list() == [timedelta(seconds=7), timedelta(0)]


@pytest.mark.parametrize(
    ("plans", "last"),
    [(("pro", "max", None), "max"), ((None, None, None), None), (("max", "max", "pro"), "pro")],
)
def test_the_plan_of_an_account_is_the_last_that_was_logged(summed, plans, last):
    rows = [{"at": at, "plan": plan} for at, plan in enumerate(plans)]
    assert summed(*rows[::-1]).accounts["plan"].to_list() == [last]


def test_an_account_with_telemetry_only_is_counted_and_has_no_session(summed):
    summary = summed({"account": 3, "kind": "telemetry", "session_id": "s"}, {"account": 3, "kind": "probe"})
    assert summary.accounts.select("account", "requests").rows() == [(3, 2)]
    for name in ("sessions", "hours", "marks", "tools"):
        assert getattr(summary, name).is_empty(), name


def test_an_account_with_telemetry_only_does_not_disturb_another(summed):
    alone = summed({"at": 0}, {"at": 5}, session_id="s").sessions
    beside = summed({"at": 0}, {"at": 5}, {"account": 9, "kind": "telemetry"}, session_id="s").sessions
    assert beside.equals(alone)


def test_a_session_of_a_single_request(summed):
    (found,) = summed({"session_id": "s", "tool_result": False, "output_tokens": 4}).sessions.to_dicts()
    assert (found["session"], found["account"], found["name"], found["in_scope"]) == (0, 0, "s", True)
    assert (found["requests"], found["inference"], found["start"]) == (1, 1, found["end"])
    assert {name: found[name] for name in COUNTERS if found[name]} == {
        "human_turns": 1,
        "served": 1,
        "tokens": 4,
        "output_tokens": 4,
    }


def test_counters_are_whole_numbers_and_never_null(summed):
    table = summed({}, {"at": 1, "account": 1}).sessions
    assert {table.schema[name] for name in COUNTERS} == {pl.Int64, pl.Int32}
    assert table.select(COUNTERS).null_count().sum_horizontal().item() == 0


def test_requests_of_a_session_are_those_of_any_kind_that_belong_to_it(summed):
    rows = (
        {"at": -9, "kind": "probe"},
        {"session_id": "s"},
        {"at": 3, "kind": "telemetry"},
        {"at": 9999, "kind": "other"},
    )
    (found,) = summed(*rows).sessions.to_dicts()
    assert (found["requests"], found["inference"], found["posts"], found["probes"]) == (3, 1, 1, 1)


def test_a_session_ends_with_the_last_answer_of_any_request(summed):
    rows = ({"at": 0, "duration_ms": 90e3}, {"at": 10, "duration_ms": 5e3}, {"at": 20})
    (found,) = summed(*rows, session_id="s").sessions.to_dicts()
    assert found["end"] - found["start"] == timedelta(seconds=90)


def test_a_helpers_answer_can_end_a_session(summed):
    rows = ({"at": 0, "model": "opus"}, {"at": 5, "model": "haiku", "duration_ms": 60e3})
    (found,) = summed(*rows, session_id="s").sessions.to_dicts()
    assert found["end"] - found["start"] == timedelta(seconds=65)


@pytest.mark.parametrize(
    ("tools", "split"), [((None, None), False), ((None, True), True), ((False, None), True)]
)
def test_a_session_is_split_where_any_request_says_what_it_carries(summed, tools, split):
    rows = ({"at": at, "tool_result": tool} for at, tool in enumerate(tools))
    assert summed(*rows, session_id="s").sessions["split"].to_list() == [split]


def test_a_session_is_of_the_fingerprint_that_most_requests_show(summed):
    facts = [{"user_agent": agent} for agent in ("a/1", "b/2 (external, sdk-py)", "c/3")]
    rows = [{"at": at, "fingerprint": fingerprint} for at, fingerprint in enumerate((0, 1, 1, 2))]
    (found,) = summed(*rows, facts=facts, session_id="s").sessions.to_dicts()
    shown = [found[name] for name in ("fingerprint", "client", "client_version", "surface", "headless")]
    assert shown == [1, "b", "2", "sdk-py", True]


def test_of_fingerprints_shown_equally_often_the_first_by_content_counts(summed):
    facts = [{"user_agent": agent} for agent in ("a/1", "b/1", "c/1")]
    rows = [{"at": at, "fingerprint": fingerprint} for at, fingerprint in enumerate((2, 1, 2, 1, 0))]
    assert summed(*rows, facts=facts, session_id="s").sessions["client"].to_list() == ["b"]


def test_a_fingerprint_on_two_networks_is_counted_as_one(summed):
    facts = [{"user_agent": "a/1"}, {"user_agent": "b/1"}]
    rows = [(0, 7), (0, 8), (1, 9), (0, 9), (1, 9)]
    asked = [
        {"at": at, "fingerprint": print_, "network": network} for at, (print_, network) in enumerate(rows)
    ]
    summary = summed(*asked, facts=facts, session_id="s")
    assert summary.marks.rows() == [(0, 0, 7, 1), (0, 0, 8, 1), (0, 0, 9, 1), (0, 1, 9, 2)]
    assert summary.sessions["client"].to_list() == ["a"]


def test_tools_are_the_distinct_sets_of_a_session(summed):
    rows = [{"at": at, "tools_hash": tools} for at, tools in enumerate((5, 5, 4, None))]
    assert summed(*rows, session_id="s").tools.rows() == [(0, 4), (0, 5)]


# -- the pipeline on any log -------------------------------------------------------

ROW = {
    "at": st.integers(0, 250).map(lambda step: step * step * 7.0),  # dense at first, a week in all
    "account_id": st.sampled_from(["ann", "bob", "cyd"]),
    "path": st.sampled_from(["/v1/messages"] * 5 + ["/api/event_logging/batch", "/api/hello", "/x"]),
    "session_id": st.sampled_from([None, "s", "t"]),
    "auth": st.sampled_from(["subscription", "subscription", None, "api_key", "web"]),
    "plan": st.sampled_from([None, "pro", "max"]),
    "user_agent": st.sampled_from(
        [None, "tool/1 (external, cli)", "tool/2 (external, sdk-py)", "Mozilla/5.0"]
    ),
    "header_names": st.sampled_from(
        [None, NAMES, NAMES[::-1], ["Via", "accept"], ["x-app", "accept", "host"]]
    ),
    "header_values": st.sampled_from(
        [None, [{"name": "accept", "value": "a"}], [{"name": "x-app", "value": "b"}]]
    ),
    "http_version": st.sampled_from(["1.1", "2"]),
    "ja4": st.sampled_from([None, "t13", "t12"]),
    "client_ip": st.sampled_from([None, "192.0.2.1", "192.0.2.2"]),
    "country": st.sampled_from([None, "DE", "FR"]),
    "model": st.sampled_from(["opus", "haiku", None]),
    "status": st.sampled_from([200, 200, None, 429, 500]),
    "retry_after_s": st.sampled_from([None, 60.0]),
    "duration_ms": st.sampled_from([None, 0.0, 2500.0, 90e3]),
    "tool_result": st.sampled_from([None, True, False, False]),
    "tools_hash": st.sampled_from([None, "k", "l"]),
    "input_tokens": st.sampled_from([None, 5, 70]),
    "cache_read_tokens": st.sampled_from([None, 0, 900]),
    "cache_write_tokens": st.sampled_from([None, 11]),
    "output_tokens": st.sampled_from([None, 13]),
    "telemetry_requests": st.sampled_from([None, 2]),
    "telemetry_events": st.sampled_from([None, 6]),
}


@pytest.fixture(scope="module")
def logs(row):
    """A strategy of small logs that hold at least one request in scope or out of it."""
    rows = st.fixed_dictionaries(ROW).map(lambda values: row(**values))
    schema = {name: REQUEST[name] for name in row(**dict.fromkeys(ROW, 0))}
    return st.lists(rows, min_size=1, max_size=24).map(lambda listed: pl.DataFrame(listed, schema=schema))


TABLES = ("sessions", "streams", "population")


def same(left, right, **tolerance):
    """Equal tables of a result, codes and names included."""
    for name in TABLES:
        assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=not tolerance, **tolerance)
    for name in Summary.__slots__:
        tables = (getattr(result.summary, name).drop("account_id", strict=False) for result in (left, right))
        assert_frame_equal(*tables)


def named(result, table):
    """A table with the names of accounts for codes, in an order of its own."""
    names = result.log.accounts.alias("name_of_account").to_frame().with_row_index("account")
    table = table.join(names, on="account").drop("account", "session", "stream", "fingerprint", strict=False)
    return table.sort([name for name in table.columns if not table.schema[name].is_float()], nulls_last=True)


@given(data=st.data(), shuffler=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_rows_changes_nothing(pipeline, logs, floorless, data, shuffler):
    log = data.draw(logs)
    order = list(range(log.height))
    shuffler.shuffle(order)
    same(pipeline(log, floorless), pipeline(log[order], floorless))


def renamed(log, mapping):
    return log.with_columns(pl.col("account_id").replace_strict(mapping, return_dtype=pl.String))


@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_renaming_accounts_in_their_order_changes_nothing_but_names(pipeline, logs, floorless, data):
    log = data.draw(logs)
    mapping = {"ann": "0", "bob": "B2", "cyd": "zé" * 50}
    left, right = pipeline(log, floorless), pipeline(renamed(log, mapping), floorless)
    same(left, right)
    assert right.log.accounts.to_list() == [mapping[name] for name in left.log.accounts]


@given(data=st.data(), names=st.permutations(["x", "yy", "a"]))
@settings(max_examples=25, deadline=None)
def test_renaming_accounts_in_another_order_changes_nothing_but_codes(pipeline, logs, floorless, data, names):
    log = data.draw(logs)
    mapping = dict(zip(("ann", "bob", "cyd"), names, strict=True))
    left, right = pipeline(log, floorless), pipeline(renamed(log, mapping), floorless)
    for name in ("sessions", "streams"):
        before = named(left, getattr(left, name))
        before = before.with_columns(
            pl.col("name_of_account").replace_strict(mapping, return_dtype=pl.String)
        )
        before = before.sort(
            [name for name in before.columns if not before.schema[name].is_float()], nulls_last=True
        )
        assert_frame_equal(before, named(right, getattr(right, name)))
    assert_frame_equal(left.population, right.population)


@given(data=st.data(), weeks=st.integers(-300, 300))
@settings(max_examples=25, deadline=None)
def test_shifting_all_times_by_weeks_changes_nothing_but_times(pipeline, logs, floorless, data, weeks):
    log = data.draw(logs)
    shift = timedelta(weeks=weeks)
    left = pipeline(log, floorless)
    right = pipeline(log.with_columns(pl.col("timestamp") + shift), floorless)
    back = right.sessions.with_columns(pl.col("start", "end") - shift)
    # an undeclared session is named by its start
    plain = pl.col("name").str.replace(r"^~.*-", "~")
    assert_frame_equal(left.sessions.with_columns(plain), back.with_columns(plain))
    assert_frame_equal(left.streams, right.streams, abs_tol=1e-5)
    assert_frame_equal(left.population, right.population)


@given(data=st.data(), cut=st.integers(1, 2))
@settings(max_examples=25, deadline=None)
def test_taking_accounts_bucket_by_bucket_changes_nothing(pipeline, logs, floorless, data, cut):
    whole = pipeline(data.draw(logs), floorless)
    requests, names = whole.log.requests, whole.log.accounts
    buckets = [requests.filter(pl.col("account") < cut), requests.filter(pl.col("account") >= cut)]
    single = [requests.filter(account=account) for account in range(whole.log.accounts.len())]
    for parts in (buckets, single):
        # Parts number their accounts for themselves, and come in any order.
        renumbered = [
            (part.with_columns(account=pl.col("account").rank("dense") - 1), names.gather(codes))
            for part in parts[::-1]
            if part.height
            for codes in [part["account"].unique().sort()]
        ]
        joined = Summary.concat([summarise(*part, whole.facts, floorless).table for part in renumbered])
        joined = joined.between(0, len(names) - 1)
        for name in Summary.__slots__:
            assert_frame_equal(getattr(joined, name), getattr(whole.summary, name))


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_an_unknown_column_changes_nothing(pipeline, logs, floorless, data):
    log = data.draw(logs)
    left = pipeline(log, floorless)
    right = pipeline(log.with_columns(mystery=pl.int_range(pl.len()).cast(pl.String)), floorless)
    assert right.log.unknown_columns == ("mystery",)
    same(left, right)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_every_feature_of_any_log_is_finite_or_null_and_every_row_is_counted(pipeline, logs, floorless, data):
    log = data.draw(logs)
    found = pipeline(log, floorless)
    for table in (found.sessions, found.streams):
        values = table.select(pl.col(name) for name in FEATURE_NAMES if name in table.columns)
        odd = values.select((pl.all().is_nan() | pl.all().is_infinite()).any())
        assert not any(odd.row(0)), odd
    assert found.summary.accounts["requests"].sum() == log.height
    asked = log.filter(path="/v1/messages").height
    assert found.summary.sessions["inference"].sum() == found.summary.hours["requests"].sum() == asked
    assert found.streams["sessions"].sum() == found.sessions.height


# -- a log with everything ---------------------------------------------------------


@pytest.fixture(scope="module")
def rich(row):
    """A log with a value in every column, in which every feature can be measured."""
    dice = random.Random(4)  # noqa: S311 - a fixed log, not a secret
    rows = []
    for account in range(6):
        for session in range(4):
            at = account * 11 + session * 30_000.0
            base = {
                "account_id": f"account {account}",
                "session_id": f"session {session}",
                "auth": "subscription",
                "plan": "max",
                "method": "POST",
                "device_id": f"device {account}",
                "user_agent": "tool/1.0 (external, cli)",
                "header_names": NAMES if account else NAMES[::-1],
                "headers_complete": True,
                "header_values": [
                    {"name": "accept-encoding", "value": "gzip"},
                    {"name": "x-app", "value": "cli"},
                ],
                "http_version": "1.1",
                "ja4": f"t13-{account % 2}",
                "client_ip": f"192.0.2.{account}",
                "asn": 64500,
                "country": "DE",
                "status": 200,
            }
            rows.append(row(at - 1, **base, path="/api/hello"))
            for step in range(12):
                at += dice.uniform(2, 400)
                model = {
                    "model": "haiku" if step == 5 else "opus",
                    "duration_ms": dice.uniform(500, 9000),
                    "tool_result": step % 3 > 0,
                    "tools_hash": f"tools {step % 2}",
                    "input_tokens": dice.randrange(1, 99),
                    "cache_read_tokens": 1000 * step,
                    "cache_write_tokens": dice.randrange(1, 999),
                    "output_tokens": dice.randrange(1, 999),
                    "stop_reason": "end_turn",
                    "stream": True,
                }
                limited = {"status": 429, "retry_after_s": 30.0} if step % 4 == 3 else {}
                rows.append(row(at, **base | model | limited, request_id=f"{account} {session} {step}"))
                if step % 2:
                    rows.append(row(at + dice.uniform(3, 9), **base | POST))
    assert set(REQUEST) == {name for one in rows for name in one}
    return pl.DataFrame(rows, schema={name: REQUEST[name] for name in REQUEST})


@pytest.fixture(scope="module")
def complete(pipeline, rich, floorless):
    return pipeline(rich, floorless, features="available")


def test_a_complete_log_feeds_every_feature_of_every_stream(complete):
    assert complete.streams.height == 6
    unknown = {name for name in FEATURE_NAMES if complete.streams[name].null_count() > 0}
    assert not unknown


# Where a column is missing, the features that need it are null, and those named here are measured
# in another way; without the columns of REGROUPS other sessions and streams are found.
AFFECTS = {
    "duration_ms": {"pause_share", "away_share", "gap_variation", "human_gap_spread", "human_instant_share"}
    | {"session_minutes", "cache_read_ratio", "context_growth", "human_turn_share", "quiet_hours_share"}
    | {"reading_share"},
    "model": {"human_turn_share", "pause_share", "away_share", "gap_variation", "human_gap_spread"}
    | {
        "human_instant_share",
        "cache_read_ratio",
        "context_growth",
        "quiet_hours_share",
        "single_turn_share",
        "overlap_share",
        "reading_share",
    },
    "tool_result": {"quiet_hours_share"},
    "input_tokens": {"cache_read_ratio", "output_share"},
    "cache_read_tokens": {"context_growth", "output_share", "reading_share"},
    "cache_write_tokens": {"cache_read_ratio", "context_growth", "output_share"},
    "status": {"telemetry_coverage", "telemetry_mismatch", "output_share", "overlap_share"},
    "telemetry_requests": {"telemetry_coverage", "telemetry_events"},
}
REGROUPS = {"session_id", "user_agent", "auth", "header_names", "header_values"}


@pytest.mark.parametrize("column", sorted(set(REQUEST) - {"timestamp", "account_id", "path"}))
def test_a_missing_column_takes_the_features_that_need_it_and_no_others(
    pipeline, rich, complete, floorless, column
):
    found = pipeline(rich.drop(column), floorless, features="available")
    lost = {name for name in FEATURE_NAMES if found.streams[name].null_count() == found.streams.height}
    needing = {record.name for record in FEATURES if column in record.needs}
    if column == "model":
        needing = {"helper_missing"}
    assert needing <= lost
    if column in REGROUPS:
        return
    both = complete.streams.join(found.streams, on="account", suffix=" without", validate="1:1")
    assert both.height == 6
    changed = {
        name
        for name in FEATURE_NAMES
        if name not in needing and not both[name].equals(both[f"{name} without"], null_equal=True)
    }
    assert changed <= AFFECTS.get(column, set())


def test_removing_all_telemetry_leaves_the_family_unavailable_and_the_rest_alone(
    pipeline, rich, complete, floorless
):
    silent = pipeline(rich.filter(pl.col("path") != POST["path"]), floorless, features="available")
    telemetry = [record.name for record in FEATURES if "telemetry posts" in record.needs]
    assert silent.streams.select(telemetry).null_count().row(0) == (6,) * len(telemetry)
    others = [
        name for name in FEATURE_NAMES if name not in telemetry and feature(name).family != "fingerprint"
    ]
    assert_frame_equal(silent.streams.select(others), complete.streams.select(others))


# -- hostile input -----------------------------------------------------------------

LONG = "x" * 100_000
HOSTILE = {
    "user_agent": [
        "\x00",
        "\x1b[31m",
        "\n\t",
        "(((",
        "/",
        " ",
        "é" * 1000,
        LONG,
        "a/1 (external, \x1f)",
        "\udcff"[:0],
    ],
    "header_names": [
        [],
        [None],
        ["", " "],
        ["\x00", "\r\n"],
        [LONG],
        ["a,b", "A"],
        ["a"] * 500,
        [None, "Host", "host"],
    ],
    "header_values": [[], [None], [{"name": None, "value": None}], [{"name": "accept", "value": LONG}]],
    "session_id": ["~20261102T120000.000000-1", "\x00", LONG, " "],
    "model": ["\x00", LONG, "HAIKU\n"],
    "http_version": ["\x00", "9.9", LONG],
    "ja4": ["\x1f", LONG],
    "duration_ms": [0.0, 1e-300, 1e18, 1.7e308, float("nan"), float("inf"), -1.0],
    "retry_after_s": [0.0, 1e300, float("nan"), float("-inf")],
    "status": [0, -1, 2**31 - 1, 429],
    "input_tokens": [0, -1, 2**62, 2**63 - 1],
    "cache_read_tokens": [0, 2**62, 2**63 - 1],
    "cache_write_tokens": [2**62],
    "output_tokens": [2**63 - 1],
    "telemetry_requests": [2**62, -(2**62), 0],
    "telemetry_events": [2**63 - 1],
}


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "at": st.integers(0, 3) | st.just(1e9),
                "account_id": st.sampled_from(["a", "\x00", LONG]),
                "path": st.sampled_from(["/v1/messages", "/v1/messages", POST["path"]]),
                **{name: st.sampled_from([None, *values]) for name, values in HOSTILE.items()},
            }
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=40, deadline=None)
def test_hostile_values_neither_crash_nor_count_below_zero_nor_leave_the_finite(
    pipeline, row, floorless, rows
):
    found = pipeline([row(**values) for values in rows], floorless)
    positive = [name for name in COUNTERS if "log_sum" not in name]
    assert not found.summary.sessions.select((pl.col(positive) < 0).any()).row(0).count(True)
    for table in (found.sessions, found.streams):
        values = table.select(pl.col(name) for name in FEATURE_NAMES if name in table.columns)
        odd = values.select((pl.all().is_nan() | pl.all().is_infinite()).any())
        assert not any(odd.row(0)), odd


def test_durations_that_are_no_number_are_unknown(pipeline, row):
    rows = [row(at, duration_ms=value) for at, value in enumerate((float("nan"), float("inf"), -5.0, None))]
    (found,) = pipeline(rows).sessions.to_dicts()
    assert (found["gaps"], found["gap_sum"], found["overlaps"]) == (3, 3_000_000, 0)


def test_requests_at_one_moment_are_gaps_of_nothing(pipeline, row):
    (found,) = pipeline([row(0, input_tokens=tokens) for tokens in (3, 1, 2)]).sessions.to_dicts()
    assert (found["inference"], found["gaps"], found["gap_sum"], found["overlaps"]) == (3, 2, 0, 0)


def test_a_log_of_telemetry_alone_has_accounts_and_nothing_else(pipeline, row):
    found = pipeline([row(at, **POST) for at in range(3)], features="available")
    assert found.summary.accounts["requests"].to_list() == [3]
    assert (found.sessions.height, found.streams.height, found.population.height) == (0, 0, 0)
    assert set(FEATURE_NAMES) <= set(found.streams.columns)


def test_a_declared_id_that_looks_like_an_undeclared_name_is_only_a_name(pipeline, row):
    rows = [
        row(0, session_id=None),
        row(60, session_id="~20261102T120000.000000-1"),
        row(90, account_id="bob"),
    ]
    found = pipeline(rows)
    assert found.summary.sessions["inference"].sum() == 3
    assert found.sessions.filter(account=1)["inference"].to_list() == [1]
