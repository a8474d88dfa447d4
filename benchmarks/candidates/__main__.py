"""What every candidate would add to the model.

Run from the project's root::

    python -m benchmarks.candidates --data ../shared/data --seeds 5 --first-seed 100 --json FILE

Folds and seeds are those of ``benchmarks.ablation``. A candidate joins its family with a cause of its
own and a benign range in which 97.5 % of the trusted streams of week 1 lie. The row ``(noise)`` adds a
column of noise: differences no larger than its own are chance.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import polars as pl

from benchmarks.candidates import CANDIDATES
from benchmarks.candidates.record import Candidate, Traffic
from benchmarks.candidates.trial import added, control
from benchmarks.weeks import Pair, folds_and_seeds, given_pairs
from benchmarks.worth import Alone, Trial, accused, alone, mean_accused, mean_alone, mean_change, run, write

Tried = tuple[Trial, Alone, dict[str, float]]
"""The model with a candidate, the candidate alone, and the genuine classes in which it counts."""


def measured(traffic: Traffic, candidates: Sequence[Candidate]) -> list[pl.DataFrame]:
    """Return the values of every candidate in one week."""
    return [candidate.measure(traffic) for candidate in candidates]


def trials(pair: Pair, only: Sequence[str]) -> tuple[dict[str, Tried], Trial]:
    """Return, by candidate, the trial with it and its figures alone; and the trial without any."""
    chosen = [one for one in (control(pair.seed), *CANDIDATES) if not only or one.id in only]
    weeks = [
        measured(Traffic.read(log, week, pair.train.population, pair.settings), chosen)
        for log, week in zip(pair.logs, (pair.train, pair.score), strict=True)
    ]
    whole = run(pair)[0]
    found = {}
    for candidate, *values in zip(chosen, *weeks, strict=True):
        wider, record = added(pair, candidate, (values[0], values[1]))
        trial, model, assessment = run(wider, [record])
        found[candidate.name] = (
            trial,
            alone(wider, record, model, assessment),
            accused(wider, record, model, assessment),
        )
    return found, whole


def summary(found: dict[str, dict[str, list[Tried]]], whole: dict[str, list[Trial]]) -> dict[str, Any]:
    """Return, by candidate, what it is, and by fold the mean change when it is added and it alone."""
    records = {one.name: one for one in (control(0), *CANDIDATES)}
    told = ("id", "family", "direction", "definition", "null")
    return {
        name: {key: getattr(records[name], key) for key in told}
        | {
            "folds": {
                fold: mean_change([row[0] for row in rows], whole[fold])
                | mean_alone([row[1] for row in rows])
                | {"accused": mean_accused([row[2] for row in rows])}
                for fold, rows in folds.items()
            }
        }
        for name, folds in found.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all folds and seeds, print a line a candidate and fold, and write the figures."""
    parser = argparse.ArgumentParser(description="Every candidate added to the model, and alone.")
    folds_and_seeds(parser)
    parser.add_argument("--only", nargs="*", default=[], help="catalogue ids to try (default all)")
    given = parser.parse_args(arguments)
    found: defaultdict[str, defaultdict[str, list[Tried]]] = defaultdict(lambda: defaultdict(list))
    whole: defaultdict[str, list[Trial]] = defaultdict(list)
    for pair in given_pairs(given):
        tried, everything = trials(pair, given.only)
        whole[pair.fold].append(everything)
        print(pair.fold, pair.seed, everything, flush=True)
        for name, rows in tried.items():
            found[name][pair.fold].append(rows)
    figures = summary(found, whole)
    for name, record in figures.items():
        print(name, *(f"{fold} {list(row.values())}" for fold, row in record["folds"].items()), sep="\n  ")
    if given.json:
        write(given, "candidates", {"tried": figures})


if __name__ == "__main__":
    main()
