"""Flagged and watched accounts as findings of the Open Cybersecurity Schema Framework (OCSF).

One event an account of the class Detection Finding (2004), schema version 1.6.0 with the
profiles ``incident`` (for ``verdict``) and ``security_control`` (for ``disposition`` and
``policy``). A finding says what the tables say: nothing is blocked, no person is accused, and
a flag is *suspicious*, never a *true positive*, which only people can find.
"""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from detector.verdict.formats import FILES
from detector.verdict.formats.tables import PIECE, ascii_json
from detector.verdict.meaning import MEANINGS, NEXT_STEPS, confidence

__all__ = ["SESSIONS", "VERSION", "findings", "write_findings"]

VERSION = "1.6.0"
"""Version of the schema."""

SESSIONS = 10
"""Sessions of an account that are evidence at most, highest scores first."""

Event = dict[str, Any]

VERDICT = {
    "harness": {"verdict_id": 4, "verdict": "Suspicious"},
    "declared_third_party": {"verdict_id": 99, "verdict": "declared_third_party"},
    "watch": {"verdict_id": 7, "verdict": "Insufficient Data"},
}
SEVERITY = {
    "harness": {"severity_id": 3, "severity": "Medium"},
    "declared_third_party": {"severity_id": 2, "severity": "Low"},
    "watch": {"severity_id": 1, "severity": "Informational"},
}
CONFIDENCE = {
    "certain": {"confidence_id": 3, "confidence": "High"},
    "high": {"confidence_id": 3, "confidence": "High"},
    "moderate": {"confidence_id": 2, "confidence": "Medium"},
    "low": {"confidence_id": 1, "confidence": "Low"},
    None: {"confidence_id": 0, "confidence": "Unknown"},
}

CLASS = {
    "category_uid": 2,
    "category_name": "Findings",
    "class_uid": 2004,
    "class_name": "Detection Finding",
    "activity_id": 1,
    "activity_name": "Create",
    "type_uid": 200401,
    "type_name": "Detection Finding: Create",
    "status_id": 1,
    "status": "New",
    "action_id": 3,
    "action": "Observed",
    "disposition_id": 15,
    "disposition": "Detected",
}
"""What every finding is: new, observed and detected, without further action."""

FIGURES = ("score", "p_value", "q_value", "sessions", "requests")
PART = ("flagged_sessions", "flagged_requests", "flagged_tokens")


def write_findings(folder: Path, record: Mapping[str, Any]) -> None:
    """Write the findings of a verdict folder, an event a line, beside its tables.

    Args:
        folder: holds ``accounts.parquet`` and ``sessions.parquet``.
        record: what ``run.json`` holds.

    """
    accounts, sessions = (
        pl.scan_parquet(folder / name, glob=False) for name in ("accounts.parquet", "sessions.parquet")
    )
    with (folder / FILES["ocsf"][0]).open("w", encoding="ascii", newline="") as file:
        for event in findings(accounts, sessions, record):
            file.write(ascii_json(json.dumps(event, allow_nan=False)) + "\n")


def findings(accounts: pl.LazyFrame, sessions: pl.LazyFrame, record: Mapping[str, Any]) -> Iterator[Event]:
    """Give an event for each flagged or watched account, in the order of the accounts.

    Args:
        accounts: schema ``ACCOUNT_VERDICT``.
        sessions: the listing, schema ``SESSION_VERDICT``.
        record: what ``run.json`` holds.

    """
    chosen = accounts.filter(pl.col("verdict").is_in(list(VERDICT)))
    shown = chosen.join(_evidence(chosen, sessions), on="account_id", how="left", maintain_order="left")
    for piece in shown.collect_batches(chunk_size=PIECE, maintain_order=True):
        for account in piece.iter_rows(named=True):
            yield _event(account, record)


def _evidence(chosen: pl.LazyFrame, sessions: pl.LazyFrame) -> pl.LazyFrame:
    """Return the strongest sessions of each account.

    Those that are flagged, or of a watched account those in which a family counts.
    """
    counts = pl.when("account_flagged").then("flagged").otherwise(pl.col("families").list.len() > 0)
    columns = (
        "session",
        "start",
        "end",
        "requests",
        "client",
        "client_version",
        "score",
        "p_value",
        "families",
    )
    return (
        sessions.select("account_id", "flagged", *columns)
        .join(chosen.select("account_id", account_flagged="flagged"), on="account_id")
        .filter(counts)
        .sort(
            "account_id", "score", "start", "session", descending=[False, True, False, False], nulls_last=True
        )
        .group_by("account_id", maintain_order=True)
        .agg(evidence=pl.struct(columns).head(SESSIONS))
    )


def _event(account: Mapping[str, Any], record: Mapping[str, Any]) -> Event:
    """Return the finding of one account; its ids depend on nothing but what it says."""
    name, verdict = account["account_id"], account["verdict"]
    title = MEANINGS[verdict]
    texts = [reason["text"] for reason in account["reasons"]]
    event = {
        **CLASS,
        **VERDICT[verdict],
        **SEVERITY[verdict],
        **CONFIDENCE[confidence(account, record["false_discovery_rate"])],
        "confidence_score": _confidence_score(account),
        "risk_score": None if account["score"] is None else round(100 * account["score"]),
        "is_alert": account["flagged"],
        "time": _ms(account["last_seen"]),
        "start_time": _ms(account["first_seen"]),
        "end_time": _ms(account["last_seen"]),
        "timezone_offset": 0,
        "count": account["flagged_requests"] or None,
        "message": ": ".join([verdict, *texts[:1]]),
        "finding_info": {
            "uid": _uid(verdict, name),
            "title": title[0].upper() + title[1:],
            "desc": "\n".join(texts) or None,
            "types": [verdict],
            "analytic": _analytic(verdict, record),
            "first_seen_time": _ms(account["first_seen"]),
            "last_seen_time": _ms(account["last_seen"]),
        },
        "policy": {"name": record["policy"]},
        "remediation": {"desc": NEXT_STEPS[verdict]},
        "resources": [
            {"uid": name, "type": "LLM subscription account", "role_id": 3, "role": "Affected"},
        ],
        # Readers of the schema disagree on how these two types are called, so that the ids alone stand.
        "observables": [
            {"name": "resources.uid", "type_id": 10, "value": name},
            {"name": "evidences.actor.user.uid", "type_id": 31, "value": name},
        ],
        "evidences": [
            {
                "name": "account",
                "uid": name,
                "actor": {"user": {"uid": name}},
                "data": {"verdict": verdict, **{one: account[one] for one in (*FIGURES, *PART, "families")}},
            },
            *(_session(name, session) for session in account["evidence"] or ()),
        ],
        "anomaly_analyses": _anomalies(account),
    }
    metadata = {
        "version": VERSION,
        "profiles": ["incident", "security_control"],
        "product": {
            "name": "harness-detector",
            "vendor_name": "harness-detector",
            "version": record["versions"]["harness-detector"],
        },
        "event_code": verdict,
    }
    stated: Event = _stated({**event, "metadata": metadata})
    stated["metadata"]["uid"] = _uid(json.dumps(stated, sort_keys=True))
    return stated


def _confidence_score(account: Mapping[str, Any]) -> int | None:
    """Return the share (%) of right flags that is expected where all that score this high are flagged.

    Rounded down; null where the account is not flagged or has no q-value.
    """
    if not account["flagged"] or account["q_value"] is None:
        return None
    right: float = 1 - account["q_value"]
    return math.floor(100 * right)


def _analytic(verdict: str, record: Mapping[str, Any]) -> Event:
    """Name what found it: the policy where a client names itself, else the model."""
    if verdict == "declared_third_party":
        return {"uid": record["policy"], "name": "policy on client names", "type_id": 1, "type": "Rule"}
    return {
        "uid": record["model"]["id"],
        "name": "isolation forest over feature families",
        "type_id": 4,
        "type": "Learning (ML/DL)",
        "algorithm": "isolation forest",
    }


def _session(account: str, session: Mapping[str, Any]) -> Event:
    """Return a session as evidence; the client is the product name of its user agent."""
    span = {"start": session["start"].isoformat(), "end": session["end"].isoformat()}
    names = ("requests", "client_version", "score", "p_value", "families")
    return {
        "name": "session",
        "uid": session["session"],
        "actor": {"user": {"uid": account}, "app_name": session["client"]},
        "data": {**span, **{one: session[one] for one in names}},
    }


def _anomalies(account: Mapping[str, Any]) -> list[Event]:
    """Return what was measured beside what is usual; a reason that is no measurement is left out."""
    measured = [reason for reason in account["reasons"] if _finite(reason["value"])]
    if not measured:
        return []
    span = {"start_time": _ms(account["first_seen"]), "end_time": _ms(account["last_seen"])}
    return [
        {
            "analysis_targets": [{"name": account["account_id"], "type": "LLM subscription account"}],
            "anomalies": [
                {
                    **_parameter(reason),
                    "observed_pattern": reason["text"],
                    "observations": [{"value": repr(reason["value"]), "timespan": span}],
                }
                for reason in measured
            ],
            "baselines": [
                {
                    **_parameter(reason),
                    "observed_pattern": "median of the cohort",
                    "observations": [{"value": repr(reason["baseline"])}],
                }
                for reason in measured
                if _finite(reason["baseline"])
            ],
        }
    ]


def _parameter(reason: Mapping[str, Any]) -> Event:
    return {"observation_parameter": reason["feature"], "observation_type": reason["family"]}


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _stated(value: Any) -> Any:
    """Return a value without what is null, no finite number or empty: OCSF leaves out what it cannot say."""
    if isinstance(value, Mapping):
        kept = {name: _stated(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None and one not in ({}, [])}
    if isinstance(value, list):
        return [_stated(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _uid(*parts: str) -> str:
    """Return an id of 128 bits that depends on the parts alone."""
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _ms(moment: datetime) -> int:
    """Return milliseconds since 1970."""
    return math.floor(moment.timestamp() * 1000)
