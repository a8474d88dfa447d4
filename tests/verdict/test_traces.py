from datetime import UTC, datetime

import polars as pl
import pytest

from detector.features.fingerprint import POPULATION
from detector.ingest.fingerprints import FACTS
from detector.schema import ACTIVITY, HEADERS, REQUEST
from detector.settings import default_settings
from detector.verdict.traces import MOST_LISTS, activity, headers

NOON = int(datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp()) // 3600
TOLD = pl.DataFrame(
    {"session": [0, 1, 2], "account_id": ["a", "a", "b"], "flagged": [True, False, True]},
    schema_overrides={"session": pl.UInt32},
)
AGENT = "claude-cli/2.1.330 (external, cli)"
NAMES = ["Accept", "X-App", "Host"]
TOOL = ["Accept", "User-Agent", "X-Tool"]


# -- hours ----------------------------------------------------------------------


def hours(*rows):
    names = ("session", "hour", "requests", "served", "reported")
    types = {"session": pl.UInt32} | dict.fromkeys(names[1:], pl.Int32)
    return pl.DataFrame(rows, types, orient="row")


def test_hours_of_all_sessions_of_an_account_add_up_and_keep_the_flagged_part():
    found = activity(
        TOLD, hours((0, NOON, 5, 4, 1), (1, NOON, 3, 3, 2), (1, NOON - 1, 7, 7, 7), (2, NOON, 1, 0, 9))
    )
    assert found.schema == ACTIVITY
    assert found.rows() == [
        ("a", datetime(2026, 11, 2, 11, tzinfo=UTC), 7, 0, 7, 7, 0, 0),
        ("a", datetime(2026, 11, 2, 12, tzinfo=UTC), 8, 5, 7, 3, 4, 1),
        ("b", datetime(2026, 11, 2, 12, tzinfo=UTC), 1, 1, 0, 9, 0, 9),
    ]


def test_hours_of_other_accounts_are_left_out():
    assert activity(TOLD, hours((7, NOON, 5, 4, 1))).is_empty()


# -- headers --------------------------------------------------------------------


def prints(*lists, **common):
    rows = [
        {"fingerprint": code, "user_agent": AGENT, "header_names": names} | common
        for code, names in enumerate(lists)
    ]
    return pl.DataFrame(
        [{name: row.get(name) for name in ("fingerprint", *FACTS)} for row in rows],
        schema={"fingerprint": pl.Int64, **{name: REQUEST[name] for name in FACTS}},
    )


def marks(*rows):
    types = {"session": pl.UInt32, "fingerprint": pl.Int64, "network": pl.UInt64, "requests": pl.Int64}
    return pl.DataFrame(rows, types, orient="row")


@pytest.fixture(scope="module")
def sent():
    """Ask for the header lists of accounts; thirty accounts send the usual order."""
    usual = [
        ("claude-cli", "*", "order", "Accept,X-App,Host", 30.0, 30.0),
        ("claude-cli", "*", "core", "accept,x-app", 30.0, 30.0),
        ("litellm", "*", "core", "accept,user-agent,x-tool", 30.0, 0.0),
    ]
    known = pl.DataFrame(usual, POPULATION, orient="row")

    def ask(seen, facts):
        return headers(TOLD, seen, facts, [known], default_settings())

    return ask


def test_lists_stand_beside_the_expected_one_flagged_ones_first(sent):
    found = sent(marks((0, 0, 1, 5), (0, 0, 2, 1), (1, 1, 1, 90), (2, 1, 1, 2)), prints(NAMES[::-1], NAMES))
    assert found.schema == HEADERS
    assert found.rows() == [
        ("a", "claude-cli", "2.1.330", 6, 6, NAMES[::-1], NAMES, None, None),
        ("a", "claude-cli", "2.1.330", 90, 0, NAMES, NAMES, None, None),
        ("b", "claude-cli", "2.1.330", 2, 2, NAMES, NAMES, None, None),
    ]


def test_hop_headers_stay_in_what_was_seen_and_are_not_compared(sent):
    (row,) = sent(marks((0, 0, 1, 5)), prints(["Via", *NAMES])).rows()
    assert row[-4:-2] == (["Via", *NAMES], NAMES)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (prints(NAMES, headers_complete=False), None),
        (prints(NAMES, user_agent="nobody/1"), None),
        (prints(NAMES, user_agent=None), None),
        (prints(NAMES), NAMES),
    ],
    ids=["cut list", "unknown client", "no user agent", "whole list of a known client"],
)
def test_without_a_whole_list_of_a_known_client_nothing_is_expected(sent, facts, expected):
    (row,) = sent(marks((0, 0, 1, 5)), facts).rows()
    assert row[-4:-2] == (NAMES, expected)


HTTPX = ["Host", "Accept-Encoding", "Connection", *TOOL, "Content-Length"]
"""As httpx lays out the names of a tool."""


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (HTTPX, ("httpx", "litellm")),
        (["Via", *HTTPX], ("httpx", "litellm")),
        (
            [*TOOL, "Connection", "Accept-Encoding", "Host", "Content-Length"],
            ("http of Node.js or tornado", "litellm"),
        ),
        (["Host", "Accept-Encoding", "Connection", "Accept", "X-App", "Content-Length"], ("httpx", None)),
        (TOOL, (None, "litellm")),
        (["Host", *TOOL[:-1]], (None, None)),
        (NAMES, (None, None)),
    ],
)
def test_a_list_says_which_library_and_which_other_client_it_looks_like(sent, names, expected):
    (row,) = sent(marks((0, 0, 1, 5)), prints(names)).rows()
    assert row[-2:] == expected


@pytest.mark.parametrize(
    ("encoding", "library"), [("gzip, deflate", "aiohttp"), ("gzip, deflate, br, zstd", None)]
)
def test_what_a_proxy_can_make_of_the_clients_order_is_named_by_its_encoding(encoding, library):
    own = ["X-App", "Connection", "Host", "Accept-Encoding", "Content-Length"]
    known = pl.DataFrame([("claude-cli", "*", "order", ",".join(own), 30.0, 30.0)], POPULATION, orient="row")
    names = ["Host", "X-App", "Accept-Encoding", "Content-Length"]
    facts = prints(names, header_values=[{"name": "Accept-Encoding", "value": encoding}])
    (row,) = headers(TOLD, marks((0, 0, 1, 5)), facts, [known], default_settings()).rows(named=True)
    assert row["library"] == library


def test_a_cut_list_looks_like_nothing(sent):
    (row,) = sent(marks((0, 0, 1, 5)), prints(HTTPX, headers_complete=False)).rows()
    assert row[-2:] == (None, None)


def test_a_client_that_is_named_does_not_resemble_itself(sent):
    facts = pl.concat(
        [
            prints(HTTPX, user_agent="litellm/1.2"),
            prints(HTTPX).with_columns(fingerprint=pl.lit(1, pl.Int64)),
            prints(HTTPX, user_agent=None).with_columns(fingerprint=pl.lit(2, pl.Int64)),
        ]
    )
    found = sent(marks((0, 0, 1, 7), (0, 1, 1, 6), (0, 2, 1, 5)), facts)
    assert found.select("client", "resembles").rows() == [
        ("litellm", None),
        ("claude-cli", "litellm"),
        (None, "litellm"),
    ]


def test_requests_without_logged_headers_have_no_row(sent):
    assert sent(marks((0, 0, 1, 5)), prints(None)).is_empty()
    assert sent(marks((0, 0, 1, 5)), prints([])).is_empty()


def test_equal_lists_under_several_fingerprints_are_one_row(sent):
    facts = pl.concat(
        [prints(NAMES, ja4="x"), prints(NAMES, ja4="y").with_columns(fingerprint=pl.lit(1, pl.Int64))]
    )
    assert sent(marks((0, 0, 1, 5), (0, 1, 1, 6)), facts)["requests"].to_list() == [11]


def test_a_client_that_rotates_its_headers_fills_no_more_than_its_share(sent):
    lists = [[f"X-{i}", *NAMES] for i in range(3 * MOST_LISTS)]
    found = sent(marks(*((0, code, 1, code + 1) for code in range(len(lists)))), prints(*lists))
    assert found["requests"].to_list() == list(range(len(lists), len(lists) - MOST_LISTS, -1))


def test_the_order_of_rows_changes_nothing(sent):
    facts, seen = prints(NAMES, NAMES[::-1]), marks((0, 0, 1, 5), (0, 1, 2, 5), (2, 1, 1, 2))
    assert sent(seen.reverse(), facts[[1, 0]]).equals(sent(seen, facts))
