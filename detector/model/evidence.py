"""What the forest sees of a stream: oriented features, their families, their total.

An isolation forest splits one column at a time, so evidence that is spread thin
over a family escapes it: the sums of each family and of all features stand beside
the features. And it can only split where its training rows vary: trained on clean
traffic it would be blind to everything that clean traffic lacks. So a small share
of *envelope* rows, which reach from nothing to the most that the reference can
tell in one to three families, is mixed into the rows it is grown on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detector.features.registry import Feature
from detector.schema import FAMILIES
from detector.settings import DecisionSettings

__all__ = ["Grounds", "envelope", "family_sums", "grounds", "widen"]

LEADING = ("fingerprint", "cadence", "telemetry")
"""Families that can carry a verdict with the support of another one."""

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


@dataclass(frozen=True, slots=True)
class Grounds:
    """Which families count against each stream, and whether that is enough.

    Attributes:
        counting: shape (streams, families): at least one cause of the family counts.
        strong: shape (streams, families): two causes count, or one decisive feature.
        conclusive: shape (streams,): a strong family and, from another family, a
            cause of its own.

    """

    counting: NDArray[np.bool_]
    strong: NDArray[np.bool_]
    conclusive: NDArray[np.bool_]


def grounds(
    oriented: NDArray[np.float64], streams: pl.DataFrame, features: Sequence[Feature], settings: DecisionSettings
) -> Grounds:
    """Apply the rule of two independent families.

    A cause counts where one of its features lies past the benign range and in the
    outermost tail of the reference. Silence (no telemetry) supports what another
    family says wherever most of the cohort does report, never makes a family
    strong, and supports nothing but a strong fingerprint in print mode, which is
    often silent. Account and usage evidence supports and never leads.

    Args:
        oriented: the matrix of ``Reference.orient``.
        streams: the rows it was made from.
        features: its columns.
        settings: what counts.

    """
    counts = oriented >= settings.counting
    silence = [i for i, record in enumerate(features) if record.cause == "silence"]
    counts[:, silence] = oriented[:, silence] > 0
    mute = np.zeros(len(oriented), dtype=bool)
    for i in silence:
        value = _column(streams, features[i].name)
        mute |= (value <= features[i].benign) & (streams["cohort"] == "headless").to_numpy()
    causes: dict[str, dict[str, NDArray[np.bool_]]] = {family: {} for family in FAMILIES}
    decisive = np.zeros((len(oriented), len(FAMILIES)), dtype=bool)
    for i, record in enumerate(features):
        known = causes[record.family]
        known[record.cause] = known.get(record.cause, np.zeros(len(oriented), dtype=bool)) | counts[:, i]
        if record.decisive is not None:
            decisive[:, FAMILIES.index(record.family)] |= counts[:, i] & (
                _column(streams, record.name) >= record.decisive
            )
    counting = np.column_stack([np.any(list(known.values()), axis=0) for known in causes.values()])
    several = [sum(at.astype(int) for cause, at in known.items() if cause != "silence") for known in causes.values()]
    strong = (np.column_stack(several) >= 2) | decisive
    counting[:, FAMILIES.index("telemetry")] |= mute & strong[:, FAMILIES.index("fingerprint")]
    conclusive = np.zeros(len(oriented), dtype=bool)
    for leader in LEADING:
        leads = strong[:, FAMILIES.index(leader)]
        for family, known in causes.items():
            if family != leader:
                for cause, at in known.items():
                    shared = causes[leader].get(cause, np.zeros(len(oriented), dtype=bool))
                    conclusive |= leads & at & ~shared
        if leader == "fingerprint":
            conclusive |= leads & mute
    return Grounds(counting, strong, conclusive)


def _column(streams: pl.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a feature as floats, NaN where it is null."""
    return streams[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
