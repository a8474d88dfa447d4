"""Entries of the feature catalogue that the registry lacks, each measured as if it were a feature.

A candidate is one record: what it measures, on which rows, which tail is suspicious. ``trial`` adds it
to the model for one pair of weeks; run it as ``python -m benchmarks.candidates``::

    record    what is said of a candidate, and the rows that it is measured on
    cadence, telemetry, fingerprint, usage, account    the candidates, family by family
    trial     a candidate among the features of a model
"""

from benchmarks.candidates import account, cadence, fingerprint, telemetry, usage
from benchmarks.candidates.record import Candidate

__all__ = ["CANDIDATES"]

CANDIDATES: tuple[Candidate, ...] = (
    *cadence.CANDIDATES,
    *telemetry.CANDIDATES,
    *fingerprint.CANDIDATES,
    *usage.CANDIDATES,
    *account.CANDIDATES,
)
"""Every candidate, family by family."""
