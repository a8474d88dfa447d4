"""Other ways to rank accounts, run on the same logs as the detector.

Each takes tables of :mod:`benchmarks.traits` and gives ``account_id`` and ``score``
(higher is more suspicious), a row an account.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import skew
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from benchmarks.traits import OBVIOUS

__all__ = [
    "beacon",
    "ecod",
    "isolation_forest",
    "no_telemetry",
    "rare_header_order",
    "supervised",
]

DISPERSION_S = 30.0
"""Median absolute deviation of the gaps (s) from which a beacon score is zero."""

FOLDS = 5


def no_telemetry(week: pl.DataFrame) -> pl.DataFrame:
    """Rank by the share of requests that no telemetry reports: the rule most people think of."""
    return week.select("account_id", score=1 - pl.col("reported"))


def rare_header_order(orders: pl.DataFrame) -> pl.DataFrame:
    """Rank by the surprisal of the header order among the accounts of the client it claims.

    -log2 of the share of the client's accounts that show the order, averaged over requests:
    the idea of RITA's rare user agents and JA4H, counted in accounts.
    """
    users = pl.col("account_id").n_unique()
    counted = orders.with_columns(
        shown=users.over("client", "order"), total=users.over("client"), weight=pl.col("requests")
    )
    bits = -(pl.col("shown") / pl.col("total")).log(2)
    return counted.group_by("account_id").agg(score=(bits * pl.col("weight")).sum() / pl.col("weight").sum())


def beacon(week: pl.DataFrame) -> pl.DataFrame:
    """Rank by how regular the gaps between requests are.

    Made anew from the published description of RITA's beacon analysis (Active
    Countermeasures): the mean of ``1 - |Bowley's skewness|`` and ``1 - MAD / 30 s`` (not
    below 0) of the gaps between connections, skewness 0 where the quartiles are equal.
    Accounts of fewer than four gaps score 0.
    """
    low, mid, high = pl.col("q1"), pl.col("q2"), pl.col("q3")
    bowley = pl.when(high == low).then(0.0).otherwise((low + high - 2 * mid) / (high - low))
    calm = (1 - pl.col("mad") / DISPERSION_S).clip(lower_bound=0)
    score = pl.when(pl.col("inference") > 4).then((1 - bowley.abs() + calm) / 2)
    return week.select("account_id", score=score.fill_null(0.0))


def isolation_forest(trained: pl.DataFrame, week: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Rank by scikit-learn's forest (Liu, Ting and Zhou 2008) of the obvious traits of week 1."""
    forest = IsolationForest(random_state=seed).fit(_matrix(trained, trained))
    return week.select("account_id", score=pl.Series(-forest.score_samples(_matrix(week, trained))))


def ecod(trained: pl.DataFrame, week: pl.DataFrame) -> pl.DataFrame:
    """Rank by tail probabilities of the obvious traits of week 1.

    Li, Zhao, Hu, Botta, Ionescu and Chen 2022, ECOD: unsupervised outlier detection using
    empirical cumulative distribution functions. The score is the largest of three sums
    over traits of -log tail probability: left, right, and the tail that the skewness names.
    """
    base, rows = _matrix(trained, trained), _matrix(week, trained)
    ordered, size = np.sort(base, axis=0), len(base)
    columns = range(base.shape[1])
    below = np.column_stack([np.searchsorted(ordered[:, i], rows[:, i], side="right") for i in columns])
    above = size - np.column_stack([np.searchsorted(ordered[:, i], rows[:, i], side="left") for i in columns])
    # One account more, so that a value beyond all of week 1 stays finite.
    left, right = (-np.log((count + 1) / (size + 1)) for count in (below, above))
    with np.errstate(invalid="ignore"):
        named = np.where(np.nan_to_num(skew(base, axis=0)) < 0, left, right)
    score = np.max([part.sum(axis=1) for part in (left, right, named)], axis=0)
    return week.select("account_id", score=pl.Series(score))


def supervised(weeks: Sequence[pl.DataFrame], seed: int) -> list[pl.DataFrame]:
    """Rank by a classifier that is told the truth about other accounts: an upper bound.

    scikit-learn's HistGradientBoostingClassifier, five folds by account, each account scored
    by a model that saw the labels of the other folds.

    Args:
        weeks: ``account_id``, ``positive`` (null where the label is left to policy: not
            trained on and not scored) and numeric columns; pooled for training.
        seed: decides folds and trees.

    Returns:
        Scores of each week; null scores nowhere.

    """
    known = [week.filter(pl.col("positive").is_not_null()) for week in weeks]
    pooled = pl.concat(known)
    truth = pooled["positive"].to_numpy().astype(bool)
    matrix = pooled.drop("account_id", "positive").cast(pl.Float64).fill_null(float("nan")).to_numpy()
    scores = np.zeros(len(truth))
    folds = min(FOLDS, int(truth.sum()))
    for train, held in StratifiedKFold(folds, shuffle=True, random_state=seed).split(matrix, truth):
        model = HistGradientBoostingClassifier(
            class_weight="balanced", min_samples_leaf=5, learning_rate=0.05, random_state=seed
        )
        # The classifier cannot bin a column of nothing but nulls.
        told = ~np.isnan(matrix[train]).all(axis=0)
        # On few rows threads wait for each other longer than they work.
        with threadpool_limits(1, "openmp"):
            model.fit(matrix[train][:, told], truth[train])
            # Log odds: probabilities of sure cases round to 1 and would tie.
            scores[held] = model.decision_function(matrix[held][:, told])
    ranked = pooled.select("account_id", score=pl.Series(scores))
    ends = np.cumsum([part.height for part in known])
    return [ranked[end - part.height : end] for part, end in zip(known, ends, strict=True)]


def _matrix(table: pl.DataFrame, trained: pl.DataFrame) -> NDArray[np.float64]:
    """Return the obvious traits, nulls filled with week 1's median (0 where all are null)."""
    known = pl.col(OBVIOUS).cast(pl.Float64).fill_nan(None)
    medians = trained.select(known.median()).row(0, named=True)
    filled = [pl.col(name).fill_null(value or 0.0) for name, value in medians.items()]
    return table.select(known).select(filled).to_numpy()
