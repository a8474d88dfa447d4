"""One account's case file: all that a support person needs to decide or to explain.

A case is read from the files of a run alone, so that it can be opened long after the
logs are gone. Besides what counts against the account it names what does not.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from detector.errors import InputError
from detector.features.registry import SCORED, Feature
from detector.features.units import measured
from detector.report.case import (
    Case,
    Clearing,
    ClientLine,
    Evidence,
    HeaderLine,
    HourLine,
    Reason,
    Related,
    SessionLine,
    TelemetryLine,
)
from detector.report.folder import Verdicts, open_verdicts
from detector.report.text import how_many, shown, visible
from detector.schema import ACCOUNT_VERDICT, FAMILIES, VERDICTS
from detector.verdict.meaning import NEXT_STEPS, confidence

__all__ = ["cases", "explain"]

Line = TypeVar("Line")

NAMED = 5
"""Accounts with similar names that an error names at most."""


def explain(verdicts: str | Path, account_id: str) -> Case:
    """Open the case file of one account.

    Args:
        verdicts: a folder that ``score`` wrote.
        account_id: the account, as logged or as a terminal showed it (escaped).

    Raises:
        InputError: the folder is no verdict folder, or the account is not in it.

    """
    opened = open_verdicts(verdicts)
    if opened.of("accounts", [account_id]).is_empty():
        names = opened.collect(opened.tables["accounts"].select("account_id"))["account_id"].to_list()
        account_id = _similar(names, account_id, opened.folder)
    return next(_cases(opened, [account_id]))


def cases(verdicts: str | Path, names: Iterable[str] | None = None) -> Iterator[Case]:
    """Open the case files of many accounts; the files are read once.

    Args:
        verdicts: a folder that ``score`` wrote.
        names: the accounts, as logged; every flagged or watched account where left out, by
            verdict, the highest score first.

    Raises:
        InputError: the folder is no verdict folder, or an account is not in it.

    """
    opened = open_verdicts(verdicts)
    if names is None:
        order = {name: place for place, name in enumerate(VERDICTS)}
        listed = opened.tables["accounts"].filter(pl.col("flagged") | (pl.col("verdict") == "watch"))
        listed = listed.sort(
            pl.col("verdict").replace_strict(order, default=len(order)),
            "score",
            "account_id",
            descending=[False, True, False],
        )
        names = opened.collect(listed.select("account_id"))["account_id"]
    return _cases(opened, list(names))


def _cases(opened: Verdicts, names: list[str]) -> Iterator[Case]:
    """Make cases from rows that are read for all of them at once."""
    if not names:
        return
    rows = {name: _by_account(opened.of(name, names)) for name in opened.tables if name != "sessions"}
    sessions = opened.of("sessions", names).sort("account_id", "start", "end", "session")
    medians = _medians(sessions)
    lines = _by_account(sessions.select("account_id", *(field.name for field in fields(SessionLine))))
    for name in names:
        if name not in rows["accounts"]:
            raise InputError(
                f"{opened.folder}: no account {shown(name, 64)}; see account_id in accounts.parquet"
            )
        row = rows["accounts"][name][0]
        own = {table: found.get(name, []) for table, found in rows.items()}
        yield _case(row, own | {"sessions": lines.get(name, [])}, medians.get(name, {}), opened.record)


def _by_account(table: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a table by account, in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in table.iter_rows(named=True):
        found.setdefault(row["account_id"], []).append(row)
    return found


def _medians(sessions: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Return the medians of the features over an account's flagged sessions, or over all where none is."""
    part = sessions.filter(pl.col("flagged") | ~pl.col("flagged").any().over("account_id"))
    known = [pl.col(record.name).cast(pl.Float64) for record in SCORED if record.name in sessions.columns]
    middle = part.group_by("account_id").agg(name.quantile(0.5, "linear") for name in known)
    return {row.pop("account_id"): row for row in middle.iter_rows(named=True)}


def _case(
    row: Mapping[str, Any],
    own: Mapping[str, list[dict[str, Any]]],
    medians: Mapping[str, float | None],
    record: Mapping[str, Any],
) -> Case:
    names = {name for name in ACCOUNT_VERDICT if name not in {"families", "reasons"}}
    return Case(
        **{name: row[name] for name in names},
        plan=own["plans"][0]["plan"] if own["plans"] else None,
        confidence=_confidence(row, record["false_discovery_rate"]),
        families=tuple(row["families"]),
        reasons=tuple(Reason(**reason) for reason in row["reasons"]),
        against=_lines(Reason, own["against"]),
        evidence=tuple(_evidence(row, medians, record["families"])),
        clients=_clients(own["sessions"]),
        timeline=_lines(SessionLine, own["sessions"]),
        activity=_lines(HourLine, own["activity"]),
        telemetry=tuple(_telemetry(row, own["activity"], record["families"]["telemetry"])),
        headers=_lines(HeaderLine, own["headers"]),
        related=_lines(Related, own["related"]),
        clearing=_lines(Clearing, own["clearing"]),
        rule=record.get("rule", record["policy"]),
        next_step=NEXT_STEPS.get(row["verdict"], ""),
        model=record["model"]["id"],
        policy=record["policy"],
        run=record.get("run", ""),
    )


def _lines(kind: type[Line], rows: Iterable[Mapping[str, Any]]) -> tuple[Line, ...]:
    """Make records of a table's rows; lists become tuples."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    values = ((row[name] for name in names) for row in rows)
    return tuple(kind(*(tuple(one) if isinstance(one, list) else one for one in given)) for given in values)


def _telemetry(
    row: Mapping[str, Any], hours: Iterable[Mapping[str, int]], logged: Mapping[str, Any]
) -> Iterator[TelemetryLine]:
    """Sum up the two sides of the gateway, where the log has both."""
    if {"telemetry_mismatch", "telemetry_coverage"} & set(logged.get("features_not_available", ())):
        return
    names = ("served", "reported", "flagged_served", "flagged_reported")
    served, reported, flagged_served, flagged_reported = (sum(one[name] for one in hours) for name in names)
    if row["flagged"]:
        yield TelemetryLine("flagged sessions", flagged_served, flagged_reported)
        served, reported = served - flagged_served, reported - flagged_reported
    if served or reported:
        yield TelemetryLine("other sessions" if row["flagged"] else "all sessions", served, reported)


def _clients(sessions: list[dict[str, Any]]) -> tuple[ClientLine, ...]:
    """Sum up the sessions by client and version, the busiest first."""
    sums: dict[tuple[str | None, str | None], list[int]] = {}
    for one in sessions:
        counts = sums.setdefault((one["client"], one["client_version"]), [0, 0, 0, 0])
        counts[0] += 1
        counts[1] += one["requests"]
        counts[2] += one["flagged"]
        counts[3] += one["requests"] * one["flagged"]
    lines = (ClientLine(client, version, *counts) for (client, version), counts in sums.items())
    return tuple(sorted(lines, key=lambda one: (-one.requests, one.client or "", one.client_version or "")))


def _confidence(row: Mapping[str, Any], rate: float) -> str:
    """Say in words how sure a verdict is."""
    count = len(row["families"])
    rare = (
        f"about {how_many(row['p_value'])} of genuine accounts score this high"
        if row["p_value"]
        else "no p-value"
    )
    if row["verdict"] == "harness":
        return f"{confidence(row, rate)}: {count} independent families count against the account, and {rare}"
    return {
        "declared_third_party": "certain: the client names itself; whether it may is the policy's word",
        "watch": f"low: something is unusual, but too little for a flag; {rare}",
        "clear": f"no conclusive evidence of automation, which is not proof of a person; {rare}",
        "insufficient_data": "none: too little traffic to tell",
        "out_of_scope": "not judged",
    }.get(row["verdict"], "unknown")


def _evidence(
    row: Mapping[str, Any], medians: Mapping[str, float | None], logged: Mapping[str, Any]
) -> Iterator[Evidence]:
    """Say what each family counts, or what it measured where it counts nothing."""
    for family in FAMILIES:
        if family in row["families"]:
            texts = (reason["text"] for reason in row["reasons"] if reason["family"] == family)
            yield Evidence(family, "counts", tuple(texts))
        elif not logged[family]["available"]:
            yield Evidence(family, "not logged", ())
        else:
            known = {
                record: middle
                for record in SCORED
                if record.family == family and (middle := medians.get(record.name)) is not None
            }
            benign = (_measured(record, value) for record, value in known.items() if record.is_benign(value))
            yield Evidence(family, "ordinary" if known else "unknown", tuple(line for line in benign if line))


def _measured(record: Feature, value: float) -> str:
    """Say a median over sessions: no counts are known, nor what is usual; empty where that says nothing."""
    said = measured(value, record.unit)
    if record.counts:
        return f"{record.definition}: {said}" if record.unit == "share" else ""
    return (record.ordinary or record.text).partition("; normally")[0].format(value=said)


def _similar(names: list[str], typed: str, folder: Path) -> str:
    """Return the account that is shown as typed.

    Raises:
        InputError: there is none; its message names accounts that contain or begin like it.

    """
    for name in names:
        if "\\" in typed and visible(name) == typed:
            return name
    sought = typed.lower()
    near = [name for name in names if sought and sought in name.lower()]
    near = near or [name for name in names if sought[:4] and name.lower().startswith(sought[:4])]
    near.sort(key=lambda name: (not name.lower().startswith(sought), name))
    said = f"no account of {len(names):,} is similar"
    if near:
        said = f"{len(near):,} similar: {', '.join(shown(name, 64) for name in near[:NAMED])}"
        said += ", ..." if len(near) > NAMED else ""
    raise InputError(f"{folder}: no account {shown(typed, 64)}; {said}; see account_id in accounts.parquet")
