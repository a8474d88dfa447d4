"""Cells: honest people and tools that are easily judged wrong, by class and telemetry state.

Run from the project's root::

    python -m benchmarks.cells --data DATA --seeds 4 --first-seed 100 --json accounts.json
    python -m benchmarks.cells --data DATA --seeds 4 --first-seed 100 --keep WEEKS
    python -m benchmarks.cells --weeks WEEKS --seeds 4 --first-seed 100

Each seed is two weeks: the first trains a model without labels, the second is scored by that model
and by the bundle that travels with the package. Even seeds are fold A, odd ones fold B (see
``benchmarks.fleets``). Markdown tables go to standard output, progress to standard error.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import trial
from benchmarks.celltables import report
from benchmarks.compose.cast import Sizes, compose_cells, scored_cells, training_cells
from benchmarks.fleets import DAYS, FOLDS, MONDAY, Fold

__all__ = ["LABELS", "WEEKS", "fold_of", "judged", "main", "write_weeks"]

WEEKS = ("week1", "week2")
LABELS = "labels.parquet"
"""Labels of the scored week; those of the training week stand in ``week1-labels.parquet``."""


def fold_of(seed: int) -> Fold:
    """Give the fold of a seed: the sources of its two weeks."""
    return FOLDS["AB"[seed % 2]]


def write_weeks(data: Path, folder: Path, sizes: Sizes, seed: int) -> None:
    """Compose both weeks of a seed into a folder.

    Args:
        data: folder with ``cadence/`` and the captures.
        folder: gets ``week1/``, ``week2/``, ``labels.parquet`` and ``week1-labels.parquet``.
        sizes: how many accounts each cell has.
        seed: of the weeks.

    """
    fold = fold_of(seed)
    casts = training_cells(sizes, np.random.default_rng(seed)), scored_cells(sizes, seed)
    for i, (week, cells, sources) in enumerate(zip(WEEKS, casts, (fold.train, fold.score), strict=True)):
        start = MONDAY + i * timedelta(days=DAYS)
        requests, labels = compose_cells(data, sources, cells, start, seed=2 * seed + i)
        (folder / week).mkdir(parents=True)
        requests.write_parquet(folder / week / "part-0.parquet")
        labels.write_parquet(folder / (LABELS if i else "week1-labels.parquet"))


def judged(folder: Path, seed: int) -> pl.DataFrame:
    """Train on the first week of a folder, and score the second with that model and the bundled one.

    Returns:
        A row an account and model: ``seed``, ``fold``, ``model`` (``trained`` or ``bundled``), the
        labels' columns, ``verdict`` (``unseen`` where the log has no request), ``flagged``, ``score``,
        ``families`` and ``reasons`` (features, strongest first).

    """
    labels = pl.read_parquet(folder / LABELS)
    learnt = trial.learn(trial.measure(folder / WEEKS[0]), seed)
    tables = []
    for name, model in (("trained", learnt), ("bundled", trial.bundled())):
        verdicts = trial.run(model, trial.measure(folder / WEEKS[1], model)).accounts.select(
            *("account_id", "verdict", "flagged", "score", "families"),
            reasons=pl.col("reasons").list.eval(pl.element().struct.field("feature")),
        )
        table = labels.join(verdicts, on="account_id", how="left", maintain_order="left")
        tables.append(
            table.select(
                seed=pl.lit(seed),
                fold=pl.lit(fold_of(seed).name),
                model=pl.lit(name),
                **{column: pl.col(column) for column in labels.columns},
                verdict=pl.col("verdict").fill_null("unseen"),
                flagged=pl.col("flagged").fill_null(value=False),
                score="score",
                families="families",
                reasons="reasons",
            )
        )
    return pl.concat(tables)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compose or read the weeks of each seed, judge them and print the tables."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.data is None) == (given.weeks is None):
        parser.error("give either --data, to compose weeks, or --weeks, to read kept ones")
    sizes = Sizes(honest=given.honest, people=given.people)
    tables = []
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        with _weeks(given, sizes, seed) as folder:
            begin = time.perf_counter()
            tables.append(judged(folder, seed))
            print(f"seed {seed}: judged in {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    accounts = pl.concat(tables)
    print(report(accounts))
    if given.json:
        given.json.write_text(json.dumps(accounts.to_dicts(), indent=0) + "\n", encoding="utf-8")


@contextmanager
def _weeks(given: argparse.Namespace, sizes: Sizes, seed: int) -> Iterator[Path]:
    """Give the folder of a seed's weeks: kept before, to be kept, or for the time of its use."""
    if given.weeks:
        yield given.weeks / str(seed)
        return
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as passing:
        folder = (given.keep or Path(passing)) / str(seed)
        write_weeks(given.data, folder, sizes, seed)
        print(f"seed {seed}: composed in {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
        yield folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Verdicts by class and telemetry state.")
    add = parser.add_argument
    add("--data", type=Path, help="folder with cadence/ and the captures, to compose weeks from")
    add("--weeks", type=Path, help="read weeks that --keep wrote here instead of composing them")
    add("--keep", type=Path, help="also keep the composed weeks and labels here, a folder a seed")
    add("--seeds", type=int, default=2, help="seeds, even ones fold A and odd ones fold B (default 2)")
    add("--first-seed", type=int, default=100, help="first seed (default 100)")
    add("--honest", type=int, default=Sizes.honest, help="accounts of each honest class and state")
    add("--people", type=int, default=Sizes.people, help="ordinary people beside them")
    add("--json", type=Path, help="also write a row an account and model here")
    return parser


if __name__ == "__main__":
    main()
