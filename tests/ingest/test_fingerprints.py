import polars as pl
import pytest

from detector.ingest.fingerprints import FACTS, FACTS_KEY, facts_key, http_version, number_facts
from detector.schema import REQUEST


def facts(*rows):
    schema = {name: REQUEST[name] for name in FACTS}
    return pl.DataFrame(list(rows), schema=schema, orient="row").select(*FACTS, facts_key())


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
    ways = [facts(CURL, BARE, NODE), facts(NODE, CURL, BARE, CURL)]
    tables = [number_facts(way)[0] for way in ways]
    assert tables[0].equals(tables[1])
    assert tables[0].get_column("fingerprint").to_list() == [0, 1, 2]
    assert tables[0].get_column("user_agent").to_list() == [None, "curl/8", "node"]
    assert tables[0].schema == {"fingerprint": pl.UInt32, **{name: REQUEST[name] for name in FACTS}}


def test_every_key_has_the_code_of_its_facts():
    rows = facts(CURL, BARE, NODE)
    table, codes = number_facts(rows)
    joined = rows.select(FACTS_KEY, "user_agent").join(codes, on=FACTS_KEY).join(table, on="fingerprint")
    assert joined.height == 3
    assert joined.select(pl.col("user_agent").eq_missing(pl.col("user_agent_right")).all()).item()


def test_facts_that_differ_in_spelling_only_share_a_code():
    table, codes = number_facts(
        facts(CURL, (*CURL[:4], "1.1", None), ("curl/8", ["Host", None, "Accept"], *CURL[2:]))
    )
    assert table.height == 1
    assert codes.get_column("fingerprint").to_list() == [0, 0, 0]


def test_keys_tell_near_misses_apart():
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
    assert number_facts(facts(*near))[0].height == len(near)
