import polars as pl
import pytest

from detector.ingest.fingerprints import FACTS
from detector.schema import RELATED, REQUEST
from detector.settings import default_settings
from detector.verdict.related import RELATED_MOST, related

HOME, CAFE, OFFICE = 2**40 + 1, 2**40 + 2, 2**40 + 3
MANY = 400
"""Accounts of a log in which eight (2 %) may show a tool set or a header list."""

AGENT = "claude-cli/2.1.330 (external, cli)"


def name(account):
    return f"a{account:03}"


def frame(rows, **columns):
    return pl.DataFrame(rows, columns, orient="row")


def fingerprints(*lists, **facts):
    rows = [
        {"fingerprint": code, "user_agent": AGENT, "header_names": names} | facts
        for code, names in enumerate(lists)
    ]
    return pl.DataFrame(
        [{name: row.get(name) for name in ("fingerprint", *FACTS)} for row in rows],
        schema={"fingerprint": pl.UInt32, **{name: REQUEST[name] for name in FACTS}},
    )


class Log:
    """A log in which every account has one session of its own number, and shares nothing."""

    def __init__(self, accounts=MANY):
        self.accounts = accounts
        self.devices, self.places, self.tools, self.lists = {}, [], [], []
        self.flagged, self.extra = set(), []
        self.fingerprints = fingerprints()

    def related(self, *part, turn=False):
        """Ask for accounts or, by (session, account), for sessions; in either order of rows."""
        own = [(one, one) if isinstance(one, int) else one for one in part]
        sessions = [(i, i, self.devices.get(i)) for i in range(self.accounts)] + self.extra
        marks = [(session, 0, place, 1) for session, place in self.places]
        marks += [(session, code, None, 1) for session, code in self.lists]
        number = {"session": pl.UInt32, "account": pl.UInt32}
        tables = {
            "sessions": frame(sessions, **number, device=pl.UInt64),
            "marks": frame(
                marks, session=pl.UInt32, fingerprint=pl.UInt32, network=pl.UInt64, requests=pl.Int64
            ),
            "tools": frame(self.tools, session=pl.UInt32, tools_hash=pl.UInt64),
            "part": frame(own, **number),
            "accounts": frame(
                [(i, name(i), i in self.flagged) for i in range(self.accounts)],
                account=pl.UInt32,
                account_id=pl.String,
                flagged=pl.Boolean,
            ),
            "facts": self.fingerprints,
        }
        if turn:
            tables = {key: table[list(range(table.height))[::-1]] for key, table in tables.items()}
        part, accounts, facts = (tables.pop(key) for key in ("part", "accounts", "facts"))
        summary = {key: table.lazy() for key, table in tables.items()}
        found = related(part, summary, facts, accounts, default_settings())
        assert found.schema == RELATED
        return found.rows()


@pytest.fixture
def log():
    return Log()


def test_one_account_alone_has_no_row(log):
    log.places = [(0, HOME), (1, CAFE)]
    log.devices = {0: 7, 1: 8}
    log.tools = [(0, 5)]
    assert log.related(0, 1) == []
    assert log.related() == []


def test_an_address_names_who_else_is_there_flagged_ones_first(log):
    log.places = [(account, HOME) for account in (9, 3, 5, 1, 7, 2, 8)] + [(4, CAFE)]
    log.flagged = {3, 5, 8}
    others = ["a005", "a008", "a001", "a002", "a007"]
    assert log.related(3) == [("a003", "address", 6, 2, others)]
    assert log.related(3, turn=True) == log.related(3)


def test_an_account_that_is_met_at_two_addresses_counts_once(log):
    log.places = [(0, HOME), (0, CAFE), (1, HOME), (1, CAFE), (2, CAFE), (3, OFFICE), (0, HOME)]
    assert log.related(0) == [("a000", "address", 2, 0, ["a001", "a002"])]


def test_the_number_of_an_operator_is_no_address(log):
    log.places = [(0, 2**32 - 1), (1, 2**32 - 1), (2, 2**32), (3, 2**32)]
    assert log.related(0, 2) == [("a002", "address", 1, 0, ["a003"])]


def test_only_the_sessions_in_question_speak_for_the_account(log):
    # session 400 of account 0 rides; session 0 is the person's, at home with account 1
    log.extra = [(MANY, 0, None)]
    log.places = [(0, HOME), (1, HOME), (MANY, CAFE), (2, CAFE)]
    assert log.related((MANY, 0)) == [("a000", "address", 1, 0, ["a002"])]
    # of others all sessions count
    log.extra += [(MANY + 1, 3, None)]
    log.places += [(MANY + 1, CAFE)]
    assert log.related((MANY, 0)) == [("a000", "address", 2, 0, ["a002", "a003"])]


@pytest.mark.parametrize(("sharers", "expected"), [(RELATED_MOST, 1), (RELATED_MOST + 1, 0)])
def test_what_a_company_shares_says_nothing(log, sharers, expected):
    log.places = [(account, HOME) for account in range(sharers)]
    log.devices = dict.fromkeys(range(sharers), 7)
    found = log.related(0)
    assert [row[1:4] for row in found] == [
        ("address", sharers - 1, 0),
        ("device", sharers - 1, 0),
    ] * expected


@pytest.mark.parametrize(("sharers", "expected"), [(8, 1), (9, 0)])
def test_tools_and_headers_that_many_show_say_nothing(log, sharers, expected):
    log.fingerprints = fingerprints(["Host", "X-Odd"])
    log.tools = [(account, 5) for account in range(sharers)]
    log.lists = [(account, 0) for account in range(sharers)]
    assert [row[1:3] for row in log.related(0)] == [("tools", 7), ("headers", 7)] * expected


def test_in_a_large_log_the_number_counts_and_no_longer_the_share():
    log = Log(10 * MANY)
    log.tools = [(account, 5) for account in range(RELATED_MOST)]
    assert [row[1:3] for row in log.related(0)] == [("tools", RELATED_MOST - 1)]
    log.tools.append((RELATED_MOST, 5))
    assert log.related(0) == []


def test_a_common_value_does_not_hide_a_rare_one(log):
    log.tools = [(account, 5) for account in range(100)] + [(0, 6), (200, 6)]
    assert log.related(0) == [("a000", "tools", 1, 0, ["a200"])]


def test_lists_are_equal_by_their_names_whoever_claims_them_and_whatever_the_way(log):
    odd = ["Host", "X-Odd"]
    log.fingerprints = pl.concat(
        [
            fingerprints(odd, ["Via", *odd], ["X-Odd", "Host"]),
            fingerprints(odd, user_agent="other/1").with_columns(fingerprint=pl.lit(3, pl.UInt32)),
        ]
    )
    log.lists = [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert log.related(0) == [("a000", "headers", 2, 0, ["a001", "a003"])]
    assert log.related(0, turn=True) == log.related(0)


@pytest.mark.parametrize(
    "facts",
    [fingerprints(["Host"], headers_complete=False), fingerprints(None), fingerprints([])],
    ids=["cut", "not logged", "empty"],
)
def test_a_list_that_is_not_known_is_shared_with_nobody(log, facts):
    log.fingerprints = facts
    log.lists = [(0, 0), (1, 0)]
    assert log.related(0) == []


def test_rows_come_by_account_then_address_device_tools_headers(log):
    log.fingerprints = fingerprints(["Host", "X-Odd"])
    log.lists = [(0, 0), (1, 0)]
    log.tools = [(0, 5), (1, 5)]
    log.devices = {0: 7, 1: 7}
    log.places = [(0, HOME), (1, HOME)]
    log.flagged = {1}
    kinds = ("address", "device", "tools", "headers")
    expected = [("a000", by, 1, 1, ["a001"]) for by in kinds]
    expected += [("a001", by, 1, 0, ["a000"]) for by in kinds]
    assert log.related(1, 0) == expected
    assert log.related(1, 0, turn=True) == expected
