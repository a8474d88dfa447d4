"""What the forest sees of a stream: oriented features, their families, their total.

An isolation forest splits one column at a time, so evidence that is spread thin
over a family escapes it: the sums of each family and of all features stand beside
the features. And it can only split where its training rows vary: trained on clean
traffic it would be blind to everything that clean traffic lacks. So a small share
of *envelope* rows, which reach from nothing to the most that the reference can
tell in one to three families, is mixed into the rows it is grown on.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.features.registry import Feature
from detector.schema import FAMILIES

__all__ = ["envelope", "family_sums", "widen"]

MOST_FAMILIES = 3
"""Families that an envelope row reaches into at most."""


def family_sums(oriented: NDArray[np.float64], features: Sequence[Feature]) -> NDArray[np.float64]:
    """Return the sum of oriented values by family, a column a family in the order of ``FAMILIES``."""
    columns = [[i for i, record in enumerate(features) if record.family == family] for family in FAMILIES]
    return np.column_stack([oriented[:, own].sum(axis=1) for own in columns])


def widen(oriented: NDArray[np.float64], features: Sequence[Feature]) -> NDArray[np.float64]:
    """Return the oriented matrix with a column a family and one for the total."""
    return np.column_stack([oriented, family_sums(oriented, features), oriented.sum(axis=1)])


def envelope(
    rows: int, features: Sequence[Feature], most: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw envelope rows.

    Args:
        rows: how many.
        features: the columns of the oriented matrix.
        most: the largest oriented value that the reference can give.
        rng: source of randomness.

    Returns:
        Shape (rows, features): in one to three families, half of the features lie
        anywhere between 0 and ``most``; the others are 0.

    """
    family = np.array([FAMILIES.index(record.family) for record in features])
    ranks = rng.random((rows, len(FAMILIES))).argsort(axis=1)
    chosen = ranks < rng.integers(1, MOST_FAMILIES + 1, size=(rows, 1))
    touched = chosen[:, family] & (rng.random((rows, len(features))) < 0.5)
    drawn: NDArray[np.float64] = np.where(touched, rng.random((rows, len(features))) * most, 0.0)
    return drawn
