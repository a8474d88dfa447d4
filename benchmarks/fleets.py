"""Fleets: two weeks of labelled logs, the first to train on, the second to score.

::

    simulated   detector.simulate over 14 days, cut at the week; the same accounts in both weeks
    composed    real sessions under real headers (benchmarks.compose), in folds that split by source

Composed folds:

- A trains on kv_cache people and mini_swe automation, scores packmind people and chatdev automation;
- B the other way round;
- C trains and scores on kv_cache and mini_swe, every session in one of the two weeks only. It shares
  its sources between both weeks and is therefore easier than A and B.

Header captures are shared by all folds: there is one set. A week is a folder of Parquet files, and
all rows of an account lie in one file, in order of time.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from benchmarks.compose import Options, compose
from detector.ingest.paths import bare_path, path_kinds
from detector.settings import default_settings
from detector.simulate import FleetOptions, simulate

__all__ = [
    "FOLDS",
    "Fleet",
    "Fold",
    "Gaps",
    "composed",
    "first_requests",
    "inference_paths",
    "linked",
    "rewrite",
    "simulated",
]

PEOPLE_1, PEOPLE_2 = ("kv_cache",), ("packmind",)
AUTOMATED_1, AUTOMATED_2 = ("mini_swe",), ("chatdev",)
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
DAYS = 7
PART = 2500
"""Simulated accounts drawn at a time; a part has companies and a release day of its own."""

PART_SEED = 1000
"""Distance between the seeds of the parts of one simulated fleet."""


@dataclass(frozen=True)
class Fleet:
    """Two weeks of logs and the labels of the second.

    Attributes:
        source: what the figures are reported under.
        seed: of the simulator or the composer.
        train: folder of week 1.
        score: folder of week 2.
        accounts: ``account_id``, ``class``, ``label``; none whose harness only ran in week 1.
        sessions: ``account_id``, ``session_id``, ``class``, ``label`` of declared sessions.

    """

    source: str
    seed: int
    train: Path
    score: Path
    accounts: pl.DataFrame
    sessions: pl.DataFrame


@dataclass(frozen=True)
class Fold:
    """Sources (people, automation) of the training and of the scoring week.

    ``parts`` is into how many disjoint parts the sessions of a source are split.
    """

    name: str
    train: tuple[Sequence[str], Sequence[str]]
    score: tuple[Sequence[str], Sequence[str]]
    parts: int = 1


FOLDS = {
    fold.name: fold
    for fold in (
        Fold("A", (PEOPLE_1, AUTOMATED_1), (PEOPLE_2, AUTOMATED_2)),
        Fold("B", (PEOPLE_2, AUTOMATED_2), (PEOPLE_1, AUTOMATED_1)),
        Fold("C", (PEOPLE_1, AUTOMATED_1), (PEOPLE_1, AUTOMATED_1), parts=2),
    )
}


@dataclass(frozen=True)
class Gaps:
    """What is left out of the logs: columns, and rows by the start of their path."""

    columns: Sequence[str] = ()
    paths: Sequence[str] = ()

    def leave_out(self, requests: pl.DataFrame) -> pl.DataFrame:
        """Return the log without them."""
        for path in self.paths:
            requests = requests.filter(~pl.col("path").str.starts_with(path))
        return requests.drop(self.columns)


COMPLETE = Gaps()


def simulated(options: FleetOptions, folder: Path) -> Fleet:
    """Simulate two weeks of the same accounts.

    Args:
        options: ``days`` and ``start`` are set here; accounts are drawn in parts of
            ``PART`` with seeds of their own.
        folder: must not exist; holds ``week1`` and ``week2`` afterwards.

    """
    weeks = folder / "week1", folder / "week2"
    for week in weeks:
        week.mkdir(parents=True)
    labels = []
    for part, begin in enumerate(range(0, options.accounts, PART)):
        accounts, seed = min(PART, options.accounts - begin), options.seed + PART_SEED * part
        own = replace(options, accounts=accounts, days=2 * DAYS, start=MONDAY.date(), seed=seed)
        labels.append(_part(own, [week / f"part-{part}.parquet" for week in weeks]))
    accounts, sessions = (pl.concat(tables) for tables in zip(*labels, strict=True))
    idle = _idle(sessions, weeks[1])
    return Fleet(
        "simulated", options.seed, *weeks, accounts.join(idle, on="account_id", how="anti"), sessions
    )


def _part(options: FleetOptions, files: Sequence[Path]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Simulate some accounts into a file a week, and return the labels of accounts and sessions."""
    fleet = simulate(options)
    first = pl.col("timestamp") < MONDAY + timedelta(days=DAYS)
    for file, rows in zip(files, (first, ~first), strict=True):
        fleet.requests.filter(rows).write_parquet(file)
    return fleet.accounts.select("account_id", "class", "label"), fleet.sessions


def _idle(sessions: pl.DataFrame, week: Path) -> pl.DataFrame:
    """Return the accounts whose harness surely did not run in a week: nobody could find it there.

    Its sessions all declare an id, and none of these ids is in the week.
    """
    harness = sessions.filter(pl.col("label") == "harness")
    ids = pl.scan_parquet(week / "*.parquet").select("account_id", "session_id").unique().collect()
    there = harness.join(
        ids.with_columns(there=pl.lit(value=True)), on=["account_id", "session_id"], how="left"
    )
    ran = (pl.col("there").fill_null(value=False) | pl.col("session_id").is_null()).any()
    return there.group_by("account_id").agg(ran=ran).filter(~pl.col("ran"))


def composed(
    fold: Fold,
    data: Path,
    options: Options,
    seed: int,
    *,
    folder: Path,
    trained: float,
    gaps: Gaps = COMPLETE,
) -> Fleet:
    """Compose two weeks of real sessions; no account is in both.

    Args:
        fold: which sources.
        data: folder with ``cadence/`` and ``captures.jsonl``.
        options: what week 2 holds; ``start`` and ``part`` are set here.
        seed: of the composer.
        folder: must not exist; holds ``week1`` and ``week2`` afterwards.
        trained: share of harnesses in week 1.
        gaps: what the logs lack.

    """
    weeks = [folder / "week1", folder / "week2"]
    for i, (week, sources) in enumerate(zip(weeks, (fold.train, fold.score), strict=True)):
        week.mkdir(parents=True)
        own = replace(options, part=(i % fold.parts, fold.parts), start=MONDAY + i * timedelta(days=DAYS))
        if i == 0:
            own = replace(own, harness_share=trained)
        requests, accounts, sessions = compose(data, *sources, own, seed=2 * seed + i)
        gaps.leave_out(requests).write_parquet(week / "part-0.parquet")
    return Fleet(f"composed {fold.name}", seed, *weeks, accounts, sessions)


def rewrite(week: Path, target: Path, change: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Path:
    """Write a changed copy of a week, file by file, and return its folder."""
    target.mkdir(parents=True)
    for file in sorted(week.glob("*.parquet")):
        change(pl.scan_parquet(file)).sink_parquet(target / file.name)
    return target


def linked(files: Iterable[Path], target: Path) -> Path:
    """Make a week of existing files without copying them, and return its folder."""
    target.mkdir(parents=True)
    for file in files:
        (target / file.name).hardlink_to(file)
    return target


def first_requests(count: int) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """Cut the log of each account off just before its ``count + 1``-th inference request."""

    def change(rows: pl.LazyFrame) -> pl.LazyFrame:
        asked = pl.col("path").is_in(inference_paths(rows)).cast(pl.Int64)
        return rows.filter(asked.cum_sum().over("account_id") <= count)

    return change


def inference_paths(rows: pl.LazyFrame) -> list[str]:
    """Return the paths in a log that ask a model, by the detector's own settings."""
    paths = rows.select(pl.col("path").unique().sort()).collect().to_series()
    bare = paths.to_frame().select(bare_path(pl.col("path"))).to_series()
    return paths.filter(path_kinds(bare, default_settings().paths) == "inference").to_list()
