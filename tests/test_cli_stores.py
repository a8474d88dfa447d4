import json

import polars as pl
import pytest
from click.testing import CliRunner

from detector.cli import main
from detector.cli.shell import Progress


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv("DETECTOR_KEY", raising=False)


def run(*words, code=0):
    """Run a command in this process and check its exit code."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def rows_of(*days):
    """Rows of some days of the sample, counted by polars alone."""
    return pl.scan_parquet([day / "*.parquet" for day in days]).select(pl.len()).collect().item()


def test_ingest_then_score_the_store(sample, tmp_path):
    store, days = tmp_path / "store", sorted((sample / "logs").glob("date=*"))
    first = run("ingest", *days[:2], "--store", store)
    some, rest, every = rows_of(*days[:2]), rows_of(*days[2:]), rows_of(*days)
    assert f"{some:,} records read, {some:,} added" in first
    assert "2 of dialect native, known by timestamp, account_id, path" in first
    assert (tmp_path / "store.key").stat().st_mode & 0o777 == 0o600
    again = json.loads(run("ingest", *days, "--store", store, "--json"))
    assert (again["rows"], again["added"], again["duplicates"]) == (rest, rest, 0)
    assert [source["known"] for source in again["sources"]] == [True, True, False, False, False]
    assert f"{every:,} requests" in run("score", store, "--output", tmp_path / "out")


def test_upkeep_of_a_store(sample, tmp_path):
    store, days = tmp_path / "store", sorted((sample / "logs").glob("date=*"))
    run("ingest", sample, "--store", store, "--quiet")
    assert f"{rows_of(*days):,}" in run("store", "info", store)
    assert json.loads(run("store", "info", store, "--json"))["requests"] == rows_of(*days)
    assert run("store", "verify", store).startswith("sound")
    assert "files before" in run("store", "compact", store)
    assert f"{rows_of(days[0]):,} requests before 2026-11-03" in run(
        "store", "prune", store, "--before", "2026-11-03"
    )
    assert json.loads(run("store", "info", store, "--json"))["first_day"] == "2026-11-03"


def test_verify_ends_in_1_and_names_the_file(sample, tmp_path):
    run("ingest", sample, "--store", tmp_path / "store", "--quiet")
    broken = next((tmp_path / "store").glob("day=*/*/*.parquet"))
    broken.unlink()
    result = CliRunner().invoke(main, ["store", "verify", str(tmp_path / "store")])
    assert result.exit_code == 1
    assert broken.name in result.stdout
    assert "1 faults" in result.stderr


@pytest.mark.parametrize("share", ["101%", "-1", "x", "nan"])
def test_shares_that_are_none_are_usage_errors(share):
    assert "is not a share" in run("ingest", "x", "--store", "y", "--max-rejects", share, code=2)


def test_too_many_rejects_are_one_clear_line(tmp_path):
    log = tmp_path / "log.ndjson"
    log.write_text('{"timestamp": "2026-11-02T12:00:00Z", "account_id": "a", "path": "/"}\n' + "{}\n" * 3)
    words = ("ingest", log, "--store", tmp_path / "store", "--max-rejects")
    error = run(*words, "74.9%", code=1)
    assert "3 of 4 records in all were rejected (3 null_account_id)" in error
    assert error.count("\n") == 1
    assert "3 records cannot be used; they are in quarantine/" in run(*words, "75%")


def test_hostile_names_are_shown_escaped(tmp_path):
    log = tmp_path / "\x1b[31mred\n.ndjson"
    log.write_text("{}\n")
    said = run("ingest", log, "--store", tmp_path / "store", "--dialect", "native")
    assert "\x1b" not in said
    assert "\\x1b[31mred\\n.ndjson: 1" in said


def test_progress_tells_rate_and_time_left(monkeypatch):
    class Terminal(list):
        isatty, write, flush = (lambda _: True), list.append, lambda _: None

    now = iter([0.0] * 4 + [10.0] * 4)
    monkeypatch.setattr("detector.cli.shell.time.monotonic", lambda: next(now))
    progress = Progress(stream=Terminal([""]), delay=0)
    progress("reading", 0, 4000)
    progress("reading", 1000, 4000)
    assert "\rreading 25%, 100 rows/s, 30 s left (10 s)" in progress.stream
