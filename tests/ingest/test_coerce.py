from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from detector.ingest.coerce import coerced
from detector.ingest.headers import HARMLESS_HEADERS
from detector.schema import REQUEST

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SECONDS = 1_793_620_800  # NOON since 1970


def read(name, values):
    expression = coerced(name, values.dtype)
    assert expression is not None
    frame = pl.DataFrame({name: values}).lazy().select(expression).collect(engine="streaming")
    assert frame.schema == {name: REQUEST[name]}
    return frame.to_series().to_list()


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-02T12:00:00Z",
        "2026-11-02T12:00:00+00:00",
        "2026-11-02t12:00:00z",
        "2026-11-02 12:00:00+00",
        "2026-11-02 12:00:00",
        "2026-11-02T12:00:00.000",
        "2026-11-02T14:00:00+02:00",
        "2026-11-02T07:00:00.000000-0500",
        " 2026-11-02T12:00:00.000000000Z ",
        str(SECONDS),
        f"{SECONDS}000",
        f"{SECONDS}000000",
        f"{SECONDS}.0",
    ],
)
def test_time_from_text(value):
    assert read("timestamp", pl.Series([value])) == [NOON]


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2026-11-02", "2026-13-02T12:00:00Z", "\x00", "nan", None]
)
def test_text_without_a_time_is_null(value):
    assert read("timestamp", pl.Series([value], dtype=pl.String)) == [None]


def test_fractions_of_a_second_are_kept_to_the_microsecond():
    texts = ["2026-11-02T12:00:00.5Z", "2026-11-02T12:00:00.123456789Z"]
    assert read("timestamp", pl.Series(texts)) == [
        NOON + timedelta(seconds=0.5),
        NOON + timedelta(microseconds=123456),
    ]


@pytest.mark.parametrize("scale", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt64, pl.Float64, pl.Int128])
def test_time_from_numbers_by_size(scale, dtype):
    assert read("timestamp", pl.Series([SECONDS * scale, None], dtype=dtype)) == [NOON, None]


def test_units_may_differ_row_by_row():
    assert read("timestamp", pl.Series([SECONDS, SECONDS * 1000, SECONDS * 10**6])) == [NOON] * 3


def test_float_seconds_round_to_the_microsecond():
    assert read("timestamp", pl.Series([SECONDS + 0.123456])) == [NOON + timedelta(microseconds=123456)]


def test_time_from_decimal():
    assert read("timestamp", pl.Series([Decimal(f"{SECONDS}.500")])) == [NOON + timedelta(seconds=0.5)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_impossible_float_times_are_null(value):
    assert read("timestamp", pl.Series([value])) == [None]


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1, 0, -1])
def test_extreme_integer_times_do_not_pass_for_believable_ones(value):
    years = pl.Series(read("timestamp", pl.Series([value])), dtype=pl.Datetime("us", "UTC")).dt.year()
    assert years.is_null().all() or not years.is_between(2015, 2100).all()


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_time_from_datetimes(unit, zone):
    column = pl.Series([NOON]).dt.cast_time_unit(unit).dt.convert_time_zone(zone or "UTC")
    if zone is None:
        column = column.dt.replace_time_zone(None)
    assert read("timestamp", column) == [NOON]


def test_milliseconds_too_large_for_microseconds_are_null():
    assert read("timestamp", pl.Series([2**62]).cast(pl.Datetime("ms"))) == [None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series(["a", "", None, " ", "a\x00\n"]), ["a", None, None, " ", "a\x00\n"]),
        (pl.Series([1, -2, None]), ["1", "-2", None]),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), ["18446744073709551615"]),
        (
            pl.Series([7.0, 2.5, float("nan"), float("inf"), 2.0**53, -3.0]),
            ["7", "2.5", None, None, None, "-3"],
        ),
        (pl.Series([Decimal("12.00"), Decimal("12.50")]), ["12", "12.50"]),
        (pl.Series(["x", None], dtype=pl.Categorical), ["x", None]),
        (pl.Series(["x"], dtype=pl.Enum(["x"])), ["x"]),
        (pl.Series([b"x", b""]), ["x", None]),
        (pl.Series([None]), [None]),
    ],
)
def test_text(values, expected):
    assert read("account_id", values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([0, 5, -1, None]), [0, 5, None, None]),
        (pl.Series([2**63 - 1, 2**63], dtype=pl.UInt64), [2**63 - 1, None]),
        (pl.Series([3.0, 3.5, float("nan"), float("inf"), -1.0, 1e30]), [3, None, None, None, None, None]),
        (pl.Series(["3", " 4 ", "5.0", "5.5", "x", "", "-1", "1e400", "9" * 30]), [3, 4, 5, *[None] * 6]),
        (pl.Series([Decimal(3), Decimal(-3)]), [3, None]),
        (pl.Series([Decimal("3.00"), Decimal("3.50")]), [3, None]),
        (pl.Series(["8"], dtype=pl.Categorical), [8]),
        (pl.Series([None]), [None]),
    ],
)
def test_counts(values, expected):
    assert read("input_tokens", values) == expected


def test_a_status_too_large_is_null():
    assert read("status", pl.Series([200, 2**31, -1])) == [200, None, None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([0.0, 1.5, -0.1, float("nan"), float("inf"), None]), [0.0, 1.5, None, None, None, None]),
        (pl.Series([2, -2]), [2.0, None]),
        (pl.Series(["1.5", " 2 ", "nan", "inf", "x", "", "-1"]), [1.5, 2.0, *[None] * 5]),
        (pl.Series([Decimal("1.5")]), [1.5]),
    ],
)
def test_durations(values, expected):
    assert read("duration_ms", values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([True, False, None]), [True, False, None]),
        (pl.Series([1, 0, 2, None]), [True, False, None, None]),
        (pl.Series([1.0, 0.0, float("nan")]), [True, False, None]),
        (
            pl.Series(["true", "FALSE", " True", "1", "0", "yes", ""]),
            [True, False, True, True, False, None, None],
        ),
    ],
)
def test_truth_values(values, expected):
    assert read("stream", values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([["B", "a"], [], None]), [["B", "a"], [], None]),
        (pl.Series([["B", None]], dtype=pl.List(pl.Categorical)), [["B", None]]),
        (pl.Series([["B"]], dtype=pl.List(pl.Enum(["B"]))), [["B"]]),
        (pl.Series([[b"B"]]), [["B"]]),
        (pl.Series([["B", "a"]], dtype=pl.Array(pl.String, 2)), [["B", "a"]]),
        (pl.Series([[], None], dtype=pl.List(pl.Null)), [[], None]),
        (pl.Series([None]), [None]),
    ],
)
def test_header_names(values, expected):
    assert read("header_names", values) == expected


def pairs(**headers):
    return [{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            pl.Series([pairs(X_App="cli", authorization="secret", accept=None), [], None]),
            [pairs(X_App="cli", accept=None), [], None],
        ),
        (pl.Series([pairs(cookie="secret")]), [[]]),
        (pl.Series([[{"key": "x-app", "value": "cli"}]]), [pairs(x_app="cli")]),
        (pl.Series([[{"value": 1, "name": "accept", "more": [1]}]]), [pairs(accept="1")]),
        (pl.Series([[None, {"name": None, "value": "x"}]]), [[]]),
        (pl.Series([{"name": "x-app", "value": "cli"}, None]), [pairs(x_app="cli"), None]),
        (pl.Series([{"name": "cookie", "value": "secret"}]), [[]]),
        (
            pl.Series([{"X-App": "cli", "Accept": None, "Cookie": "secret"}, {"Accept": "*/*"}, None]),
            [pairs(X_App="cli"), pairs(Accept="*/*"), None],
        ),
        (pl.Series([{"Cookie": "secret"}, None]), [[], None]),
        (pl.Series([None]), [None]),
        (pl.Series([[]], dtype=pl.List(pl.Null)), [[]]),
    ],
)
def test_header_values_keep_harmless_headers_only(values, expected):
    assert read("header_values", values) == expected


def test_header_values_of_a_struct_come_in_order_of_name():
    first = pl.Series([{"x-app": "cli", "Accept": "a"}])
    second = pl.Series([{"Accept": "a", "x-app": "cli"}])
    assert read("header_values", first) == read("header_values", second) == [pairs(Accept="a", x_app="cli")]


def test_the_retry_count_varies_by_request_and_is_no_fact_of_the_client():
    assert "x-stainless-retry-count" not in HARMLESS_HEADERS
    assert all(name == name.lower() for name in HARMLESS_HEADERS)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("timestamp", pl.List(pl.Int64)),
        ("timestamp", pl.Date()),
        ("timestamp", pl.Boolean()),
        ("account_id", pl.Boolean()),
        ("account_id", pl.List(pl.String)),
        ("account_id", pl.Datetime("us")),
        ("status", pl.Boolean()),
        ("input_tokens", pl.Struct({"a": pl.Int64})),
        ("duration_ms", pl.Duration("us")),
        ("duration_ms", pl.Boolean()),
        ("stream", pl.List(pl.Boolean)),
        ("header_names", pl.Int64()),
        ("header_names", pl.List(pl.Int64)),
        ("header_names", pl.List(pl.List(pl.Int64))),
        ("header_values", pl.List(pl.String)),
        ("header_values", pl.List(pl.Struct({"name": pl.String}))),
        ("header_values", pl.List(pl.Struct({"name": pl.String, "value": pl.List(pl.String)}))),
    ],
)
def test_impossible_types(name, dtype):
    assert coerced(name, dtype) is None


def test_a_date_is_no_arrival_time():
    assert coerced("timestamp", pl.Series([date(2026, 11, 2)]).dtype) is None
