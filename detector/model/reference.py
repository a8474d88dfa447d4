"""The reference population: how far out a value lies in its suspicious tail.

A forest is blind to direction and would flag heavy honest people. So each feature
is first mapped to the tail that is suspicious: with p the share of reference
accounts whose value is at least as suspicious, the oriented value is
``-log10(2 p)``, and 0 in the half of the population and in the range that real
people are known to fill. Every account counts once, however many sessions it
makes: a round-the-clock harness would otherwise learn itself as normal. And those
who report telemetry under a familiar fingerprint are the reference, because few
harnesses do: what they have in common stays odd even where they are many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detector.features.registry import Feature

__all__ = ["EVERYONE", "Reference", "Tail", "trusted"]

KNOTS = 512
"""Most points kept of a distribution; the outermost values are always kept."""

EVERYONE = "interactive"
"""Cohort whose distributions stand in for a cohort that was never seen."""

PROGRAM = ("interactive", "headless")
"""Cohorts of one program: print mode is the client itself without a screen."""

ITSELF = ("fingerprint", "telemetry")
"""Families of what a program is and reports, however it is used."""


def trusted(streams: pl.DataFrame) -> pl.DataFrame:
    """Return the streams whose rhythm may stand for honest use.

    Those with a familiar fingerprint that report telemetry, and print mode, which
    rarely does. Where hardly anybody reports (the log holds no telemetry), all
    streams with a familiar fingerprint.
    """
    familiar = streams.filter(~pl.col("odd"))
    vouched = familiar.filter(pl.col("reporting") | (pl.col("cohort") == "headless"))
    reporting = vouched.filter("reporting")["account"].n_unique()
    return vouched if 10 * reporting >= familiar["account"].n_unique() else familiar


@dataclass(frozen=True, slots=True)
class Tail:
    """The weighted distribution of one feature in one cohort.

    Attributes:
        values: distinct values in ascending order.
        above: weight (accounts) at or above each value, and between it and the one before.
        below: weight (accounts) at or below each value, and between it and the next.
        total: weight of all accounts with a value.

    """

    values: NDArray[np.float64]
    above: NDArray[np.float64]
    below: NDArray[np.float64]
    total: float

    @classmethod
    def fit(cls, values: NDArray[np.float64], weights: NDArray[np.float64]) -> "Tail":
        """Count weights over the values that are not NaN."""
        known = ~np.isnan(values)
        distinct, inverse = np.unique(values[known], return_inverse=True)
        weight = np.bincount(inverse, weights=weights[known], minlength=len(distinct)).astype(np.float64)
        below = np.cumsum(weight)
        above = np.cumsum(weight[::-1])[::-1]
        total = float(weight.sum())
        if len(distinct) > KNOTS:
            # Even steps in rank, finer towards both ends where the evidence is.
            steps = np.linspace(-1, 1, KNOTS)
            ranks = (np.sign(steps) * (1 - (1 - np.abs(steps)) ** 2) + 1) / 2
            keep = np.unique(np.searchsorted(below / total, ranks).clip(0, len(distinct) - 1))
            # What lies between two kept values counts as if it lay on the further one.
            above = above[np.append(0, keep[:-1] + 1)]
            below = below[np.append(keep[1:] - 1, len(distinct) - 1)]
            distinct = distinct[keep]
        return cls(distinct, above, below, total)

    def orient(self, values: NDArray[np.float64], record: Feature) -> NDArray[np.float64]:
        """Return ``-log10(2 p)`` of the suspicious tail, 0 for NaN and on the benign side."""
        harmless = values >= record.benign if record.direction == "low" else values <= record.benign
        p = (self._weight(values, record) + 1) / (self.total + 1)
        return np.where(np.isnan(values) | harmless, 0.0, -np.log10(np.minimum(1.0, 2 * p)))

    def _weight(self, values: NDArray[np.float64], record: Feature) -> NDArray[np.float64]:
        """Return the weight of all that is at least as suspicious as each value."""
        if record.direction == "low":
            return np.concatenate(([0.0], self.below))[np.searchsorted(self.values, values, side="right")]
        return np.concatenate((self.above, [0.0]))[np.searchsorted(self.values, values, side="left")]

    def quantile(self, share: float) -> float:
        """Return the smallest value at or below which a share of the weight lies, NaN of an empty tail."""
        if not len(self.values):
            return float("nan")
        place = np.searchsorted(self.below, self.total * share).clip(0, len(self.values) - 1)
        return float(self.values[place])

    def median(self) -> float:
        """Return the weighted median, NaN of an empty tail."""
        return self.quantile(0.5)

    def share(self, value: float, record: Feature) -> float:
        """Return the share of the weight that is at least as suspicious as a value, NaN of an empty tail."""
        if not self.total:
            return float("nan")
        return round(float(self._weight(np.array([value]), record)[0] / self.total), 9)


@dataclass(frozen=True, slots=True)
class Reference:
    """The distributions of all features, by cohort.

    Attributes:
        features: the columns of an oriented matrix, in order.
        tails: by cohort, one ``Tail`` a feature.

    """

    features: tuple[Feature, ...]
    tails: Mapping[str, Sequence[Tail]]

    @classmethod
    def fit(cls, streams: pl.DataFrame, features: Sequence[Feature], fewest: int) -> "Reference":
        """Count a population.

        Args:
            streams: a row a stream with ``account``, ``cohort``, ``odd``,
                ``reporting``, ``weight`` (the weights of an account sum to 1) and
                the features.
            features: which to use.
            fewest: a cohort of fewer accounts is described by all accounts.

        """
        honest = trusted(streams)

        def members(cohorts: Sequence[str]) -> list[pl.DataFrame]:
            kept = [part.filter(pl.col("cohort").is_in(cohorts)) for part in (honest, streams)]
            return kept if kept[0]["account"].n_unique() >= fewest else [honest, streams]

        def tails(cohort: str) -> list[Tail]:
            alike = members([cohort])
            program = members(PROGRAM) if cohort in PROGRAM else alike
            parts = (
                program[0] if record.family in ITSELF and not record.prevalence else alike[record.prevalence]
                for record in features
            )
            return [
                Tail.fit(_values(part, record.name), part["weight"].to_numpy())
                for part, record in zip(parts, features, strict=True)
            ]

        cohorts = sorted({EVERYONE, *streams["cohort"].unique()})
        return cls(tuple(features), {cohort: tails(cohort) for cohort in cohorts})

    def orient(self, streams: pl.DataFrame) -> NDArray[np.float64]:
        """Return the oriented matrix, a row a stream and a column a feature.

        A cohort that the reference never saw is compared with the interactive one.
        A column that is missing, or that does not count against the cohort, is 0.
        """
        matrix = np.zeros((streams.height, len(self.features)))
        cohorts = streams["cohort"].to_numpy()
        for cohort in np.unique(cohorts):
            rows = np.flatnonzero(cohorts == cohort)
            tails = self.tails.get(str(cohort), self.tails[EVERYONE])
            part = streams[rows]
            for column, record in enumerate(self.features):
                if record.name in part.columns and record.counts_in(str(cohort)):
                    matrix[rows, column] = tails[column].orient(_values(part, record.name), record)
        return matrix

    def tail(self, cohort: str, name: str) -> Tail | None:
        """Return the distribution of a feature in a cohort, None where nothing is known."""
        names = [record.name for record in self.features]
        if name not in names:
            return None
        tail = self.tails.get(cohort, self.tails[EVERYONE])[names.index(name)]
        return tail if len(tail.values) else None

    def baseline(self, cohort: str, name: str) -> float:
        """Return the median of a feature in a cohort, NaN where nothing is known."""
        tail = self.tail(cohort, name)
        return tail.median() if tail else float("nan")


def _values(streams: pl.DataFrame, name: str) -> NDArray[np.float64]:
    return streams[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
