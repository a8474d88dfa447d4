import polars as pl
import pytest

from detector.ingest.fingerprints import FACTS, facts_code, http_version, normalised
from detector.schema import REQUEST


def facts(*rows):
    schema = {name: REQUEST[name] for name in FACTS}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def codes(*rows):
    return facts(*rows).with_columns(*normalised()).select(facts_code()).to_series().to_list()


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("HTTP/1.1", "1.1"),
        ("1.1", "1.1"),
        ("http/1.0", "1.0"),
        ("HTTP/2.0", "2"),
        ("HTTP/2", "2"),
        ("h2", "2"),
        ("2.0", "2"),
        (" 2 ", "2"),
        ("h3", "3"),
        ("h3-29", "3"),
        ("HTTP/3.0", "3"),
        ("spdy", "spdy"),
        (None, None),
    ],
)
def test_http_versions(version, expected):
    frame = pl.DataFrame({"http_version": [version]}, schema={"http_version": pl.String})
    assert frame.select(http_version("http_version")).item() == expected


CURL = ("curl/8", ["Host", "Accept"], True, None, "HTTP/1.1", None)
BARE = (None, None, None, None, None, None)
NODE = ("node", ["host"], None, [{"name": "x-app", "value": "cli"}], "2", "t13")


def test_codes_follow_content_not_order():
    assert codes(NODE, CURL, BARE, CURL) == [codes(row)[0] for row in (NODE, CURL, BARE, CURL)]
    assert len(set(codes(CURL, BARE, NODE))) == 3


def test_facts_that_differ_in_spelling_only_share_a_code():
    same = codes(CURL, (*CURL[:4], "1.1", None), ("curl/8", ["Host", None, "Accept"], *CURL[2:]))
    assert len(set(same)) == 1


def test_codes_tell_near_misses_apart():
    near = [
        ("a", ["ab", "c"], None, None, None, None),
        ("a", ["a", "bc"], None, None, None, None),
        ("a", ["abc"], None, None, None, None),
        ("a", [], None, None, None, None),
        ("a", None, None, None, None, None),
        ("a", None, False, None, None, None),
        (None, None, None, None, "a", None),
        (None, None, None, None, None, "a"),
        ("a", None, None, [], None, None),
    ]
    assert len(set(codes(*near))) == len(near)
