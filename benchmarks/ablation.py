"""What every feature is worth: the model without it, without its family, and the feature alone.

Run from the project's root::

    python -m benchmarks.ablation --data ../shared/data --seeds 5 --first-seed 100 --json FILE

Composed folds A, B and C take the seeds from ``--first-seed`` on, simulated fleets as many from
``--first-simulated``. The row ``(other trees)`` leaves nothing out and grows other trees: differences
no larger than its own are chance. Leaving a feature out leaves the streams as they are: which sessions
are told apart by a strange fingerprint does not change, nor does whether a person is at work on them.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import polars as pl

from benchmarks.weeks import Pair, folds_and_seeds, given_pairs
from benchmarks.worth import Alone, Trial, alone, mean_alone, mean_change, run, write
from detector.features.registry import SCORED
from detector.schema import FAMILIES

OTHER_TREES = "(other trees)"
SETS: dict[str, tuple[str, ...]] = {
    **{record.name: (record.name,) for record in SCORED},
    **{f"family {name}": tuple(r.name for r in SCORED if r.family == name) for name in FAMILIES},
}
"""What is left out -> the features that it takes."""


def without(pair: Pair, names: Sequence[str]) -> Pair:
    """Return the pair with these features null in both weeks."""
    gone = [pl.lit(None, pl.Float64).alias(name) for name in names]
    return pair.with_streams(pair.train.streams.with_columns(gone), pair.score.streams.with_columns(gone))


def ablate(pair: Pair) -> tuple[dict[str, Trial], dict[str, Alone], Trial]:
    """Return the trial without each set, each feature's figures alone, and the trial with everything."""
    whole, model, assessment = run(pair)
    singles = {record.name: alone(pair, record, model, assessment) for record in SCORED}
    weeks = (pair.train.streams, pair.score.streams)
    # A value that accuses nobody may still excuse: telemetry in step, the client's own TLS.
    seen = {record.name for record in SCORED if any(week[record.name].count() for week in weeks)}
    trials = {OTHER_TREES: run(pair, draw=1)[0]}
    for title, names in SETS.items():
        # A column without a value is the same as none.
        trials[title] = run(without(pair, names))[0] if seen.intersection(names) else whole
    return trials, singles, whole


def summary(
    trials: dict[str, dict[str, list[Trial]]],
    singles: dict[str, dict[str, list[Alone]]],
    whole: dict[str, list[Trial]],
) -> dict[str, Any]:
    """Return, by set and fold, the mean change when it is left out, and by feature its figures alone."""
    return {
        "left_out": {
            title: {fold: mean_change(rows, whole[fold]) for fold, rows in folds.items()}
            for title, folds in trials.items()
        },
        "alone": {
            name: {fold: mean_alone(rows) for fold, rows in folds.items()} for name, folds in singles.items()
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all folds and seeds, print a line a set, and write the figures."""
    parser = argparse.ArgumentParser(description="Every feature left out, and alone.")
    folds_and_seeds(parser)
    given = parser.parse_args(arguments)
    trials: defaultdict[str, defaultdict[str, list[Trial]]] = defaultdict(lambda: defaultdict(list))
    singles: defaultdict[str, defaultdict[str, list[Alone]]] = defaultdict(lambda: defaultdict(list))
    whole: defaultdict[str, list[Trial]] = defaultdict(list)
    for pair in given_pairs(given):
        left, single, everything = ablate(pair)
        whole[pair.fold].append(everything)
        print(pair.fold, pair.seed, everything, flush=True)
        for title, trial in left.items():
            trials[title][pair.fold].append(trial)
        for name, figures in single.items():
            singles[name][pair.fold].append(figures)
    figures = summary(trials, singles, whole)
    for title, folds in figures["left_out"].items():
        print(title, *(f"{fold} {list(change.values())}" for fold, change in folds.items()), sep="\n  ")
    if given.json:
        write(given, "ablation", figures)


if __name__ == "__main__":
    main()
