from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks import gateway
from benchmarks.gateway import LATER, as_ndjson, gateway_log
from benchmarks.stored import log_contents
from detector.schema import REQUEST


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def log(cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "FLEET", 5)
        patch.setattr(gateway, "FILE_ROWS", 1000)
        return gateway_log(20_000, cache)


def test_a_log_is_what_a_gateway_writes(log):
    files = sorted(log.log.rglob("*.parquet"))
    parts = [pl.read_parquet(file, hive_partitioning=False) for file in files]
    rows = pl.concat(parts)
    assert rows.schema == REQUEST
    assert rows["timestamp"].is_sorted()
    assert rows["request_id"].is_unique().all()
    assert 5 < rows["account_id"].n_unique() <= log.accounts
    assert (rows["account_id"] != rows["account_id"].shift()).mean() > 0.1
    assert len(files) == log.files > 13
    for file, part in zip(files, parts, strict=True):
        assert (part["timestamp"].dt.strftime("date=%Y-%m-%d") == file.parent.name).all()


def test_the_figures_of_a_log(log):
    rows = pl.scan_parquet(log.log, hive_partitioning=False).select(pl.len()).collect().item()
    assert log.rows == rows >= 20_000
    assert log.bytes == sum(file.stat().st_size for file in log.log.rglob("*.parquet"))
    assert log.accounts >= 5


def test_the_later_hour_follows_the_log(log):
    later = pl.read_parquet(log.later / "**/*.parquet", hive_partitioning=False)["timestamp"]
    last = pl.read_parquet(log.log / "**/*.parquet", hive_partitioning=False)["timestamp"].max()
    assert last < LATER
    assert later.len() == log.later_rows
    assert later.is_between(LATER, LATER + timedelta(hours=1), closed="left").all()


def test_a_log_is_made_once(log, cache):
    before = {file: file.stat().st_mtime_ns for file in cache.rglob("*")}
    assert gateway_log(20_000, cache) == log
    assert {file: file.stat().st_mtime_ns for file in cache.rglob("*")} == before


def test_ndjson_holds_the_same(log):
    ndjson = as_ndjson(log)
    assert (ndjson.rows, ndjson.later_rows) == (log.rows, log.later_rows)
    assert ndjson.bytes > 500 * log.rows
    assert log_contents(ndjson.log.rglob("*.ndjson")) == log_contents(log.log.rglob("*.parquet"))
    assert as_ndjson(log) == ndjson


def test_a_log_too_large_to_simulate_is_made_of_copies(log, cache, monkeypatch):
    monkeypatch.setattr(gateway, "MOST_SIMULATED", 20_000)
    large = gateway_log(2 * log.rows + 1, cache)
    figures = (large.rows, large.later_rows, large.files, large.accounts)
    assert figures == tuple(3 * n for n in (log.rows, log.later_rows, log.files, log.accounts))
    one = pl.read_parquet(log.log / "**/*.parquet", hive_partitioning=False)
    nodes = sorted(large.log.iterdir())
    assert [node.name for node in nodes] == ["node=0", "node=1", "node=2"]
    for number, node in enumerate(nodes):
        copy = pl.read_parquet(node / "**/*.parquet", hive_partitioning=False)
        ids = copy.select(gateway.IDS)
        assert_frame_equal(ids, one.select(pl.col(gateway.IDS) + f"-{number}"))
        assert_frame_equal(copy.drop(gateway.IDS), one.drop(gateway.IDS))
