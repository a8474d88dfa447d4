import json
from datetime import UTC, datetime

import polars as pl
import pytest

from benchmarks import ingest
from benchmarks.ingest import (
    DUCKDB,
    GIB,
    HOUR,
    NATIVE,
    NDJSON,
    OURS,
    POLARS,
    Line,
    kept,
    main,
    report,
    verify,
)
from benchmarks.peers import duckdb_sort, polars_convert
from benchmarks.process import Cost
from detector.schema import REQUEST

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def line(what, log, wall, peak, *, rows=1000, written=50):
    return Line(what, log, rows, Cost(wall, wall, int(peak * GIB)), 3, read=100, written=written)


def judged(*lines):
    return {bar.what: (round(bar.value, 3), bar.holds) for bar in kept(lines)}


def test_bars_beside_duckdb():
    peer = line(DUCKDB, NATIVE, 5, 3)
    assert judged(peer, line(OURS, NATIVE, 10, 1.5, written=60)) == {
        "peak memory, GiB (Parquet, 1,000 rows)": (1.5, True),
        "store / log, bytes (Parquet, 1,000 rows)": (0.6, True),
        "rows/s / DuckDB sort (Parquet, 1,000 rows)": (0.5, True),
        "memory / DuckDB sort (Parquet, 1,000 rows)": (0.5, True),
    }
    missed = judged(peer, line(OURS, NATIVE, 10.1, 1.6, written=61))
    assert [holds for _, holds in missed.values()] == [False] * 4


def test_bars_beside_polars():
    peer = line(POLARS, NDJSON, 7, 3)
    assert judged(peer, line(OURS, NDJSON, 10, 1)) == {
        "peak memory, GiB (NDJSON, 1,000 rows)": (1.0, True),
        "rows/s / polars NDJSON to Parquet (NDJSON, 1,000 rows)": (0.7, True),
    }
    assert judged(peer, line(OURS, NDJSON, 10.1, 1))[
        "rows/s / polars NDJSON to Parquet (NDJSON, 1,000 rows)"
    ] == (0.693, False)


def test_speed_must_hold_as_the_log_grows():
    found = judged(line(OURS, NATIVE, 100, 1, rows=10_000), line(OURS, NATIVE, 9, 1))
    assert found["rows/s, 10,000 / 1,000 rows"] == (0.9, True)
    found = judged(line(OURS, NATIVE, 101, 1, rows=10_000), line(OURS, NATIVE, 9, 1))
    assert found["rows/s, 10,000 / 1,000 rows"] == (0.891, False)


def test_nothing_is_judged_without_us_or_by_what_was_added():
    assert kept([line(DUCKDB, NATIVE, 5, 3), line(HOUR, NATIVE, 5, 3)]) == []


def test_the_report_is_two_tables():
    lines = [line(OURS, NATIVE, 2, 2)]
    text = report(lines, kept(lines))
    assert "| Parquet | detector ingest | 1,000 | 2.00 | 500 | 2.00 | 2,048 | 0.0 | 0.0 | 3 |" in text
    assert "| peak memory, GiB (Parquet, 1,000 rows) | 2 | at most 1.5 | **no** |  |" in text
    assert "bar" not in report(lines, [])


def rows(*ids):
    records = [
        {"timestamp": NOON, "account_id": account, "path": "/", "request_id": id_, "header_names": ["Host"]}
        for account, id_ in ids
    ]
    return pl.DataFrame(records, schema=REQUEST)


def test_the_peers_give_the_rows_of_the_log(tmp_path):
    table = rows(("bob", "1"), ("ann", "2"), ("bob", "3"))
    (tmp_path / "it's").mkdir()
    table[:2].write_parquet(tmp_path / "it's" / "a.parquet")
    table[2:].write_parquet(tmp_path / "it's" / "b.parquet")
    duckdb_sort(tmp_path / "it's", tmp_path / "sorted.parquet", "1GB")
    found = pl.read_parquet(tmp_path / "sorted.parquet")
    assert found["account_id"].to_list() == ["ann", "bob", "bob"]
    assert (
        found.select("request_id", "header_names", "timestamp")
        .sort("request_id")
        .equals(table.select("request_id", "header_names", "timestamp"))
    )
    table.write_ndjson(tmp_path / "it's" / "a.ndjson")
    polars_convert(tmp_path / "it's", tmp_path / "converted.parquet")
    assert pl.read_parquet(tmp_path / "converted.parquet").equals(table)


def test_a_store_of_other_rows_is_refused(tmp_path, monkeypatch):
    rows(("ann", "1")).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(SystemExit, match="holds other rows than the log"):
        verify([tmp_path], tmp_path / "store")
    monkeypatch.setattr(ingest, "store_contents", lambda _: ingest.log_contents([tmp_path / "a.parquet"]))
    verify([tmp_path], tmp_path / "store")


def test_the_command_runs_on_a_tiny_log(tmp_path, capsys):
    main(
        [
            *(
                "--cache",
                str(tmp_path / "logs"),
                "--rows",
                "20000",
                "--ndjson-rows",
                "20000",
                "--repeat",
                "1",
            ),
            *("--contestants", "duckdb", "polars", "--json", str(tmp_path / "figures.json")),
        ]
    )
    text = capsys.readouterr().out
    assert "| Parquet | DuckDB sort | " in text
    assert "| NDJSON | polars NDJSON to Parquet | " in text
    found = json.loads((tmp_path / "figures.json").read_text())
    assert [line["what"] for line in found["lines"]] == [DUCKDB, POLARS]
    assert all(line["written"] > 0 and line["rows"] >= 20_000 for line in found["lines"])
    assert found["measured"]["versions"]["duckdb"]
