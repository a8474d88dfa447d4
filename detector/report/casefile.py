"""One account's case file: all that a support person needs to decide or to explain.

A case is read from the files of a run alone, so that it can be opened long after the
logs are gone. Besides what counts against the account it names what does not.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import polars as pl

from detector.errors import InputError
from detector.features.registry import SCORED, Feature
from detector.features.units import measured
from detector.report.folder import Verdicts, open_verdicts
from detector.report.text import how_many, shown, visible
from detector.schema import ACCOUNT_VERDICT, FAMILIES, VERDICTS
from detector.verdict.meaning import NEXT_STEPS, confidence

__all__ = [
    "Case",
    "Clearing",
    "ClientLine",
    "Evidence",
    "HeaderLine",
    "HourLine",
    "Reason",
    "SessionLine",
    "TelemetryLine",
    "cases",
    "explain",
]

Line = TypeVar("Line")

State = Literal["counts", "ordinary", "unknown", "not logged"]

NAMED = 5
"""Accounts with similar names that an error names at most."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that counts against the account, or one that speaks for it.

    Attributes:
        feature: name of the feature.
        family: its family.
        value: what was measured; null where the reason is no measurement.
        baseline: median of the cohort; null where the model knows no usual value.
        text: a sentence.
        unit: of value, baseline, low and high (``features.catalogue``).
        low: 5th percentile of the cohort; null likewise.
        high: 95th percentile.
        tail: share of the cohort that is at least as suspicious.
        accounts: accounts of the cohort that were compared.

    """

    feature: str
    family: str
    value: float | None
    baseline: float | None
    text: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    tail: float | None = None
    accounts: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one family says of the account.

    Attributes:
        family: name of the family.
        state: ``counts`` against the account; ``ordinary``, measured and nothing
            counts; ``unknown``, too little of it to measure; ``not logged``.
        lines: the reasons where it counts, else what real people show too (medians over the
            flagged sessions, or over all where none is).

    """

    family: str
    state: State
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session of the account; ``score`` is null where it was not modelled."""

    session: str | None
    start: datetime
    end: datetime
    requests: int
    client: str | None
    client_version: str | None
    score: float | None
    flagged: bool
    families: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClientLine:
    """A client that the account used, with its sessions and requests and the flagged part of both."""

    client: str | None
    client_version: str | None
    sessions: int
    requests: int
    flagged_sessions: int
    flagged_requests: int


@dataclass(frozen=True, slots=True)
class HourLine:
    """An active hour: inference requests, those served, those that telemetry reported, the flagged part."""

    hour: datetime
    requests: int
    flagged_requests: int
    served: int
    reported: int
    flagged_served: int
    flagged_reported: int


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """A header list that was sent, and the one expected of the client; null where none is known."""

    client: str | None
    client_version: str | None
    requests: int
    flagged_requests: int
    seen: tuple[str, ...]
    expected: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class TelemetryLine:
    """Requests answered and requests that telemetry reported, of a part of the account."""

    part: str
    served: int
    reported: int


@dataclass(frozen=True, slots=True)
class Clearing:
    """What the verdict would be if ``what`` held; ``sessions`` are those that it takes away."""

    what: str
    sessions: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case file. Texts from logs are as they were logged: show them with ``render_text``.

    Attributes:
        account_id: the account.
        plan: its plan; null where not known, and but for flagged and watched accounts.
        verdict: one of ``detector.schema.VERDICTS``.
        flagged: whether the verdict is a flag.
        confidence: how sure that is, in words.
        score: in [0, 1]; null where nothing was scored.
        p_value: chance of such a score for a genuine account; null likewise.
        q_value: false discovery rate at which it would just be flagged; null likewise.
        first_seen: first request (UTC).
        last_seen: last request (UTC).
        sessions: sessions seen.
        requests: requests seen.
        flagged_sessions: of them, flagged.
        flagged_requests: of the requests, flagged.
        flagged_tokens: tokens of the flagged requests.
        families: families that count against the account.
        reasons: why, strongest first.
        against: what speaks against automated use; empty but for flagged and watched accounts.
        evidence: what each family says, in the order of ``detector.schema.FAMILIES``.
        clients: what it used, the busiest first.
        timeline: every session, by start.
        activity: every active hour of a flagged or watched account, by time.
        telemetry: what telemetry reported of it, likewise; empty where the log does not count it.
        headers: the header lists it sent, likewise; flagged ones first.
        clearing: what would change the verdict, likewise.
        rule: the policy's rule in a sentence.
        next_step: what to do.
        model: id of the model.
        policy: name of the policy.
        run: id of the run; empty where an earlier version made it.

    """

    account_id: str
    plan: str | None
    verdict: str
    flagged: bool
    confidence: str
    score: float | None
    p_value: float | None
    q_value: float | None
    first_seen: datetime
    last_seen: datetime
    sessions: int
    requests: int
    flagged_sessions: int
    flagged_requests: int
    flagged_tokens: int
    families: tuple[str, ...]
    reasons: tuple[Reason, ...]
    against: tuple[Reason, ...]
    evidence: tuple[Evidence, ...]
    clients: tuple[ClientLine, ...]
    timeline: tuple[SessionLine, ...]
    activity: tuple[HourLine, ...]
    telemetry: tuple[TelemetryLine, ...]
    headers: tuple[HeaderLine, ...]
    clearing: tuple[Clearing, ...]
    rule: str
    next_step: str
    model: str
    policy: str
    run: str

    def to_dict(self) -> dict[str, Any]:
        """Give the case as plain dictionaries, lists and ISO 8601 times, ready for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=datetime.isoformat))
        return plain


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
