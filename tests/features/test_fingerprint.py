from dataclasses import replace
from math import log2

import polars as pl
import pytest

from detector.features.clients import claims, headers
from detector.features.fingerprint import (
    ASPECTS,
    MEASURES,
    POPULATION,
    WIRE,
    describe,
    judge,
)
from detector.features.fingerprint import population as count_population
from detector.settings import default_settings

AGENT = "tool/1.0 (external, cli)"
NAMES = ["Accept", "X-App", "X-Id", "Connection", "Host"]


def population(described, rows):
    """Count a population in which 1 request in 20 is enough to stand behind a value."""
    return count_population(described, rows, replace(default_settings().fingerprint, own_share=0.05))


@pytest.fixture(scope="module")
def rules(tuned):
    """Numbers that the arithmetic below is written for."""
    return tuned(
        fingerprint={
            "reference_accounts": 20,
            "vouchers": 5,
            "common_accounts": 3,
            "common_share": 0.02,
            "version_share": 0.25,
            "strange_bits": 6.0,
        }
    ).fingerprint


@pytest.fixture(scope="module")
def facts(prints):
    """Facts of fingerprints, as ``extract.identify`` gives them, without lineage."""
    clients = default_settings().clients
    base = {"user_agent": AGENT, "header_names": NAMES, "http_version": "1.1"}
    return lambda *rows: prints(*(base | row for row in rows)).with_columns(
        claims(clients) + headers(clients)
    )


def seen(*rows):
    """A table of who showed what: (account, fingerprint, requests, vouched)."""
    schema = {"account": pl.UInt32, "fingerprint": pl.UInt32, "requests": pl.Int64, "vouched": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def crowd(*sizes, vouched=0, requests=10):
    """So many accounts a fingerprint, of which the first ``vouched`` of each report telemetry."""
    shown = [fingerprint for fingerprint, size in enumerate(sizes) for _ in range(size)]
    place = [index for size in sizes for index in range(size)]
    return seen(
        *(
            (account, fingerprint, requests, requests if index < vouched else 0)
            for account, (fingerprint, index) in enumerate(zip(shown, place, strict=True))
        )
    )


def table(*rows):
    """A population by hand: (client, version, aspect, value, accounts, vouched)."""
    return pl.DataFrame(rows, schema=POPULATION, orient="row")


def judged(facts, rules, *tables):
    return judge(facts, list(tables), rules).sort("fingerprint")


# -- describe ------------------------------------------------------------------


def aspects(facts):
    return {(row["fingerprint"], row["aspect"]): row["value"] for row in describe(facts).to_dicts()}


def test_every_aspect_that_was_logged_is_a_row(facts):
    values = [{"name": "accept-encoding", "value": "gzip"}, {"name": "x-app", "value": "cli"}]
    found = aspects(facts({"ja4": "t13", "header_values": values}))
    assert found == {
        (0, "name"): "tool",
        (0, "core"): "accept,x-app,x-id",
        (0, "order"): "Accept,X-App,X-Id,Connection,Host",
        (0, "accept_encoding"): "accept-encoding=gzip",
        (0, "values"): "x-app=cli",
        (0, "user_agent"): "tool/# (#)",
        (0, "ja4"): "t13",
    }
    assert {aspect for _, aspect in found} == set(ASPECTS)


def test_what_was_not_logged_is_no_aspect(facts):
    assert aspects(facts({"header_names": None, "http_version": None})) == {
        (0, "name"): "tool",
        (0, "user_agent"): "tool/# (#)",
    }


def test_header_values_that_say_nothing_are_no_aspect(facts):
    only = [{"name": "accept-encoding", "value": "gzip"}]
    assert (0, "values") not in aspects(facts({"header_values": only}))


def test_without_a_user_agent_nothing_is_claimed_and_nothing_compared(facts):
    assert describe(facts({"user_agent": None, "ja4": "t13"})).is_empty()


def test_a_browsers_name_and_user_agent_are_not_compared(facts):
    found = aspects(facts({"user_agent": "Mozilla/5.0 (X11)"}))
    assert not {(0, "user_agent"), (0, "name")} & set(found)


def test_print_mode_shares_user_agents_and_headers_with_the_client(facts):
    agents = [AGENT, "tool/1.0 (external, sdk-py, agent-sdk/0.1.4)"]
    first, second = (describe(facts({"user_agent": agent})).drop("fingerprint") for agent in agents)
    assert first.equals(second)


# -- population ----------------------------------------------------------------


def counts(table, aspect="ja4", version="*"):
    rows = table.filter(aspect=aspect, version=version)
    return {
        value: (accounts, vouched)
        for value, accounts, vouched in rows.select("value", "accounts", "vouched").rows()
    }


def test_a_population_counts_accounts_so_a_heavy_account_counts_once(facts):
    described = describe(facts({"ja4": "a"}, {"ja4": "b"}))
    found = population(described, seen((0, 0, 1_000_000, 0), (1, 1, 1, 1), (2, 1, 1, 0)))
    assert counts(found) == {"a": (1, 0), "b": (2, 1)}


def test_an_account_stands_behind_every_value_that_makes_up_its_own_share_of_requests(facts):
    described = describe(facts({"ja4": "a"}, {"ja4": "b"}, {"ja4": "c"}))
    # of 1,000 requests 900 show a, 60 show b and 40 show c: the share asked for is 1 in 20
    found = population(described, seen((0, 0, 900, 40), (0, 1, 60, 60), (0, 2, 40, 40)))
    assert counts(found) == {"a": (1, 0), "b": (1, 1), "c": (0, 0)}


def test_fingerprints_that_share_a_value_are_one_value(facts):
    described = describe(facts({"ja4": "a"}, {"ja4": "a", "header_names": ["Host"]}))
    found = population(described, seen((0, 0, 99, 0), (0, 1, 1, 0)))
    assert counts(found) == {"a": (1, 0)}
    assert sorted(counts(found, "core").values()) == [(0, 0), (1, 0)]


def test_an_account_without_a_fact_is_not_counted_for_it(facts):
    described = describe(facts({"ja4": "a"}, {"ja4": None}))
    assert counts(population(described, crowd(2, 5))) == {"a": (2, 0)}


def test_accounts_are_counted_by_version_and_as_a_whole(facts):
    described = describe(
        facts({"ja4": "a"}, {"ja4": "a", "user_agent": "tool/2.0"}, {"user_agent": "other", "ja4": "a"})
    )
    found = population(described, crowd(2, 3, 4))
    by = {
        (client, version): accounts
        for client, version, accounts in found.filter(aspect="ja4")
        .select("client", "version", "accounts")
        .rows()
    }
    assert by == {
        ("tool", "1.0"): 2,
        ("tool", "2.0"): 3,
        ("tool", "*"): 5,
        ("other", ""): 4,
        ("other", "*"): 4,
    }


def test_an_account_on_two_versions_counts_once_as_a_whole(facts):
    described = describe(facts({"ja4": "a"}, {"ja4": "a", "user_agent": "tool/2.0"}))
    found = population(described, seen((0, 0, 1, 0), (0, 1, 9, 0)))
    assert [counts(found, version=version)["a"][0] for version in ("1.0", "2.0", "*")] == [1, 1, 1]


def test_a_population_has_its_schema_even_when_nobody_was_seen(facts):
    assert population(describe(facts({})), seen()).schema == POPULATION
    assert population(describe(facts({})), crowd(1)).schema == POPULATION


# -- surprisal -----------------------------------------------------------------


def bits(facts, rules, *tables, measure="ja4_bits"):
    return judged(facts, rules, *tables)[measure].to_list()


def test_surprisal_is_of_the_share_of_accounts_with_half_an_account_added(facts, rules):
    known = facts({"ja4": "a"}, {"ja4": "b"}, {"ja4": "never"})
    found = bits(known, rules, population(describe(known), crowd(39, 1)))
    # 40 accounts: P = (39 + .5)/41, (1 + .5)/41 and .5/41
    assert found == pytest.approx([-log2(39.5 / 41), -log2(1.5 / 41), -log2(0.5 / 41)])


def test_below_the_floor_of_accounts_nothing_is_surprising(facts, rules):
    known = facts({"ja4": "a"}, {"ja4": "b"})
    few, enough = (population(describe(known), crowd(size, 1)) for size in (18, 19))
    # a is what 18 accounts show, which is enough to know it; of b nothing can be said
    assert bits(known, rules, few) == [pytest.approx(-log2(18.5 / 20)), None]
    assert bits(known, rules, enough) == pytest.approx([-log2(19.5 / 21), -log2(1.5 / 21)])


def test_a_client_nobody_is_known_to_use_has_no_measures(facts, rules):
    known = facts({"ja4": "a"}, {"user_agent": "stranger/1", "ja4": "a"})
    found = judged(known, rules, population(describe(known), crowd(30)))
    assert set(found.select(MEASURES).row(1)) == {None}


def test_a_version_with_few_accounts_falls_back_on_the_whole_client(facts, rules):
    rows = [("tool", "1.0", "ja4", "a", 30, 0), ("tool", "2.0", "ja4", "b", 2, 0)]
    whole = [("tool", "*", "ja4", "a", 30, 0), ("tool", "*", "ja4", "b", 2, 0)]
    known = facts(
        {"ja4": "b"}, {"ja4": "b", "user_agent": "tool/2.0"}, {"ja4": "b", "user_agent": "tool/3.0"}
    )
    found = bits(known, rules, table(*rows, *whole))
    # b within 1.0: .5/31; within 2.0 too few, so 2.5/33 of the client; 3.0 unknown, likewise
    assert found == pytest.approx([-log2(0.5 / 31), -log2(2.5 / 33), -log2(2.5 / 33)])


def test_a_release_that_a_few_accounts_run_is_known_by_what_they_show(facts, rules):
    rows = [("tool", "1.0", "ja4", "a", 30, 0), ("tool", "2.0", "ja4", "b", 3, 0)]
    whole = [("tool", "*", "ja4", "a", 30, 0), ("tool", "*", "ja4", "b", 3, 0)]
    known = facts({"ja4": "b", "user_agent": "tool/2.0"}, {"ja4": "a", "user_agent": "tool/2.0"})
    # b within 2.0: 3.5/4; a is shown by nobody there, so 30.5/34 of the client
    assert bits(known, rules, table(*rows, *whole)) == pytest.approx([-log2(3.5 / 4), -log2(30.5 / 34)])


def test_a_new_release_is_vouched_for_by_its_own_users(facts, rules):
    old = table(("tool", "1.0", "ja4", "a", 5000, 5000), ("tool", "*", "ja4", "a", 5000, 5000))
    new = facts({"ja4": "b", "user_agent": "tool/2.0"})
    alone = bits(new, rules, old)[0]
    assert alone == pytest.approx(-log2(0.5 / 5001))
    fresh = table(
        ("tool", "1.0", "ja4", "a", 5000, 5000),
        ("tool", "2.0", "ja4", "b", 25, 25),
        ("tool", "*", "ja4", "a", 5000, 5000),
        ("tool", "*", "ja4", "b", 25, 25),
    )
    # within 2.0 everybody shows b: 25.5/26, whatever the thousands on 1.0 show
    assert bits(new, rules, old, fresh)[0] == pytest.approx(-log2(25.5 / 26))
    assert bits(new, rules, fresh, old) == bits(new, rules, old, fresh)


def test_a_value_that_only_silent_accounts_show_stays_odd_however_many_they_are(facts, rules):
    vouched = table(("tool", "*", "ja4", "a", 30, 25), ("tool", "*", "ja4", "b", 500, 0))
    found = bits(facts({"ja4": "a"}, {"ja4": "b"}), rules, vouched)
    assert found == pytest.approx([-log2(25.5 / 26), -log2(0.5 / 26)])


def test_without_enough_vouchers_plain_prevalence_counts(facts, rules):
    plain = table(("tool", "*", "ja4", "a", 30, 4.9), ("tool", "*", "ja4", "b", 70, 0))
    found = bits(facts({"ja4": "a"}, {"ja4": "b"}), rules, plain)
    assert found == pytest.approx([-log2(30.5 / 101), -log2(70.5 / 101)])


def test_what_was_not_logged_has_no_surprisal(facts, rules):
    known = facts({"ja4": "a"}, {"ja4": None})
    assert bits(known, rules, population(describe(known), crowd(30, 1)))[1] is None


@pytest.mark.parametrize("aspect", ["accept_encoding", "values", "user_agent", "ja4", "name"])
def test_every_surprisal_is_of_its_own_aspect(facts, rules, aspect):
    odd = {
        "accept_encoding": {"header_values": [{"name": "accept-encoding", "value": "odd"}]},
        "values": {
            "header_values": [{"name": "accept-encoding", "value": "gzip"}, {"name": "x-app", "value": "odd"}]
        },
        "user_agent": {"user_agent": "tool/1.0 (odd)"},
        "name": {"user_agent": "claude-code/1.0 (external, cli)"},
        "ja4": {"ja4": "odd"},
    }[aspect]
    usual = {"ja4": "a", "header_values": [{"name": "accept-encoding", "value": "gzip"}]}
    if aspect == "values":
        usual["header_values"] = [*usual["header_values"], {"name": "x-app", "value": "cli"}]
    if aspect == "name":
        usual["user_agent"] = "claude-cli/1.0 (external, cli)"
    known = facts(usual, usual | odd)
    found = judged(known, rules, population(describe(known), crowd(29, 1)))
    names = [name for name in MEASURES if name.endswith("_bits")]
    high = {name for name in names if (found[name][1] or 0) > 4}  # -log2(1.5 / 31) = 4.4
    # another name is another form of the user agent, too
    assert high == {f"{aspect}_bits"} | ({"user_agent_bits"} if aspect == "name" else set())


# -- distances -----------------------------------------------------------------


def test_missing_and_extra_names_are_counted_against_the_nearest_common_set(facts, rules):
    rows = [
        {},
        {"header_names": ["A", "B", "C", "D"]},
        {"header_names": ["Accept", "X-App"]},  # lacks x-id of the first set
        {"header_names": ["A", "B", "C", "D", "E", "F"]},  # two more than the second
        {"header_names": ["Host", *NAMES]},  # names of the connection do not count
    ]
    known = facts(*rows)
    found = judged(known, rules, population(describe(known), crowd(20, 10)))
    assert found["headers_missing"].to_list() == [0, 0, 1, 0, 0]
    assert found["headers_extra"].to_list() == [0, 0, 0, 2, 0]


def test_order_and_case_distance_by_hand(facts, rules):
    rows = [
        {},
        # X-App before Accept: one of the 10 pairs; no name in another case
        {"header_names": ["X-App", "Accept", "X-Id", "Connection", "Host"]},
        # reversed: all pairs
        {"header_names": NAMES[::-1]},
        # two of five names in another case, the order kept
        {"header_names": ["accept", "X-App", "X-ID", "Connection", "Host"]},
        # X-Id is missing: one of the 6 pairs that are left is turned round, and 1 of 4 names in another case
        {"header_names": ["x-app", "Accept", "Connection", "Host"]},
    ]
    known = facts(*rows)
    found = judged(known, rules, population(describe(known), crowd(30)))
    assert found["order_distance"].to_list() == pytest.approx([0, 0.1, 1, 0, 1 / 6])
    assert found["case_distance"].to_list() == pytest.approx([0, 0, 0, 0.4, 0.25])


def test_too_few_shared_names_have_no_order(facts, rules):
    known = facts({}, {"header_names": ["Accept", "Y"]}, {"header_names": ["Y", "Z"]})
    found = judged(known, rules, population(describe(known), crowd(30)))
    assert found["order_distance"].to_list() == [0, None, None]


@pytest.mark.parametrize(("accounts", "close"), [(2, False), (3, True)])
def test_an_order_is_a_reference_when_enough_accounts_send_it(facts, rules, accounts, close):
    known = facts({}, {"header_names": NAMES[::-1]})
    found = judged(known, rules, population(describe(known), crowd(50, accounts)))
    assert (found["order_distance"][1] == 0) is close


@pytest.mark.parametrize(("accounts", "close"), [(9, False), (10, True)])
def test_an_order_is_a_reference_when_a_fair_share_of_accounts_send_it(facts, rules, accounts, close):
    known = facts({}, {"header_names": NAMES[::-1]})
    rows = [("order", ",".join(NAMES), 490), ("order", ",".join(NAMES[::-1]), accounts)]
    # 2 % of 500 accounts are 10, of 499 9.98
    found = judged(known, rules, table(*(("tool", "*", aspect, value, n, 0) for aspect, value, n in rows)))
    assert (found["order_distance"][1] == 0) is close


@pytest.mark.parametrize(("accounts", "close"), [(9, False), (10, True)])
def test_an_order_is_a_reference_when_a_quarter_of_a_versions_accounts_send_it(facts, rules, accounts, close):
    known = facts({}, {"user_agent": "tool/2.0", "header_names": NAMES[::-1]})
    usual, other = ",".join(NAMES), ",".join(NAMES[::-1])
    # 10 of 40 are a quarter, 9 of 39 are not; of all accounts neither is 2 %
    rows = [("2.0", usual, 30), ("2.0", other, accounts), ("*", usual, 2000), ("*", other, accounts)]
    found = judged(
        known, rules, table(*(("tool", version, "order", value, n, 0) for version, value, n in rows))
    )
    assert found["order_distance"].to_list() == ([0, 0] if close else [0, 1])


def test_an_order_only_silent_accounts_send_is_no_reference(facts, rules):
    known = facts({}, {"header_names": NAMES[::-1]})
    both = pl.concat([crowd(30, 0, vouched=30), crowd(0, 100).with_columns(pl.col("account") + 30)])
    found = judged(known, rules, population(describe(known), both))
    assert found["order_distance"].to_list() == [0, 1]


@pytest.mark.parametrize(
    "reference", [["A", "b", "A", "c", "d"], ["x-a", "X-A", "b", "c"], ["a"] * 9 + ["b", "c"]]
)
def test_a_repeated_name_in_a_common_order_is_compared_by_its_first_place(facts, rules, reference):
    swapped = [*reference[:-2], reference[-1], reference[-2]]
    known = facts({"header_names": reference}, {"header_names": swapped})
    found = judged(known, rules, population(describe(known), crowd(30)))
    distinct = len({name.lower() for name in reference})
    assert found["order_distance"].to_list() == pytest.approx([0, 1 / (distinct * (distinct - 1) / 2)])


def test_case_is_compared_with_every_spelling_of_a_repeated_name(facts, rules):
    known = facts({"header_names": ["x-a", "b", "X-A", "c"]})
    assert judged(known, rules, population(describe(known), crowd(30)))["case_distance"].to_list() == [0]


def test_a_list_of_the_connections_names_alone_has_no_names_too_many(facts, rules):
    known = facts({}, {"header_names": ["Host", "Connection"]})
    found = judged(known, rules, population(describe(known), crowd(30)))
    assert found.select("headers_missing", "headers_extra").row(1) == (3, 0)


def test_a_cut_header_list_is_not_judged(facts, rules):
    known = facts({}, {"header_names": ["Host"], "headers_complete": False})
    found = judged(known, rules, population(describe(known), crowd(30)))
    names = ("headers_missing", "headers_extra", "order_distance", "case_distance")
    assert found.select(names).rows() == [(0, 0, 0, 0), (None,) * 4]


# -- versions ------------------------------------------------------------------


def known(facts, rules, *tables):
    return judged(facts, rules, *tables)["version_known"].to_list()


def test_a_version_is_known_where_several_accounts_run_it(facts, rules):
    rows = facts({}, {"user_agent": "tool/2.0"}, {"user_agent": "tool/3.0"}, {"user_agent": "tool/4.0"})
    assert known(rows, rules, population(describe(rows), crowd(30, 3, 2))) == [1, 1, 0, 0]


def test_a_version_that_only_silent_accounts_run_is_unknown_where_others_report(facts, rules):
    rows = facts({}, {"user_agent": "tool/2.0"})
    both = pl.concat([crowd(30, vouched=30), crowd(0, 30).with_columns(pl.col("account") + 30)])
    assert known(rows, rules, population(describe(rows), both)) == [1, 0]
    assert known(rows, rules, population(describe(rows), crowd(30, 30))) == [1, 1]


def test_a_version_known_to_any_population_is_known(facts, rules):
    rows = facts({}, {"user_agent": "tool/2.0"})
    model, log = (population(describe(rows), crowd(*sizes)) for sizes in ((30, 0), (0, 30)))
    assert [known(rows, rules, *tables) for tables in ([model], [log], [model, log])] == [
        [1, 0],
        [0, 1],
        [1, 1],
    ]


def test_without_headers_or_for_an_unknown_client_no_version_is_known_or_unknown(facts, rules):
    rows = facts({}, {"header_names": None}, {"user_agent": None}, {"user_agent": "stranger/1"})
    assert known(rows, rules, population(describe(rows), crowd(30, 3, 3))) == [1, None, None, None]


# -- libraries -----------------------------------------------------------------

OWN = ["X-App", "Connection", "Host", "Accept-Encoding", "Content-Length"]
"""As Bun sends them."""
NODE = ["X-App", "Content-Length", "Accept-Encoding", "Host", "Connection"]
HTTPX = ["Host", "Accept-Encoding", "Connection", "X-App", "Content-Length"]


def foreign(facts, rules, *rows, crowd_of=30):
    known = facts({"header_names": OWN}, *rows)
    return judged(known, rules, population(describe(known), crowd(crowd_of)))["foreign_library"].to_list()


def test_headers_that_another_library_wrote_are_foreign(facts, rules):
    rows = [{"header_names": names} for names in (NODE, HTTPX, OWN[::-1])]
    # nobody knows who writes the last order: a proxy may
    assert foreign(facts, rules, *rows) == [0, 1, 1, 0]


@pytest.mark.parametrize(("encoding", "value"), [("gzip, deflate", 1), ("gzip, deflate, br", 0), (None, 0)])
def test_what_a_proxy_can_make_of_the_clients_order_is_foreign_with_another_librarys_encoding(
    facts, rules, encoding, value
):
    values = None if encoding is None else [{"name": "Accept-Encoding", "value": encoding}]
    fetch = ["host", "connection", "X-App", "accept-encoding", "content-length"]
    assert foreign(facts, rules, {"header_names": fetch, "header_values": values}) == [0, value]


def test_a_library_that_a_common_order_of_the_client_comes_from_is_its_own(facts, rules):
    known = facts({"header_names": OWN}, {"header_names": HTTPX})
    found = judged(known, rules, population(describe(known), crowd(30, 5)))
    assert found["foreign_library"].to_list() == [0, 0]


def test_no_version_excuses_the_library_of_another_program(facts, rules):
    rows = [{"user_agent": "tool/9.0", "header_names": names} for names in (NODE, HTTPX)]
    assert foreign(facts, rules, *rows) == [0, 1, 1]


def test_neither_a_hop_header_nor_other_case_excuses_the_library_of_another_program(facts, rules):
    rows = [
        {"header_names": ["Via", *HTTPX]},
        {"header_names": [name.lower() for name in HTTPX]},
        {"header_names": [name.lower() for name in OWN]},
    ]
    assert foreign(facts, rules, *rows) == [0, 1, 1, 0]


LONG = [*"abcdefghijkl", "Connection", "Host", "Accept-Encoding", "Content-Length"]


def listed(facts, rules, *lists):
    """What is said of the order of lists beside thirty accounts that send ``LONG``."""
    known = facts({"header_names": LONG}, *({"header_names": names} for names in lists))
    table = judged(known, rules, population(describe(known), crowd(30)))
    return table.select("foreign_library", "shuffled").rows()[1:]


def test_names_in_an_order_of_neither_the_client_nor_the_alphabet_are_another_programs(facts, rules):
    own, connection = LONG[:12], LONG[12:]
    shuffled = [*own[6:], *own[:6], *connection]
    assert listed(facts, rules, shuffled, [name.upper() for name in shuffled]) == [(1, True)] * 2
    # three names that move are a proxy's, and four are not
    assert listed(facts, rules, [*own[3:], *own[:3], *connection]) == [(0, False)]
    assert listed(facts, rules, [*own[4:], *own[:4], *connection]) == [(1, True)]
    # two names missing are the whole set still, three are not
    assert listed(facts, rules, shuffled[2:], shuffled[3:]) == [(1, True), (0, False)]


def test_a_proxy_that_sorts_the_names_of_a_client_that_does_not_shuffles_nothing(facts, rules):
    own = [*LONG[6:12], *LONG[:6], *LONG[12:]]
    known = facts({"header_names": own}, {"header_names": sorted(own, key=str.lower)})
    table = judged(known, rules, population(describe(known), crowd(30)))
    assert table.select("foreign_library", "shuffled").rows() == [(0, False)] * 2


def test_no_library_is_foreign_where_no_list_was_logged_or_the_client_is_unknown(facts, rules):
    rows = [{"header_names": None}, {"user_agent": "stranger/1", "header_names": HTTPX}]
    assert foreign(facts, rules, *rows) == [0, None, None]
    assert foreign(facts, rules, crowd_of=3) == [None]


# -- hop headers and case --------------------------------------------------------


def test_a_hop_header_alone_excuses_nothing(facts, rules):
    values = [{"name": "accept-encoding", "value": "odd"}]
    usual = [{"name": "accept-encoding", "value": "gzip"}]
    known = facts(
        {"ja4": "a", "header_values": usual},
        {"header_names": ["Via", *NAMES[::-1]], "ja4": "b", "header_values": values},
    )
    row = judged(known, rules, population(describe(known), crowd(30, 1))).row(1, named=True)
    # 1.5 of 32 accounts
    bits_of_one = pytest.approx(-log2(1.5 / 32))
    assert {name: row[name] for name in WIRE} == {
        "order_distance": 1,
        "case_distance": 0,
        "accept_encoding_bits": bits_of_one,
        "ja4_bits": bits_of_one,
    }
    assert (row["headers_missing"], row["headers_extra"]) == (0, 0)


def test_lower_case_that_the_client_does_not_send_is_measured_whatever_the_http_version(facts, rules):
    lowered = [name.lower() for name in NAMES]
    known = facts({}, *({"header_names": lowered, "http_version": version} for version in ("1.1", "2", None)))
    found = judged(known, rules, population(describe(known), crowd(99)))
    assert found["case_distance"].to_list() == [0, 1, 1, 1]
    assert found["order_distance"].to_list() == [0, 0, 0, 0]


def test_without_a_header_list_nothing_is_judged_that_proxies_rewrite(facts, rules):
    known = facts({"ja4": "a"}, {"header_names": None, "ja4": "b"})
    row = judged(known, rules, population(describe(known), crowd(30, 1))).row(1, named=True)
    assert {row[name] for name in WIRE} == {None}


# -- names of the provider's --------------------------------------------------------


def test_a_name_of_the_provider_on_the_wrong_kind_of_request_is_as_odd_as_it_is_rare(facts, rules):
    agents = ("claude-cli/2.0 (external, cli)", "claude-code/2.0", "claude-code/9.9", "tool/1")
    known = facts(*({"user_agent": agent} for agent in agents))
    found = bits(known, rules, population(describe(known), crowd(63, 0, 0, 30)), measure="name_bits")
    # 63.5 of 64 accounts, and half of one, under a version that somebody runs and one that nobody does
    assert found == pytest.approx([-log2(63.5 / 64), 7, 7, -log2(30.5 / 31)])


def test_a_name_that_vouched_accounts_send_is_the_clients_own(facts, rules):
    agents = ("claude-cli/2.0 (external, cli)", "claude-code/2.0")
    known = facts(*({"user_agent": agent} for agent in agents))
    found = bits(known, rules, population(describe(known), crowd(40, 40, vouched=40)), measure="name_bits")
    assert found == pytest.approx([1, 1])


# -- the whole table -------------------------------------------------------------


def test_a_row_a_fingerprint_whatever_is_known(facts, rules):
    known = facts({}, {"user_agent": None}, {"header_names": None}, {"header_names": []})
    for tables in ([table()], [table(), population(describe(known), crowd(30))]):
        found = judged(known, rules, *tables)
        assert found.columns == ["fingerprint", *MEASURES, "shuffled"]
        assert found["fingerprint"].to_list() == [0, 1, 2, 3]


def test_nothing_logged_is_nothing_measured(facts, rules):
    empty = dict.fromkeys(("user_agent", "header_names", "http_version"))
    found = judged(facts(empty), rules, table())
    assert set(found.select(MEASURES).row(0)) == {None}


def test_a_fingerprint_repeated_by_everybody_is_at_no_distance(facts, rules):
    hostile = ["", " ", "\x00", "a\nb", "\x1f", "é", "x" * 100_000]
    known = facts({"header_names": hostile, "user_agent": "\x00\x01/\x02"})
    found = judged(known, rules, population(describe(known), crowd(30)))
    assert found.select(MEASURES[:4]).row(0) == (0, 0, 0, 0)
