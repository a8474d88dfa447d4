"""Small native logs, and stores made of them."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from detector.ingest.ingestion import ingest_logs
from detector.schema import REQUEST

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
KEY = "a key that nobody else has"


def _log(*rows):
    """Return a native log; every row has a time, an account and a path unless it says otherwise."""
    plain = {"timestamp": NOON, "account_id": "ann", "path": "/v1/messages"}
    return pl.DataFrame([{**plain, **row} for row in rows], schema=REQUEST)


@pytest.fixture(scope="session")
def log():
    """A function from rows, as mappings, to a native log."""
    return _log


@pytest.fixture(scope="session")
def week():
    """Three hundred requests of six accounts over four days, each with an id, in the order of time."""
    return _log(
        *(
            {
                "timestamp": NOON + timedelta(minutes=19 * n),
                "account_id": f"account-{n % 6}",
                "request_id": f"request-{n}",
                "session_id": f"session-{n % 12}",
                "device_id": f"device-{n % 6}",
                "client_ip": f"192.0.2.{n % 6}",
                "user_agent": f"cli/{n % 3}",
                "header_names": ["Host", "accept", f"x-{n % 2}"],
                "header_values": [{"name": "accept", "value": "*/*"}],
                "http_version": "HTTP/1.1",
                "status": 200,
                "input_tokens": n,
            }
            for n in range(300)
        )
    )


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """One key for all stores of a test, in the environment."""
    monkeypatch.setenv("DETECTOR_KEY", KEY)
    return KEY


@pytest.fixture
def ingest(tmp_path):
    """Ingest frames (as Parquet files) into the store ``tmp_path / "store"``."""
    made = iter(range(1000))

    def run(*frames, **options):
        files = []
        for frame in frames:
            files.append(tmp_path / f"log-{next(made)}.parquet")
            frame.write_parquet(files[-1])
        return ingest_logs(files, tmp_path / "store", **options)

    return run


@pytest.fixture
def stored(tmp_path):
    """A function that returns all requests of the store, sorted."""

    def read():
        return pl.read_delta(str(tmp_path / "store")).sort("account_id", "timestamp", "request")

    return read
