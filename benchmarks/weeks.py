"""Pairs of weeks, one to train on and one to score, each measured once."""

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from benchmarks.compose import Options, compose
from detector.engine.measure import Measured, measure_log
from detector.settings import Settings, default_settings
from detector.simulate import FleetOptions, simulate
from detector.verdict.policy import load_policy

__all__ = ["POLICY", "Pair", "folds_and_seeds", "given_pairs"]

FIRST = (("kv_cache",), ("mini_swe",))
SECOND = (("packmind",), ("chatdev",))
FOLDS = {"A": (FIRST, SECOND, 1), "B": (SECOND, FIRST, 1), "C": (FIRST, FIRST, 2)}
"""Fold -> sources of the training and of the scoring week, and parts that sessions are split into."""

SIMULATED = "simulated"
"""The fold of two weeks of one simulated fleet."""

MONDAY = date(2026, 11, 9)
POLICY = load_policy()


@dataclass(frozen=True)
class Pair:
    """Two weeks and the labels of the second.

    Attributes:
        fold: ``A``, ``B``, ``C`` or ``simulated``.
        seed: of the pair, and of every model fitted on it.
        logs: native logs of the training and of the scoring week.
        train: the training week, measured.
        score: the scoring week, measured beside the training week's population.
        labels: ``account_id, class, label`` of the scoring week.
        settings: of every model fitted on it.

    """

    fold: str
    seed: int
    logs: tuple[Path, Path]
    train: Measured
    score: Measured
    labels: pl.DataFrame
    settings: Settings

    @property
    def usable(self) -> pl.DataFrame:
        """The streams of the training week that a model is fitted on."""
        return self.train.streams.filter(self.judged)

    @property
    def judged(self) -> pl.Expr:
        """Which streams the model judges."""
        return (pl.col("served") >= self.settings.floors.served) & ~POLICY.declared()

    def with_streams(self, training: pl.DataFrame, scoring: pl.DataFrame) -> "Pair":
        """Return the same weeks with other columns of streams."""
        weeks = replace(self.train, streams=training), replace(self.score, streams=scoring)
        return replace(self, train=weeks[0], score=weeks[1])


def pairs(
    data: Path, folds: Iterable[str], seeds: Sequence[int], settings: Settings, folder: Path
) -> Iterator[Pair]:
    """Make and measure one pair after another, in the order of folds and seeds.

    Args:
        data: folder with ``cadence/`` and ``captures.jsonl``; read for composed folds only.
        folds: which of ``A``, ``B``, ``C`` and ``simulated``.
        seeds: of the pairs.
        settings: of the models.
        folder: where the logs of the pair at hand are written.

    """
    logs = folder / "train.parquet", folder / "score.parquet"
    for fold in folds:
        for seed in seeds:
            # In a process of its own, whose memory goes with it.
            with ProcessPoolExecutor(1, get_context("spawn")) as apart:
                made = (_simulated, seed, logs) if fold == SIMULATED else (_composed, data, fold, seed, logs)
                labels = apart.submit(*made).result()
            first = measure_log(logs[0], settings)
            second = measure_log(logs[1], settings, first.population)
            yield Pair(fold, seed, logs, first, second, labels, settings)


def folds_and_seeds(parser: argparse.ArgumentParser) -> None:
    """Add the options that both benchmarks of features share."""
    parser.add_argument("--data", type=Path, required=True, help="folder with cadence/ and captures.jsonl")
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each fold (default 2)")
    parser.add_argument("--first-seed", type=int, default=100, help="first seed of composed weeks")
    parser.add_argument("--first-simulated", type=int, default=700, help="first seed of simulated fleets")
    parser.add_argument("--trees", type=int, default=100, help="trees of a model (default 100)")
    parser.add_argument("--json", type=Path, help="put the figures into this file")


def given_pairs(given: argparse.Namespace) -> Iterator[Pair]:
    """Make and measure the pairs that the options ask for."""
    settings = default_settings()
    settings = replace(settings, model=replace(settings.model, trees=given.trees))
    with tempfile.TemporaryDirectory() as folder:
        for folds, first in (("ABC", given.first_seed), ((SIMULATED,), given.first_simulated)):
            seeds = range(first, first + given.seeds)
            yield from pairs(given.data, folds, seeds, settings, Path(folder))


def _composed(data: Path, fold: str, seed: int, logs: tuple[Path, Path]) -> pl.DataFrame:
    """Write two composed weeks; return the labels of the second."""
    *sources, parts = FOLDS[fold]
    labels = pl.DataFrame()
    for i, (log, (people, automated)) in enumerate(zip(logs, sources, strict=True)):
        options = Options(part=(i % parts, parts))
        options = replace(options, start=options.start + timedelta(days=7 * i))
        requests, labels, _ = compose(data, people, automated, options, seed=2 * seed + i)
        requests.write_parquet(log)
    return labels


def _simulated(seed: int, logs: tuple[Path, Path]) -> pl.DataFrame:
    """Write the two weeks of a simulated fleet; return its labels."""
    fleet = simulate(FleetOptions(accounts=1500, days=14, start=MONDAY, seed=seed))
    middle = datetime.combine(MONDAY + timedelta(days=7), datetime.min.time(), UTC)
    for log, week in zip(logs, (pl.col("timestamp") < middle, pl.col("timestamp") >= middle), strict=True):
        fleet.requests.filter(week).write_parquet(log)
    return fleet.accounts.select("account_id", "class", "label")
