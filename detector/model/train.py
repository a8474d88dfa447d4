"""Streams into a model: a reference, a forest and what its scores mean.

Training needs no labels. Accounts whose evidence is conclusive against the
reference are left out of the calibration, because a few bad accounts there take
all power from p-values; how many is recorded and, where it is many, said.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from joblib import cpu_count
from numpy.typing import NDArray

from detector.errors import TrainingError
from detector.features.registry import SCORED
from detector.model.calibration import p_values
from detector.model.evidence import envelope, widen
from detector.model.forest import ThreadedIsolationForest
from detector.model.reference import Reference
from detector.model.rule import Grounds, grounds, weigh
from detector.settings import Settings

__all__ = ["Assessment", "Model", "assess", "fit"]


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that scoring needs.

    Attributes:
        settings: those it was trained with; scoring uses them too.
        reference: the population by cohort and feature.
        forest: grown on widened oriented rows.
        calibration: account scores that stand for genuine accounts, ascending.
        population: what each client's fingerprints look like, counted in accounts.
        facts: counts of the training run, for the card.

    """

    settings: Settings
    reference: Reference
    forest: ThreadedIsolationForest
    calibration: NDArray[np.float64]
    population: pl.DataFrame
    facts: dict[str, int | float | str]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a model says of streams: row by row of the table that was given.

    Attributes:
        oriented: shape (streams, features).
        score: in [0, 1], higher is more like automated harness traffic.
        p_value: chance of a score this high for a genuine account.
        grounds: which families count and whether they suffice.

    """

    oriented: NDArray[np.float64]
    score: NDArray[np.float64]
    p_value: NDArray[np.float64]
    grounds: Grounds


def fit(streams: pl.DataFrame, population: pl.DataFrame, settings: Settings, seed: int = 0) -> Model:
    """Fit a model to the streams of a training log.

    Args:
        streams: result of ``features.measure_streams``, only streams above the
            evidence floor that the policy leaves to the model.
        population: result of ``fingerprint.population`` on the same log.
        settings: all settings.
        seed: decides the trees, the draws and nothing else.

    Raises:
        TrainingError: fewer than ``2 * settings.model.folds`` accounts.

    """
    accounts = streams["account"].n_unique()
    if accounts < 2 * settings.model.folds:
        raise TrainingError(
            f"training: only {accounts} accounts with enough evidence in scope, at least "
            f"{2 * settings.model.folds} are needed; give a longer log or more accounts"
        )
    share = pl.col("served") / pl.col("served").sum().over("account")
    streams = streams.sort("stream").with_columns(weight=share)
    reference = Reference.fit(streams, SCORED, settings.model.fewest_accounts)
    oriented = weigh(reference, streams, settings)
    against = grounds(oriented, streams, SCORED, settings)
    bad = streams.filter(pl.Series(against.conclusive))["account"].unique()
    clean = streams.filter(~pl.col("account").is_in(bad.implode()))
    return Model(
        settings=settings,
        reference=reference,
        forest=_grow(oriented, streams["weight"].to_numpy(), settings, seed),
        calibration=_calibrate(streams, clean, settings, seed),
        population=population,
        facts={
            "seed": seed,
            "accounts": accounts,
            "streams": streams.height,
            "requests": int(streams["served"].sum()),
            "accounts_left_out_of_calibration": len(bad),
            "accounts_in_calibration": clean["account"].n_unique(),
        },
    )


def assess(model: Model, streams: pl.DataFrame) -> Assessment:
    """Score streams that lie above the evidence floor."""
    oriented = weigh(model.reference, streams, model.settings)
    score = _score(model.forest, oriented)
    return Assessment(
        oriented,
        score,
        p_values(score, model.calibration),
        grounds(oriented, streams, model.reference.features, model.settings),
    )


def _grow(
    oriented: NDArray[np.float64], weights: NDArray[np.float64], settings: Settings, seed: int
) -> ThreadedIsolationForest:
    """Grow the forest on rows drawn so that every account counts once, and envelope rows."""
    rng = np.random.default_rng(seed)
    size = max(4 * len(oriented), 4 * settings.model.sample)
    drawn = oriented[rng.choice(len(oriented), size=size, p=weights / weights.sum())]
    most = float(np.log10((weights.sum() + 1) / 2))
    rows = np.vstack([drawn, envelope(round(settings.model.envelope * size), SCORED, most, rng)])
    forest = ThreadedIsolationForest(
        settings.model.trees, settings.model.sample, n_jobs=cpu_count(), random_state=seed
    )
    return forest.fit(widen(rows, SCORED))


def _score(forest: ThreadedIsolationForest, oriented: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(oriented):
        return np.zeros(0)
    return -forest.score_samples(widen(oriented, SCORED))


def _calibrate(
    streams: pl.DataFrame, clean: pl.DataFrame, settings: Settings, seed: int
) -> NDArray[np.float64]:
    """Return the account scores of clean accounts, each by a model that did not see it.

    Cross-conformal (Vovk 2015): one fold is scored by the reference and forest of
    the others.
    """
    folds = settings.model.folds
    fold = pl.col("account").rank("dense").cast(pl.Int64) % folds
    parts = streams.with_columns(fold=fold)
    scores = []
    for held in range(folds):
        rest = parts.filter(pl.col("fold") != held)
        own = clean.join(parts.filter(pl.col("fold") == held).select("stream"), on="stream", how="semi")
        reference = Reference.fit(rest, SCORED, settings.model.fewest_accounts)
        forest = _grow(weigh(reference, rest, settings), rest["weight"].to_numpy(), settings, seed)
        scored = own.select("account", score=pl.Series(_score(forest, weigh(reference, own, settings))))
        scores.append(scored.group_by("account").agg(pl.col("score").max())["score"])
    return np.sort(pl.concat(scores).to_numpy())
