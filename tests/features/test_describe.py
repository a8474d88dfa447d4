import polars as pl
import pytest

from detector.features.describe import describe_sessions, judge_headers, seen
from detector.features.fingerprint import MEASURES, POPULATION, WIRE
from detector.settings import default_settings

NAMES = ["Accept", "X-App", "X-Id", "Host"]

# -- seen ----------------------------------------------------------------------


def test_seen_counts_requests_in_scope_and_those_in_sessions_that_report(summed):
    rows = [
        {"at": 0, "session_id": "a"},
        {"at": 1, "session_id": "a", "kind": "telemetry"},
        {"at": 2, "session_id": "b"},
        {"at": 3, "session_id": "b"},
        {"at": 4, "session_id": "c", "auth": "api_key"},
        {"at": 5, "session_id": "d", "account": 1, "fingerprint": 1},
    ]
    table = seen(summed(*rows, facts=[{"user_agent": "a/1"}, {"user_agent": "b/1"}]))
    assert table.sort("account").rows() == [(0, 0, 3, 1), (1, 1, 1, 0)]


# -- describe_sessions -----------------------------------------------------------


@pytest.fixture(scope="module")
def described(summed, identified):
    """Described sessions of rows and fingerprints, against a population given by hand."""

    def build(*rows, facts, population=(), **common):
        table = pl.DataFrame(list(population), schema=POPULATION, orient="row")
        summary = summed(*rows, facts=facts, **common)
        headers = judge_headers(summary, identified(*facts), [table], default_settings())
        return describe_sessions(summary, headers)

    return build


def common_order(names, accounts=10_000, client="tool"):
    """A population in which everybody sends one order of names."""
    core = ",".join(sorted({name.lower() for name in names} - {"host"}))
    rows = (("core", core), ("order", ",".join(names)))
    return [(client, "*", aspect, value, accounts, accounts) for aspect, value in rows]


@pytest.mark.parametrize(
    ("agent", "auth", "cohort"),
    [
        ("tool/1 (external, cli)", None, "interactive"),
        ("tool/1 (external, sdk-cli)", None, "headless"),
        ("Mozilla/5.0 (X11)", None, "web"),
        ("tool/1 (external, sdk-cli)", "web", "web"),
        ("tool/1", "subscription", "interactive"),
    ],
)
def test_cohorts(described, agent, auth, cohort):
    table = described({"auth": auth, "session_id": "s"}, facts=[{"user_agent": agent}])
    assert table["cohort"].to_list() == [cohort]


def test_measures_are_means_over_the_requests_that_were_judged(described):
    facts = [
        {"user_agent": "tool/1", "header_names": NAMES},
        {"user_agent": "tool/1", "header_names": [*NAMES, "Y", "Z"]},
        {"user_agent": "tool/1", "header_names": None},
    ]
    rows = [{"at": at, "fingerprint": print_} for at, print_ in enumerate((0, 1, 1, 1, 2, 2))]
    (found,) = described(*rows, facts=facts, population=common_order(NAMES), session_id="s").to_dicts()
    # two names too many in three of the four requests whose headers are known
    assert (found["headers_extra"], found["headers_missing"], found["orders"]) == (1.5, 0, 2)
    assert (found["order_distance"], found["proxied"]) == (0, False)


def test_measures_that_nothing_was_judged_by_are_null(described):
    (found,) = described({"session_id": "s"}, facts=[{"user_agent": None}]).to_dicts()
    assert {found[name] for name in MEASURES} == {None}
    assert (found["proxied"], found["orders"]) == (False, 0)


# -- proxies -----------------------------------------------------------------------

RULES = default_settings().fingerprint
REPORT = {"kind": "telemetry", "telemetry_requests": 1}
FACTS = [
    {"user_agent": "tool/1", "header_names": NAMES},
    {
        "user_agent": "tool/1",
        "header_names": NAMES[::-1],
        "header_values": [{"name": "accept-encoding", "value": "x"}],
    },
    {"user_agent": "tool/1", "header_names": [*NAMES, "Via"]},
    {"user_agent": "tool/1", "header_names": ["Via", *NAMES[::-1]]},
    {"user_agent": "tool/1", "header_names": [*NAMES[1::-1], *NAMES[2:]]},
    {"user_agent": "tool/1", "header_names": ["host", "content-length", "x-app", "accept-encoding"]},
]
USUAL, REVERSED, VIA, REVERSED_VIA, SWAPPED, GO = range(len(FACTS))


@pytest.fixture(scope="module")
def at(described):
    """Order distance and whether it came through a proxy, of each account: (fingerprint, network)."""

    def build(*rows, names=("order_distance", "proxied"), report=()):
        asked = [
            {"account": account, "fingerprint": shown, "network": network}
            for account, (shown, network) in enumerate(rows)
        ]
        told = [{"account": account, "at": 1.0, **REPORT} for account in report]
        table = described(*asked, *told, facts=FACTS, population=common_order(NAMES), session_id="s")
        return table.sort("account").select(names).rows()

    return build


def test_the_settings_are_those_that_the_tests_below_are_written_for():
    assert (RULES.neighbours, RULES.neighbours_share) == (2, 0.5)


@pytest.mark.parametrize("shown", [REVERSED, REVERSED_VIA])
def test_one_account_with_rewritten_headers_earns_no_excuse_whatever_hop_headers_it_sends(at, shown):
    assert at((shown, 7)) == [(1, False)]


def test_two_of_two_accounts_at_one_address_are_behind_a_proxy(at):
    assert at((REVERSED, 7), (REVERSED, 7)) == [(None, True)] * 2


def test_a_proxy_may_write_each_accounts_headers_in_another_way(at):
    assert at((REVERSED, 7), (SWAPPED, 7), (REVERSED_VIA, 7)) == [(None, True)] * 3


@pytest.mark.parametrize(("rewritten", "usual", "proxied"), [(2, 3, False), (2, 2, False), (3, 2, True)])
def test_only_a_majority_of_the_accounts_at_an_address_shows_a_proxy(at, rewritten, usual, proxied):
    found = at(*[(REVERSED, 7)] * rewritten, *[(USUAL, 7)] * usual)
    assert found[:rewritten] == [(None, True) if proxied else (1, False)] * rewritten
    # what is not rewritten did not come through it
    assert found[rewritten:] == [(0, False)] * usual


def test_a_hop_header_is_no_rewriting_and_needs_no_excuse(at):
    assert at((VIA, 7), (VIA, 7)) == [(0, False)] * 2


def test_neighbours_are_those_at_the_same_address(at):
    assert at((REVERSED, 7), (REVERSED, 8)) == [(1, False)] * 2


def test_unknown_addresses_are_not_one_address(at):
    assert at(*[(REVERSED, None)] * 9) == [(1, False)] * 9


def test_one_account_with_many_sessions_is_no_neighbour_of_itself(described):
    rows = [{"fingerprint": REVERSED, "network": 7, "session_id": f"s{at}", "at": at} for at in range(9)]
    table = described(*rows, facts=FACTS, population=common_order(NAMES))
    assert table.select("order_distance", "proxied").rows() == [(1, False)] * 9


def test_an_account_that_shows_both_counts_once_among_those_that_are_there(described):
    rows = [(0, REVERSED), (0, USUAL), (1, REVERSED), (2, USUAL)]
    asked = [
        {"account": account, "fingerprint": shown, "network": 7, "at": at}
        for at, (account, shown) in enumerate(rows)
    ]
    table = described(*asked, facts=FACTS, population=common_order(NAMES), session_id="s").sort("account")
    # two of three; of the first one's two requests one came through it
    assert table.select("order_distance", "proxied").rows() == [(0, True), (None, True), (0, False)]


def test_a_proxy_explains_everything_that_proxies_rewrite_and_nothing_else(at):
    measures = [*WIRE, "headers_missing", "headers_extra"]
    (first, second) = at((REVERSED, 7), (REVERSED, 7), names=measures)
    assert first == second == (*[None] * len(WIRE), 0, 0)


@pytest.mark.parametrize(("report", "value"), [((), 1), ((0,), None), ((1,), None), ((2,), 1)])
def test_a_neighbour_with_telemetry_explains_the_layout_of_another_library(at, report, value):
    # telemetry of the third account, whose headers are not rewritten, vouches for no proxy
    found = at((GO, 7), (GO, 7), (USUAL, 7), names=("foreign_library", "proxied"), report=report)
    assert found == [(value, True), (value, True), (0, False)]


@pytest.mark.parametrize(("accounts", "value"), [(1, 1), (2, None)])
def test_silent_neighbours_explain_an_order_that_no_library_is_known_by(described, accounts, value):
    names = [*"abcdefghijkl"]
    facts = [{"user_agent": "tool/1", "header_names": sent} for sent in (names, [*names[6:], *names[:6]])]
    asked = [{"account": account, "fingerprint": 1, "network": 7} for account in range(accounts)]
    table = described(*asked, facts=facts, population=common_order(names), session_id="s")
    assert table["foreign_library"].to_list() == [value] * accounts


def test_a_neighbour_whose_telemetry_is_made_up_explains_no_library(described):
    asked = [{"account": account, "fingerprint": GO, "network": 7} for account in range(2)]
    made_up = {"account": 0, "at": 1.0, **REPORT, "telemetry_requests": 40}
    table = described(*asked, made_up, facts=FACTS, population=common_order(NAMES), session_id="s")
    assert table.select("foreign_library", "proxied").rows() == [(1, True)] * 2


@pytest.mark.parametrize(("through", "proxied"), [(1, False), (2, True), (3, True)])
def test_a_session_is_proxied_when_at_least_half_of_its_requests_are(described, through, proxied):
    rows = [{"at": at, "fingerprint": REVERSED if at < through else USUAL} for at in range(4)]
    neighbour = {"account": 1, "fingerprint": REVERSED}
    table = described(
        *rows, neighbour, facts=FACTS, population=common_order(NAMES), session_id="s", network=7
    )
    assert table.sort("account")["proxied"].to_list() == [proxied, True]
