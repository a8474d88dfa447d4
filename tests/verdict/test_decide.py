import polars as pl
import pytest

from detector.features.registry import FEATURES, feature
from detector.schema import ACCOUNT_VERDICT, FAMILIES, SESSION_VERDICT, VERDICTS

GUILTY = {
    "conclusive": True,
    "counting": ("cadence", "fingerprint"),
    "strong": True,
    "score": 0.9,
    "p": 0.02,
    "oriented": {"order_distance": 3.0, "pause_share": 2.0},
}
THIRD = {"client": "opencode"}


def one(decision, account):
    return decision.accounts.row(by_predicate=pl.col("account_id") == account, named=True)


def verdict(decision, account="a"):
    return one(decision, account)["verdict"]


# -- each verdict ---------------------------------------------------------------


def test_conclusive_grounds_and_a_rare_score_are_a_harness(verdicts):
    row = one(verdicts({"account": "a", **GUILTY}), "a")
    assert (row["verdict"], row["flagged"], row["score"], row["p_value"]) == (
        "harness",
        True,
        round((2 + 0.9) / 3, 9),
        0.02,
    )
    assert row["families"] == ["cadence", "fingerprint"]
    assert [reason["feature"] for reason in row["reasons"]] == ["order_distance", "pause_share"]


@pytest.mark.parametrize(("p", "expected"), [(0.05, "harness"), (0.0501, "watch")])
def test_conclusive_grounds_need_a_rare_score_besides(verdicts, p, expected):
    assert verdict(verdicts({"account": "a", **GUILTY, "p": p})) == expected


def test_the_rarest_score_without_conclusive_grounds_is_watched(verdicts):
    assert verdict(verdicts({"account": "a", **GUILTY, "conclusive": False, "p": 0.001})) == "watch"


@pytest.mark.parametrize(("p", "expected"), [(0.01, "watch"), (0.0101, "clear")])
def test_a_score_alone_puts_on_watch(verdicts, p, expected):
    assert verdict(verdicts({"account": "a", "p": p})) == expected


def test_a_rare_score_of_many_terminals_or_silence_puts_nobody_on_watch(verdicts):
    assert (
        verdict(verdicts({"account": "a", "p": 0.001, "counting": ("account",), "telling": False})) == "clear"
    )


def test_a_strong_family_alone_puts_on_watch(verdicts):
    assert verdict(verdicts({"account": "a", "strong": True, "counting": ("cadence",)})) == "watch"


def test_an_account_in_several_countries_is_watched_for_a_reason_of_its_own(verdicts):
    moving = {"country_moves": feature("country_moves").benign + 1}
    row = one(verdicts({"account": "a", "oriented": moving}), "a")
    assert (row["verdict"], row["flagged"], row["families"]) == ("watch", False, [])
    assert [reason["feature"] for reason in row["reasons"]] == ["country_moves"]
    assert row["reasons"][0]["text"][-1] not in "(;,"
    # He is no more like a program than others.
    quiet = one(verdicts({"account": "a"}), "a")
    assert row["score"] == quiet["score"]
    guilty = one(verdicts({"account": "a", **GUILTY, "oriented": {**GUILTY["oriented"], **moving}}), "a")
    assert guilty["verdict"] == "harness"
    assert guilty["reasons"][0]["feature"] == "country_moves"
    still = {"country_moves": feature("country_moves").benign}
    assert verdict(verdicts({"account": "a", "oriented": still})) == "clear"


def test_weak_evidence_of_rhythm_alone_is_clear(verdicts):
    assert verdict(verdicts({"account": "a", "counting": ("cadence",)})) == "clear"


def test_a_person_is_clear(verdicts):
    row = one(verdicts({"account": "a"}), "a")
    assert (row["verdict"], row["flagged"], row["families"], row["reasons"]) == ("clear", False, [], [])


def test_a_client_that_names_itself_third_party_needs_no_model(verdicts):
    row = one(verdicts({"account": "a", **THIRD, "served": 1, "score": 0.1}), "a")
    assert (row["verdict"], row["flagged"], row["score"]) == ("declared_third_party", True, 1.0)
    assert (row["p_value"], row["q_value"]) == (None, None)
    assert row["families"] == ["fingerprint"]
    assert [reason["feature"] for reason in row["reasons"]] == ["client"]


def test_a_declared_tool_of_which_the_log_names_neither_token_nor_plan_is_not_accused(verdicts):
    row = one(verdicts({"account": "a", **THIRD, "subscribed": False}), "a")
    assert (row["verdict"], row["flagged"], row["reasons"]) == ("clear", False, [])


def test_a_permitted_tool_is_clear_whatever_the_model_says(verdicts):
    row = one(verdicts({"account": "a", **THIRD, **GUILTY}, policy="open"), "a")
    assert (row["verdict"], row["flagged"], row["score"], row["p_value"]) == ("clear", False, 0.0, None)
    assert (row["families"], row["reasons"]) == ([], [])


def test_a_declared_tool_with_conclusive_grounds_is_declared_and_no_harness(verdicts):
    assert verdict(verdicts({"account": "a", **GUILTY, **THIRD})) == "declared_third_party"


@pytest.mark.parametrize(("served", "expected"), [(19, "insufficient_data"), (20, "harness")])
def test_below_the_evidence_floor_nobody_is_judged(verdicts, served, expected):
    row = one(verdicts({"account": "a", **GUILTY, "served": served}), "a")
    assert row["verdict"] == expected
    assert (row["p_value"] is None) is (served < 20)


def test_an_account_without_a_session_has_insufficient_data(verdicts):
    row = one(verdicts({"account": "a"}, silent=["b"]), "b")
    assert row["verdict"] == "insufficient_data"
    assert (row["sessions"], row["flagged_sessions"], row["score"]) == (0, 0, None)


def test_pay_per_use_is_out_of_scope_and_has_no_score(verdicts):
    row = one(verdicts({"account": "a"}, paid=["b"]), "b")
    assert (row["verdict"], row["flagged"], row["score"], row["p_value"]) == (
        "out_of_scope",
        False,
        None,
        None,
    )
    assert (row["sessions"], row["requests"]) == (1, 500)


def test_nothing_in_scope_at_all(verdicts):
    decision = verdicts(paid=["a", "b"])
    assert decision.accounts["verdict"].to_list() == ["out_of_scope"] * 2
    assert decision.accounts["score"].null_count() == 2
    assert decision.sessions["flagged"].to_list() == [False, False]


# -- precedence -----------------------------------------------------------------


def test_a_subscription_beside_pay_per_use_is_judged(verdicts):
    assert verdict(verdicts({"account": "a", **GUILTY}, paid=["a"])) == "harness"
    assert verdict(verdicts({"account": "a"}, paid=["a"])) == "clear"


def test_the_worst_stream_decides(verdicts):
    banned, guilty = {"account": "a", **THIRD}, {"account": "a", **GUILTY}
    clean, thin, doubted = {"account": "a"}, {"account": "a", "served": 1}, {"account": "a", "p": 0.001}
    for streams, expected in (
        ([clean, banned, guilty, doubted, thin], "harness"),
        ([clean, banned, doubted, thin], "declared_third_party"),
        ([clean, doubted, thin], "watch"),
        ([clean, thin], "clear"),
        ([thin], "insufficient_data"),
    ):
        assert verdict(verdicts(*streams)) == expected
        assert verdict(verdicts(*reversed(streams))) == expected


def test_a_permitted_tool_settles_an_account_and_covers_for_nobody(verdicts):
    tool = {"account": "a", **THIRD, "served": 1}
    assert verdict(verdicts(tool, policy="open")) == "clear"
    assert verdict(verdicts(tool, {"account": "a", **GUILTY}, policy="open")) == "harness"


def test_a_flagged_stream_speaks_for_its_account_even_where_another_scores_higher(verdicts):
    loud = {"account": "a", "score": 0.99, "p": 0.5, "counting": ("usage",)}
    row = one(verdicts(loud, {"account": "a", **GUILTY}), "a")
    assert (row["score"], row["p_value"]) == (round((2 + 0.9) / 3, 9), 0.02)
    assert row["families"] == ["cadence", "fingerprint"]


def test_a_stream_below_the_floor_does_not_speak_for_one_above(verdicts):
    row = one(verdicts({"account": "a", "served": 1, "score": 0.99}, {"account": "a", "score": 0.2}), "a")
    assert (row["score"], row["p_value"]) == (round(0.2 / 3, 9), 0.5)


def test_only_the_part_that_rides_is_flagged(verdicts):
    decision = verdicts({"account": "a"}, {"account": "a", **GUILTY}, {"account": "b"})
    row = one(decision, "a")
    assert (row["sessions"], row["flagged_sessions"]) == (4, 2)
    assert (row["flagged_requests"], row["flagged_tokens"]) == (60 + 61, 1000 + 1001)
    sessions = decision.sessions.filter(account_id="a")
    assert sessions.filter("flagged")["session"].to_list() == ["s1-0", "s1-1"]
    assert one(decision, "b")["flagged_sessions"] == 0


def test_q_values_are_over_judged_accounts_only(verdicts):
    decision = verdicts(
        {"account": "a", "p": 0.01},
        {"account": "b", "p": 0.4},
        {"account": "c", **THIRD, "p": 0.001},
        {"account": "d", "served": 1, "p": 0.001},
        paid=["e"],
    )
    assert decision.accounts["q_value"].to_list() == [
        pytest.approx(0.02),
        pytest.approx(0.4),
        None,
        None,
        None,
    ]


def test_scores_belong_to_their_streams_however_many_accounts_there_are(verdicts):
    streams = [{"account": f"a{n:03}", "score": n / 1000, "p": 1 - n / 1000} for n in range(60)]
    decision = verdicts(*streams, paid=[f"b{n:03}" for n in range(300)])
    scored = decision.accounts.filter(pl.col("score").is_not_null())
    assert scored["score"].to_list() == [round(n / 3000, 9) for n in range(60)]
    assert scored["p_value"].to_list() == [round(1 - n / 1000, 9) for n in range(60)]
    assert decision.sessions.filter(pl.col("score").is_not_null()).height == 120


# -- scores: the verdict first, the forest orders the rest -----------------------


def test_scores_lie_in_thirds_by_verdict_and_in_each_by_the_forest(verdicts):
    decision = verdicts(
        {"account": "a", "score": 0.99},
        {"account": "b", "score": 0.0, "strong": True},
        {"account": "c", "score": 1.0, "strong": True},
        {"account": "d", **GUILTY, "score": 0.0},
        {"account": "e", **GUILTY, "score": 0.3},
        {"account": "f", **THIRD, "score": 0.0},
    )
    assert decision.accounts["verdict"].to_list() == [
        "clear",
        "watch",
        "watch",
        "harness",
        "harness",
        "declared_third_party",
    ]
    assert decision.accounts["score"].to_list() == pytest.approx([0.33, 1 / 3, 2 / 3, 2 / 3, 2.3 / 3, 1.0])


def test_a_watched_part_too_small_to_be_judged_ranks_its_account_with_the_watched(verdicts):
    # the part has 10 answered requests and the floor is 20: it has no p-value of its own
    person, part = (
        {"account": "a", "score": 0.9},
        {"account": "a", "served": 10, "strong": True, "score": 0.3},
    )
    row = one(verdicts(person, part), "a")
    assert (row["verdict"], row["p_value"]) == ("watch", 0.5)
    assert row["score"] == pytest.approx((1 + 0.3) / 3)


def test_scores_hold_nine_digits_so_that_text_forms_give_them_back(verdicts):
    decision = verdicts(*({"account": f"a{n:02}", "score": n / 7} for n in range(7)))
    assert decision.accounts["score"].to_list() == [round(n / 21, 9) for n in range(7)]


# -- a small part judges nobody ---------------------------------------------------


def parts(part, whole, requests=10_000):
    """An account of 10,000 requests of which so many are those of a part, the others of ``whole``."""
    return [{"account": "a", **whole, "requests": requests - part["requests"]}, {"account": "a", **part}]


@pytest.mark.parametrize(("requests", "expected"), [(200, "declared_third_party"), (199, "watch")])
def test_a_tool_that_names_itself_flags_from_2_percent_of_the_account(verdicts, requests, expected):
    row = one(verdicts(*parts({**THIRD, "requests": requests}, {})), "a")
    assert row["verdict"] == expected
    text = row["reasons"][0]["text"]
    assert text.startswith(
        '2.0% of the requests name themselves "opencode" on a subscription token; policy: '
    )
    assert row["flagged_requests"] == (requests if expected == "declared_third_party" else 0)


@pytest.mark.parametrize(("requests", "expected"), [(3, "declared_third_party"), (2, "watch")])
def test_fewer_than_three_named_requests_flag_nobody(verdicts, requests, expected):
    # 2 of 100 are 2 %
    assert verdict(verdicts(*parts({**THIRD, "requests": requests}, {}, 100))) == expected


def test_two_named_requests_and_nothing_else_are_insufficient_data(verdicts):
    row = one(verdicts({"account": "a", **THIRD, "requests": 2, "served": 2}), "a")
    assert (row["verdict"], row["flagged"]) == ("insufficient_data", False)


def test_one_foreign_request_on_an_innocent_account_is_watched_and_the_part_is_named(verdicts):
    row = one(verdicts(*parts({**THIRD, "requests": 1, "served": 1}, {})), "a")
    assert (row["verdict"], row["flagged"], row["flagged_requests"]) == ("watch", False, 0)
    assert [reason["text"].partition(" on a ")[0] for reason in row["reasons"]] == [
        'less than 0.1% of the requests name themselves "opencode"'
    ]


def test_a_tool_hides_in_no_number_of_names(verdicts):
    # ten names of 1 % each are a tenth of the account
    names = [{"account": "a", "client": f"tool{n}", "requests": 100} for n in range(10)]
    row = one(verdicts({"account": "a", "requests": 9_000}, *names), "a")
    assert (row["verdict"], row["flagged_requests"]) == ("declared_third_party", 1_000)


@pytest.mark.parametrize(("requests", "expected"), [(200, "harness"), (199, "watch")])
def test_a_harness_flags_from_2_percent_of_the_account(verdicts, requests, expected):
    row = one(verdicts(*parts({**GUILTY, "requests": requests}, {})), "a")
    assert row["verdict"] == expected
    assert [reason["feature"] for reason in row["reasons"]] == ["order_distance", "pause_share"]
    assert all(reason["text"].startswith("in 2.0% of the requests: ") for reason in row["reasons"])


def test_parts_of_a_harness_count_together(verdicts):
    halves = [{"account": "a", **GUILTY, "requests": 100} for _ in range(2)]
    assert verdict(verdicts({"account": "a", "requests": 9_800}, *halves)) == "harness"


def test_a_small_part_with_strong_evidence_is_watched_where_the_rest_can_be_judged(verdicts):
    slight = {"served": 4, "requests": 4, "strong": True, "p": 0.9, "oriented": {"order_distance": 3.0}}
    row = one(verdicts(*parts(slight, {})), "a")
    assert row["verdict"] == "watch"
    assert row["reasons"][0]["text"].startswith("in less than 0.1% of the requests: ")
    assert verdict(verdicts({"account": "a", **slight})) == "insufficient_data"


@pytest.mark.parametrize(("requests", "said"), [(9_499, "in 95.0% of the requests: "), (9_500, "")])
def test_reasons_name_the_part_unless_it_is_95_percent_of_the_account(verdicts, requests, said):
    row = one(verdicts(*parts({**GUILTY, "requests": requests}, {})), "a")
    plain = one(verdicts({"account": "a", **GUILTY}), "a")
    assert row["reasons"][0]["text"] == said + plain["reasons"][0]["text"]


# -- names that nobody knows -----------------------------------------------------

NEWCOMER = {"client": "claude-cowork", "reporting": True, "coverage": 0.8}


def test_any_name_that_is_not_the_providers_declares_itself(verdicts):
    for name in ("tool-of-mine", "claude-cli2", "claude", "my-claude-cli"):
        row = one(verdicts({"account": "a", "client": name}), "a")
        assert row["verdict"] == "declared_third_party"
        assert f'the client names itself "{name}"' in row["reasons"][0]["text"]


def test_a_stream_without_a_name_declares_nothing(verdicts):
    assert verdict(verdicts({"account": "a", "client": None})) == "clear"
    assert verdict(verdicts({"account": "a", "client": None, **GUILTY})) == "harness"


def test_a_launch_that_telemetry_vouches_for_is_permitted(verdicts):
    decision = verdicts(*({"account": f"a{n}", **NEWCOMER, "served": 1} for n in range(5)))
    assert decision.accounts["verdict"].to_list() == ["clear"] * 5
    assert decision.accounts["score"].to_list() == [0.0] * 5
    assert decision.accounts["reasons"].list.len().sum() == 0


def test_a_launch_covers_for_no_other_part_of_the_account(verdicts):
    fresh = [{"account": f"a{n}", **NEWCOMER} for n in range(5)]
    assert verdict(verdicts(*fresh, {"account": "a0", **GUILTY}), "a0") == "harness"
    assert verdict(verdicts(*fresh, {"account": "a0", **THIRD}), "a0") == "declared_third_party"


def test_an_unlisted_name_that_its_own_telemetry_backs_is_watched(verdicts):
    # four accounts are too few for a launch; a name on the list is backed by nothing
    decision = verdicts(*({"account": f"a{n}", **NEWCOMER} for n in range(4)))
    assert decision.accounts["verdict"].to_list() == ["insufficient_data"] * 4
    beside = verdicts({"account": "a", "requests": 500}, {"account": "a", **NEWCOMER, "requests": 500})
    assert verdict(beside) == "watch"
    assert one(beside, "a")["reasons"][0]["text"].startswith('50% of the requests name themselves "claude-')
    assert verdict(verdicts({"account": "a", **NEWCOMER, **THIRD})) == "declared_third_party"
    assert verdict(verdicts({"account": "a", **NEWCOMER, "coverage": 0.79})) == "declared_third_party"


@pytest.mark.parametrize(("accounts", "expected"), [(20, "watch"), (19, "declared_third_party")])
def test_a_name_that_comes_up_on_twenty_accounts_is_watched(verdicts, accounts, expected):
    decision = verdicts(*({"account": f"a{n:02}", "client": "fresh-tool"} for n in range(accounts)))
    assert set(decision.accounts["verdict"]) == {expected}
    if expected == "watch":
        (reason,) = decision.accounts["reasons"][0]
        assert reason["text"] == (
            'the client names itself "fresh-tool", which is on no list; '
            "20 accounts use it, so it may be a launch of the provider's own"
        )


def test_a_new_name_is_watched_nowhere_that_any_tool_is_permitted(verdicts, tmp_path):
    (tmp_path / "some.toml").write_text(
        'name = "some"\ntitle = "t"\nfirst_party = ["claude-cli"]\nthird_party = []\n'
        'permitted_plans = ["team"]\n',
        "utf-8",
    )
    users = [{"account": f"a{n:02}", "client": "fresh-tool"} for n in range(20)]
    users[0] |= {"plan": "team"}
    users[1] |= {"subscribed": False}
    decision = verdicts(*users, policy=tmp_path / "some.toml")
    assert decision.accounts["verdict"].to_list() == ["clear"] * 2 + ["watch"] * 18
    assert decision.accounts["score"].to_list()[:2] == [0.0, 0.0]


# -- the contract ---------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed(verdicts):
    return verdicts(
        {"account": "c", **GUILTY},
        {"account": "c"},
        {"account": "b", **THIRD},
        {"account": "a"},
        {"account": "d", "served": 3},
        {"account": "e", "p": 0.001, "client": None},
        paid=["f", "a"],
        silent=["g"],
    )


def test_tables_have_the_columns_and_types_of_the_contract(mixed):
    assert mixed.accounts.schema == ACCOUNT_VERDICT
    assert mixed.sessions.schema == pl.Schema(
        {**SESSION_VERDICT, **{record.name: pl.Float64 for record in FEATURES}}
    )


def test_a_row_an_account_and_a_row_a_session(mixed):
    assert mixed.accounts["account_id"].to_list() == list("abcdefg")
    assert mixed.sessions.height == 6 * 2 + 2
    assert mixed.sessions.select("account_id", "session").is_unique().all()
    assert mixed.sessions.equals(mixed.sessions.sort("account_id", "start", "session"))


def test_every_verdict_stands_where_it_should(mixed):
    assert mixed.accounts["verdict"].to_list() == [
        "clear",
        "declared_third_party",
        "harness",
        "insufficient_data",
        "watch",
        "out_of_scope",
        "insufficient_data",
    ]
    assert set(mixed.accounts["verdict"]) <= set(VERDICTS)


def test_flagged_follows_from_the_verdict(mixed):
    said = mixed.accounts["verdict"].is_in(["harness", "declared_third_party"])
    assert mixed.accounts["flagged"].to_list() == said.to_list()


def test_flagged_sums_are_those_of_the_flagged_sessions(mixed):
    sums = (
        mixed.sessions.filter("flagged")
        .group_by("account_id")
        .agg(pl.len().cast(pl.Int64).alias("flagged_sessions"), flagged_requests=pl.col("requests").sum())
    )
    counted = mixed.accounts.filter(pl.col("flagged_sessions") > 0).select(sums.columns).sort("account_id")
    assert counted.equals(sums.sort("account_id"))
    assert mixed.accounts.filter(pl.col("flagged") != (pl.col("flagged_sessions") > 0)).is_empty()


def test_scores_lie_between_zero_and_one_or_are_null_out_of_scope(mixed):
    scored = mixed.accounts.filter(pl.col("score").is_not_null())
    assert scored["score"].is_between(0, 1).all()
    assert scored.filter(verdict="out_of_scope").is_empty()
    judged = mixed.accounts.filter(pl.col("verdict").is_in(["harness", "watch", "clear"]))
    assert judged["score"].null_count() == 0


def test_lists_are_never_null_and_name_known_families(mixed):
    for table in (mixed.accounts, mixed.sessions):
        assert table["families"].null_count() == table["reasons"].null_count() == 0
        assert set(table["families"].explode().drop_nulls()) <= set(FAMILIES)


def test_no_value_is_nan(mixed):
    for table in (mixed.accounts, mixed.sessions):
        for column in table.select(pl.col(pl.Float64)):
            assert not column.is_nan().any()
