"""Scores into chances: conformal p-values and false discovery rates.

Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World; Bates,
Candes, Lei, Romano and Sesia 2023, Testing for outliers with conformal p-values;
Benjamini and Hochberg 1995. The p-values are valid as far as the calibration
accounts are genuine and exchangeable with those scored: they rank and they bound,
and no flag rests on them alone.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["p_values", "q_values"]


def p_values(scores: NDArray[np.float64], calibration: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``(1 + calibration scores at least as high) / (1 + calibration scores)``.

    NaN where the score is NaN.
    """
    ordered = np.sort(calibration)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.where(np.isnan(scores), np.nan, (1.0 + at_least) / (1.0 + len(ordered)))


def q_values(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Benjamini-Hochberg adjusted p-values over those that are not NaN.

    As ``scipy.stats.false_discovery_control``, whose import takes most of a second.
    """
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]
    steps = p[order] * (len(order) / np.arange(1, len(order) + 1))
    q = np.full(len(p), np.nan)
    q[order] = np.minimum.accumulate(steps[::-1])[::-1].clip(0, 1)
    return q
