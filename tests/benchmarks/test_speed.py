import json
from pathlib import Path

import polars as pl
import pytest

from benchmarks import speed
from benchmarks.contestants import CONTESTANTS, command, requests_of
from benchmarks.speed import main
from benchmarks.turns import same_bytes, verify


def test_every_contestant_has_a_command():
    ends = {key: command(key, Path("in"), Path("out"))[1:] for key in CONTESTANTS}
    assert ends["decode"] == ["-m", "benchmarks.decode", "native", "in", "out"]
    assert ends["decode-store"] == ["-m", "benchmarks.decode", "store", "in", "out"]
    assert ends["duckdb-lean"] == ["-m", "benchmarks.basics", "duckdb-lean", "in", "out"]
    assert ends["pandas"] == ["-m", "benchmarks.basics", "pandas", "in", "out"]
    assert ends["score"] == ends["score-store"] == ["score", "in", "--output", "out", "--quiet"]
    assert ends["train"] == ["train", "in", "--output", "out", "--quiet"]
    assert ends["jobs-2"] == ["score", "in", "--output", "out", "--quiet", "--jobs", "2"]


def test_requests_of_every_kind_of_result(tmp_path):
    (tmp_path / "rows").write_text("7")
    assert requests_of("decode-store", tmp_path / "rows") == 7
    pl.DataFrame({"requests": [3, 5]}).write_parquet(tmp_path / "accounts.parquet")
    assert requests_of("duckdb", tmp_path / "accounts.parquet") == 8
    assert requests_of("score", tmp_path) == 8
    assert requests_of("train", tmp_path) is None


@pytest.mark.parametrize(
    "requests",
    [
        {"decode": 9},
        {"score-store": 11},
        {"duckdb": 8, "pandas": 9},
        {"duckdb": 8, "duckdb-store": 9, "decode": 10},
    ],
)
def test_a_wrong_answer_is_an_error(requests):
    with pytest.raises(SystemExit, match="other requests than the 10 of the log"):
        verify(requests, 10)


def test_what_pays_per_use_may_be_left_out_by_all():
    verify({"decode": 10, "score": 10, "duckdb": 8, "pandas": 8, "train": None}, 10)


def test_same_bytes_are_those_of_both_tables(tmp_path):
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        for name in ("accounts.parquet", "sessions.parquet"):
            (tmp_path / run / name).write_bytes(b"x")
    assert same_bytes(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two" / "sessions.parquet").write_bytes(b"y")
    assert not same_bytes(tmp_path / "one", tmp_path / "two")


def test_jobs_are_left_out_in_words_where_there_is_no_such_option(monkeypatch):
    class Told:
        stdout = b"Usage: detector score\n  --quiet"

    monkeypatch.setattr(speed.subprocess, "run", lambda *_, **__: Told)
    keys, (words,) = speed._possible(["score", "jobs-1", "jobs-2"])
    assert keys == ["score"]
    assert words == "Not measured: jobs-1, jobs-2, for `detector score` has no option `--jobs`."
    Told.stdout += b"\n  --jobs N"
    assert speed._possible(["score", "jobs-1"]) == (["score", "jobs-1"], [])


def test_the_command_runs_on_a_tiny_log(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(speed, "SPREADS", (("split", 10),))
    monkeypatch.setattr(speed, "SCORING", ("decode",))
    keys = ["decode-store", "decode", "duckdb", "duckdb-store"]
    main(
        [
            *("--cache", str(tmp_path / "logs"), "--rows", "20000", "--runs", "1"),
            *("--contestants", *keys, "--parts", "accounts", "--json", str(tmp_path / "figures.json")),
        ]
    )
    text = capsys.readouterr().out
    assert "| DuckDB, 27 features | Parquet | " in text
    found = json.loads((tmp_path / "figures.json").read_text())
    assert [line["what"] for line in found["lines"]] == [*keys, "decode"]
    assert [line["spread"] for line in found["lines"]] == [*[""] * 4, "split 10"]
    assert found["lines"][0]["accounts"] < found["lines"][-1]["accounts"]
    assert len({line["rows"] for line in found["lines"]}) == 1
    assert {"polars", "duckdb", "pandas"} <= found["measured"]["versions"].keys()
