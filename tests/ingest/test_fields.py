import re

import polars as pl
import pytest

from detector.ingest.fields import KEY_VALUES, contains, find, parts, read_types, single


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


def test_values_of_otlp_attributes():
    held = [
        {"key": "i", "value": {"intValue": "5"}},
        {"key": "b", "value": {"boolValue": "true"}},
        {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "s"}, {"stringValue": "t"}]}}},
        {"key": "e", "value": None},
    ]
    frame = pl.DataFrame({"at": pl.Series([held, [], None], dtype=KEY_VALUES)})
    read = {key: values(f"at.{key}", frame) for key in ("i", "b", "l[]", "e", "none")}
    none = [[None, None, None]]
    assert read == {
        "i": [["5", None, None]],
        "b": [["true", None, None]],
        "l[]": [["s", None, None]],
        "e": none,
        "none": none,
    }


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


def test_a_name_that_is_value_and_object_is_read_as_text():
    assert read_types({"a": pl.String(), "a.b": pl.String()}, ()) == {"a": pl.String(), "a.b": pl.String()}


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
