from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from benchmarks.stored import NOTHING, log_contents, store_contents, strays, superseded, version_of
from detector.schema import REQUEST

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROW = {"timestamp": NOON, "account_id": "ann", "path": "/v1/messages", "request_id": "r1", "user_agent": "a"}
ROWS = (
    ROW | {"input_tokens": 5, "output_tokens": 7, "header_names": ["Host", "accept"]},
    ROW | {"request_id": "r2", "timestamp": NOON.replace(day=3), "cache_read_tokens": 100},
    ROW | {"request_id": "r3", "account_id": "bob", "user_agent": "b", "duration_ms": 1.5},
)


def log(*rows):
    return pl.DataFrame(list(rows), schema=REQUEST)


def put(path, *rows):
    log(*rows).write_parquet(path)
    return path


def make_store(path, *rows):
    """Store rows as the real thing does: ids as hashes, header facts by code in a table of their own."""
    facts = ["user_agent", "header_names", "headers_complete", "header_values", "http_version", "ja4"]
    coded = log(*rows).with_columns(
        day=pl.col("timestamp").dt.date(),
        bucket=pl.lit(0, dtype=pl.Int32),
        account_id=pl.col("account_id").str.to_uppercase(),
        request=pl.col("request_id").hash().reinterpret(signed=True),
        fingerprint=pl.struct(facts).hash().reinterpret(signed=True),
    )
    write_deltalake(
        path / "_fingerprints", coded.select("fingerprint", *facts).unique("fingerprint"), mode="append"
    )
    write_deltalake(path, coded.drop("request_id", *facts), mode="append", partition_by=["day", "bucket"])
    return path


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "store", *ROWS)


def test_figures_of_a_log(tmp_path):
    found = log_contents([put(tmp_path / "a.parquet", *ROWS[:2]), put(tmp_path / "b.parquet", ROWS[2])])
    assert replace(found, digest=0) == replace(NOTHING, rows=3, requests=3, accounts=2, tokens=112)
    assert log_contents([put(tmp_path / "c.parquet", *reversed(ROWS))]) == found


def test_ndjson_and_parquet_have_the_same_figures(tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_text(log(*ROWS).write_ndjson())
    assert log_contents([path]) == log_contents([put(tmp_path / "a.parquet", *ROWS)])


def test_a_store_has_the_figures_of_its_log(store, tmp_path):
    assert store_contents(store) == log_contents([put(tmp_path / "a.parquet", *ROWS)])


@pytest.mark.parametrize(
    "other",
    [
        ROWS[:2],
        (*ROWS, ROWS[0]),
        (*ROWS[:2], ROWS[2] | {"duration_ms": 1.25}),
        (*ROWS[:2], ROWS[2] | {"user_agent": "c"}),
        (*ROWS[:2], ROWS[2] | {"account_id": "ann"}),
        (*ROWS[:2], ROWS[2] | {"request_id": "r1"}),
        (ROWS[0] | {"header_names": ["accept", "Host"]}, *ROWS[1:]),
    ],
)
def test_a_difference_shows(store, other, tmp_path):
    assert store_contents(store) != log_contents([put(tmp_path / "a.parquet", *other)])


def test_rows_whose_header_facts_are_lost_show(store, tmp_path):
    DeltaTable(store / "_fingerprints").delete("user_agent = 'b'")
    assert store_contents(store) != log_contents([put(tmp_path / "a.parquet", *ROWS)])


def test_no_store_holds_nothing(tmp_path):
    assert version_of(tmp_path / "none") is None
    assert store_contents(tmp_path / "none") == NOTHING
    (tmp_path / "begun" / "_delta_log").mkdir(parents=True)
    assert store_contents(tmp_path / "begun") == NOTHING


def test_versions_count_commits(store):
    assert version_of(store) == 0
    make_store(store, ROW | {"request_id": "r4"})
    assert version_of(store) == 1


def test_strays_are_the_files_that_no_version_names(store):
    assert strays(store) == []
    left = ["_delta_log/9.json#1", "_staging/runs/0.parquet", "day=2026-11-02/bucket=0/x.parquet"]
    for name in left:
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_bytes(b"x")
    for name in ("_lock", "quarantine/r.parquet"):
        (store / name).parent.mkdir(exist_ok=True)
        (store / name).write_bytes(b"")
    assert strays(store) == left


def test_files_of_older_versions_are_no_strays(store):
    make_store(store, ROW | {"request_id": "r4"})
    DeltaTable(store).optimize.compact()
    assert strays(store) == []


def test_files_named_before_the_log_was_cut_short_are_no_strays(store):
    table = DeltaTable(store)
    table.create_checkpoint()
    for entry in (store / "_delta_log").glob("*.json"):
        entry.write_text("")
    assert strays(store) == superseded(store) == []
    table.delete()
    assert strays(store) == superseded(store) != []
