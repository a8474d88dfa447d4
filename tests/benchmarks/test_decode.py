from datetime import UTC, datetime

import polars as pl
import pytest

import detector
from benchmarks import decode as module
from benchmarks.decode import COLUMNS, decode
from detector.schema import REQUEST

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    for number in range(3):
        row = {"timestamp": NOON, "account_id": "ann", "path": "/", "request_id": f"{number}"}
        target = tmp_path / "log" / "date=2026-11-02" / f"{number}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame([row] * 2, schema=REQUEST).write_parquet(target)
    return tmp_path / "log"


@pytest.mark.parametrize("most", [1, 2**20])
def test_every_row_is_decoded_whatever_the_groups(log, most, monkeypatch):
    monkeypatch.setattr(module, "GROUP_BYTES", most)
    assert decode(log, "native") == 6


def test_a_store_holds_each_request_once(log, tmp_path):
    detector.ingest_logs([log], tmp_path / "store")
    assert decode(tmp_path / "store", "store") == 3


def test_header_lists_are_native_only():
    assert "header_names" in COLUMNS["native"]
    assert "header_names" not in COLUMNS["store"]
    assert "fingerprint" in COLUMNS["store"]


def test_a_damaged_page_shows_that_columns_are_decoded(log):
    (log / "date=2026-11-02" / "1.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(pl.exceptions.ComputeError):
        decode(log, "native")
