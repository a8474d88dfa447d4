import errno
from datetime import date, timedelta

import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

import detector
from detector.errors import InputError
from detector.ingest.store import upkeep, writing
from detector.ingest.store.table import Store
from detector.ingest.store.upkeep import compact, describe, prune, verify


@pytest.fixture
def store(ingest, week, tmp_path):
    """A store made in three runs, so that its partitions have several files."""
    for part in range(3):
        ingest(week[part::3], buckets=2)
    return tmp_path / "store"


def test_a_store_says_what_it_holds(store):
    found = describe(store)
    assert {name: found[name] for name in ("requests", "version", "buckets", "ids", "fingerprints")} == {
        "requests": 300,
        "version": 3,
        "buckets": 2,
        "ids": "pseudonyms",
        "fingerprints": 6,
    }
    assert (found["first_day"], found["last_day"]) == ("2026-11-02", "2026-11-06")
    assert found["files"] == Store.open(store).files().height
    assert found["partitions_to_compact"] > 0
    assert found["bytes"] == sum(path.stat().st_size for path in store.glob("day=*/*/*"))


def test_what_is_no_store_is_one_clear_line(tmp_path):
    for look in (describe, verify, compact):
        with pytest.raises(InputError, match="is not a store"):
            look(tmp_path)


def test_a_sound_store_has_no_fault(store):
    assert verify(store) == []


def spoil(store, change):
    """Rewrite the largest file of a store by a function of its rows."""
    path = Store.open(store).files().sort("rows")["path"][-1]
    change(pl.read_parquet(store / path, hive_partitioning=False)).write_parquet(store / path)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.reverse(), "is not sorted"),
        (lambda rows: rows.head(-1), "requests, not"),
        (lambda rows: rows.drop("path"), "lacks columns"),
        (lambda rows: rows.with_columns(pl.col("account_id").str.reverse()), "another day or bucket"),
        (lambda rows: rows.with_columns(pl.col("timestamp") + timedelta(days=9)), "another day or bucket"),
        (lambda rows: rows.with_columns(fingerprint=pl.lit(1, pl.Int64)), "fingerprints that are not known"),
        (lambda rows: rows.with_columns(request=pl.lit(1, pl.Int64)), "holds a request twice"),
    ],
)
def test_each_fault_is_named(change, said, store):
    spoil(store, change)
    assert any(said in fault.what for fault in verify(store))


def test_missing_broken_and_foreign_files_are_named(store):
    first, second, *_ = Store.open(store).files()["path"]
    (store / first).unlink()
    (store / second).write_bytes(b"PAR1")
    (store / second).with_name("foreign.parquet").write_bytes(b"")
    found = {fault.path: fault.what for fault in verify(store)}
    assert found[first].startswith("cannot be read")
    assert found[second].startswith("cannot be read")
    assert "is not part of the store" in found.values()


def test_compaction_keeps_every_row_and_the_order(store):
    before = pl.read_delta(str(store)).sort("request")
    files, fewer = compact(store)
    assert fewer < files
    assert describe(store)["partitions_to_compact"] == 0
    assert describe(store)["files"] == fewer
    assert verify(store) == []
    assert_frame_equal(pl.read_delta(str(store)).sort("request"), before)
    assert compact(store) == (fewer, fewer)


def test_a_partition_cut_because_it_is_large_is_not_merged_again_and_again(store, monkeypatch):
    monkeypatch.setattr(upkeep, "MOST_ROWS", 20)
    monkeypatch.setattr(writing.write_partitions, "__defaults__", (20,))
    before = pl.read_delta(str(store)).sort("request")
    for _ in range(3):
        files = compact(store)[1]
    assert files > Store.open(store).files().select("day", "bucket").n_unique()
    assert describe(store)["partitions_to_compact"] == 0
    assert compact(store) == (files, files)
    assert_frame_equal(pl.read_delta(str(store)).sort("request"), before)


def test_whoever_reads_an_older_version_can_go_on_during_compaction(store):
    old = pl.scan_delta(str(store))
    compact(store)
    assert old.select(pl.len()).collect().item() == 300


def test_pruning_deletes_from_all_versions_for_good(store, week):
    compact(store)
    gone = week.filter(pl.col("timestamp").dt.date() < date(2026, 11, 4)).height
    facts = Store.open(store).fingerprints().height
    assert prune(store, date(2026, 11, 4)) == gone
    assert pl.read_delta(str(store)).height == 300 - gone
    on_disk = {path.relative_to(store).as_posix() for path in store.glob("day=*/*/*")}
    assert on_disk == set(Store.open(store).files()["path"])
    assert not any(folder.name < "day=2026-11-04" for folder in store.glob("day=*"))
    log = b"".join(path.read_bytes() for path in (store / "_delta_log").glob("*.json"))
    assert b"2026-11-02" not in log
    assert Store.open(store).fingerprints().height == facts
    assert verify(store) == []
    assert prune(store, date(2026, 11, 4)) == 0


def test_header_facts_that_nobody_uses_any_more_go_with_the_days(ingest, log, tmp_path):
    old = log({"user_agent": "old/1"})
    ingest(old, log({"user_agent": "new/2"}).with_columns(pl.col("timestamp") + timedelta(days=3)))
    prune(tmp_path / "store", date(2026, 11, 4))
    assert Store.open(tmp_path / "store").fingerprints()["user_agent"].to_list() == ["new/2"]
    data = b"".join(path.read_bytes() for path in tmp_path.glob("store/_fingerprints/**/*") if path.is_file())
    assert b"old/1" not in data


def test_a_prune_that_was_killed_is_completed_by_the_next(ingest, log, tmp_path, monkeypatch):
    old = log({"user_agent": "old/1"})
    ingest(old, log({"user_agent": "new/2"}).with_columns(pl.col("timestamp") + timedelta(days=3)))
    store = tmp_path / "store"
    forget, seen = upkeep._forget, []

    def halting(table):
        seen.append(table)
        if len(seen) == 2:
            raise KeyboardInterrupt
        forget(table)
        table.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})

    with monkeypatch.context() as patch:
        patch.setattr(upkeep, "_forget", halting)
        with pytest.raises(KeyboardInterrupt):
            prune(store, date(2026, 11, 4))
    assert prune(store, date(2026, 11, 4)) == 0
    data = b"".join(path.read_bytes() for path in store.glob("_fingerprints/**/*") if path.is_file())
    assert b"old/1" not in data
    for table in (store, store / "_fingerprints"):
        retention = DeltaTable(table).metadata().configuration["delta.logRetentionDuration"]
        assert retention == "interval 30 days"


def test_a_full_disk_while_old_days_are_deleted_is_one_clear_line(store, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(upkeep, "_forget", full)
    with pytest.raises(InputError, match="the store is whole"):
        prune(store, date(2026, 11, 4))


def test_upkeep_changes_no_verdict(sample, tmp_path):
    days = sorted((sample / "logs").glob("date=*"))
    for day in days:
        detector.ingest_logs([day], tmp_path / "store")
    before = detector.score(tmp_path / "store")
    compact(tmp_path / "store")
    after = detector.score(tmp_path / "store")
    assert_frame_equal(before.accounts, after.accounts)
    assert_frame_equal(before.sessions, after.sessions)
