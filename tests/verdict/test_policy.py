import polars as pl
import pytest

from detector.errors import SettingsError
from detector.verdict.policy import Policy, load_policy

OWN = """
name = "mine"
title = "One tool is welcome on the large plan"
first_party = ["claude*"]
third_party = ["*code*", "Tool-?", "a.b", "c++", "d [e]", "f#g"]
permitted_plans = ["MAX*"]
"""


def declared(policy, *clients):
    table = pl.DataFrame({"client": clients}, schema={"client": pl.String})
    return table.select(policy.declared()).to_series().to_list()


def listed(policy, *clients):
    table = pl.DataFrame({"client": clients}, schema={"client": pl.String})
    return table.select(policy.listed()).to_series().to_list()


def permitted(policy, *plans):
    table = pl.DataFrame({"plan": plans}, schema={"plan": pl.String})
    return table.select(policy.permitted()).to_series().to_list()


@pytest.fixture
def own():
    return Policy.from_toml(OWN, "mine.toml")


# -- what a policy says ---------------------------------------------------------


def test_the_default_policy_permits_nobody_else():
    policy = load_policy()
    assert policy == load_policy("default")
    assert declared(policy, "claude-cli", "browser", "opencode", "litellm") == [False, False, True, True]
    assert permitted(policy, "max", "free", None) == [False, False, False]


def test_the_open_policy_permits_everybody_everywhere():
    policy = load_policy("open")
    assert declared(policy, "claude-cli", "browser", "opencode", "anything") == [False, False, True, True]
    assert permitted(policy, "max", "", None) == [True, True, True]


def test_the_providers_own_clients_win_where_both_match(own):
    assert declared(own, "claude-code", "opencode") == [False, True]


def test_a_client_that_no_list_names_declares_itself_all_the_same(own):
    assert declared(own, "nobody-knows-me", "") == [True, True]
    assert listed(own, "nobody-knows-me", "") == [False, False]


@pytest.mark.parametrize("name", ["default", "open"])
def test_the_providers_names_are_exact(name):
    policy = load_policy(name)
    others = ["claude-cli2", "my-claude-cli", "claude-cli/x", "claude", "claude-code", "claude-", "browsers"]
    assert declared(policy, "claude-cli", "browser", *others) == [False, False] + [True] * len(others)


@pytest.mark.parametrize("name", ["default", "open"])
def test_a_missing_user_agent_declares_nothing_and_is_on_no_list(name):
    assert declared(load_policy(name), None) == listed(load_policy(name), None) == [False]


def test_the_default_policy_lists_tools_and_libraries_and_no_product_of_the_provider():
    policy = load_policy()
    assert listed(policy, "opencode", "litellm", "python-httpx", "curl", "anthropic/python") == [True] * 5
    assert listed(policy, "claude-cowork", "tool-of-mine", "claude-cli") == [False] * 3


def test_globs_match_whole_names_and_hold_no_regular_expression(own):
    assert listed(own, "tool-1", "tool-12", "my tool-1") == [True, False, False]
    assert listed(own, "a.b", "axb") == [True, False]
    assert listed(own, "c++", "ccc") == [True, False]
    assert listed(own, "d [e]", "d e", "f#g") == [True, False, True]


def test_case_of_globs_and_plans_does_not_matter(own):
    assert listed(own, "tool-x") == [True]
    assert permitted(own, "max", "Max-20x", "MAX", "pro") == [True, True, True, False]


def test_an_unknown_plan_is_permitted_only_where_all_are(own):
    assert permitted(own, None, "") == [False, False]


def test_empty_lists_match_nothing():
    text = OWN.replace('["*code*", "Tool-?", "a.b", "c++", "d [e]", "f#g"]', "[]").replace('["MAX*"]', "[]")
    policy = Policy.from_toml(text.replace('["claude*"]', "[]"), "x")
    assert listed(policy, "opencode", "") == [False, False]
    assert declared(policy, "claude-cli", "") == [True, True]
    assert permitted(policy, "max", None, "") == [False, False, False]


# -- loading --------------------------------------------------------------------


def test_a_file_of_ones_own_is_loaded(tmp_path, own):
    path = tmp_path / "mine.toml"
    path.write_text(OWN, "utf-8")
    assert load_policy(path) == load_policy(str(path)) == own
    assert own.name == "mine"


def test_a_policy_is_frozen_and_comparable(own):
    with pytest.raises(AttributeError):
        own.name = "other"
    assert own != load_policy()


MALFORMED = {
    "no TOML": ("name = ", "not valid TOML"),
    "nothing": ("", "keys .* are missing or unknown"),
    "a key missing": (OWN.replace('name = "mine"', ""), r"keys \['name'\] are missing or unknown"),
    "a key too many": (OWN + "exempt = []", r"keys \['exempt'\] are missing or unknown"),
    "a name instead of a list": (
        OWN.replace('["claude*"]', '"claude*"'),
        "first_party must be a list of names",
    ),
    "numbers for names": (OWN.replace('["MAX*"]', "[1, 2]"), "permitted_plans must be a list of names"),
    "a table for a list": (OWN.replace('["MAX*"]', "{a = 1}"), "permitted_plans must be a list of names"),
    "a list of lists": (OWN.replace('["MAX*"]', '[["max"]]'), "permitted_plans must be a list of names"),
    "a number for the name": (OWN.replace('"mine"', "3"), "name must be text"),
    "a list for the title": (
        OWN.replace('"One tool is welcome on the large plan"', "[]"),
        "title must be text",
    ),
}


@pytest.mark.parametrize(("text", "said"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_file_is_one_clear_line(tmp_path, text, said):
    path = tmp_path / "bad.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=said) as caught:
        load_policy(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert "; see policies/default.toml" in message


def test_files_that_cannot_be_read_are_one_clear_line(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for source, said in (
        (tmp_path / "nowhere.toml", "no such policy file"),
        (tmp_path, "no such policy file"),
        (tmp_path / "binary.toml", "not a text file"),
        ("strict", "no such policy file"),
        ("", "no such policy file"),
        ("../policies/default", "no such policy file"),
    ):
        with pytest.raises(SettingsError, match=said) as caught:
            load_policy(source)
        assert "\n" not in str(caught.value)
        assert "give a TOML file, default or open" in str(caught.value)


def test_a_name_that_ships_wins_over_nothing_but_a_path_is_always_a_file(tmp_path, monkeypatch):
    (tmp_path / "default").write_text(OWN, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_policy("default").name == "first-party-only"
    assert load_policy("./default").name == "mine"
