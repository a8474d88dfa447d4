from datetime import UTC, datetime, timedelta
from math import log

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import detector
from benchmarks.basics import FEATURES, HEADER_FEATURES, KEY, duckdb_basics, pandas_basics
from detector.schema import REQUEST

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
NAMES = list(FEATURES)


def row(second, session, **values):
    return {
        "timestamp": NOON + timedelta(seconds=second),
        "account_id": "ann",
        "path": "/v1/messages",
        "session_id": session,
        "auth": "subscription",
    } | values


ROWS = [
    row(
        0,
        "one",
        tool_result=False,
        input_tokens=100,
        output_tokens=7,
        status=200,
        duration_ms=1000.0,
        model="large",
        tools_hash="t",
        user_agent="cli/1",
        header_names=["Host", "Accept"],
        client_ip="192.0.2.1",
    ),
    row(
        10,
        "one",
        tool_result=True,
        input_tokens=10,
        cache_read_tokens=90,
        cache_write_tokens=4,
        status=200,
        duration_ms=3000.0,
        model="small",
        tools_hash="t",
        user_agent="cli/1",
        header_names=["Accept", "Host"],
        client_ip="192.0.2.2",
    ),
    row(
        3620,
        "one",
        tool_result=False,
        input_tokens=5,
        cache_read_tokens=90,
        status=429,
        model="large",
        user_agent="cli/2",
        header_names=["Host", "Accept"],
        client_ip="192.0.2.2",
    ),
    row(3620.5, "one", path="/api/event_logging/batch", telemetry_requests=3, status=500),
    row(0, None, path="/v1/responses"),
    row(1800, None, path="/web/completion", tool_result=False),
    row(3601, None),
    row(3601.5, None, tool_result=False),
    row(0, "one", account_id="bob", path="/api/hello", auth=None),
    row(5, "paid", auth="api_key"),
]

ANN = {
    "requests": 4,
    "inference": 3,
    "posts": 1,
    "reported": 3,
    "gap_mean": 1810,
    "gap_deviation": 1800,
    "gap_median": 1810,
    "gap_p90": 3250,
    "human_log_mean": log(3610),
    "human_log_deviation": 0,
    "instant": 0,
    "away": 1,
    "input_tokens": 115,
    "output_tokens": 7,
    "cache_read_tokens": 180,
    "cache_write_tokens": 4,
    "cache_growth": 0.5,
    "tool_share": 1 / 3,
    "limited": 1,
    "refused": 2,
    "duration_mean": 2000,
    "models": 2,
    "tool_sets": 1,
    "header_orders": 2,
    "user_agents": 2,
    "addresses": 2,
    "active_hours": 2,
}


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("it's") / "log"
    (folder / "date=2026-11-02").mkdir(parents=True)
    table = pl.DataFrame(ROWS, schema=REQUEST)
    table[:3].write_parquet(folder / "date=2026-11-02" / "a.parquet")
    table[3:].write_parquet(folder / "date=2026-11-02" / "b.parquet")
    return folder


@pytest.fixture(scope="module")
def store(logs):
    folder = logs.with_name("store")
    detector.ingest_logs([logs], folder, keep_ids=True)
    return folder


def computed(target):
    """Return the sessions in order, all features as numbers, in order of time within an account."""
    found = pl.read_parquet(target)
    counts = [pl.col(name).cast(pl.Float64).fill_nan(None) for name in found.columns if name not in KEY]
    times = pl.col("start", "end").cast(pl.Datetime("us", "UTC"))
    return found.with_columns(*counts, times, pl.col("part").cast(pl.Int64)).sort(
        "account_id", "session_id", "part"
    )


@pytest.fixture(scope="module")
def by_duckdb(logs):
    duckdb_basics(logs, logs.with_name("duckdb.parquet"))
    return computed(logs.with_name("duckdb.parquet"))


def test_there_are_27_features():
    assert len(FEATURES) == 27


def test_every_feature_of_a_session_by_hand(by_duckdb):
    assert by_duckdb.columns == [*KEY, *NAMES]
    ann = by_duckdb.row(
        by_predicate=(pl.col("account_id") == "ann") & (pl.col("session_id") == "one"), named=True
    )
    assert {name: ann[name] for name in NAMES} == pytest.approx(ANN)
    assert (ann["start"], ann["end"]) == (NOON, NOON + timedelta(seconds=3620.5))


def test_a_pause_of_more_than_30_minutes_begins_a_session(by_duckdb):
    parts = by_duckdb.filter(pl.col("session_id").is_null())
    assert parts.select("account_id", "part", "requests").rows() == [("ann", 0, 2), ("ann", 1, 2)]
    assert parts["gap_mean"].to_list() == [1800, 0.5]
    assert parts["human_log_mean"].to_list() == pytest.approx([log(1800), log(0.5)])
    assert parts["instant"].to_list() == [0, 1]


def test_what_pays_per_use_is_left_out(by_duckdb):
    assert by_duckdb.select("account_id", "session_id").unique().sort("account_id", "session_id").rows() == [
        ("ann", None),
        ("ann", "one"),
        ("bob", "one"),
    ]


def test_of_an_account_without_turns_most_is_unknown(by_duckdb):
    (bob,) = by_duckdb.filter(account_id="bob").to_dicts()
    assert bob["requests"] == bob["active_hours"] == 1
    assert {
        bob[name] for name in ("gap_mean", "gap_p90", "human_log_mean", "cache_growth", "tool_share")
    } == {None}


def test_without_headers_the_rest_is_the_same(logs, by_duckdb):
    duckdb_basics(logs, logs.with_name("lean.parquet"), "duckdb-lean")
    assert_frame_equal(computed(logs.with_name("lean.parquet")), by_duckdb.drop(HEADER_FEATURES))


def test_a_store_gives_the_same(logs, store, by_duckdb):
    duckdb_basics(store, logs.with_name("stored.parquet"), "duckdb-store")
    # Addresses are pseudonyms there, as many as there were.
    assert_frame_equal(computed(logs.with_name("stored.parquet")), by_duckdb)


def test_pandas_gives_the_same(logs, by_duckdb):
    pandas_basics(logs, logs.with_name("pandas.parquet"))
    found = computed(logs.with_name("pandas.parquet")).cast(
        {"account_id": pl.String, "session_id": pl.String}
    )
    assert_frame_equal(found, by_duckdb)
