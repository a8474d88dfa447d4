import re

import polars as pl
import pytest

from detector.features.registry import FEATURES
from detector.schema import (
    ACCOUNT_VERDICT,
    FAMILIES,
    LOG_COLUMNS,
    REASON,
    REQUEST,
    SESSION_VERDICT,
    VERDICTS,
)

LOG = """timestamp account_id path method request_id status duration_ms auth plan session_id device_id
user_agent header_names headers_complete header_values http_version ja4 client_ip asn country model
input_tokens cache_read_tokens cache_write_tokens output_tokens stop_reason tool_result tools_hash stream
retry_after_s telemetry_events telemetry_requests"""

ACCOUNTS = """account_id verdict flagged score p_value q_value sessions requests flagged_sessions
flagged_requests flagged_tokens families reasons first_seen last_seen"""

SESSIONS = (
    """account_id session start end requests client client_version score p_value flagged families reasons"""
)


def test_the_log_has_the_columns_of_the_contract():
    assert REQUEST.names() == LOG.split() == [column.name for column in LOG_COLUMNS]


def test_time_account_and_path_are_all_that_a_log_must_have():
    assert [column.name for column in LOG_COLUMNS if column.required] == ["timestamp", "account_id", "path"]


def test_verdict_tables_have_the_columns_of_the_contract():
    assert ACCOUNT_VERDICT.names() == ACCOUNTS.split()
    assert SESSION_VERDICT.names() == SESSIONS.split()


def test_verdict_tables_have_the_types_of_the_contract():
    time, floats = pl.Datetime("us", "UTC"), {"score", "p_value", "q_value"}
    for table in (ACCOUNT_VERDICT, SESSION_VERDICT):
        for name, dtype in table.items():
            if name in {"start", "end", "first_seen", "last_seen"}:
                assert dtype == time
            elif name in floats:
                assert dtype == pl.Float64
            elif name == "flagged":
                assert dtype == pl.Boolean
            elif name == "families":
                assert dtype == pl.List(pl.String)
            elif name == "reasons":
                assert dtype == pl.List(REASON)
            elif re.search(r"sessions|requests|tokens", name):
                assert dtype == pl.Int64
            else:
                assert dtype == pl.String
    assert [field.name for field in REASON.fields][:5] == ["feature", "family", "value", "baseline", "text"]


def test_verdicts_and_families_are_those_of_the_contract():
    assert set(VERDICTS) == {
        "harness",
        "declared_third_party",
        "watch",
        "clear",
        "insufficient_data",
        "out_of_scope",
    }
    assert set(FAMILIES) == {"cadence", "telemetry", "fingerprint", "usage", "account"}
    assert len(FAMILIES) == 5


@pytest.mark.parametrize("column", LOG_COLUMNS, ids=[column.name for column in LOG_COLUMNS])
def test_every_column_is_described_in_one_line_and_feeds_known_families(column):
    assert column.meaning
    assert "\n" not in column.meaning
    assert set(column.families) <= set(FAMILIES)


def test_a_feature_that_needs_a_column_belongs_to_a_family_that_the_column_feeds():
    feeds = {column.name: column.families for column in LOG_COLUMNS}
    for record in FEATURES:
        for need in record.needs:
            assert need not in feeds or record.family in feeds[need] or not feeds[need], (record.name, need)


def test_session_columns_and_features_do_not_clash():
    assert not set(SESSION_VERDICT) & {record.name for record in FEATURES}
