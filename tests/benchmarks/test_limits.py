import pytest

from benchmarks.contestants import CONTESTANTS
from benchmarks.forests import Forests
from benchmarks.limits import GIB, Line, kept
from benchmarks.process import Cost

MILLION = 1_000_000


def line(what, wall, *, cpu=1.0, peak=1.0, rows=MILLION, spread=""):
    reads = CONTESTANTS[what].reads if what in CONTESTANTS else ""
    return Line(what, what, reads, rows, 10, Cost(wall, cpu, int(peak * GIB)), (wall,), spread)


def judged(*lines):
    return {bar.what: (pytest.approx(bar.value), bar.holds) for bar in kept(lines)}


@pytest.mark.parametrize(
    ("lines", "what", "value", "holds"),
    [
        (
            (line("duckdb", 8), line("score-store", 2)),
            "score: times as fast as DuckDB on Parquet (store, 1,000,000 rows)",
            4,
            True,
        ),
        (
            (line("duckdb", 8), line("score-store", 2.5)),
            "score: times as fast as DuckDB on Parquet (store, 1,000,000 rows)",
            3.2,
            False,
        ),
        (
            (line("duckdb", 8), line("score", 8)),
            "score: times as fast as DuckDB on Parquet (Parquet, 1,000,000 rows)",
            1,
            True,
        ),
        (
            (line("duckdb", 8), line("score", 10)),
            "score: times as fast as DuckDB on Parquet (Parquet, 1,000,000 rows)",
            0.8,
            False,
        ),
        (
            (line("decode-store", 1), line("score-store", 6)),
            "score: time / bare decode (store, 1,000,000 rows)",
            6,
            True,
        ),
        (
            (line("decode-store", 1), line("score-store", 6.5)),
            "score: time / bare decode (store, 1,000,000 rows)",
            6.5,
            False,
        ),
        ((line("score", 10), line("train", 13)), "train: time / score (Parquet, 1,000,000 rows)", 1.3, True),
        ((line("score", 10), line("train", 14)), "train: time / score (Parquet, 1,000,000 rows)", 1.4, False),
        ((line("score", 9, peak=3),), "score: peak memory, GiB (Parquet, 1,000,000 rows)", 3, True),
        (
            (line("train-store", 9, peak=1.75),),
            "train: peak memory, GiB (store, 1,000,000 rows)",
            1.75,
            False,
        ),
        (
            (line("score-store", 105, rows=10 * MILLION), line("score-store", 10)),
            "time a row, 10,000,000 / 1,000,000 rows (score, store)",
            1.05,
            True,
        ),
        (
            (line("score-store", 106, rows=10 * MILLION), line("score-store", 10)),
            "time a row, 10,000,000 / 1,000,000 rows (score, store)",
            1.06,
            False,
        ),
        ((line("simulate", 1),), "simulate: million rows/s (1,000,000 rows)", 1, True),
        ((line("simulate", 2),), "simulate: million rows/s (1,000,000 rows)", 0.5, False),
        ((line("help", 0.3),), "help, s", 0.3, True),
        ((line("sample", 3.5),), "sample, s", 3.5, False),
    ],
)
def test_a_bar_holds_or_misses(lines, what, value, holds):
    assert judged(*lines)[what] == (value, holds)


def test_a_ratio_is_given_of_processor_time_too():
    bars = kept([line("duckdb", 8, cpu=12), line("score-store", 2, cpu=4)])
    assert [bar.cpu for bar in bars if "DuckDB" in bar.what] == [3]
    assert [bar.cpu for bar in bars if "memory" in bar.what] == [None]


def test_logs_of_other_accounts_are_not_judged():
    assert kept([line("score", 9, spread="split 10")]) == []


def test_bars_of_forests():
    speed, difference = kept([], Forests(100, 300, 1.0, 3.0, 1.0, 2.0, 1e-12))
    assert (speed.value, speed.cpu, speed.holds, difference.holds) == (2.0, 3.0, True, True)
    speed, difference = kept([], Forests(100, 300, 1.0, 3.0, 1.0, 1.9, 2e-12))
    assert (speed.holds, difference.holds) == (False, False)
