from datetime import UTC, datetime

import polars as pl
import pytest

from detector.ingest.fieldmap import Column, FieldMap, Headers

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def read(fieldmap, frame):
    native = fieldmap.native(frame.schema)
    return frame.lazy().select(native.values()).collect().to_dict(as_series=False)


def test_the_first_way_that_holds_a_value_wins():
    ways = FieldMap({"model": (Column("a"), Column("b"))}, missing=("-",))
    frame = pl.DataFrame({"a": ["x", "-", None], "b": [1, 2, 3]})
    assert read(ways, frame) == {"model": ["x", "2", "3"]}


@pytest.mark.parametrize(("unit", "ms"), [("s", 1500.0), ("ms", 1.5), ("us", 0.0015), ("ns", 0.000002)])
def test_units_of_a_duration(unit, ms):
    ways = FieldMap({"duration_ms": (Column("a", unit=unit),)})
    assert read(ways, pl.DataFrame({"a": ["1.5"]})) == {"duration_ms": [ms]}


@pytest.mark.parametrize(("unit", "seconds"), [("s", 1500.0), ("ms", 1.5)])
def test_units_of_retry_after(unit, seconds):
    ways = FieldMap({"retry_after_s": (Column("a", unit=unit),)})
    assert read(ways, pl.DataFrame({"a": [1500, None]})) == {"retry_after_s": [seconds, None]}


def test_a_span_between_times_of_different_types():
    ways = FieldMap({"duration_ms": (Column("start", until="end"),)})
    frame = pl.DataFrame({"start": [NOON, NOON], "end": ["2026-11-02T12:00:02.5Z", "soon"]})
    assert read(ways, frame) == {"duration_ms": [2500.0, None]}
    assert read(ways, frame.drop("end")) == {}


def test_an_arrival_is_the_end_less_the_duration():
    ways = FieldMap(
        {
            "timestamp": (Column("end", minus=("duration_ms",)),),
            "duration_ms": (Column("took", unit="s"),),
        }
    )
    frame = pl.DataFrame(
        {"end": ["2026-11-02T12:00:01.001Z", "2026-11-02T12:00:00Z"], "took": ["1.001", None]}
    )
    assert read(ways, frame)["timestamp"] == [NOON, NOON]
    assert read(ways, frame.drop("took"))["timestamp"][1] == NOON


def test_percent_encoding_is_undone_once():
    ways = FieldMap({"user_agent": (Column("a", percent=True),)})
    frame = pl.DataFrame({"a": ["a%2F1%20%2528x%2529", "100%", "%zz%c3%a4"]})
    assert read(ways, frame) == {"user_agent": ["a/1 %28x%29", "100%", "%zz%c3%a4"]}


def test_a_query_string_is_cut_off():
    assert read(FieldMap({"path": (Column("a"),)}), pl.DataFrame({"a": ["/x?token=s#y"]})) == {"path": ["/x"]}


@pytest.mark.parametrize(("complete", "said"), [("yes", True), ("no", False), ("unknown", None)])
def test_what_the_format_says_of_its_list(complete, said):
    ways = FieldMap(headers=Headers(names="sent", complete=complete))
    frame = pl.DataFrame({"sent": [["Host", "a"], ["Host", None], [], None]})
    assert read(ways, frame) == {
        "header_names": [["Host", "a"], ["Host"], [], None],
        "headers_complete": [said, False, said, None],
    }


@pytest.mark.parametrize("flags", [["X", "HEADERS"], "X,HEADERS"])
def test_a_field_that_says_that_headers_were_cut(flags):
    ways = FieldMap(headers=Headers(names="sent", complete="yes", cut_field="cut", cut_value="HEADERS"))
    frame = pl.DataFrame({"sent": [["a"], ["a"]], "cut": [flags, None]})
    assert read(ways, frame)["headers_complete"] == [False, True]


def test_the_last_value_of_a_cut_text_is_not_believed():
    ways = FieldMap(headers=Headers(pairs="sent", separator="|"))
    frame = pl.DataFrame({"sent": ["x-app:cli|accept:a%20b|", "x-app:cli|accept:a", "x-app", None]})
    values = read(ways, frame)["header_values"]
    assert [None if row is None else [tuple(one.values()) for one in row] for row in values] == [
        [("x-app", "cli"), ("accept", "a b")],
        [("x-app", "cli")],
        None,
        None,
    ]


def test_a_header_by_name_in_any_case():
    ways = FieldMap({"session_id": (Column("header:X-Session"),)}, Headers(pairs="sent"))
    frame = pl.DataFrame({"sent": ['{"x-SESSION": "s"}', '[["other", "t"]]']})
    assert read(ways, frame)["session_id"] == ["s", None]
    assert read(FieldMap({"session_id": (Column("header:x"),)}), frame) == {}
