import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.clients import LONGEST_TOKEN, TRANSPORT, any_of, claims, headers
from detector.settings import default_settings

RULES = default_settings().clients
FORMS = ("names", "raw_names", "core")


@pytest.fixture(scope="module")
def claimed(prints):
    def build(agent):
        found = prints({"user_agent": agent}).select(claims(RULES)).row(0, named=True)
        return tuple(found[name] for name in ("client", "client_version", "surface", "headless"))

    return build


@pytest.fixture(scope="module")
def sent(prints):
    """The comparable forms of one fingerprint."""
    return lambda *names, **facts: (
        prints({"header_names": list(names)} | facts).select(headers(RULES)).row(0, named=True)
    )


# -- claims --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "claim"),
    [
        ("claude-cli/2.1.3 (external, cli)", ("claude-cli", "2.1.3", "cli", False)),
        ("claude-cli/2.1.3 (external, sdk-cli)", ("claude-cli", "2.1.3", "sdk-cli", True)),
        ("claude-cli/2.1.3 (external, sdk-py, agent-sdk/0.1.4)", ("claude-cli", "2.1.3", "sdk-py", True)),
        ("claude-cli/2.1.3 (internal,GitHub-Action)", ("claude-cli", "2.1.3", "github-action", True)),
        ("Claude-CLI/2.1.3-beta.1+x", ("claude-cli", "2.1.3-beta.1+x", None, False)),
        ("codex_cli_rs/0.50.0 (Mac OS 15.1; arm64) vscode/1.99", ("codex_cli_rs", "0.50.0", None, False)),
        ("OpenAI/Python 1.2.3", ("openai/python", "1.2.3", None, False)),
        ("Anthropic/JS 0.60.0", ("anthropic/js", "0.60.0", None, False)),
        ("opencode/v1.0.3", ("opencode", "1.0.3", None, False)),
        ("Tool/V2", ("tool", "2", None, False)),
        ("tool/v", ("tool", None, None, False)),
        ("opencode/verbose 1.0", ("opencode/verbose", "1.0", None, False)),
        ("  tool 4", ("tool", "4", None, False)),
        ("curl", ("curl", None, None, False)),
        ("Mozilla/5.0 (X11; Linux)", ("browser", "5.0", None, False)),
        ("x/1 (someone, sdk-cli)", ("x", "1", None, False)),
    ],
)
def test_what_a_user_agent_claims(claimed, agent, claim):
    assert claimed(agent) == claim


@pytest.mark.parametrize("agent", [None, "", " ", "/", "(((", "\n\t", "(external, cli)"])
def test_a_user_agent_without_a_product_claims_no_client(claimed, agent):
    assert claimed(agent)[:2] == (None, None)


def test_a_missing_user_agent_is_not_headless(claimed):
    assert claimed(None) == (None, None, None, False)


@pytest.mark.parametrize(
    ("word", "headless"),
    [
        *((word, False) for word in ("cli", "CLI", "claude-vscode", "claude-desktop", "claude-desktop-3p")),
        *(
            (word, False)
            for word in ("remote", "remote_mobile", "local-agent", "claude-in-slack", "jetbrains")
        ),
        *((word, True) for word in ("sdk-cli", "sdk-ts", "sdk-py", "github-action", "mcp", "my-own", "clip")),
    ],
)
def test_only_entry_points_behind_which_a_person_is_known_to_sit_are_interactive(claimed, word, headless):
    assert claimed(f"claude-cli/2.1.3 (external, {word})")[3] is headless
    assert claimed(f"claude-cli/2.1.3 (external, {word}, agent-sdk/0.1.4)")[3] is headless


@pytest.mark.parametrize(
    ("agent", "name", "client"),
    [
        ("claude-cli/2.1.3 (external, cli)", "claude-cli", "claude-cli"),
        ("claude-code/2.1.3", "claude-code", "claude-cli"),
        ("Claude-Code/2.1.3", "claude-code", "claude-cli"),
        ("claude-coder/2.1.3", "claude-coder", "claude-coder"),
        ("Mozilla/5.0 (X11)", "mozilla", "browser"),
        ("tool/1", "tool", "tool"),
        (None, None, None),
    ],
)
def test_a_name_of_the_provider_that_stands_elsewhere_is_compared_with_the_main_client(
    prints, agent, name, client
):
    found = prints({"user_agent": agent}).select(claims(RULES)).row(0, named=True)
    assert (found["name"], found["client"]) == (name, client)


def test_the_form_of_a_user_agent_hides_numbers_and_the_entry_point_only(prints):
    agents = [
        "x/2.1.3 (external, cli)",
        "x/2.2.0 (external, sdk-py, agent-sdk/0.1.4)",
        "x/2.1.3 (internal,ide) y",
        "x/2.1.3 (other, cli)",
        "x/2.1.3",
        None,
    ]
    table = prints(*({"user_agent": agent} for agent in agents)).select(claims(RULES))
    forms = ["x/# (#)", "x/# (#)", "x/# (#) y", "x/# (other, cli)", "x/#", None]
    assert table["ua_template"].to_list() == forms


@pytest.mark.parametrize("agent", ["x" * 100_000, "\x00" * 100_000, "x/" + "1" * 100_000, "é" * 100_000])
def test_an_absurdly_long_user_agent_is_cut(prints, agent):
    (found,) = prints({"user_agent": agent}).select(claims(RULES)).to_dicts()
    assert all(
        len(value or "") <= 4 * LONGEST_TOKEN for value in found.values() if not isinstance(value, bool)
    )
    assert len(found["client"]) <= LONGEST_TOKEN


# -- globs ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("globs", "word", "matches"),
    [
        (("sdk*",), "sdk-py", True),
        (("sdk*",), "my-sdk", False),
        (("*ci",), "gitlab-ci", True),
        (("ex?c",), "exec", True),
        (("ex?c",), "exc", False),
        (("a.b",), "axb", False),
        (("one", "two"), "two", True),
        (("one", "two"), "onetwo", False),
        ((), "", False),
        ((), "x", False),
    ],
)
def test_globs_match_whole_words(globs, word, matches):
    assert pl.Series([word]).str.contains(any_of(globs)).to_list() == [matches]


# -- headers -------------------------------------------------------------------


def test_forms_of_a_header_list(sent):
    found = sent("Host", "X-App", "accept", "Content-Length", "Accept-Encoding")
    assert found["names"] == ["host", "x-app", "accept", "content-length", "accept-encoding"]
    assert found["raw_names"] == ["Host", "X-App", "accept", "Content-Length", "Accept-Encoding"]
    assert found["core"] == "accept,x-app"


@pytest.mark.parametrize(
    "hop",
    ["Via", "X-Forwarded-For", "x-real-ip", "CF-Ray", "traceparent", "Forwarded", "X-Amzn-Trace-Id", " via "],
)
def test_hop_headers_are_stripped(sent, hop):
    bare, proxied = sent("Accept", "X-App"), sent("Accept", hop, "X-App")
    for form in FORMS:
        assert proxied[form] == bare[form]


@pytest.mark.parametrize("own", ["x-app", "x-forwarded", "aviator", "x-stainless-os", "via2"])
def test_other_names_are_no_hop_headers(sent, own):
    assert sent("Accept", own)["names"] == ["accept", own]


def test_either_credential_header_is_one_name(sent):
    assert (
        sent("X-Api-Key", "Accept")["core"]
        == sent("Authorization", "Accept")["core"]
        == "accept,authorization"
    )
    assert sent("X-Api-Key", "Accept")["names"] == ["authorization", "accept"]


@pytest.mark.parametrize("name", TRANSPORT)
def test_names_of_the_connection_are_no_part_of_the_core(sent, name):
    assert sent(name.title(), "Accept")["core"] == "accept"


def test_a_repeated_name_counts_once_in_the_core_and_stays_in_the_list(sent):
    found = sent("Accept", "cookie", "accept")
    assert found["core"] == "accept,cookie"
    assert found["names"] == ["accept", "cookie", "accept"]


@pytest.mark.parametrize("listed", [None, []])
def test_no_header_list_gives_null_and_never_an_empty_set(prints, listed):
    found = prints({"header_names": listed}).select(headers(RULES)).row(0, named=True)
    assert {found[form] for form in FORMS} == {None}


def test_a_list_that_is_known_to_be_cut_gives_null(sent):
    found = sent("Accept", "Via", headers_complete=False)
    assert {found[form] for form in FORMS} == {None}


@pytest.mark.parametrize("complete", [True, None])
def test_a_list_that_is_complete_or_not_said_to_be_cut_is_used(sent, complete):
    assert sent("Accept", headers_complete=complete)["core"] == "accept"


def values(*pairs):
    return [{"name": name, "value": value} for name, value in pairs]


def test_header_values_hide_numbers_and_leave_out_what_belongs_to_machine_and_connection(sent):
    listed = values(
        ("X-App", "cli"),
        ("Accept-Encoding", "gzip, br"),
        ("x-stainless-os", "Linux"),
        ("x-stainless-arch", "arm64"),
        ("connection", "keep-alive"),
        ("User-Agent", "x"),
        ("accept", "*/*"),
        ("anthropic-version", "2023-06-01"),
    )
    found = sent("A", header_values=listed)
    assert found["values"] == "accept=*/*;anthropic-version=#;x-app=cli"
    assert found["accept_encoding"] == "accept-encoding=gzip, br"


def test_the_order_of_header_values_changes_nothing(sent):
    pairs = (("a", "1"), ("b", "x"), ("c", "y"))
    assert sent("A", header_values=values(*pairs)) == sent("A", header_values=values(*reversed(pairs)))


def test_header_values_that_are_null_or_missing_are_left_out(sent):
    found = sent("A", header_values=[*values(("accept", None), (None, "x"), ("x-app", "cli")), None])
    assert found["values"] == "x-app=cli"
    assert found["accept_encoding"] is None
    assert sent("A")["values"] is None


def test_header_values_do_not_need_the_list_of_names(sent):
    found = sent("A", headers_complete=False, header_values=values(("x-app", "cli")))
    assert (found["names"], found["values"]) == (None, "x-app=cli")


def test_a_long_header_value_is_cut(sent):
    assert (
        len(sent("A", header_values=values(("accept", "x" * 100_000)))["values"])
        == len("accept=") + LONGEST_TOKEN
    )


@given(
    st.lists(
        st.text(max_size=5) | st.sampled_from(["Via", "host", "X-Api-Key", "Accept", "x" * 100_000]),
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_names_whatever_give_lists_that_agree(sent, names):
    found = sent(*names)
    if not names:
        assert found["names"] is None
        return
    expected = [{"x-api-key": "authorization"}.get(name, name) for name in map(clean, found["raw_names"])]
    assert found["names"] == expected
    assert found["raw_names"] == [name for name in names if name in found["raw_names"]]
    assert found["core"] == ",".join(sorted(set(expected) - set(TRANSPORT), key=str.encode))


def clean(name):
    return pl.Series([name]).str.to_lowercase().str.strip_chars().item()
