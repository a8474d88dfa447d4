"""What is measured on a log: the command of each contestant, and what its result must hold."""

import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.process import detector

__all__ = ["CONTESTANTS", "NATIVE", "STORE", "Contestant", "command", "requests_of"]

NATIVE, STORE = "Parquet", "store"


@dataclass(frozen=True)
class Contestant:
    """One that takes part.

    Attributes:
        name: for people.
        reads: ``NATIVE`` or ``STORE``.
        most: rows of the largest log it is given; null: any.

    """

    name: str
    reads: str
    most: int | None = None


CONTESTANTS = {
    "decode-store": Contestant("bare decode", STORE),
    "decode": Contestant("bare decode", NATIVE),
    # Beyond these sizes they spill to disk or do not fit into memory at all.
    "duckdb": Contestant("DuckDB, 27 features", NATIVE, 10_000_000),
    "duckdb-lean": Contestant("DuckDB, 25 features, no headers", NATIVE, 10_000_000),
    "duckdb-store": Contestant("DuckDB, 27 features", STORE, 10_000_000),
    "pandas": Contestant("pandas, 27 features", NATIVE, 1_000_000),
    "score-store": Contestant("`detector score`", STORE),
    "score": Contestant("`detector score`", NATIVE),
    "train-store": Contestant("`detector train`", STORE),
    "train": Contestant("`detector train`", NATIVE),
    "jobs-1": Contestant("`detector score --jobs 1`", STORE, 10_000_000),
    "jobs-2": Contestant("`detector score --jobs 2`", STORE, 10_000_000),
}


def command(key: str, source: Path, target: Path) -> list[str]:
    """Return the command of a contestant.

    Args:
        key: which.
        source: folder of the log or store that it reads.
        target: its result: a folder of the detector, else a file.

    """
    kind, _, rest = key.partition("-")
    if kind == "decode":
        return [sys.executable, "-m", "benchmarks.decode", rest or "native", str(source), str(target)]
    if kind in {"duckdb", "pandas"}:
        return [sys.executable, "-m", "benchmarks.basics", key, str(source), str(target)]
    jobs = ["--jobs", rest] if kind == "jobs" else []
    verb = "train" if kind == "train" else "score"
    return [detector(), verb, str(source), "--output", str(target), "--quiet", *jobs]


def requests_of(key: str, target: Path) -> int | None:
    """Return how many requests a result accounts for; null where it does not say.

    Args:
        key: whose result.
        target: the result.

    """
    kind = key.partition("-")[0]
    if kind == "decode":
        return int(target.read_text("utf-8"))
    if kind == "train":
        return None
    table = target if target.is_file() else target / "accounts.parquet"
    return int(pl.read_parquet(table, columns=["requests"])["requests"].sum())
