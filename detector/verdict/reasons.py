"""Why: the evidence of a stream as sentences, strongest first."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detector.features.registry import Feature, feature
from detector.model.reference import Reference

__all__ = ["declared_reason", "plain", "reasons", "shared"]

SHARING = feature("country_moves")
"""What shows a shared account or a stolen token: no harness, and a reason of its own."""

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
        found.append([_reason(record, row, reference) for record in records[:most]])
    return found


def shared(row: Mapping[str, float | None]) -> bool:
    """Return whether a stream's account seems to be in several hands or countries."""
    moves = row.get(SHARING.name)
    return moves is not None and moves > SHARING.benign


def _by_family(values: NDArray[np.float64], features: Sequence[Feature]) -> list[int]:
    """Return the features that count: the strongest of each cause, each family's best first."""
    strongest = [int(i) for i in np.argsort(-values, kind="stable") if values[i] > 0]
    causes = {features[i].cause: i for i in reversed(strongest)}
    single = sorted(causes.values(), key=strongest.index)
    families = {features[i].family: i for i in reversed(single)}
    first = sorted(families.values(), key=strongest.index)
    return first + [i for i in single if i not in first]


def _reason(record: Feature, row: Mapping[str, Any], reference: Reference) -> Reason:
    tail = reference.tail(str(row["cohort"]), record.name)
    value = float(row[record.name])
    text = record.text
    if tail is None:
        text = text.partition("; normally")[0]
        text += ")" * (text.count("(") - text.count(")"))
    return {
        "feature": record.name,
        "family": record.family,
        "value": value,
        "baseline": tail and tail.median(),
        "text": text.format(value=value, baseline=tail and tail.median()),
        "unit": record.unit,
        "low": tail and tail.quantile(0.05),
        "high": tail and tail.quantile(0.95),
        "tail": tail and tail.share(value, record),
        "accounts": tail and round(tail.total),
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
