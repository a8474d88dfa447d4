"""Pairs of weeks, one to train on and one to score, each measured once."""

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree

import polars as pl

from benchmarks.compose import Options
from benchmarks.fleets import FOLDS, Fleet, composed, simulated
from benchmarks.trial import in_memory
from detector.engine.measure import Measured
from detector.settings import Settings, default_settings
from detector.simulate import FleetOptions
from detector.verdict.policy import load_policy

__all__ = ["POLICY", "Pair", "folds_and_seeds", "given_pairs"]

SIMULATED = "simulated"
"""The fold of two weeks of one simulated fleet."""

ACCOUNTS = 1500
"""Accounts of a simulated fleet."""

POLICY = load_policy()


@dataclass(frozen=True)
class Pair:
    """Two weeks and the labels of the second.

    Attributes:
        fold: ``A``, ``B``, ``C`` or ``simulated``.
        seed: of the pair, and of every model fitted on it.
        logs: folders of native logs of the training and of the scoring week.
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
        folder: where the logs of the pair at hand are kept.

    """
    for fold in folds:
        for seed in seeds:
            own = folder / f"{fold}-{seed}"
            # In a process of its own, whose memory goes with it.
            with ProcessPoolExecutor(1, get_context("spawn")) as apart:
                fleet = apart.submit(_made, data, fold, seed, own).result()
            first = in_memory(fleet.train, settings)
            second = in_memory(fleet.score, settings, first.population)
            yield Pair(fold, seed, (fleet.train, fleet.score), first, second, fleet.accounts, settings)
            rmtree(own)


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


def _made(data: Path, fold: str, seed: int, folder: Path) -> Fleet:
    """Make the two weeks of a pair."""
    if fold == SIMULATED:
        return simulated(FleetOptions(accounts=ACCOUNTS, seed=seed), folder)
    options = Options()
    return composed(FOLDS[fold], data, options, seed, folder=folder, trained=options.harness_share)
