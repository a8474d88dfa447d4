from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.gateway import GatewayLog
from benchmarks.spread import spread
from detector.schema import REQUEST

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROWS = [("b", "s2"), ("a", "s1"), ("b", "s1"), ("b", None), ("c", "s9"), ("b", "s3")]


@pytest.fixture
def log(tmp_path):
    records = [
        {"timestamp": NOON + timedelta(seconds=at), "account_id": account, "path": "/", "session_id": session}
        for at, (account, session) in enumerate(ROWS)
    ]
    table = pl.DataFrame(records, schema=REQUEST)
    folder = tmp_path / "rows-6"
    for number, part in enumerate((table[:2], table[2:])):
        target = folder / "log" / f"date=2026-11-0{number + 2}" / "00.parquet"
        target.parent.mkdir(parents=True)
        part.write_parquet(target)
    return GatewayLog(folder, rows=6, bytes=1, files=2, accounts=3, later_rows=4)


def accounts(log):
    return pl.read_parquet(log.log / "**/*.parquet", hive_partitioning=False)["account_id"].to_list()


def test_accounts_are_merged_in_order(log):
    merged = spread(log, "merged", 2)
    assert accounts(merged) == ["a", "a", "a", "a", "c", "a"]
    assert (merged.rows, merged.accounts, merged.later_rows) == (6, 2, 0)


def test_sessions_are_dealt_in_order(log):
    split = spread(log, "split", 2)
    assert accounts(split) == ["b-1", "a-0", "b-0", "b-0", "c-0", "b-0"]
    assert split.accounts == 4


def test_nothing_else_changes(log):
    before, after = (
        pl.read_parquet(one.log / "**/*.parquet", hive_partitioning=False)
        for one in (log, spread(log, "split", 2))
    )
    assert_frame_equal(after.drop("account_id"), before.drop("account_id"))
    assert after.columns == before.columns


def test_a_log_is_made_once(log):
    made = spread(log, "split", 2)
    times = {file: file.stat().st_mtime_ns for file in made.folder.rglob("*")}
    assert spread(log, "split", 2) == made
    assert {file: file.stat().st_mtime_ns for file in made.folder.rglob("*")} == times
