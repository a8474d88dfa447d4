"""Builders of tiny frames in the shapes that ``detector.ingest`` gives, and the pipeline on whole logs.

All are functions handed out by session fixtures, so that properties may use them.
"""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from detector.features import fingerprint
from detector.features.describe import describe_sessions, judge_headers, seen
from detector.features.extract import Summary, identify, summarise
from detector.features.operators import OPERATOR, count_operators
from detector.features.outage import find_losses
from detector.features.registry import FEATURES, available
from detector.features.streams import assign_streams, measure_sessions, measure_streams
from detector.ingest import RequestLog, read_log
from detector.ingest.fingerprints import FACTS
from detector.ingest.parts import COLUMNS
from detector.ingest.paths import KIND
from detector.schema import REQUEST
from detector.settings import FloorSettings, default_settings

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)  # a Monday, a whole hour
CODES = {"account": pl.UInt32, "fingerprint": pl.Int64}
HASHES = {"device": pl.UInt64, "network": pl.UInt64, "tools_hash": pl.UInt64}
FRAME = {name: {**REQUEST, **CODES, **HASHES, "kind": KIND}[name] for name in COLUMNS}
EVERY = frozenset(record.name for record in FEATURES)
ASIDE = {"posts": "telemetry posts", "probes": "probes", "helpers": "helper calls"}


@dataclass(frozen=True)
class Result:
    """What the pipeline made of a log."""

    log: RequestLog
    facts: pl.DataFrame
    summary: Summary
    population: pl.DataFrame
    sessions: pl.DataFrame
    streams: pl.DataFrame


def _moment(seconds):
    return NOON + timedelta(microseconds=round(seconds * 1e6))


def _requests(*rows, **common):
    """Rows of ``RequestLog.requests``; ``at`` is in seconds after noon."""
    base = {"account": 0, "kind": "inference", "fingerprint": 0, "at": 0.0}
    full = [base | common | row for row in rows]
    full = [{"timestamp": _moment(row.pop("at")), **row} for row in full]
    unknown = {name for row in full for name in row} - set(FRAME)
    assert not unknown, unknown
    return pl.DataFrame([{name: row.get(name) for name in FRAME} for row in full], schema=FRAME)


def _prints(*rows):
    """Rows of ``RequestLog.fingerprints``, numbered as given."""
    schema = {name: REQUEST[name] for name in FACTS}
    table = pl.DataFrame([{name: row.get(name) for name in FACTS} for row in rows], schema=schema)
    return table.with_row_index("fingerprint").cast({"fingerprint": pl.Int64})


def _tuned(base=None, **tables):
    """Settings with other values: ``tuned(floors={"gaps": 1})``."""
    base = base or default_settings()
    return replace(base, **{name: replace(getattr(base, name), **values) for name, values in tables.items()})


@pytest.fixture(scope="session")
def requests():
    return _requests


@pytest.fixture(scope="session")
def prints():
    return _prints


@pytest.fixture(scope="session")
def identified():
    """What fingerprints claim, and how their headers compare."""
    return lambda *rows: identify(_prints(*rows), default_settings())


@pytest.fixture(scope="session")
def summed(identified):
    """The summary of requests whose fingerprints are given, one plain fingerprint if none are."""

    def build(*rows, facts=({"user_agent": "tool/1"},), **common):
        frame = _requests(*rows, **common)
        names = pl.Series("account_id", [f"account {code}" for code in range(10)])
        return summarise(frame, names, identified(*facts), default_settings())

    return build


@pytest.fixture(scope="session")
def tuned():
    return _tuned


@pytest.fixture(scope="session")
def floorless():
    """Settings under which the least evidence speaks, so that small logs reach every feature."""
    return _tuned(
        floors=dict.fromkeys((field.name for field in fields(FloorSettings)), 1),
        fingerprint={"reference_accounts": 2, "vouchers": 1, "common_accounts": 1},
    )


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory):
    """Read rows of the native log (dicts or a frame) and measure them.

    Without ``features`` every feature is measured; with ``"available"`` those that the log can feed.
    """
    path = tmp_path_factory.mktemp("pipeline") / "log.parquet"

    def run(rows, settings=None, *, populations=(), features=EVERY):
        settings = settings or default_settings()
        if not isinstance(rows, pl.DataFrame):
            names = [name for name in REQUEST if any(name in row for row in rows)]
            rows = pl.DataFrame(rows, schema={name: REQUEST[name] for name in names})
        rows.write_parquet(path)
        log = read_log(path, settings)
        facts = identify(log.fingerprints, settings)
        summary = summarise(log.requests, log.accounts, facts, settings)
        summary = replace(
            summary, sessions=find_losses(summary.sessions, summary.hours, facts, settings).sessions
        )
        population = fingerprint.population(fingerprint.describe(facts), seen(summary), settings.fingerprint)
        headers = judge_headers(summary, facts, [population, *populations], settings)
        described = describe_sessions(summary, headers)
        kinds = {name for counter, name in ASIDE.items() if summary.sessions[counter].sum()}
        chosen = available(log.present | kinds) if features == "available" else features
        sessions = measure_sessions(assign_streams(described, settings), chosen, settings)
        streams = measure_streams(sessions, summary, chosen, settings)
        if OPERATOR in chosen:
            streams = streams.with_columns(count_operators(streams, settings))
        return Result(log, facts, summary, population, sessions, streams)

    return run


@pytest.fixture(scope="session")
def row():
    """A function that builds one row of a native log, ``at`` seconds after noon."""

    def build(at=0.0, **values):
        base = {"timestamp": _moment(at), "account_id": "ann", "path": "/v1/messages", "session_id": "s"}
        return base | values

    return build
