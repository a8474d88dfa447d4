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

UNEXCUSED = ("fingerprint", "telemetry")
"""Families that print mode does not explain."""

SILENCE = "silence"
"""The cause of missing telemetry, which never makes a family strong."""

LIBRARY = "library"
"""The cause of headers that another program's HTTP library wrote."""

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
        conclusive: shape (streams,): a leading family that is strong and a cause of
            its own from another family, or one that counts and two others beside
            the account's.
        telling: shape (streams,): a cause counts, silence aside, of a family that can
            lead; many terminals, usage and switched-off telemetry tell nothing alone.

    """

    counting: NDArray[np.bool_]
    strong: NDArray[np.bool_]
    conclusive: NDArray[np.bool_]
    telling: NDArray[np.bool_]


def grounds(
    oriented: NDArray[np.float64],
    streams: pl.DataFrame,
    features: Sequence[Feature],
    settings: DecisionSettings,
) -> Grounds:
    """Apply the rule of independent families: a strong one with another, or three.

    A cause counts where one of its features lies past the benign range and in the
    outermost tail of the reference. Silence (no telemetry) counts wherever most of
    the cohort reports; it supports what another family says and never leads, and
    so do account and usage evidence. In print mode automation and silence are
    normal and prove nothing, but they support what a strong fingerprint or faked
    telemetry says: those are no property of print mode.

    Args:
        oriented: the matrix of ``Reference.orient``.
        streams: the rows it was made from.
        features: its columns.
        settings: what counts.

    """
    none = np.zeros(len(oriented), dtype=bool)
    headless = (streams["cohort"] == "headless").to_numpy()
    causes: dict[str, dict[str, NDArray[np.bool_]]] = {family: {} for family in FAMILIES}
    excused: dict[str, dict[str, NDArray[np.bool_]]] = {family: {} for family in FAMILIES}
    decisive: dict[str, NDArray[np.bool_]] = dict.fromkeys(FAMILIES, none)
    for i, record in enumerate(features):
        value = streams[record.name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        counts = oriented[:, i] > 0 if record.cause == SILENCE else oriented[:, i] >= settings.counting
        own = causes[record.family]
        own[record.cause] = own.get(record.cause, none) | counts
        if record.decisive is not None:
            decisive[record.family] = decisive[record.family] | (counts & (value >= record.decisive))
        if not record.print_mode:
            past = value < record.benign if record.direction == "low" else value > record.benign
            normal = excused[record.family]
            normal[record.cause] = normal.get(record.cause, none) | (headless & past)
    _settle(causes)
    counting = {family: np.any(list(own.values()), axis=0) for family, own in causes.items()}
    loud = {
        family: sum((at for cause, at in own.items() if cause != SILENCE), none.astype(int))
        for family, own in causes.items()
    }
    strong = {family: (loud[family] >= 2) | decisive[family] for family in FAMILIES}
    # Nobody knows the headers of a version that nobody else runs (old, repackaged, just out):
    # there a foreign fingerprint needs one cause more, unless a library that no version uses wrote it.
    alone = (streams["version_known"] < 0.5).fill_null(value=False).to_numpy()
    alone &= ~causes["fingerprint"].get(LIBRARY, none)
    strong["fingerprint"] = (loud["fingerprint"] >= np.where(alone, 3, 2)) | decisive["fingerprint"]
    families = np.sum(list(counting.values()), axis=0)
    # Many terminals are a habit of busy people: they support what is strong, and nothing weaker.
    beside = families - counting["account"]
    # Without a user agent nobody knows whether this is print mode: rhythm cannot lead.
    may = {"cadence": (streams["cohort"] != "unknown").to_numpy()}
    conclusive = none.copy()
    for leader in LEADING:
        leads = (strong[leader] & (families >= 2)) | ((loud[leader] >= 1) & (beside >= 3))
        conclusive |= leads & may.get(leader, ~none)
    for leader in UNEXCUSED:
        for family in sorted(set(FAMILIES) - {leader}):
            for cause, at in excused[family].items():
                apart = strong[leader] & at & ~causes[leader].get(cause, none)
                counting[family] = counting[family] | apart
                conclusive |= apart
    return Grounds(
        np.column_stack([counting[family] for family in FAMILIES]),
        np.column_stack([strong[family] for family in FAMILIES]),
        conclusive,
        np.any([loud[family] > 0 for family in LEADING], axis=0),
    )


def _settle(causes: dict[str, dict[str, NDArray[np.bool_]]]) -> None:
    """Leave a cause that two families share to the first of them, where it counts in both."""
    taken: dict[str, NDArray[np.bool_]] = {}
    for family in (*LEADING, *(family for family in FAMILIES if family not in LEADING)):
        for cause, at in causes[family].items():
            causes[family][cause] = at & ~taken.get(cause, np.zeros(len(at), dtype=bool))
            taken[cause] = at | taken.get(cause, np.zeros(len(at), dtype=bool))
