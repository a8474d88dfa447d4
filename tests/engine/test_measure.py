from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from detector.engine.measure import measure_log
from detector.engine.work import Work
from detector.features.registry import FEATURES
from detector.ingest import shards
from detector.schema import FAMILIES
from detector.settings import default_settings

START = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    """Write a log of rows given as (account, minute, changes) and measure it."""

    def build(*rows, drop=()):
        table = [
            {
                "timestamp": START + timedelta(minutes=minute),
                "account_id": account,
                "path": "/v1/messages",
                "auth": "subscription",
                "plan": None,
                "session_id": "s",
                "user_agent": "claude-cli/1.0.0 (external, cli)",
                "status": 200,
            }
            | changes
            for account, minute, changes in rows
        ]
        pl.DataFrame(table, infer_schema_length=None).drop(drop).write_parquet(tmp_path / "log.parquet")
        return measure_log(tmp_path / "log.parquet", default_settings(), Work(tmp_path))

    return build


def test_every_session_in_scope_has_a_stream_and_no_other(log):
    found = log(("a", 0, {}), ("a", 1, {}), ("b", 0, {"auth": "api_key"}), ("b", 5, {"session_id": "t"}))
    assert found.accounts["account_id"].to_list() == ["a", "b"]
    assert found.sessions.select("name", "in_scope", pl.col("stream").is_not_null()).sort(
        "name", "in_scope"
    ).rows() == [
        ("s", False, False),
        ("s", True, True),
        ("t", True, True),
    ]
    assert found.streams["account"].to_list() == [0, 1]
    assert found.streams["served"].to_list() == [2, 1]


@pytest.mark.parametrize(("place", "count"), [({"client_ip": "192.0.2.1"}, 3), ({"asn": 64500}, None)])
def test_the_accounts_of_an_operator_are_counted_at_one_address_and_not_behind_a_network_operator(
    log, place, count
):
    rows = [
        (account, 100 * turn, {"tool_result": False, "session_id": f"s{turn}", **place})
        for account in "abc"
        for turn in range(5)
    ]
    found = log(*rows)
    assert found.streams["operator_accounts"].to_list() == [count] * 3
    assert set(found.sessions["operator_accounts"]) == {count}


def test_accounts_are_counted_with_their_last_known_plan(log):
    found = log(
        ("a", 0, {"plan": "pro"}), ("a", 9, {"plan": "max"}), ("a", 30, {}), ("b", 3, {"path": "/api/hello"})
    )
    rows = found.accounts.select("account_id", "requests", "first_seen", "last_seen", "plan").rows()
    assert rows == [
        ("a", 3, START, START + timedelta(minutes=30), "max"),
        ("b", 1, START + timedelta(minutes=3), START + timedelta(minutes=3), None),
    ]


def test_features_that_a_log_cannot_feed_are_named_by_family(log):
    found = log(("a", 0, {}), ("a", 1, {}))
    assert set(found.families) == set(FAMILIES)
    without = {record.name: record.family for record in FEATURES if "telemetry posts" in record.needs}
    assert without
    for name, family in without.items():
        assert name in found.families[family]
    fed = {record.name: record.family for record in FEATURES if not record.needs}
    for name, family in fed.items():
        assert name not in found.families[family]


def test_tables_have_a_column_for_every_feature(log):
    found = log(("a", 0, {}), ("b", 1, {"auth": "cloud"}))
    names = {record.name for record in FEATURES}
    assert names <= set(found.sessions.columns)
    assert names <= set(found.streams.columns)


def test_a_log_entirely_out_of_scope_has_sessions_and_no_streams(log):
    found = log(("a", 0, {"auth": "api_key"}), ("b", 1, {"auth": "cloud"}))
    assert found.streams.is_empty()
    assert found.sessions.height == 2
    assert found.sessions["stream"].null_count() == 2
    assert found.population.is_empty()


def test_progress_ends_with_all_rows_done(tmp_path, fleet, monkeypatch):
    monkeypatch.setattr(shards, "PART_ROWS", 5000)
    rows = fleet.requests.head(20_000)
    rows.write_parquet(tmp_path / "log.parquet")
    heard = []
    measure_log(
        tmp_path / "log.parquet",
        default_settings(),
        Work(tmp_path),
        progress=lambda *told: heard.append(told),
    )
    done = [done for stage, done, whole in heard if stage == "measuring" and whole == rows.height]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, rows.height)
    assert len(done) >= 3
