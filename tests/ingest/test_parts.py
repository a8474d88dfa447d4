from datetime import UTC, datetime, timedelta

import polars as pl

from detector.ingest.parts import COLUMNS, ROW, Part, read_part
from detector.settings import default_settings

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def load(*rows):
    base = {"account": "ann", "timestamp": NOON, "path": "/v1/messages"}
    table = pl.DataFrame([{name: (base | row).get(name) for name in ROW} for row in rows], schema=ROW)
    return read_part(Part("all", table.height, table.lazy), default_settings().paths)


def test_accounts_are_numbered_by_name():
    found = load({"account": "zoe"}, {"account": "ann"}, {"account": "zoe"})
    assert found.accounts.to_list() == ["ann", "zoe"]
    assert found.rows["account"].to_list() == [1, 0, 1]
    assert found.rows.schema["account"] == pl.UInt32
    assert found.rows.columns == list(COLUMNS)


def test_paths_are_kinds():
    found = load({}, {"path": "/api/hello"}, {"path": "/x"}, {"path": "/api/event_logging/batch"})
    assert found.rows["kind"].to_list() == ["inference", "probe", "other", "telemetry"]


def test_of_one_id_the_first_request_of_an_account_stays():
    late = NOON + timedelta(seconds=1)
    rows = ({"request": 5, "timestamp": late}, {"request": 5}, {"request": 5, "account": "bob"}, {}, {})
    found = load(*rows)
    assert found.repeated == 1
    kept = found.rows.select("account", "timestamp").sort("account", "timestamp").rows()
    assert kept == [(0, NOON), (0, NOON), (0, NOON), (1, NOON)]


def test_the_order_of_rows_changes_nothing_about_what_is_kept():
    rows = [{"request": 5, "status": status} for status in (500, 200, 429)]
    kept = [load(*order).rows["status"].to_list() for order in (rows, rows[::-1])]
    assert kept[0] == kept[1] == [200]


def test_columns_with_a_value_are_told_by_their_names_in_the_log():
    found = load({"device": 1, "request": 2, "status": None}, {})
    assert found.present == {"account_id", "timestamp", "path", "device_id", "request_id"}
