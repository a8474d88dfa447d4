"""Models with and without a feature: what each gives on a pair of weeks.

A feature is left out by setting its column to null, and tried by adding its column and record: the
weeks are measured once, and each set of features needs only a fit and a decision.
"""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from statistics import fmean
from typing import Any
from unittest import mock

import polars as pl
from sklearn.metrics import roc_auc_score

from benchmarks.weeks import POLICY, Pair
from detector.features.registry import SCORED, Feature
from detector.model import train
from detector.model.rule import SILENCE
from detector.model.shift import set_aside
from detector.model.train import Assessment, Model, assess
from detector.verdict.decide import decide
from detector.verdict.evaluate import evaluate_frames

__all__ = ["Alone", "Trial", "accused", "alone", "mean_accused", "mean_alone", "mean_change", "run", "write"]


@dataclass(frozen=True)
class Trial:
    """What one set of features gives on one pair: shares in [0, 1], and counts of genuine accounts."""

    average_precision: float
    recall_1: float
    recall_01: float
    recall_own: float
    genuine_flagged: int
    genuine_watched: int


@dataclass(frozen=True)
class Alone:
    """What one feature tells by itself.

    Attributes:
        auc: area under the ROC curve, harness against genuine accounts, each by its worst stream; None
            where one side has no value.
        genuine: share of genuine accounts in which it counts.
        harness: share of harness accounts in which it counts.
        null: share of judged streams where it is null.

    """

    auc: float | None
    genuine: float
    harness: float
    null: float


def run(pair: Pair, extra: Sequence[Feature] = (), draw: int = 0) -> tuple[Trial, Model, Assessment]:
    """Fit on the first week, decide on the second.

    Args:
        pair: the weeks.
        extra: features to add to those of the registry; their columns stand in the streams.
        draw: the same features grow other trees for each.

    """
    # Which features a model sees is not an argument of ``fit``.
    with mock.patch.object(train, "SCORED", (*SCORED, *extra)):
        model = train.fit(pair.usable, pair.train.population, pair.settings, pair.seed + 1000 * draw)
        score = pair.score
        streams, _ = set_aside(score.streams, score.used, model.reference, model.population, model.settings)
        assessment = assess(model, streams)
    accounts = decide(model, assessment, streams, accounts=score.accounts, policy=POLICY).accounts
    figures = evaluate_frames(accounts, pair.labels, unit="account", where=pair.fold)
    genuine = accounts.join(pair.labels.filter(label="genuine"), on="account_id")
    trial = Trial(
        figures.average_precision or 0.0,
        *(point.recall for point in figures.at_false_flags),
        figures.recall,
        int(genuine["flagged"].sum()),
        int((genuine["verdict"] == "watch").sum()),
    )
    return trial, model, assessment


def alone(pair: Pair, record: Feature, model: Model, assessment: Assessment) -> Alone:
    """Measure one feature of a model by itself, on the scoring week."""
    streams = _streams(pair, record, model, assessment)
    accounts = streams.group_by("account").agg(
        pl.col("label").first(), pl.col("value").max(), pl.col("counts").any()
    )
    sides = {side: accounts.filter(label=side) for side in ("genuine", "harness")}
    known = accounts.filter(pl.col("label").is_in(list(sides)), pl.col("value").is_not_null())
    truth = (known["label"] == "harness").to_numpy()
    both = truth.any() and not truth.all()
    return Alone(
        float(roc_auc_score(truth, known["value"].to_numpy())) if both else None,
        *(float(side["counts"].mean() or 0.0) for side in sides.values()),
        streams.select(pl.col("value").is_null().mean()).item(),
    )


def accused(pair: Pair, record: Feature, model: Model, assessment: Assessment) -> dict[str, float]:
    """Return, by genuine class, the share of accounts in which one feature of a model counts."""
    streams = _streams(pair, record, model, assessment).filter(label="genuine")
    accounts = streams.group_by("class", "account").agg(pl.col("counts").any())
    return dict(accounts.group_by("class").agg(pl.col("counts").mean()).sort("class").iter_rows())


def _streams(pair: Pair, record: Feature, model: Model, assessment: Assessment) -> pl.DataFrame:
    """Return the judged streams with labels, ``value`` (higher is worse) and ``counts``."""
    column = model.reference.features.index(record)
    oriented = pl.Series("oriented", assessment.oriented[:, column])
    counting = pair.settings.decision.counting
    counts = pl.col("oriented") > 0 if record.cause == SILENCE else pl.col("oriented") >= counting
    worst = -pl.col(record.name) if record.direction == "low" else pl.col(record.name)
    # Print mode is judged by few features: for the others it has no value.
    value = pl.when(record.print_mode | (pl.col("cohort") != "headless")).then(worst)
    streams = pair.score.streams.with_columns(oriented).filter(pair.judged)
    named = pair.score.accounts.select("account", "account_id").join(pair.labels, on="account_id")
    return streams.select("account", value=value, counts=counts).join(named, on="account")


def mean_change(changed: Sequence[Trial], everything: Sequence[Trial]) -> dict[str, float]:
    """Return the mean of ``changed - everything``, trial by trial; counts are sums."""
    rows = [
        {name: value - asdict(whole)[name] for name, value in asdict(part).items()}
        for part, whole in zip(changed, everything, strict=True)
    ]
    totals = {"genuine_flagged", "genuine_watched"}
    return {
        name: sum(row[name] for row in rows) if name in totals else round(fmean(row[name] for row in rows), 4)
        for name in rows[0]
    }


def mean_alone(figures: Sequence[Alone]) -> dict[str, Any]:
    """Return the mean of each figure over the pairs where it is known."""
    known = {
        name: [row[name] for row in map(asdict, figures) if row[name] is not None]
        for name in Alone.__dataclass_fields__
    }
    return {name: round(fmean(values), 4) if values else None for name, values in known.items()}


def mean_accused(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each class in which the feature counts at all."""
    means = {name: round(fmean(row[name] for row in figures), 4) for name in figures[0]}
    return {name: mean for name, mean in means.items() if mean}


def write(given: argparse.Namespace, part: str, figures: dict[str, Any]) -> None:
    """Put the figures, and how they were measured, into one part of the file; the others stay."""
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("polars", "scikit-learn"))
    measured = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} virtual cores, Python {platform.python_version()}, {packages}",
        "composed_seeds": [given.first_seed, given.first_seed + given.seeds - 1],
        "simulated_seeds": [given.first_simulated, given.first_simulated + given.seeds - 1],
        "trees": given.trees,
    }
    known = json.loads(given.json.read_text("utf-8")) if given.json.is_file() else {}
    known[part] = {"measured": measured, **figures}
    given.json.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
