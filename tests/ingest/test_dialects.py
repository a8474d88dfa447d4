import csv
import importlib.util
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import InputError
from detector.ingest.coerce import coerced
from detector.ingest.dialects import DIALECTS, load_dialect, recognise
from detector.schema import REQUEST

FIXTURES = Path(__file__).parent / "fixtures"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SECONDS = 1_793_620_800  # NOON since 1970


@pytest.fixture(scope="module")
def update():
    spec = importlib.util.spec_from_file_location("update", FIXTURES.parent / "update.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines_of(name):
    return (FIXTURES / f"{name}.ndjson").read_text("utf-8").splitlines()


def read_lines(dialect, records):
    text = "\n".join(json.dumps(record) for record in records)
    return pl.read_ndjson(io.BytesIO(text.encode()), schema=dialect.schema, ignore_errors=True)


def native(dialect, frame):
    """The rows as the schema has them, by column."""
    mapped = dialect.to_native(frame.with_row_index("row").lazy())
    types = mapped.collect_schema()
    assert set(types) <= {*REQUEST, "row"}
    columns = {name: coerced(name, types[name]) for name in types if name != "row"}
    assert all(one is not None for one in columns.values())
    return mapped.select(pl.col("row"), *columns.values()).collect(engine="streaming").sort("row")


def paths(record, prefix=""):
    """The field paths of a JSON value."""
    if isinstance(record, dict):
        for key, value in record.items():
            yield from paths(value, f"{prefix}.{key}" if prefix else key)
    elif isinstance(record, list):
        for value in record or [None]:
            yield from paths(value, f"{prefix}[]")
    else:
        yield prefix


def sample(name):
    return frozenset(path for line in lines_of(name) for path in paths(json.loads(line)))


def test_names_are_those_of_the_files():
    folder = Path(__file__).parents[2] / "detector" / "ingest" / "dialects"
    assert sorted(DIALECTS) == sorted(path.stem for path in folder.glob("*.toml"))


@pytest.mark.parametrize("name", DIALECTS)
def test_fixture_reads_as_its_golden_rows(name, update):
    golden = (FIXTURES / f"{name}.golden.ndjson").read_text("utf-8")
    assert update.golden(name) == golden, "run: python tests/ingest/update.py"


@pytest.mark.parametrize("name", DIALECTS)
def test_no_secret_comes_through(name):
    assert "secret" in "".join(lines_of(name))
    dialect = load_dialect(name)
    frame = read_lines(dialect, map(json.loads, lines_of(name)))
    assert "secret" not in str(dialect.to_native(frame.lazy()).collect().to_dicts())


@pytest.mark.parametrize("name", DIALECTS)
def test_recognised_by_its_fields(name):
    dialect, why = recognise(sample(name))
    assert dialect == load_dialect(name)
    assert why.startswith(f"{name}: ")


def test_signs_are_named():
    dialect, why = recognise(sample("cloudflare"))
    assert dialect.name == "cloudflare"
    assert why == "cloudflare: EdgeStartTimestamp, ClientRequestPath, RayID"


def test_unknown_fields_are_shown():
    with pytest.raises(InputError, match=r"log: is of no known dialect \(a, b c\); name it with --dialect"):
        recognise(frozenset({"b\nc", "a"}))
    with pytest.raises(InputError, match="no fields"):
        recognise(frozenset())


def test_two_dialects_that_fit_equally_are_not_chosen_between():
    # Either would feed three columns.
    envoy, ecs = (
        {"start_time", "path", "response_code"},
        {"@timestamp", "http.request.method", "http.version"},
    )
    with pytest.raises(InputError, match="fits the dialects envoy and ecs equally well; choose one"):
        recognise(frozenset(envoy | ecs))
    assert recognise(frozenset(envoy | ecs | {"method"}))[0].name == "envoy"


@pytest.mark.parametrize("name", DIALECTS)
def test_every_native_column_is_fed_or_said_to_be_missing(name):
    dialect = load_dialect(name)
    lacked = [column for lack in dialect.lacks for column in lack.columns]
    assert len(lacked) == len(set(lacked))
    assert dialect.about
    assert dialect.source
    assert dialect.feeds | set(lacked) == set(REQUEST)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_frame_without_any_field_is_no_error(name):
    mapped = load_dialect(name).to_native(pl.LazyFrame({"row": [0, 1], "other": ["x", "y"]}))
    rows = mapped.collect()
    assert rows.columns == ["row"]


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "otel"])
def test_all_text_as_in_csv_reads_the_same(name):
    """A nested value is JSON text there, and a name with dots is one name."""
    dialect = load_dialect(name)
    records = [json.loads(line) for line in lines_of(name)]
    wide = sorted({key for record in records for key in record})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(wide)
    for record in records:
        held = (record.get(key) for key in wide)
        writer.writerow(
            "" if one is None else one if isinstance(one, str) else json.dumps(one) for one in held
        )
    table = pl.read_csv(io.BytesIO(text.getvalue().encode()), infer_schema=False)
    expected = native(dialect, read_lines(dialect, records))
    read = native(dialect, table)
    # What is empty cannot be told from what is missing in CSV, and columns may be missing at all.
    for column in read.columns:
        if column not in {"path", "header_values", "header_names", "headers_complete"}:
            assert read[column].to_list() == expected[column].to_list(), column


def test_tables_with_types_of_their_own():
    dialect = load_dialect("aws_waf")
    headers = [{"name": "User-Agent", "value": "a/1"}, {"name": "x-app", "value": "cli"}]
    frame = pl.DataFrame(
        {
            "timestamp": [NOON],
            "httpRequest": [{"uri": "/v1/messages?x", "headers": headers, "clientIp": "192.0.2.7"}],
            "clientAsn": pl.Series([3320], dtype=pl.UInt32),
            "oversizeFields": [["REQUEST_BODY"]],
        }
    )
    (row,) = native(dialect, frame).to_dicts()
    assert row == {
        "row": 0,
        "timestamp": NOON,
        "path": "/v1/messages",
        "user_agent": "a/1",
        "header_names": ["User-Agent", "x-app"],
        "headers_complete": None,
        "header_values": [{"name": "x-app", "value": "cli"}],
        "client_ip": "192.0.2.7",
        "asn": 3320,
    }


def test_a_map_of_attributes():
    entries = [{"key": "url.path", "value": "/"}, {"key": "http.request.method", "value": "HEAD"}]
    frame = pl.DataFrame({"timeUnixNano": [SECONDS * 10**9], "attributes": [entries]})
    (row,) = native(load_dialect("otel"), frame).to_dicts()
    assert (row["timestamp"], row["path"], row["method"]) == (NOON, "/", "HEAD")


def test_records_of_one_line_share_its_row():
    span = {
        "startTimeUnixNano": str(SECONDS * 10**9),
        "attributes": [{"key": "url.path", "value": {"stringValue": "/"}}],
    }
    line = {"resourceSpans": [{"scopeSpans": [{"spans": [span, span]}, {"spans": [span]}]}]}
    dialect = load_dialect("otel")
    assert native(dialect, read_lines(dialect, [{}, line]))["row"].to_list() == [1, 1, 1]


def test_cache_tokens_above_the_total_leave_the_input_unknown():
    record = {
        "attributes.url.path": "/",
        "attributes.gen_ai.usage.input_tokens": 5,
        "attributes.gen_ai.usage.cache_read.input_tokens": 9,
    }
    dialect = load_dialect("otel")
    assert native(dialect, read_lines(dialect, [record]))["input_tokens"].to_list() == [None]


@pytest.mark.parametrize("duration", ["1e300", "nan", "inf", "-5", "x", None])
def test_an_impossible_duration_does_not_move_the_arrival(duration):
    dialect = load_dialect("nginx")
    record = {"msec": str(SECONDS), "request_time": duration, "request_uri": "/"}
    (arrival,) = native(dialect, read_lines(dialect, [record]))["timestamp"].to_list()
    assert NOON - timedelta(days=12) < arrival <= NOON


def test_the_form_without_a_header_row():
    dialect = load_dialect("cloudfront")
    values = dict.fromkeys(dialect.order, "-") | {"timestamp": f"{SECONDS}.500", "time-taken": "0.500"}
    values |= {"cs-uri-stem": "/", "cs-header-names": "host%0Aaccept%0A", "cs-headers-count": "3"}
    line = "\t".join(values[name] for name in dialect.order)
    frame = pl.read_csv(
        io.BytesIO(line.encode()),
        separator="\t",
        has_header=False,
        new_columns=dialect.order,
        infer_schema=False,
    )
    (row,) = native(dialect, frame).to_dicts()
    assert (row["timestamp"], row["path"], row["header_names"]) == (NOON, "/", ["host", "accept"])
    assert row["headers_complete"] is False


@pytest.mark.parametrize(
    ("names", "count", "complete"),
    [
        ("a%0Ab%0A", "2", True),
        ("a%0Ab%0A", "3", False),
        ("a%0Ab", None, False),
        ("a%0Ab%0A", None, True),
        ("a" * 797 + "%0A", None, False),
        ("a" * 796 + "%0A", None, True),
        (None, "2", None),
    ],
)
def test_a_cut_list_is_not_complete(names, count, complete):
    dialect = load_dialect("cloudfront")
    frame = read_lines(dialect, [{"cs-header-names": names, "cs-headers-count": count}])
    assert native(dialect, frame)["headers_complete"].to_list() == [complete]


SAFE = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
WHOLE = st.integers(0, 10**6)
ROW = st.fixed_dictionaries(
    {
        "timestamp": st.integers(0, 10**9).map(lambda us: NOON + timedelta(milliseconds=us)),
        "path": SAFE.map(lambda text: f"/{text}"),
        "method": st.sampled_from(["POST", "GET", None]),
        "status": st.sampled_from([200, 429, None]),
        "duration_ms": st.none() | WHOLE.map(float),
        "user_agent": st.none() | SAFE,
        "client_ip": st.sampled_from(["192.0.2.7", "2001:db8::1", None]),
        "account_id": SAFE,
        "asn": st.none() | st.integers(1, 2**32),
        "output_tokens": st.none() | WHOLE,
    }
)


def nested(flat):
    """Put fields with dots into objects."""
    record = {}
    for address, value in flat.items():
        *outer, last = address.split(".")
        inside = record
        for name in outer:
            inside = inside.setdefault(name, {})
        inside[last] = value
    return record


def exported(name, row):
    """Write a native row as the dialect would have it."""
    start = row["timestamp"]
    ms = row["duration_ms"]
    end = start + timedelta(milliseconds=ms or 0)
    seconds = None if ms is None else f"{ms / 1000:.3f}"
    us = timedelta(microseconds=1)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    ns, end_ns = ((time - epoch) // us * 1000 for time in (start, end))
    own = {
        "cloudflare": {
            "EdgeStartTimestamp": ns,
            "EdgeEndTimestamp": None if ms is None else end_ns,
            "ClientRequestPath": row["path"],
            "ClientRequestMethod": row["method"],
            "EdgeResponseStatus": row["status"],
            "ClientRequestUserAgent": row["user_agent"],
            "ClientIP": row["client_ip"],
            "ClientASN": row["asn"],
        },
        "nginx": {
            "msec": f"{end_ns // 10**6 / 1000:.3f}",
            "request_time": seconds,
            "request_uri": f"{row['path']}?q",
            "request_method": row["method"],
            "status": row["status"],
            "http_user_agent": row["user_agent"],
            "remote_addr": row["client_ip"],
            **{key: row[key] for key in ("account_id", "asn", "output_tokens")},
        },
        "envoy": {
            "start_time": start.isoformat(),
            "duration": None if ms is None else str(int(ms)),
            "path": row["path"],
            "method": row["method"] or "-",
            "response_code": row["status"] or 0,
            "user_agent": row["user_agent"],
            "downstream_remote_address_without_port": row["client_ip"],
            **{key: row[key] for key in ("account_id", "asn", "output_tokens")},
        },
        "aws_waf": nested(
            {
                "timestamp": ns // 10**6,
                "httpRequest.uri": row["path"],
                "httpRequest.httpMethod": row["method"],
                "responseCodeSent": row["status"],
                "httpRequest.headers": [{"name": "User-Agent", "value": row["user_agent"]}],
                "httpRequest.clientIp": row["client_ip"],
                "clientAsn": row["asn"],
            }
        ),
        "cloudfront": {
            "timestamp": f"{end_ns // 10**6 / 1000:.3f}",
            "time-taken": seconds or "-",
            "cs-uri-stem": row["path"],
            "cs-method": row["method"] or "-",
            "sc-status": str(row["status"] or "000"),
            "cs-user-agent": row["user_agent"] or "-",
            "c-ip": row["client_ip"] or "-",
            "asn": str(row["asn"] or "-"),
        },
        "ecs": nested(
            {
                "@timestamp": end.isoformat(),
                "event.start": start.isoformat(),
                "event.duration": None if ms is None else int(ms * 10**6),
                "url.path": row["path"],
                "http.request.method": row["method"],
                "http.response.status_code": row["status"],
                "user_agent.original": row["user_agent"],
                "source.ip": row["client_ip"],
                "source.as.number": row["asn"],
                "user.id": row["account_id"],
            }
        ),
        "ocsf": nested(
            {
                "time": ns // 10**6,
                "duration": ms,
                "http_request.url.path": row["path"],
                "http_request.http_method": row["method"],
                "http_response.code": row["status"],
                "http_request.user_agent": row["user_agent"],
                "src_endpoint.ip": row["client_ip"],
                "src_endpoint.autonomous_system.number": row["asn"],
                "actor.user.uid": row["account_id"],
            }
        ),
        "otel": {
            "startTimeUnixNano": str(ns),
            "endTimeUnixNano": None if ms is None else str(end_ns),
            "attributes": {
                "url.path": row["path"],
                "http.request.method": row["method"],
                "http.response.status_code": row["status"],
                "user_agent.original": row["user_agent"],
                "client.address": row["client_ip"],
                "user.id": row["account_id"],
                "gen_ai.usage.output_tokens": row["output_tokens"],
            },
        },
        "native": {**row, "timestamp": start.isoformat()},
    }
    return own[name]


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=15, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=5))
def test_exported_rows_come_back(name, rows):
    dialect = load_dialect(name)
    read = native(dialect, read_lines(dialect, [exported(name, row) for row in rows]))
    carried = [column for column in rows[0] if column in read.columns]
    assert {"timestamp", "path", "method", "status", "user_agent", "client_ip"} <= set(carried)
    # WAF carries no duration, OpenTelemetry no network, edges no account.
    assert read.select(carried).to_dicts() == [{key: row[key] for key in carried} for row in rows]
