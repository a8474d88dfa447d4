import json
import re

import polars as pl
import pytest

from detector.ingest.dialects.fields import KEY_VALUES, contains, find, parts, read_types, single, spread


def values(address, frame):
    frame = frame.lazy()
    found = [single(one) for one in find(address, frame.collect_schema())]
    return [frame.select(one.read).collect().to_series().to_list() for one in found if one is not None]


@pytest.mark.parametrize("address", ["", "a..b", ".a", "a]", "a[b", "a[b=c", "it's", "a[b]"])
def test_no_address(address):
    with pytest.raises(ValueError, match=rf"^{re.escape(address)}$"):
        parts(address)


def test_dots_inside_brackets_do_not_split():
    assert parts("a.b[key=x.y].value") == ["a", "b[key=x.y]", "value"]


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"http.request.method": ["POST"]}),
        pl.DataFrame({"http": [{"request": {"method": "POST"}}]}),
        pl.DataFrame({"http": [{"request.method": "POST"}]}),
        pl.DataFrame({"http.request": [{"method": "POST"}]}),
        pl.DataFrame(
            {"http": [[{"key": "other", "value": "x"}, {"key": "request.method", "value": "POST"}]]}
        ),
        pl.DataFrame({"http.request.method": [["POST", "GET"]]}),
    ],
)
def test_one_address_finds_every_way_to_write_it(frame):
    assert values("http.request.method", frame) == [["POST"]]


def test_fields_inside_json_text():
    texts = ['{"a": {"b": 1}}', '{"a.b": "2"}', "bad", "[]", None]
    first, second = sorted(values("held.a.b", pl.DataFrame({"held": texts})), key=str, reverse=True)
    merged = [one if one is not None else other for one, other in zip(first, second, strict=True)]
    assert merged == ["1", "2", None, None, None]


def test_the_first_element_with_a_key():
    listed = pl.Series([[{"type_id": 3, "value": "h"}, {"type_id": 1, "value": "c"}], [], None])
    assert values("prints[type_id=1].value", pl.DataFrame({"prints": listed})) == [["c", None, None]]
    assert values("prints[other=1].value", pl.DataFrame({"prints": listed})) == []


ATTRIBUTES = [
    {"key": "s", "value": {"stringValue": 'a "b" 1'}},
    {"key": "i", "value": {"intValue": "5"}},
    {"key": "b", "value": {"boolValue": True}},
    {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "first"}, {"stringValue": "next"}]}}},
    {"key": "i", "value": {"intValue": "6"}},
    {"key": "e", "value": {}},
    {"key": "secret", "value": {"stringValue": "x"}},
]


def test_attributes_of_otlp_become_columns():
    odd = [{"key": "s", "value": "bad"}, {"key": None, "value": None}, None]
    lines = [{"row": 7, "at": ATTRIBUTES}, {"row": 8, "at": odd}, {"row": 9, "at": []}, {"row": 9}]
    text = "\n".join(map(json.dumps, lines)).encode()
    frame = pl.read_ndjson(text, schema={"row": pl.Int64, "at": KEY_VALUES}, ignore_errors=True)
    spreaded = spread(frame.lazy(), "at", ["s", "i", "b", "l", "e", "none"]).collect()
    none = [None] * 4
    assert spreaded.to_dict(as_series=False) == {
        "row": [7, 8, 9, 9],
        "at.b": ["true", *none[1:]],
        "at.e": none,
        "at.i": ["5", *none[1:]],
        "at.l": ["first", *none[1:]],
        "at.none": none,
        "at.s": ['a "b" 1', *none[1:]],
    }


def test_attributes_with_types_of_their_own_become_columns():
    held = [
        {"key": "i", "value": {"stringValue": None, "intValue": 5}},
        {"key": "s", "value": {"stringValue": "a", "intValue": None}},
    ]
    frame = pl.LazyFrame({"at": [held]})
    assert spread(frame, "at", ["i", "s"]).collect().to_dicts() == [{"at.i": "5", "at.s": "a"}]
    assert spread(pl.LazyFrame({"at": [1]}), "at", ["i"]).collect().to_dicts() == [{"at": 1}]


def test_a_struct_is_no_single_value():
    assert values("a", pl.DataFrame({"a": [{"b": 1}]})) == []


def test_how_to_read_lines():
    types = {"a": pl.String(), "b.c.d": pl.String(), "e[]": pl.List(pl.String), "f[t=1].v": pl.String()}
    assert read_types(types, ()) == {
        "a": pl.String(),
        "b.c.d": pl.String(),
        "b": pl.Struct({"c.d": pl.String(), "c": pl.Struct({"d": pl.String()})}),
        "e": pl.List(pl.String),
        "f": pl.List(pl.Struct({"t": pl.String(), "v": pl.String()})),
    }
    assert read_types({"k.x": pl.String()}, ("k",)) == {"k": KEY_VALUES}


def test_a_name_that_is_value_and_object_is_read_as_object():
    read = read_types({"a.b": pl.String(), "a": pl.String()}, ())
    assert read == {"a": pl.Struct({"b": pl.String()}), "a.b": pl.String()}


@pytest.mark.parametrize(
    ("fields", "address", "held"),
    [
        ({"a.b"}, "a.b", True),
        ({"a.b"}, "a", True),
        ({"a.b"}, "a.c", False),
        ({"ab"}, "a", False),
        ({"a[].b[].key"}, "a.b", True),
        ({"at[].key", "at[].value"}, "at.url.path", True),
        ({"at.key"}, "at.url.path", False),
        ({"p[].type_id"}, "p[type_id=1]", True),
    ],
)
def test_field_paths_hold_an_address(fields, address, held):
    assert contains(fields, address) is held
