"""Why: the evidence of a stream as sentences, strongest first."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detector.features.registry import Feature, feature
from detector.features.units import measured
from detector.model.reference import Reference

__all__ = ["against", "declared_reason", "plain", "reasons", "shared"]

SHARING = feature("country_moves")
"""What shows a shared account or a stolen token: no harness, and a reason of its own."""

ORDINARY = 0.25
"""Share of a cohort that must be at least as suspicious as a value that speaks for an account."""

Reason = dict[str, str | float | int | None]


def reasons(
    streams: pl.DataFrame, oriented: NDArray[np.float64], reference: Reference, most: int
) -> list[list[Reason]]:
    """Return the reasons of each stream: only features past the benign range, one a cause.

    The strongest feature of each family comes first, so that the first lines are
    independent of each other; then the rest by strength. Signs of sharing, which are
    no score, lead.

    Args:
        streams: rows with ``cohort`` and the features.
        oriented: their oriented matrix.
        reference: gives the baseline, the median of the cohort.
        most: how many reasons at most.

    """
    found = []
    for row, values in zip(streams.iter_rows(named=True), oriented, strict=True):
        order = _by_family(values, reference.features)
        records = [reference.features[i] for i in order]
        if shared(row):
            records.insert(0, SHARING)
        told = (_reason(record, row, reference, record.text) for record in records[:most])
        found.append([reason for reason in told if reason])
    return found


def against(
    streams: pl.DataFrame, oriented: NDArray[np.float64], reference: Reference, most: int
) -> list[list[Reason]]:
    """Return what speaks against automated use: measured, and as real people show it.

    Only values in the benign range of which at least ``ORDINARY`` of the cohort are as
    suspicious or more, one a cause, none of a cause that counts against the stream. The order
    is that of :func:`reasons`, the most ordinary first.

    Args:
        streams: rows with ``cohort`` and the features.
        oriented: their oriented matrix.
        reference: the cohorts.
        most: how many at most.

    """
    features = reference.features
    found = []
    for row, values in zip(streams.iter_rows(named=True), oriented, strict=True):
        cohort = str(row["cohort"])
        counting = {features[i].cause for i in np.flatnonzero(values)}
        shares = np.zeros(len(features))
        for i, record in enumerate(features):
            value, tail = row[record.name], reference.tail(cohort, record.name)
            if value is not None and tail and record.cause not in counting and record.counts_in(cohort):
                share = tail.share(float(value), record) if record.is_benign(float(value)) else 0.0
                shares[i] = share if share >= ORDINARY else 0.0
        records = [features[i] for i in _by_family(shares, features)]
        told = (_reason(record, row, reference, record.ordinary or record.text) for record in records)
        found.append([reason for reason in told if reason][:most])
    return found


def shared(row: Mapping[str, float | None]) -> bool:
    """Return whether a stream's account seems to be in several hands or countries."""
    moves = row.get(SHARING.name)
    return moves is not None and not SHARING.is_benign(moves)


def _by_family(values: NDArray[np.float64], features: Sequence[Feature]) -> list[int]:
    """Return the features that count: the strongest of each cause, each family's best first."""
    strongest = [int(i) for i in np.argsort(-values, kind="stable") if values[i] > 0]
    causes = {features[i].cause: i for i in reversed(strongest)}
    single = sorted(causes.values(), key=strongest.index)
    families = {features[i].family: i for i in reversed(single)}
    first = sorted(families.values(), key=strongest.index)
    return first + [i for i in single if i not in first]


def _reason(record: Feature, row: Mapping[str, Any], reference: Reference, template: str) -> Reason | None:
    """Return one reason, None where the log holds no counts for its sentence."""
    value = float(row[record.name])
    usual: dict[str, float | int | None] = dict.fromkeys(("baseline", "low", "high", "tail", "accounts"))
    said = {"value": measured(value, record.unit)}
    if tail := reference.tail(str(row["cohort"]), record.name):
        usual = {
            "baseline": tail.median(),
            "low": tail.quantile(0.05),
            "high": tail.quantile(0.95),
            "tail": tail.share(value, record),
            "accounts": round(tail.total),
        }
        said["baseline"] = measured(tail.median(), record.unit)
    else:
        template = template.partition("; normally")[0]
    if record.counts:
        counts = record.counts(row)
        if counts is None:
            return None
        said["part"], said["whole"] = (f"{count:,}" for count in counts)
    text = template.format(**said)
    return {
        "feature": record.name,
        "family": record.family,
        "value": value,
        **usual,
        "text": text,
        "unit": record.unit,
    }


def declared_reason(client: str, title: str) -> Reason:
    """Return the reason of a client that names itself third-party."""
    return {
        "feature": "client",
        "family": "fingerprint",
        "value": None,
        "baseline": None,
        "text": f'the client names itself "{plain(client)}" on a subscription token; policy: {title}',
        "unit": None,
        "low": None,
        "high": None,
        "tail": None,
        "accounts": None,
    }


def plain(text: str) -> str:
    """Return text from a log with all but printable ASCII shown as ``?``: nothing in it can act."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
