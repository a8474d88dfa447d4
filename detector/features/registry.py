"""The registry of features: all records of the catalogue, by name and for a log.

A feature is either an expression over counters that add up over sessions (then
sessions and streams share it) or a column that ``detector.features.streams``
measures on a stream as a whole.
"""

import polars as pl

from detector.features.catalogue import account, cadence, fingerprint, telemetry, usage
from detector.features.catalogue.record import Direction, Feature
from detector.settings import FloorSettings

__all__ = ["FEATURES", "SCORED", "Direction", "Feature", "available", "feature", "measure"]

FEATURES: tuple[Feature, ...] = (
    *cadence.FEATURES,
    *telemetry.FEATURES,
    *fingerprint.FEATURES,
    *usage.FEATURES,
    *account.FEATURES,
)
"""Every feature, family by family."""

SCORED: tuple[Feature, ...] = tuple(record for record in FEATURES if record.direction != "context")
"""Features that the model sees."""


def available(facts: frozenset[str]) -> frozenset[str]:
    """Return the names of the features that a log can feed.

    Args:
        facts: the log's columns that hold values, and the kinds of requests it holds.

    """
    return frozenset(record.name for record in FEATURES if facts.issuperset(record.needs))


_BY_NAME = {record.name: record for record in FEATURES}


def feature(name: str) -> Feature:
    """Return the record of a feature.

    Raises:
        KeyError: no such feature.

    """
    return _BY_NAME[name]


def measure(floors: FloorSettings) -> list[pl.Expr]:
    """Return the expressions of all counter features, to be evaluated on sessions or streams."""
    return [
        record.expr(floors).cast(pl.Float64).round_sig_figs(9).alias(record.name)
        for record in FEATURES
        if record.expr is not None
    ]
