import io
import json
import re

import polars as pl
import pytest

from detector.errors import InputError
from detector.ingest.dialects import load_dialect


def put(tmp_path, text):
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    return str(path)


def read(dialect, *records):
    text = "\n".join(json.dumps(record) for record in records)
    frame = pl.read_ndjson(io.BytesIO(text.encode()), schema=dialect.schema, ignore_errors=True)
    return dialect.to_native(frame.lazy()).collect().to_dicts()


def test_a_users_map_says_where_the_account_stands(tmp_path):
    path = put(
        tmp_path,
        """
        extends = "cloudflare"
        [columns]
        account_id = ["header:X-Account-Id", "Cookies.account"]
        plan = { constant = "pro" }
        asn = []
        """,
    )
    dialect = load_dialect(path)
    assert dialect.name == path
    assert dialect.signs == load_dialect("cloudflare").signs
    rows = read(
        dialect,
        {"ClientRequestPath": "/", "ClientASN": 1, "RequestHeaders": {"x-account-id": "a"}},
        {"ClientRequestPath": "/", "Cookies": {"account": "b"}},
    )
    assert [(row["account_id"], row["plan"], "asn" in row) for row in rows] == [
        ("a", "pro", False),
        ("b", "pro", False),
    ]


def test_a_map_of_its_own(tmp_path):
    path = put(
        tmp_path,
        """
        missing = ["none"]
        same = ["path"]
        [columns]
        timestamp = { field = "when", format = "%d.%m.%Y %H:%M:%S %z" }
        account_id = { field = "who", extract = "^user:(.+)$" }
        duration_ms = { field = "took", unit = "us" }
        [headers]
        pairs = "sent"
        complete = "yes"
        [header_values]
        x-app = "app"
        """,
    )
    record = {"when": "02.11.2026 13:00:00 +0100", "who": "user:a", "took": 1500, "path": "/"}
    rows = read(
        load_dialect(path),
        {**record, "sent": [["Host", "h"], ["accept", "b"], ["x-app", "other"]], "app": "cli"},
        {**record, "who": "a", "took": "none", "sent": {"accept": "b"}},
    )
    assert [str(row["timestamp"]) for row in rows] == ["2026-11-02 12:00:00+00:00"] * 2
    assert [row["account_id"] for row in rows] == ["a", None]
    assert [row["duration_ms"] for row in rows] == [1.5, None]
    assert [row["header_names"] for row in rows] == [["Host", "accept", "x-app"], ["accept"]]
    assert [row["headers_complete"] for row in rows] == [True, False]
    values = [[(one["name"], one["value"]) for one in row["header_values"]] for row in rows]
    assert values == [[("x-app", "cli"), ("accept", "b")], [("accept", "b")]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("columns = [", "not valid TOML ("),
        ('extends = "apache"', "extends 'apache', which is no dialect"),
        ("extends = 1", "extends is not text"),
        ("colums = {}", "unknown keys ['colums']"),
        ("columns = 1", "[columns] is not a table"),
        ('columns.acount_id = "a"', "columns ['acount_id'] are not native columns"),
        ('same = ["x"]', "columns ['x'] are not native columns"),
        ("same = [1]", "same is not a list of text"),
        ("columns.path = 1", "column path is neither an address nor a table"),
        ('columns.path = ""', "path: '' is no address of a field"),
        ('columns.path = "a..b"', "path: 'a..b' is no address of a field"),
        ("columns.path = {}", "column path needs either a field or a constant"),
        ('columns.path = { field = "a", constant = "b" }', "column path needs either a field or a constant"),
        ('columns.path = { field = "a", unit = "s" }', "column path is no span of time"),
        ('columns.duration_ms = { field = "a", unit = "h" }', "column duration_ms: unit cannot be 'h'"),
        ('columns.path = { feld = "a" }', "column path: unknown keys ['feld']"),
        ("columns.path = { field = 5 }", "column path: field cannot be 5"),
        ('columns.path = { field = "a", percent = 1 }', "column path: percent cannot be 1"),
        ('columns.path = { field = "a", missing = [1] }', "column path: missing cannot be (1,)"),
        ('columns.path = { field = "a", minus = ["x"] }', "column path: minus ['x'] are not native columns"),
        ('columns.path = { field = "a", extract = "(" }', "column path: extract or format cannot be used"),
        ('columns.path = "header:Authorization"', "holds a credential, which is never read"),
        ('columns.account_id = ["header:x-api-key"]', "holds a credential, which is never read"),
        ("headers = 1", "[headers] is not a table"),
        ('headers.complete = "maybe"', "[headers]: complete cannot be 'maybe'"),
        ("headers.complete = true", "[headers]: complete cannot be True"),
        (
            'header_values.authorization = "a"',
            "header_values ['authorization'] are not among the harmless headers",
        ),
        ('request = "x"', "request 'x' is not a native column"),
        ('lacks = ["x"]', "lacks is not a list of tables"),
        ('lacks = [{ columns = ["x"], why = "y" }]', "lacks: ['x'] are not native columns"),
        ("signs = 1", "signs is not a list"),
        ('records = [""]', "is no address of a field"),
    ],
)
def test_mistakes_are_one_line(tmp_path, text, message):
    path = put(tmp_path, text)
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load_dialect(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"dialect {path}: ")


@pytest.mark.parametrize("name", ["apache", "", "a\0b", "."])
def test_no_such_dialect(name):
    with pytest.raises(
        InputError, match=r"no such dialect, and no file to read; give a TOML file or one of native, "
    ):
        load_dialect(name)


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "own.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="no such dialect, and no file to read"):
        load_dialect(str(path))
