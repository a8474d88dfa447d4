"""A contest: the detector, its rivals and its own variants on one fleet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import polars as pl

from benchmarks import rivals, trial
from benchmarks.fleets import Fleet, first_requests, rewrite
from benchmarks.outcomes import DETECTOR, LEFT_OUT, Outcome, Stability, outcome, ranked_by
from benchmarks.traits import OBVIOUS, orders, traits
from detector.model.train import Model

__all__ = ["CUT", "Contest", "bound", "contest"]

CUT = "first requests"
"""What is varied where the scored week is cut to the first requests of each account."""

COLUMNS = ("account_id", "verdict", "flagged", "score")


@dataclass(frozen=True)
class Contest:
    """What one fleet gave.

    Attributes:
        fleet: the fleet; its logs may be gone.
        verdicts: the detector's, a row an account.
        known: all that was measured of the accounts, and ``positive``: for ``rivals.supervised``.
        outcomes: of the detector, the bundled model and the rivals.
        stability: one for each further seed of the forest.

    """

    fleet: Fleet
    verdicts: pl.DataFrame
    known: pl.DataFrame
    outcomes: list[Outcome]
    stability: list[Stability]


def contest(
    fleet: Fleet, model: Model | None, folder: Path, *, cuts: Sequence[int], forest_seeds: int
) -> Contest:
    """Run everybody on one fleet.

    Args:
        fleet: labelled weeks.
        model: score with this instead of training on week 1.
        folder: for cut copies of the log, which are removed again.
        cuts: first requests of an account after which to decide.
        forest_seeds: further seeds to train with (none where a model is given).

    """
    trained = None if model else trial.measure(fleet.train)
    ours = model or trial.learn(trained, fleet.seed)
    measured = trial.measure(fleet.score, ours)
    base = trial.run(ours, measured)
    verdicts = base.accounts.select(COLUMNS)
    found = [outcome(fleet, DETECTOR, verdicts, base.sessions)]
    default = trial.bundled()
    shipped = trial.run(default, trial.measure(fleet.score, default))
    found.append(outcome(fleet, "bundled model", shipped.accounts.select(COLUMNS), shipped.sessions))
    earlier, week = traits(fleet.train), traits(fleet.score)
    ranked = {
        "no telemetry": rivals.no_telemetry(week),
        "rare header order": rivals.rare_header_order(orders(fleet.score)),
        "beacon score": rivals.beacon(week),
        "isolation forest": rivals.isolation_forest(earlier, week, fleet.seed),
        "ECOD": rivals.ecod(earlier, week),
    }
    found += [outcome(fleet, name, ranked_by(scores, verdicts)) for name, scores in ranked.items()]
    for count in cuts:
        cut = rewrite(fleet.score, folder / "cut", first_requests(count))
        early = trial.run(ours, trial.measure(cut, ours)).accounts
        rmtree(cut)
        found.append(outcome(fleet, DETECTOR, early.select(COLUMNS), varied=CUT, value=f"{count:,}"))
    stability = []
    for seed in range(fleet.seed + 1, fleet.seed + 1 + forest_seeds if trained else fleet.seed + 1):
        again = trial.run(trial.learn(trained, seed), measured).accounts
        stability.append(_stability(fleet, seed, verdicts, again))
    known = trial.evidence(base).join(week.select("account_id", *OBVIOUS), on="account_id")
    return Contest(fleet, verdicts, _with_truth(known, fleet, verdicts), found, stability)


def bound(contests: Sequence[Contest], seed: int) -> list[Outcome]:
    """Rank each fleet of a source by a classifier trained on the labels of all of them."""
    scores = rivals.supervised([each.known for each in contests], seed)
    return [
        outcome(each.fleet, "supervised bound", ranked_by(own, each.verdicts))
        for each, own in zip(contests, scores, strict=True)
    ]


def _with_truth(known: pl.DataFrame, fleet: Fleet, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Add ``positive``, null where ``evaluate`` leaves the account out."""
    labels = fleet.accounts.join(verdicts.select("account_id", "verdict"), on="account_id")
    judged = ~pl.col("label").is_in(LEFT_OUT) & ~pl.col("verdict").is_in(LEFT_OUT)
    truth = labels.select("account_id", positive=pl.when(judged).then(pl.col("label") == "harness"))
    return known.join(truth, on="account_id")


def _stability(fleet: Fleet, seed: int, first: pl.DataFrame, second: pl.DataFrame) -> Stability:
    one, other = (set(each.filter("flagged")["account_id"]) for each in (first, second))
    apart, either = len(one ^ other), len(one | other)
    return Stability(
        fleet.source,
        fleet.seed,
        seed,
        len(one),
        apart / len(one) if one else float(bool(other)),
        apart / either if either else 0.0,
    )
