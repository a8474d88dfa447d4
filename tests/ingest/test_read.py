import gzip
import re
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import InputError
from detector.ingest import InputFile, read_log
from detector.ingest.parts import COLUMNS
from detector.schema import REQUEST, TIME
from detector.settings import default_settings

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
HEADERS = ["Host", "User-Agent", "accept"]
FULL = {
    "timestamp": NOON,
    "account_id": "ann",
    "path": "/v1/messages?beta=true",
    "method": "POST",
    "request_id": "r1",
    "status": 200,
    "duration_ms": 1500.0,
    "auth": "Subscription",
    "plan": "max",
    "session_id": "s1",
    "device_id": "d1",
    "user_agent": "cli/1",
    "header_names": HEADERS,
    "headers_complete": True,
    "header_values": [{"name": "accept", "value": "*/*"}, {"name": "cookie", "value": "secret"}],
    "http_version": "HTTP/1.1",
    "ja4": "t13",
    "client_ip": "192.0.2.1",
    "asn": 64500,
    "country": "DE",
    "model": "sonnet",
    "input_tokens": 1,
    "cache_read_tokens": 2,
    "cache_write_tokens": 3,
    "output_tokens": 4,
    "stop_reason": "end_turn",
    "tool_result": False,
    "tools_hash": "abc",
    "stream": True,
    "retry_after_s": 0.5,
    "telemetry_events": 5,
    "telemetry_requests": 6,
}
BARE = {"timestamp": NOON, "account_id": "bob", "path": "/"}


READ = set(REQUEST) - {"method", "stop_reason", "stream"}
"""Columns that a feature needs."""


def frame(*rows):
    names = [name for name in REQUEST if any(name in row for row in rows)]
    return pl.DataFrame(list(rows), schema={name: REQUEST[name] for name in names})


def load(source):
    return read_log(source, default_settings())


def load_frame(table, tmp_path):
    path = tmp_path / "log.parquet"
    table.write_parquet(path)
    return load(path)


def load_rows(tmp_path, *rows):
    return load_frame(frame(*rows), tmp_path)


def same(left, right, skip=("files",)):
    for field in fields(left):
        one, other = getattr(left, field.name), getattr(right, field.name)
        if field.name not in skip:
            assert one.equals(other) if isinstance(one, pl.DataFrame | pl.Series) else one == other, (
                field.name
            )


def test_a_full_row(tmp_path):
    log = load_rows(tmp_path, FULL)
    assert log.requests.columns == list(COLUMNS)
    (row,) = log.requests.to_dicts()
    hashes = {name: row.pop(name) for name in ("device", "network", "tools_hash", "fingerprint")}
    assert all(isinstance(value, int) for value in hashes.values())
    plain = {name: FULL[name] for name in row if name in FULL}
    assert row == plain | {"account": 0, "kind": "inference", "auth": "subscription"}
    assert log.accounts.to_list() == ["ann"]
    assert log.fingerprints.to_dicts() == [
        {
            "fingerprint": hashes["fingerprint"],
            "user_agent": "cli/1",
            "header_names": HEADERS,
            "headers_complete": True,
            "header_values": [{"name": "accept", "value": "*/*"}],
            "http_version": "1.1",
            "ja4": "t13",
        }
    ]
    assert log.present == READ
    assert (log.unknown_columns, log.rows, log.rejected) == ((), 1, {})
    assert log.files == (InputFile(str(tmp_path / "log.parquet"), 1),)


def test_types(tmp_path):
    assert dict(load_rows(tmp_path, BARE).requests.schema) == {
        "account": pl.UInt32,
        "timestamp": TIME,
        "kind": pl.Enum(["inference", "telemetry", "probe", "count_tokens", "other"]),
        **{
            name: REQUEST[name]
            for name in COLUMNS
            if name in REQUEST and name not in {"timestamp", "tools_hash"}
        },
        "device": pl.UInt64,
        "network": pl.UInt64,
        "tools_hash": pl.UInt64,
        "fingerprint": pl.Int64,
    }


def test_missing_optional_columns_are_null_and_not_present(tmp_path):
    log = load_rows(tmp_path, BARE)
    (row,) = log.requests.to_dicts()
    known = {name: value for name, value in row.items() if value is not None}
    assert known == {"account": 0, "timestamp": NOON, "kind": "probe", "fingerprint": row["fingerprint"]}
    assert log.present == set(BARE)
    assert log.fingerprints["fingerprint"].to_list() == [row["fingerprint"]]
    assert log.fingerprints.drop("fingerprint").null_count().row(0) == (1,) * 6


def test_a_column_without_a_value_is_not_present(tmp_path):
    empty = {
        "model": None,
        "session_id": "",
        "method": None,
        "request_id": "",
        "user_agent": "",
        "client_ip": "",
    }
    log = load_rows(tmp_path, FULL | empty)
    assert log.present == READ - set(empty)
    assert log.requests.select("session_id", "network", "model").row(0) == (None, None, None)


def test_a_value_in_a_rejected_row_is_not_present(tmp_path):
    log = load_rows(tmp_path, FULL | {"account_id": None}, BARE)
    assert log.present == set(BARE)
    assert log.fingerprints.height == 1


def test_equal_ids_have_equal_hashes_and_null_stays_null(tmp_path):
    ids = ["x", "x", "y", None]
    rows = [BARE | {"device_id": value, "client_ip": value, "tools_hash": value} for value in ids]
    log = load_rows(tmp_path, *rows)
    for name in ("device", "network", "tools_hash"):
        column = log.requests.get_column(name)
        assert (column.drop_nulls().n_unique(), column.null_count()) == (2, 1)


def test_the_address_is_nowhere_to_be_found(tmp_path):
    log = load_rows(tmp_path, FULL)
    assert "192.0.2.1" not in str(log.requests.to_dicts()) + str(log.fingerprints.to_dicts())
    assert "secret" not in str(log.fingerprints.to_dicts())


def test_accounts_sort_by_bytes_and_rows_by_account_then_time(tmp_path):
    accounts = ["é", "b", "a", "B", "aa", "\x00", "\U0001f600", "b"]
    rows = [
        BARE | {"account_id": name, "timestamp": NOON - timedelta(hours=at)}
        for at, name in enumerate(accounts)
    ]
    log = load_rows(tmp_path, *rows)
    assert log.accounts.to_list() == sorted(set(accounts))
    assert log.accounts.dtype == pl.String
    assert log.requests.get_column("account").to_list() == [0, 1, 2, 3, 4, 4, 5, 6]
    assert log.requests.equals(log.requests.sort("account", "timestamp", maintain_order=True))


def test_rejected_rows_are_counted_once_each(tmp_path):
    rows = [
        BARE,
        BARE | {"account_id": None, "path": None, "timestamp": None},
        BARE | {"account_id": ""},
        BARE | {"path": None, "timestamp": None},
        BARE | {"path": ""},
        BARE | {"timestamp": None},
        BARE | {"timestamp": datetime(2014, 12, 31, 23, 59, 59, tzinfo=UTC)},
        BARE | {"timestamp": datetime(2101, 1, 1, tzinfo=UTC)},
        BARE | {"timestamp": datetime(2015, 1, 1, tzinfo=UTC)},
    ]
    log = load_rows(tmp_path, *rows)
    assert log.rejected == {"null_account_id": 2, "null_path": 2, "bad_timestamp": 3}
    assert log.requests.height == 2
    assert log.rows == 9


def test_the_first_of_rows_with_one_request_id_is_kept(tmp_path):
    late = BARE | {"request_id": "r", "timestamp": NOON + timedelta(seconds=1)}
    rows = [late, late | {"timestamp": NOON}, late | {"timestamp": NOON + timedelta(days=1)}]
    log = load_rows(tmp_path, *rows, BARE | {"request_id": None}, BARE | {"request_id": None}, BARE)
    assert log.rejected == {"duplicate_request_id": 2}
    assert log.accounts.to_list() == ["bob"]
    assert log.requests.get_column("timestamp").to_list() == [NOON] * 4


def test_nobody_can_take_the_requests_of_another_account_out_of_the_log(tmp_path):
    log = load_rows(tmp_path, BARE | {"request_id": "r"}, BARE | {"request_id": "r", "account_id": "zoe"})
    assert log.rejected == {}
    assert log.accounts.to_list() == ["bob", "zoe"]


def test_unknown_columns_are_named_once_and_partition_keys_are_not(tmp_path):
    for day in (1, 2):
        folder = tmp_path / f"date={day}"
        folder.mkdir()
        frame(BARE).with_columns(row=1, content=pl.lit("x"), date=day).write_parquet(folder / "a.parquet")
    log = load(tmp_path)
    assert log.unknown_columns == ("content", "row")
    assert log.files == (InputFile("date=1/a.parquet", 1), InputFile("date=2/a.parquet", 1))


def test_the_same_log_in_every_shape(tmp_path):
    table = frame(
        FULL, BARE, FULL | {"request_id": "r2", "header_values": [], "timestamp": NOON + timedelta(days=1)}
    )
    one = load_frame(table, tmp_path)
    hive = tmp_path / "hive"
    for number, part in enumerate(table.partition_by("timestamp")):
        folder = hive / f"date=2026-11-0{number}"
        folder.mkdir(parents=True)
        part.write_parquet(folder / "part-0.parquet")
    text = table.with_columns(pl.col("timestamp").dt.to_string("iso:strict")).write_ndjson()
    lines = tmp_path / "log.ndjson"
    lines.write_text(text)
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    for source in (hive, str(hive), hive / "*" / "*.parquet", hive / "date=*", lines, packed):
        same(load(source), one)


def test_files_may_differ_in_columns_and_types(tmp_path):
    us = int(NOON.timestamp()) * 10**6
    first = pl.DataFrame(
        {"timestamp": [us], "account_id": [7], "path": ["/"], "status": ["200"], "tool_result": [1]}
    )
    second = pl.DataFrame({"path": ["/"], "timestamp": ["2026-11-02T13:00:00+01:00"], "account_id": ["7"]})
    third = pl.DataFrame({"account_id": [7.0], "path": ["/"], "timestamp": [NOON], "output_tokens": [5.0]})
    first.write_parquet(tmp_path / "1.parquet")
    second.write_parquet(tmp_path / "2.parquet")
    third.write_parquet(tmp_path / "3.parquet")
    (tmp_path / "4.ndjson").write_text(
        f'{{"account_id":7,"path":"/","timestamp":{us // 1000},"model":null}}\n'
    )
    (tmp_path / "5.ndjson").write_text("")
    log = load(tmp_path)
    assert log.accounts.to_list() == ["7"]
    assert log.requests.get_column("timestamp").to_list() == [NOON] * 4
    assert sorted(log.requests.get_column("status").to_list(), key=str) == [200, None, None, None]
    assert log.present == {"timestamp", "account_id", "path", "status", "tool_result", "output_tokens"}
    assert [file.rows for file in log.files] == [1, 1, 1, 1, 0]


def test_a_partition_feeds_a_missing_column(tmp_path):
    folder = tmp_path / "plan=max"
    folder.mkdir()
    frame(BARE).write_parquet(folder / "a.parquet")
    log = load(tmp_path)
    assert log.requests.get_column("plan").to_list() == ["max"]
    assert "plan" in log.present


def test_header_facts_shared_between_files_have_one_code(tmp_path):
    frame(FULL, BARE).write_parquet(tmp_path / "1.parquet")
    frame(FULL | {"request_id": "r2"}, FULL | {"request_id": "r3", "ja4": "x"}).write_parquet(
        tmp_path / "2.parquet"
    )
    log = load(tmp_path)
    codes = dict(log.fingerprints.select("ja4", "fingerprint").iter_rows())
    assert set(codes) == {None, "t13", "x"}
    shown = log.requests.group_by("fingerprint").len().iter_rows()
    assert dict(shown) == {codes[None]: 1, codes["t13"]: 2, codes["x"]: 1}


def test_hostile_values(tmp_path):
    rows = [
        FULL | {"header_names": [], "header_values": [], "request_id": "a"},
        FULL | {"header_names": ["a\x00", None, "\n"], "request_id": "b", "user_agent": "\x1b[2J" * 10_000},
        FULL | {"duration_ms": float("nan"), "retry_after_s": float("inf"), "request_id": "c"},
        FULL | {"input_tokens": 2**63 - 1, "output_tokens": -(2**63), "status": -(2**31), "request_id": "d"},
        FULL | {"account_id": "\x00\n\u202e", "path": "/\x00?\n", "session_id": "\n", "request_id": "e"},
    ]
    log = load_rows(tmp_path, *rows)
    assert (log.requests.height, log.rejected) == (5, {})
    assert log.requests.get_column("duration_ms").null_count() == 1
    assert log.requests.get_column("retry_after_s").null_count() == 1
    assert log.requests.get_column("output_tokens").null_count() == 1
    assert log.accounts.to_list() == ["\x00\n\u202e", "ann"]
    assert ["a\x00", "\n"] in log.fingerprints.get_column("header_names").to_list()


VALUES = st.fixed_dictionaries(
    {
        "timestamp": st.sampled_from([NOON, NOON + timedelta(microseconds=1), None]),
        "account_id": st.sampled_from(["a", "b", "", None]),
        "path": st.sampled_from(["/", "/v1/messages", None]),
    },
    optional={
        "request_id": st.sampled_from(["r", "s", None]),
        "session_id": st.sampled_from(["x", "y"]),
        "input_tokens": st.integers(-1, 2),
        "duration_ms": st.floats(),
        "user_agent": st.text(max_size=2),
        "header_names": st.lists(st.sampled_from(["A", "b", None]), max_size=2),
        "http_version": st.sampled_from(["h2", "HTTP/2.0", "1.1"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), rows=st.lists(VALUES, max_size=8))
def test_row_and_file_order_change_nothing(data, rows, tmp_path_factory):
    rows = [BARE, *rows]
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    folder = tmp_path_factory.mktemp("log")
    one = load_rows(folder, *rows)
    assert one.requests.height + sum(one.rejected.values()) == one.rows == len(rows)
    folder = tmp_path_factory.mktemp("parts")
    for number, part in enumerate((shuffled[:cut], shuffled[cut:])):
        frame(*part, *([] if part else [BARE])).head(len(part)).write_parquet(folder / f"{number}.parquet")
    same(load(folder), one)


def refused(source, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load(source)
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)


@pytest.mark.parametrize("name", ["timestamp", "account_id", "path"])
def test_a_missing_required_column(tmp_path, name):
    frame(BARE).drop(name).write_parquet(tmp_path / "a.parquet")
    refused(tmp_path, f"a.parquet: required column {name} is missing; add or rename the column")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pl.Series("timestamp", [[1]]), "column timestamp has type List(Int64), not Datetime("),
        (pl.Series("header_names", [1]), "column header_names has type Int64, not List(String)"),
        (pl.Series("account_id", [True]), "column account_id has type Boolean, not String"),
    ],
)
def test_an_impossible_type(tmp_path, column, message):
    path = tmp_path / "a.parquet"
    frame(BARE).with_columns(column).write_parquet(path)
    refused(path, message)
    refused(path, "; convert or drop the column")


def test_an_impossible_type_in_json(tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_text('{"timestamp":[1],"account_id":"a","path":"/"}\n')
    refused(path, "column timestamp has type List(Int64), not Datetime(")


def test_a_log_without_rows(tmp_path):
    frame(BARE).clear().write_parquet(tmp_path / "a.parquet")
    refused(tmp_path, "the log has no rows; give a log with at least one request")
    (tmp_path / "a.parquet").unlink()
    (tmp_path / "a.ndjson").write_text("")
    refused(tmp_path, "the log has no rows; give a log with at least one request")


def test_all_rows_rejected(tmp_path):
    frame(BARE | {"path": None}, BARE | {"timestamp": None}).write_parquet(tmp_path / "a.parquet")
    refused(tmp_path, "all 2 rows were rejected (1 bad_timestamp, 1 null_path); check those columns")


@pytest.mark.parametrize(
    "text",
    [
        "not json\n",
        '{"timestamp":1,"account_id":"a","path":"/"}\n{"timestamp":1,"acc',
        '[{"timestamp":1,"account_id":"a","path":"/"}]',
        "\x00\x01",
        "\n\n",
    ],
)
def test_damaged_json(tmp_path, text):
    path = tmp_path / "a.ndjson"
    path.write_text(text)
    refused(path, "a.ndjson: damaged or not a log (")


def test_damaged_packed_json(tmp_path):
    path = tmp_path / "a.ndjson.gz"
    path.write_bytes(gzip.compress(b'{"timestamp":1,"account_id":"a","path":"/"}\n' * 99)[:-12])
    refused(path, "a.ndjson.gz: is truncated (unexpected end of file")


def test_damaged_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    frame(BARE).write_parquet(path)
    content = bytearray(path.read_bytes())
    content[-40:-8] = b"\xff" * 32
    path.write_bytes(content)
    refused(path, "a.parquet: damaged or not a log (")
