"""Why: the evidence of a stream as sentences, strongest first, and what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detector.features.registry import Feature, feature
from detector.features.units import measured
from detector.model.reference import Reference, Tail
from detector.schema import FAMILIES, REASON

__all__ = ["against", "declared_reason", "listed", "new_name_reason", "plain", "reasons", "shared"]

SHARING = feature("country_moves")
"""What shows a shared account or a stolen token: no harness, and a reason of its own."""

ORDINARY = 0.25
"""Share of a cohort that must be at least as suspicious as a value that speaks for an account."""

RANGE = (0.05, 0.95)
"""Quantiles between which most of a cohort lies."""

WHOLE = 0.95
"""Share of an account's requests from which a part of it is the account."""

BESIDE = " (usual in print mode: it supports the rest and proves nothing alone)"
"""What is said of evidence that counts in print mode beside a strong family only."""

Reason = dict[str, str | float | int | None]


def reasons(
    streams: pl.DataFrame,
    oriented: NDArray[np.float64],
    reference: Reference,
    most: int,
    counting: NDArray[np.bool_] | None = None,
) -> list[list[Reason]]:
    """Return the reasons of each stream: only features past the benign range, one a cause.

    The strongest feature of each family comes first, so that the first lines are
    independent of each other; then the rest by strength. Signs of sharing, which are
    no score, lead. A family that counts in print mode without a score of its own (see
    ``rule.grounds``) follows the best of the others, and the sentence says what it is worth.

    Args:
        streams: rows with ``cohort``, the counters and the features.
        oriented: their oriented matrix.
        reference: gives the median and range of the cohort.
        most: how many reasons at most.
        counting: ``Grounds.counting`` of the streams; what is scored alone where left out.

    """
    found: list[list[Reason]] = [[] for _ in range(streams.height)]
    if not most:
        return found
    several, usual = shared(streams).to_numpy(), _Usual(reference)
    parts = streams.select(pl.col("requests") / pl.col("requests").sum().over("account")).to_series()
    speaking = np.flatnonzero(oriented.any(axis=1) | several)
    for i, row in zip(speaking, streams[speaking].iter_rows(named=True), strict=True):
        records = [reference.features[at] for at in _by_family(oriented[i], reference.features)]
        best = len({record.family for record in records})
        said = [(record, record.text) for record in records]
        if counting is not None:
            beside = _beside(row, records, counting[i], reference.features)
            said[best:best] = [(record, record.text + BESIDE) for record in beside]
        if several[i]:
            said.insert(0, (SHARING, SHARING.text))
        told = (_reason(record, row, usual, _placed(text, parts[int(i)])) for record, text in said[:most])
        found[i] = [reason for reason in told if reason]
    return found


def _placed(template: str, part: float) -> str:
    """Say of which part of the account a sentence speaks, unless it is nearly all of it."""
    return template if part >= WHOLE else f"in {measured(part, 'share')} of the requests: {template}"


def against(
    streams: pl.DataFrame, oriented: NDArray[np.float64], reference: Reference, most: int
) -> list[list[Reason]]:
    """Return what speaks against automated use: measured, and as real people show it.

    Only values in the benign range of which at least ``ORDINARY`` of the cohort are as
    suspicious or more, one a cause, none of a cause that counts against the stream. The order
    is that of :func:`reasons`, the most ordinary first.

    Args:
        streams: rows with ``cohort``, the counters and the features.
        oriented: their oriented matrix.
        reference: the cohorts.
        most: how many at most.

    """
    if not most:
        return [[] for _ in range(streams.height)]
    features, usual = reference.features, _Usual(reference)
    found = []
    for row, values in zip(streams.iter_rows(named=True), oriented, strict=True):
        cohort = str(row["cohort"])
        counting = {features[i].cause for i in np.flatnonzero(values)}
        shares = np.zeros(len(features))
        for i, record in enumerate(features):
            value, tail = row[record.name], usual.tail(cohort, record)
            if value is not None and tail and record.cause not in counting and record.counts_in(cohort):
                share = tail.share(value, record) if record.is_benign(value) else 0.0
                shares[i] = share if share >= ORDINARY else 0.0
        records = [features[i] for i in _by_family(shares, features)]
        told = (_reason(record, row, usual, record.ordinary or record.text) for record in records)
        found.append([reason for reason in told if reason][:most])
    return found


def shared(streams: pl.DataFrame) -> pl.Series:
    """Tell of each stream whether its account seems to be in several hands or countries."""
    if SHARING.name not in streams.columns:
        return pl.repeat(value=False, n=streams.height, eager=True)
    return (streams[SHARING.name] > SHARING.benign).fill_null(value=False)


def listed(told: Sequence[Sequence[Reason]]) -> pl.Series:
    """Return the reasons of each row as a column of lists."""
    flat = [
        (row, *(reason[name] for name in REASON.to_schema()))
        for row, own in enumerate(told)
        for reason in own
    ]
    table = pl.DataFrame(flat, {"row": pl.Int64, **REASON.to_schema()}, orient="row")
    sums = table.group_by("row", maintain_order=True).agg(reasons=pl.struct(*REASON.to_schema()))
    rows = pl.DataFrame({"row": range(len(told))}, {"row": pl.Int64})
    joined = rows.join(sums, on="row", how="left", maintain_order="left")["reasons"]
    return joined.cast(pl.List(REASON)).fill_null(pl.Series([[]], dtype=pl.List(REASON)))


@dataclass(frozen=True, slots=True)
class _Usual:
    """What is usual in each cohort, looked up once."""

    reference: Reference
    tails: dict[tuple[str, str], Tail | None] = field(default_factory=dict)
    values: dict[tuple[str, str], tuple[float, float, float]] = field(default_factory=dict)

    def tail(self, cohort: str, record: Feature) -> Tail | None:
        """Return the distribution of a feature, None where nothing is known."""
        key = (cohort, record.name)
        if key not in self.tails:
            self.tails[key] = self.reference.tail(*key)
        return self.tails[key]

    def range(self, cohort: str, record: Feature) -> tuple[float, float, float] | None:
        """Return the low end, the median and the high end of a feature, None likewise."""
        key, tail = (cohort, record.name), self.tail(cohort, record)
        if tail and key not in self.values:
            low, high = RANGE
            self.values[key] = (tail.quantile(low), tail.median(), tail.quantile(high))
        return self.values.get(key)


def _by_family(values: NDArray[np.float64], features: Sequence[Feature]) -> list[int]:
    """Return the features that count: the strongest of each cause, each family's best first."""
    strongest = [int(i) for i in np.argsort(-values, kind="stable") if values[i] > 0]
    causes = {features[i].cause: i for i in reversed(strongest)}
    single = sorted(causes.values(), key=strongest.index)
    families = {features[i].family: i for i in reversed(single)}
    first = sorted(families.values(), key=strongest.index)
    return first + [i for i in single if i not in first]


def _beside(
    row: Mapping[str, Any],
    named: Sequence[Feature],
    counting: NDArray[np.bool_],
    features: Sequence[Feature],
) -> list[Feature]:
    """Return a feature of each family that counts although none of it is scored in the cohort."""
    told = {record.family for record in named}
    causes = {record.cause for record in named}
    found: dict[str, Feature] = {}
    for record in features:
        value = row[record.name]
        fits = counting[FAMILIES.index(record.family)] and record.family not in told
        apart = record.cause not in causes and not record.counts_in(str(row["cohort"]))
        if fits and apart and value is not None and not record.is_benign(value):
            found.setdefault(record.family, record)
    return list(found.values())


def _reason(record: Feature, row: Mapping[str, Any], usual: _Usual, template: str) -> Reason | None:
    """Return one reason, None where there are no counts for its sentence."""
    value, cohort = float(row[record.name]), str(row["cohort"])
    said = {"value": measured(value, record.unit)}
    tail, known = usual.tail(cohort, record), usual.range(cohort, record)
    low, baseline, high = known or (None, None, None)
    if baseline is None:
        template = template.partition("; normally")[0]
    else:
        said["baseline"] = measured(baseline, record.unit)
    if record.counts:
        counts = record.counts(row)
        if counts is None:
            return None
        said["part"], said["whole"] = (f"{count:,}" for count in counts)
    return {
        "feature": record.name,
        "family": record.family,
        "value": value,
        "baseline": baseline,
        "text": template.format(**said),
        "unit": record.unit,
        "low": low,
        "high": high,
        "tail": tail.share(value, record) if tail else None,
        "accounts": round(tail.total) if tail else None,
    }


def declared_reason(client: str, share: float, title: str) -> Reason:
    """Return the reason of a client that names itself, with its share of the account's requests."""
    part = "the client names" if share >= WHOLE else f"{measured(share, 'share')} of the requests name"
    whom = "itself" if share >= WHOLE else "themselves"
    return dict.fromkeys(REASON.to_schema()) | {
        "feature": "client",
        "family": "fingerprint",
        "text": f'{part} {whom} "{plain(client)}" on a subscription token; policy: {title}',
    }


def new_name_reason(client: str, accounts: int) -> Reason:
    """Return the reason of a client whose name many accounts show and no list has."""
    return dict.fromkeys(REASON.to_schema()) | {
        "feature": "client",
        "family": "fingerprint",
        "text": f'the client names itself "{plain(client)}", which is on no list; '
        f"{accounts:,} accounts use it, so it may be a launch of the provider's own",
    }


def plain(text: str) -> str:
    """Return text from a log with all but printable ASCII shown as ``?``: nothing in it can act."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
