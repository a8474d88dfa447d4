"""Accusations of honest people that were measured, and the ways round the rule that were tried.

Each is a small fleet that is scored with the default model.
"""

from datetime import timedelta

import polars as pl
import pytest

from detector.engine.local import score
from detector.schema import VERDICTS
from detector.simulate import FleetOptions, simulate

INFERENCE = pl.col("path") == "/v1/messages"
POSTS = pl.col("path").str.starts_with("/api/event_logging")
SEVERITY = {name: place for place, name in enumerate(("harness", "declared_third_party", "watch"))}
"""From the worst; what asks for nobody's eyes is the mildest."""


@pytest.fixture(scope="module")
def judge(root, tmp_path_factory):
    """Score a table of requests with the default model."""
    path = tmp_path_factory.mktemp("accusations") / "log.parquet"

    def ask(requests):
        requests.write_parquet(path)
        return score(path, None, root / "models" / "default")

    return ask


def fleet_of(accounts=100, seed=1, **mixture):
    options = FleetOptions(accounts=accounts, days=7, seed=seed, activity=0.3, mixture=mixture)
    return simulate(options)


def of(*accounts):
    return pl.col("account_id").is_in(accounts)


def verdict(run, account):
    return run.accounts.row(by_predicate=pl.col("account_id") == account, named=True)


def changed(requests, at, **columns):
    """The requests with columns replaced where a condition holds."""
    return requests.with_columns(
        pl.when(at).then(value).otherwise(name).alias(name) for name, value in columns.items()
    )


# -- honest people that look guilty ----------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "official_scheduler",
        "all_nighter",
        "editor_desktop",
        "ci_action",
        "remote_dev_box",
        "traveller",
        "many_terminals",
        "tiny_company_proxy",
        "new_product",
        "old_or_new_version",
    ],
)
def test_honest_classes_are_never_flagged_and_rarely_watched(judge, name):
    fleet = fleet_of(**{"interactive": 0.6, name: 0.4})
    run = judge(fleet.requests)
    table = run.accounts.join(fleet.accounts.select("account_id", "class"), on="account_id")
    assert set(table["class"]) == {"interactive", name}
    assert table.filter("flagged").select("account_id", "class", "verdict", "reasons").rows() == []
    judged = table.filter(pl.col("verdict").is_in(["clear", "watch"]))
    for (kind,), members in judged.group_by("class"):
        watched = members.filter(verdict="watch").select("account_id", "reasons").rows()
        assert len(watched) <= members.height / 20, (kind, watched)
    assert judged.height > 0.7 * table.height


def test_a_launch_of_the_provider_is_one_incident_and_permitted(judge):
    run = judge(fleet_of(interactive=0.6, new_product=0.4).requests)
    (incident,) = run.record["incidents"]
    assert (incident["kind"], incident["client"]) == ("new_client", "claude-cowork")
    (taken,) = [one for one in run.record["clients"] if one["treatment"] != "first_party"]
    assert (taken["client"], taken["treatment"], taken["listed"]) == ("claude-cowork", "launched", False)


# -- who names itself ---------------------------------------------------------------


def test_a_name_on_no_list_declares_itself_as_one_on_a_list(judge):
    fleet = fleet_of(60, interactive=0.7, declared_unlisted=0.3)
    run = judge(fleet.requests)
    tools = fleet.accounts.filter(label="declared_third_party")["account_id"]
    assert tools.len() == 18
    assert set(run.accounts.filter(of(*tools))["verdict"]) == {"declared_third_party"}
    assert not run.accounts.filter(~of(*tools))["flagged"].any()
    names = {one["client"]: one for one in run.record["clients"] if one["treatment"] == "declared"}
    assert names
    assert not any(one["listed"] for one in names.values())


@pytest.fixture(scope="module")
def people():
    """Sixty people at the keyboard."""
    return fleet_of(60, interactive=1.0)


@pytest.fixture(scope="module")
def busiest(people):
    """Those who ask most through the CLI, the busiest first."""
    own = INFERENCE & pl.col("user_agent").str.starts_with("claude-cli/")
    counts = people.requests.filter(own).group_by("account_id").len()
    return counts.sort("len", "account_id", descending=True)["account_id"].to_list()


def test_the_name_of_the_telemetry_on_a_request_that_asks_a_model_is_never_clear(judge, people, busiest):
    silent, reporting = busiest[:6], busiest[6:8]
    agent = pl.lit("claude-code/2.1.74 (external, cli)")
    rows = changed(people.requests, of(*silent, *reporting) & INFERENCE, user_agent=agent)
    run = judge(rows.filter(~(of(*silent) & POSTS)))
    verdicts = dict(run.accounts.select("account_id", "verdict").rows())
    assert {verdicts[account] for account in silent} == {"harness"}
    assert {verdicts[account] for account in reporting} <= {"harness", "watch"}
    assert not run.accounts.filter(~of(*silent, *reporting))["flagged"].any()


def severity(run, accounts):
    """The place of each verdict among those that ask for somebody's eyes."""
    rows = run.accounts.filter(of(*accounts)).select("account_id", "verdict").rows()
    assert {name for _, name in rows} <= set(VERDICTS)
    return {account: SEVERITY.get(name, len(SEVERITY)) for account, name in rows}


def milder(before, after):
    return {
        account: (before[account], after[account]) for account in before if after[account] > before[account]
    }


def test_an_invented_version_shelters_no_harness(judge):
    fleet = fleet_of(interactive=0.75, spoofed_full=0.1, imitation=0.15)
    harnesses = fleet.accounts.filter(label="harness")["account_id"].to_list()
    assert len(harnesses) == 25
    before = judge(fleet.requests)
    assert before.accounts.filter(of(*harnesses))["flagged"].sum() >= 12
    agent = pl.col("user_agent").str.replace(r"^claude-cli/\S+", "claude-cli/9.9.9")
    after = judge(changed(fleet.requests, of(*harnesses), user_agent=agent))
    assert milder(severity(before, harnesses), severity(after, harnesses)) == {}
    assert not [one for one in after.record["incidents"] if one["version"] == "9.9.9"]


# -- an innocent account with a few requests of another program ---------------------


def some(requests, account, count, **columns):
    """Copies of an account's requests in a session of their own, with columns replaced."""
    own = requests.filter(of(account) & INFERENCE & (pl.col("status") == 200))
    picked = own.gather_every(max(1, own.height // count)).head(count)
    assert picked.height == count
    return picked.with_columns(
        pl.col("timestamp") + timedelta(seconds=7),
        pl.col("request_id") + "-other",
        session_id=pl.lit("other-session"),
        **columns,
    ).select(requests.columns)


@pytest.mark.parametrize("agent", ["opencode/1.0", "tool-of-mine/0.3"])
@pytest.mark.parametrize("share", [0.0, 0.015])
def test_a_few_requests_of_a_tool_that_names_itself_flag_no_innocent_account(
    judge, people, busiest, agent, share
):
    account = busiest[0]
    total = people.requests.filter(of(account)).height
    count = max(1, int(share * total))
    foreign = some(people.requests, account, count, user_agent=pl.lit(agent))
    row = verdict(judge(pl.concat([people.requests, foreign])), account)
    assert (row["verdict"], row["flagged_requests"]) == ("watch", 0)
    text = row["reasons"][0]["text"]
    assert f'% of the requests name themselves "{agent.partition("/")[0]}"' in text


@pytest.mark.parametrize("count", [1, 5, 15])
def test_a_few_requests_with_the_headers_of_a_harness_flag_no_innocent_account(judge, people, busiest, count):
    account = busiest[0]
    guilty = fleet_of(20, spoofed_partial=1.0).requests.filter(INFERENCE)
    wire = guilty.select("user_agent", "header_names", "header_values", "http_version", "ja4").row(
        0, named=True
    )
    columns = {name: pl.lit(value, people.requests.schema[name]) for name, value in wire.items()}
    foreign = some(people.requests, account, count, **columns)
    assert count < 0.02 * people.requests.filter(of(account)).height
    row = verdict(judge(pl.concat([people.requests, foreign])), account)
    assert (row["verdict"], row["flagged_requests"]) == ("watch", 0)
    assert "of the requests: " in row["reasons"][0]["text"]


# -- what a harness may do to its requests -------------------------------------------


def added(*names):
    return {"header_names": pl.concat_list("header_names", pl.lit(list(names)))}


def claimed(version):
    return {"user_agent": pl.col("user_agent").str.replace(r"^claude-cli/\S+", f"claude-cli/{version}")}


CHANGES = {
    "x-request-id": added("x-request-id"),
    "traceparent": added("traceparent"),
    "accept-language": added("accept-language"),
    "via": added("via"),
    "lower case": {"header_names": pl.col("header_names").list.eval(pl.element().str.to_lowercase())},
    "an old version": claimed("1.0.128"),
    "the usual version": claimed("2.1.330"),
    "a version that nobody has": claimed("9.9.9"),
}
"""What one line of a program may do to every request."""


@pytest.fixture(scope="module")
def log(sample):
    """All rows of the sample."""
    return pl.read_parquet(sample / "logs", hive_partitioning=False)


@pytest.fixture(scope="module")
def caught(sample_run):
    """The flagged accounts of the sample, and how severe each verdict is."""
    return severity(sample_run[1], sample_run[1].accounts.filter("flagged")["account_id"])


@pytest.mark.parametrize("name", CHANGES)
def test_what_all_flagged_accounts_do_to_their_requests_earns_none_a_milder_verdict(judge, log, caught, name):
    after = judge(changed(log, of(*caught), **CHANGES[name]))
    assert milder(caught, severity(after, caught)) == {}


@pytest.mark.parametrize(("place", "name"), list(enumerate(CHANGES)))
def test_what_one_flagged_account_does_to_its_requests_earns_it_no_milder_verdict(
    judge, log, caught, place, name
):
    account = sorted(caught)[place % len(caught)]
    after = judge(changed(log, of(account), **CHANGES[name]))
    assert milder(caught, severity(after, caught)) == {}
