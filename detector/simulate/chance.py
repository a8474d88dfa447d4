"""One of several things, drawn by chance."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

__all__ = ["choose"]

T = TypeVar("T")


def choose(rng: np.random.Generator, items: Sequence[T], shares: Sequence[float] | None = None) -> T:
    """Draw one of ``items``.

    It is the one that ``rng.choice`` draws, found without an array of them: some ten times as fast.

    Args:
        rng: source of chance.
        items: at least one.
        shares: of each, together 1; null where all are equal.

    """
    if shares is None:
        return items[int(rng.integers(len(items)))]
    bounds = list(accumulate(shares))
    return items[bisect_right([bound / bounds[-1] for bound in bounds], rng.random())]
