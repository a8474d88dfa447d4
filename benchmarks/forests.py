"""Scoring by the detector's forest beside scikit-learn's, on the same trees and rows.

A process of its own, which writes what it found as JSON::

    python -m benchmarks.forests TARGET [RUNS]
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from detector.features.registry import SCORED
from detector.model.forest import ThreadedIsolationForest
from detector.settings import default_settings

__all__ = ["Forests", "compare"]

ROWS = 100_000
TRAINED = 5_000
"""Rows to grow on; each tree takes a sample of them."""


@dataclass(frozen=True)
class Forests:
    """What scoring took, in medians.

    Attributes:
        rows: scored.
        trees: in the forest.
        ours: seconds of processor time of the detector's forest.
        theirs: seconds of processor time of scikit-learn's.
        ours_wall: seconds from start to end.
        theirs_wall: likewise.
        difference: largest between two scores of one row.

    """

    rows: int
    trees: int
    ours: float
    theirs: float
    ours_wall: float
    theirs_wall: float
    difference: float


def compare(rows: int = ROWS, runs: int = 3) -> Forests:
    """Grow both forests from one seed and let them score the same rows.

    Ours has a thread a core, scikit-learn's the one that it takes.

    Args:
        rows: to score; log-normal, so that trees are as deep on one side as those of real features.
        runs: of each, in turns, the order reversed every other time.

    """
    settings = default_settings().model
    options = {"n_estimators": settings.trees, "max_samples": settings.sample, "random_state": 0}
    chance = np.random.default_rng(0)
    known = chance.lognormal(size=(TRAINED, len(SCORED))).astype(np.float32)
    asked = chance.lognormal(size=(rows, len(SCORED))).astype(np.float32)
    scorers = [
        ThreadedIsolationForest(**options, n_jobs=cpu_count()).fit(known).score_samples,
        IsolationForest(**options).fit(known).score_samples,
    ]
    taken: list[list[tuple[float, float]]] = [[], []]
    found = [np.empty(0), np.empty(0)]
    for run in range(runs):
        for which in (1, 0) if run % 2 else (0, 1):
            found[which], cost = _timed(scorers[which], asked)
            taken[which].append(cost)
    (ours, ours_wall), (theirs, theirs_wall) = (
        (median(cpu for cpu, _ in costs), median(wall for _, wall in costs)) for costs in taken
    )
    difference = float(np.abs(found[0] - found[1]).max())
    return Forests(rows, settings.trees, ours, theirs, ours_wall, theirs_wall, difference)


def _timed(
    score: Callable[[NDArray[np.float32]], NDArray[np.float64]], rows: NDArray[np.float32]
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Return the scores, and seconds of processor time and from start to end."""
    begin, cpu = time.perf_counter(), time.process_time()
    scores = score(rows)
    return scores, (time.process_time() - cpu, time.perf_counter() - begin)


if __name__ == "__main__":
    found = compare(runs=int(sys.argv[2]) if len(sys.argv) > 2 else 3)
    Path(sys.argv[1]).write_text(json.dumps(asdict(found)), "utf-8")
