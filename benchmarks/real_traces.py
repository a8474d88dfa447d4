"""Quality on real traces: train on one composed week without labels, score another, count.

Run from the project's root::

    python -m benchmarks.real_traces --data ../shared/data --accounts 400 --seeds 3 --json figures.json

Folds split by source, never at random:

- A trains on kv_cache people and mini_swe automation, scores packmind people and chatdev automation;
- B the other way round;
- C trains and scores on kv_cache and mini_swe, every session in one of the two weeks only. It shares
  its sources between both weeks and is therefore easier than A and B.

Header captures are shared by all folds: there is one set.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

import polars as pl

import detector
from benchmarks.compose import LABELS, Options, compose
from detector.verdict.evaluate import Figures, evaluate, wilson

FIRST = (("kv_cache",), ("mini_swe",))
SECOND = (("packmind",), ("chatdev",))


@dataclass(frozen=True)
class Fold:
    """Sources of the training and of the scoring week, and into how many parts they are split."""

    name: str
    train: tuple[Sequence[str], Sequence[str]]
    score: tuple[Sequence[str], Sequence[str]]
    parts: int = 1
    note: str = ""


FOLDS = {
    fold.name: fold
    for fold in (
        Fold("A", FIRST, SECOND, note="other people, other automation"),
        Fold("B", SECOND, FIRST, note="other people, other automation"),
        Fold("C", FIRST, FIRST, parts=2, note="same sources, disjoint sessions: easier"),
    )
}


@dataclass(frozen=True)
class Run:
    """One fold and seed: figures of accounts and sessions, sizes and seconds."""

    fold: str
    seed: int
    accounts: Figures
    sessions: Figures
    rows: int
    train_s: float
    score_s: float

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain dictionaries, ready for JSON."""
        plain = {"fold": self.fold, "seed": self.seed, "rows": self.rows}
        seconds = {"train_s": self.train_s, "score_s": self.score_s}
        return plain | seconds | {"accounts": self.accounts.to_dict(), "sessions": self.sessions.to_dict()}


@dataclass(frozen=True)
class Gaps:
    """What is left out of the composed logs: columns, and rows by the start of their path."""

    columns: Sequence[str] = ()
    paths: Sequence[str] = ()

    def leave_out(self, requests: pl.DataFrame) -> pl.DataFrame:
        """Return the log without them."""
        for path in self.paths:
            requests = requests.filter(~pl.col("path").str.starts_with(path))
        return requests.drop(self.columns)


def run(
    fold: Fold, data: Path, options: Options, seed: int, *, folder: Path, model: Path | None, gaps: Gaps
) -> Run:
    """Compose both weeks into a folder, train on the first (unless a model is given), score the second."""
    weeks = (
        replace(options, part=(0, fold.parts)),
        replace(options, part=(1 % fold.parts, fold.parts), start=options.start + timedelta(days=7)),
    )
    paths = [folder / f"week{i}.parquet" for i in (1, 2)]
    rows = 0
    for i, (sources, week) in enumerate(zip((fold.train, fold.score), weeks, strict=True)):
        requests, accounts, sessions = compose(data, *sources, week, seed=2 * seed + i)
        gaps.leave_out(requests).write_parquet(paths[i])
        rows = requests.height
    accounts.write_parquet(folder / "accounts.parquet")
    sessions.write_parquet(folder / "sessions.parquet")
    begin = time.perf_counter()
    if model is None:
        model = folder / "model"
        detector.train(paths[0], model, seed=seed)
    trained = time.perf_counter()
    detector.score(paths[1], folder / "verdicts", model)
    scored = time.perf_counter()
    return Run(
        fold.name,
        seed,
        evaluate(folder / "verdicts", folder / "accounts.parquet"),
        evaluate(folder / "verdicts", folder / "sessions.parquet"),
        rows,
        round(trained - begin, 2),
        round(scored - trained, 2),
    )


def flag_rates(figures: Iterable[Figures]) -> pl.DataFrame:
    """Pool the flag rate of every class over seeds, with its Wilson 95 % interval."""
    members: Counter[tuple[str, str]] = Counter()
    flagged: Counter[tuple[str, str]] = Counter()
    for part in (part for each in figures for part in each.classes):
        members[part.name, part.label] += part.members
        flagged[part.name, part.label] += part.flagged
    order = list(LABELS)
    rows = []
    for key in sorted(members, key=lambda key: (order.index(key[0]), key[1])):
        low, high = wilson(flagged[key], members[key])
        rate = flagged[key] / members[key]
        rows.append((*key, members[key], flagged[key], rate, low, high))
    return pl.DataFrame(
        rows, orient="row", schema=["class", "label", "members", "flagged", "rate", "low", "high"]
    )


def show(fold: Fold, runs: Sequence[Run]) -> None:
    """Print one fold: a line a seed, their mean, and the flag rate of every class."""
    print(f"\nFold {fold.name}: train {_sources(fold.train)}, score {_sources(fold.score)} ({fold.note})")
    heads = ("seed", "AP", "rec@1%", "rec@.1%", "FDP", "recall", "flagged", "rows", "train s", "score s")
    print("  " + "".join(f"{head:>9}" for head in heads))
    lines = [(str(each.seed), *_headline(each)) for each in runs]
    lines.append(
        ("mean", *(_mean(column) for column in zip(*(_headline(each) for each in runs), strict=True)))
    )
    for name, *values in lines:
        print(f"  {name:>9}" + "".join(f"{_cell(value):>9}" for value in values))
    print(f"\n  {'class':<22}{'label':<22}{'accounts':>9}{'flagged':>9}{'rate':>8}   Wilson 95 %")
    for row in flag_rates(each.accounts for each in runs).iter_rows(named=True):
        print(_class_line(row))
    print("\n  sessions of riding accounts (harness: the rider's, named; genuine: the person's own, accused)")
    riding = flag_rates(each.sessions for each in runs).filter(pl.col("class") == "riding")
    for row in riding.iter_rows(named=True):
        print(_class_line(row))


def _headline(each: Run) -> tuple[float | None, ...]:
    figures = each.accounts
    at = [point.recall for point in figures.at_false_flags] or [None, None]
    own = (figures.false_discovery, figures.recall, figures.flagged)
    return (figures.average_precision, *at, *own, each.rows, each.train_s, each.score_s)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 and not isinstance(value, int) else f"{value:.0f}"


def _class_line(row: dict[str, Any]) -> str:
    counts = f"{row['members']:>9}{row['flagged']:>9}"
    interval = f"{row['low']:.3f}-{row['high']:.3f}"
    return f"  {row['class']:<22}{row['label']:<22}{counts}{row['rate']:>8.3f}   {interval}"


def _sources(pair: tuple[Sequence[str], Sequence[str]]) -> str:
    return " + ".join(source for sources in pair for source in sources)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the folds and print their tables."""
    parser = argparse.ArgumentParser(description="Quality on composed weeks of real traces.")
    parser.add_argument("--data", type=Path, required=True, help="folder with cadence/ and captures.jsonl")
    parser.add_argument("--accounts", type=int, default=400, help="accounts of a week (default 400)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each fold (default 3)")
    parser.add_argument("--first-seed", type=int, default=0, help="first seed (default 0)")
    parser.add_argument("--model", type=Path, help="score with this bundle instead of training on week 1")
    parser.add_argument("--drop", nargs="*", default=[], help="columns to leave out of the logs")
    parser.add_argument("--without", nargs="*", default=[], help="leave out rows whose path starts so")
    parser.add_argument("--folds", default="ABC", help="folds to run (default ABC)")
    parser.add_argument("--harness-share", type=float, default=0.05, help="share of harnesses (default 0.05)")
    parser.add_argument("--json", type=Path, help="also write every figure here")
    given = parser.parse_args(arguments)
    options = Options(accounts=given.accounts, harness_share=given.harness_share)
    gaps = Gaps(given.drop, given.without)
    runs: list[Run] = []
    for fold in (FOLDS[name] for name in given.folds):
        mine = []
        for seed in range(given.first_seed, given.first_seed + given.seeds):
            with tempfile.TemporaryDirectory() as folder:
                mine.append(
                    run(fold, given.data, options, seed, folder=Path(folder), model=given.model, gaps=gaps)
                )
        show(fold, mine)
        runs += mine
    if given.json:
        given.json.write_text(json.dumps([each.to_dict() for each in runs], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
