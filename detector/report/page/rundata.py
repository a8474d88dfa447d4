"""What the page says of a run as a whole: counts, data quality, incidents and model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from detector.model.card import LIMITS
from detector.schema import FAMILIES, VERDICTS
from detector.verdict.meaning import MEANINGS, NEXT_STEPS
from detector.verdict.names import TREATMENTS

__all__ = ["Client", "Data", "Family", "Overview", "RunData", "Tally", "listed_accounts", "run_data"]

LISTED = ("harness", "declared_third_party", "watch")
"""Verdicts whose accounts have a case, in the order of the page."""

CLIENTS = 50
"""Client names that the page gives at most."""

UNJUDGED = {
    "insufficient_data": "accounts had too little traffic to judge: neither guilty nor clear",
    "out_of_scope": "accounts pay for each use and are never judged",
}


@dataclass(frozen=True, slots=True)
class Overview:
    """The run in figures.

    Attributes:
        source: the log, as the user named it.
        first_day: day (UTC) of the first request; the first day of all where there is none.
        last_day: day of the last request, likewise.
        accounts: accounts seen.
        requests: rows that were scored.
        flagged: accounts flagged.
        watched: accounts on watch.
        unscored: what could not be scored, a sentence each.

    """

    source: str
    first_day: date
    last_day: date
    accounts: int
    requests: int
    flagged: int
    watched: int
    unscored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Accounts of one verdict; ``share`` is of all accounts, ``listed`` whether they have cases."""

    verdict: str
    accounts: int
    share: float
    meaning: str
    flagged: bool
    listed: bool


@dataclass(frozen=True, slots=True)
class Family:
    """Whether the log can feed a family, and the features that it cannot."""

    name: str
    available: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Data:
    """What was read: files, rows, rows rejected by reason, and what was not understood."""

    files: int
    rows: int
    accepted: int
    rejected: tuple[tuple[str, int], ...]
    unknown_columns: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """A client name of the log: its accounts and requests, and how the policy takes it."""

    name: str
    accounts: int
    requests: int
    treatment: str
    listed: bool


@dataclass(frozen=True, slots=True)
class RunData:
    """A run without its cases.

    Attributes:
        overview: the run in figures.
        tallies: accounts by verdict, in the order of ``detector.schema.VERDICTS``.
        steps: what to do with an account, by each verdict that has cases in this run.
        rule: the policy's rule in a sentence.
        families: families of evidence, in the order of ``detector.schema.FAMILIES``.
        data: what was read.
        clients: those with most requests.
        more_clients: how many others there are; ``run.json`` names them.
        incidents: a sentence each.
        facts: names and values of the model and the run.
        limits: what the model cannot do, a sentence each.

    """

    overview: Overview
    tallies: tuple[Tally, ...]
    steps: tuple[tuple[str, str], ...]
    rule: str
    families: tuple[Family, ...]
    data: Data
    clients: tuple[Client, ...]
    more_clients: int
    incidents: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]


def run_data(accounts: pl.DataFrame, record: Mapping[str, Any]) -> RunData:
    """Gather what the page says of a run.

    Args:
        accounts: schema ``ACCOUNT_VERDICT``.
        record: what ``run.json`` holds.

    """
    counts = {name: int(record["verdicts"].get(name, 0)) for name in VERDICTS}
    families = tuple(
        Family(name, bool(record["families"][name]["available"]), _missing(record, name)) for name in FAMILIES
    )
    given = record["input"]
    data = Data(
        files=len(given["files"]),
        rows=given["rows"],
        accepted=given["accepted"],
        rejected=tuple(given["rejected"].items()),
        unknown_columns=tuple(given["unknown_columns"]),
        warnings=tuple(record["warnings"]),
    )
    overview = Overview(
        source=given["source"],
        first_day=min(accounts["first_seen"].dt.date(), default=date.min),
        last_day=max(accounts["last_seen"].dt.date(), default=date.min),
        accounts=accounts.height,
        requests=given["accepted"],
        flagged=counts["harness"] + counts["declared_third_party"],
        watched=counts["watch"],
        unscored=tuple(_unscored(counts, data, families)),
    )
    return RunData(
        overview=overview,
        tallies=tuple(
            Tally(
                verdict=name,
                accounts=count,
                share=count / max(1, accounts.height),
                meaning=MEANINGS[name],
                flagged=name in LISTED[:2],
                listed=name in LISTED,
            )
            for name, count in counts.items()
        ),
        steps=tuple((name, NEXT_STEPS[name]) for name in LISTED if counts[name]),
        rule=record.get("rule", record["policy"]),
        families=families,
        data=data,
        clients=_clients(record),
        more_clients=max(0, record.get("names", 0) - CLIENTS),
        incidents=tuple(incident["text"] for incident in record["incidents"]),
        facts=tuple(_facts(record)),
        limits=LIMITS,
    )


def listed_accounts(accounts: pl.DataFrame) -> list[str]:
    """Return the accounts that have a case: flagged, then watched, the highest scores first."""
    place = pl.col("verdict").replace_strict(LISTED, range(len(LISTED)), default=None)
    listed = accounts.filter(pl.col("verdict").is_in(LISTED)).sort(
        place, "score", "account_id", descending=[False, True, False]
    )
    return listed["account_id"].to_list()


def _clients(record: Mapping[str, Any]) -> tuple[Client, ...]:
    """Return the clients with most requests; a record of an earlier version has none."""
    return tuple(
        Client(
            row["client"], row["accounts"], row["requests"], TREATMENTS[row["treatment"]], bool(row["listed"])
        )
        for row in record.get("clients", ())[:CLIENTS]
    )


def _missing(record: Mapping[str, Any], family: str) -> tuple[str, ...]:
    return tuple(record["families"][family]["features_not_available"])


def _unscored(counts: Mapping[str, int], data: Data, families: tuple[Family, ...]) -> Iterator[str]:
    """Name what the log could not give."""
    yield from (f"{counts[name]:,} {said}" for name, said in UNJUDGED.items() if counts[name])
    if refused := sum(rows for _, rows in data.rejected):
        yield f"{refused:,} of {data.rows:,} rows were rejected; the reasons stand under Data quality"
    if closed := [family.name for family in families if not family.available]:
        yield f"the log cannot feed {', '.join(closed)}: nothing of it was held against anybody"


def _facts(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the facts of the model and of the run, in words."""
    if record.get("run"):
        yield "run", record["run"]
    yield "model", record["model"]["id"]
    yield "policy", record["policy"]
    yield "false discovery rate asked for", f"{record['false_discovery_rate']:.1%}"
    for name, fact in record["model"]["facts"].items():
        shown = f"{fact:,}" if isinstance(fact, int) else str(fact)
        yield f"training: {name.replace('_', ' ')}", shown
    yield "versions", ", ".join(f"{name} {version}" for name, version in record["versions"].items())
