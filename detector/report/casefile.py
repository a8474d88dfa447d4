"""One account's case file: all that a support person needs to decide or to explain.

A case is read from the files of a run alone, so that it can be opened long after the
logs are gone. Besides what counts against the account it names what does not.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from polars.exceptions import PolarsError

from detector.errors import InputError
from detector.features.registry import SCORED
from detector.report.text import how_many, shown, visible
from detector.schema import ACCOUNT_VERDICT, FAMILIES, SESSION_VERDICT
from detector.verdict.meaning import NEXT_STEPS, confidence

__all__ = ["Case", "Evidence", "Reason", "SessionLine", "explain"]

State = Literal["counts", "ordinary", "unknown", "not logged"]

NAMED = 5
"""Accounts with similar names that an error names at most."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that counts against the account, as in ``accounts.parquet``.

    ``value`` is null where the reason is no measurement, ``baseline`` also where the
    model knows no usual value.
    """

    feature: str
    family: str
    value: float | None
    baseline: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one family says of the account.

    Attributes:
        family: name of the family.
        state: ``counts`` against the account; ``ordinary``, measured and nothing
            counts; ``unknown``, too little of it to measure; ``not logged``.
        lines: the reasons where it counts, else the features whose value real people
            show too (medians over the flagged sessions, or over all where none is).

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
class Case:
    """A case file. Texts from logs are as they were logged: show them with ``render_text``.

    Attributes:
        account_id: the account.
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
        evidence: what each family says, in the order of ``detector.schema.FAMILIES``.
        timeline: every session, by start.
        next_step: what to do.
        model: id of the model.
        policy: name of the policy.

    """

    account_id: str
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
    evidence: tuple[Evidence, ...]
    timeline: tuple[SessionLine, ...]
    next_step: str
    model: str
    policy: str

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
    folder = Path(verdicts)
    record = _record(folder / "run.json")
    accounts = _scan(folder / "accounts.parquet", ACCOUNT_VERDICT)
    found = _collect(accounts.filter(account_id=account_id), folder)
    if found.is_empty():
        name = _similar(
            _collect(accounts.select("account_id"), folder)["account_id"].to_list(), account_id, folder
        )
        found = _collect(accounts.filter(account_id=name), folder)
    row = found.row(0, named=True)
    scanned = _scan(folder / "sessions.parquet", SESSION_VERDICT)
    sessions = _collect(scanned.filter(account_id=row["account_id"]), folder).sort("start", "end", "session")
    return _case(row, sessions, record)


def _case(row: Mapping[str, Any], sessions: pl.DataFrame, record: Mapping[str, Any]) -> Case:
    names = {name for name in ACCOUNT_VERDICT if name not in {"families", "reasons"}}
    return Case(
        **{name: row[name] for name in names},
        confidence=_confidence(row, record["false_discovery_rate"]),
        families=tuple(row["families"]),
        reasons=tuple(Reason(**reason) for reason in row["reasons"]),
        evidence=tuple(_evidence(row, sessions, record["families"])),
        timeline=tuple(
            SessionLine(**line | {"families": tuple(line["families"])})
            for line in sessions.select(field.name for field in fields(SessionLine)).iter_rows(named=True)
        ),
        next_step=NEXT_STEPS.get(row["verdict"], ""),
        model=record["model"]["id"],
        policy=record["policy"],
    )


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
    row: Mapping[str, Any], sessions: pl.DataFrame, logged: Mapping[str, Any]
) -> Iterator[Evidence]:
    """Say what each family counts, or what it measured where it counts nothing."""
    part = sessions.filter("flagged") if row["flagged"] else sessions
    for family in FAMILIES:
        if family in row["families"]:
            texts = (reason["text"] for reason in row["reasons"] if reason["family"] == family)
            yield Evidence(family, "counts", tuple(texts))
        elif not logged[family]["available"]:
            yield Evidence(family, "not logged", ())
        else:
            medians = {
                record: middle
                for record in SCORED
                if record.family == family and (middle := _median(part, record.name)) is not None
            }
            benign = (
                f"{record.name} {value:.3g}: {record.definition}"
                for record, value in medians.items()
                if (value <= record.benign if record.direction == "high" else value >= record.benign)
            )
            yield Evidence(family, "ordinary" if medians else "unknown", tuple(benign))


def _median(sessions: pl.DataFrame, feature: str) -> float | None:
    """Return the median of a feature over sessions, null where none has a value."""
    if feature not in sessions.columns:
        return None
    return sessions[feature].cast(pl.Float64).quantile(0.5, "linear")


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


def _scan(path: Path, schema: pl.Schema) -> pl.LazyFrame:
    """Open one verdict table and check its columns."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a folder that `detector score` wrote")
    try:
        frame = pl.scan_parquet(path, glob=False)
        found = frame.collect_schema()
    except (PolarsError, OSError) as error:
        raise _damaged(path, error) from error
    if odd := [name for name, dtype in schema.items() if found.get(name) != dtype]:
        raise InputError(
            f"{path}: not a verdict table: {', '.join(odd)} missing or of another type; score again"
        )
    return frame


def _collect(frame: pl.LazyFrame, folder: Path) -> pl.DataFrame:
    try:
        return frame.collect()
    except (PolarsError, OSError) as error:
        raise _damaged(folder, error) from error


def _record(path: Path) -> Mapping[str, Any]:
    """Read ``run.json``."""
    try:
        record = json.loads(path.read_text("utf-8"))
        usable = isinstance(record["model"]["id"], str) and isinstance(record["policy"], str)
        usable &= all(isinstance(record["families"][family]["available"], bool) for family in FAMILIES)
        usable &= isinstance(record["false_discovery_rate"], float)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give a folder that `detector score` wrote") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    if not usable:
        raise InputError(f"{path}: not the record of a run; score again")
    checked: Mapping[str, Any] = record
    return checked


def _damaged(path: Path, error: Exception) -> InputError:
    cause = (str(error) or type(error).__name__).splitlines()[0][:200]
    return InputError(f"{path}: damaged ({cause}); score again")
