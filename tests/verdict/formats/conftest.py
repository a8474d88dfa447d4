from datetime import UTC, datetime

import polars as pl
import pytest

from detector.schema import ACCOUNT_VERDICT, SESSION_VERDICT

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
END = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)

ACCOUNT = {
    "account_id": "a",
    "verdict": "harness",
    "flagged": True,
    "score": 0.734,
    "p_value": 0.0003,
    "q_value": 0.0027,
    "sessions": 3,
    "requests": 300,
    "flagged_sessions": 2,
    "flagged_requests": 250,
    "flagged_tokens": 9000,
    "families": ["fingerprint", "telemetry"],
    "reasons": [
        {
            "feature": "headers_missing",
            "family": "fingerprint",
            "value": 9.0,
            "baseline": 0.0,
            "text": "9 headers are missing; normally 0",
        },
        {
            "feature": "telemetry_coverage",
            "family": "telemetry",
            "value": 0.0,
            "baseline": None,
            "text": "telemetry reported 0% of the requests",
        },
    ],
    "first_seen": START,
    "last_seen": END,
}

SESSION = {
    "account_id": "a",
    "session": "s",
    "start": START,
    "end": END,
    "requests": 125,
    "client": "claude-cli",
    "client_version": "2.1.0",
    "score": 0.7,
    "p_value": 0.001,
    "flagged": True,
    "families": ["telemetry"],
    "reasons": [],
}

RECORD = {
    "model": {"id": "0123456789abcdef"},
    "policy": "first-party-only",
    "false_discovery_rate": 0.01,
    "versions": {"harness-detector": "0.1.0"},
}


@pytest.fixture(scope="session")
def record():
    """What a finding takes from ``run.json``."""
    return RECORD


@pytest.fixture(scope="session")
def account():
    """Make an account of the verdict table: a harness, but for what is given."""
    return lambda **given: {**ACCOUNT, **given}


@pytest.fixture(scope="session")
def session():
    """Make a session of the verdict table: flagged, but for what is given."""
    return lambda **given: {**SESSION, **given}


@pytest.fixture(scope="session")
def tables():
    """Make the two tables of rows."""
    return lambda accounts, sessions=(): (
        pl.LazyFrame(list(accounts), schema=ACCOUNT_VERDICT),
        pl.LazyFrame(list(sessions), schema=SESSION_VERDICT),
    )
