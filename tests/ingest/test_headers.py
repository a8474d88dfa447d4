import json

import polars as pl
import pytest

from detector.ingest.headers import header_names, header_pairs, is_ordered

SENT = [{"name": "Host", "value": "h"}, {"name": "X-App", "value": "cli"}]


def read(expression, values):
    return (
        pl.DataFrame({"held": values})
        .lazy()
        .select(expression)
        .collect(engine="streaming")
        .to_series()
        .to_list()
    )


def names(values):
    return read(header_names(pl.col("held"), values.dtype), values)


def pairs(values, wanted=("x-app",)):
    return read(header_pairs(pl.col("held"), values.dtype, wanted), values)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([SENT]),
        pl.Series([[{"key": one["name"], "value": one["value"]} for one in SENT]]),
        pl.Series([[["Host", "h"], ["X-App", "cli"]]]),
        pl.Series([{"X-App": "cli", "Host": "h"}]),
        pl.Series([json.dumps(SENT)]),
        pl.Series([json.dumps([["Host", "h"], ["X-App", "cli"]])]),
        pl.Series([json.dumps({"X-App": "cli", "Host": "h"})]),
        pl.Series([json.dumps({"X-App": ["cli"], "Host": ["h"]})]),
    ],
)
def test_every_container_gives_names_and_wanted_values(values):
    assert names(values) == [["Host", "X-App"]]
    assert pairs(values) == [[{"name": "X-App", "value": "cli"}]]


def test_a_list_of_names_has_no_values():
    assert names(pl.Series(['["Host", "X-App"]', "[]", None])) == [["Host", "X-App"], [], None]
    assert header_pairs(pl.col("held"), pl.List(pl.String), ["x-app"]) is None


@pytest.mark.parametrize("text", ["", "{broken", "5", '"Host"', "null", "[" * 100_000, "9" * 5000])
def test_text_that_is_no_container_is_null(text):
    assert names(pl.Series([text])) == [None]
    assert pairs(pl.Series([text])) == [None]


def test_a_name_that_cannot_be_read_is_null_in_its_place():
    assert names(pl.Series(['["Host", 1, {"value": "x"}, ["a"], null]'])) == [["Host", "1", None, None, None]]
    assert names(pl.Series([[{"name": None, "value": "x"}, {"name": "b", "value": None}]])) == [[None, "b"]]


def test_half_a_character_becomes_a_question_mark():
    assert pairs(pl.Series(['{"x-app": "\\ud800"}'])) == [[{"name": "x-app", "value": "?"}]]


def test_each_text_is_read_for_its_own_row():
    texts = pl.Series(['["b"]', '["a"]', None, '["b"]', "bad"])
    assert names(texts) == [["b"], ["a"], None, ["b"], None]


def test_values_of_other_headers_stay_where_they_are():
    secret = pl.Series(['[{"name": "Authorization", "value": "Bearer s"}]'])
    assert pairs(secret) == [[]]


def test_order_is_lost_in_objects_and_maps():
    texts = pl.Series([' {"a": "b"}', '["a"]'])
    assert read(is_ordered(pl.col("held"), pl.String()), texts) == [False, True]
    for dtype, ordered in [
        (pl.List(pl.String), True),
        (pl.List(pl.Struct({"name": pl.String, "value": pl.String})), True),
        (pl.List(pl.Struct({"key": pl.String, "value": pl.String})), False),
        (pl.Struct({"name": pl.String}), False),
    ]:
        assert pl.select(is_ordered(pl.lit(None), dtype)).item() is ordered
