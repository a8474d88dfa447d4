"""What a run keeps of flagged and watched accounts, checked against logs that are scored again."""

import json

import polars as pl
import pytest

from detector.engine.local import score
from detector.schema import ACTIVITY, AGAINST, CLEARING, HEADERS, PLANS, RELATED, VERDICTS
from detector.simulate import FleetOptions, simulate
from detector.verdict.write import TABLES

SCHEMAS = {
    "activity": ACTIVITY,
    "against": AGAINST,
    "clearing": CLEARING,
    "headers": HEADERS,
    "plans": PLANS,
    "related": RELATED,
}


@pytest.fixture(scope="module")
def crowd():
    """A fleet of which every other account carries a harness."""
    mixture = {"riding": 0.3, "spoofed_partial": 0.1, "fake_telemetry": 0.1, "interactive": 0.3}
    mixture |= {"declared_third_party": 0.1, "shared_account": 0.1}
    return simulate(FleetOptions(accounts=60, days=5, seed=8, activity=0.5, mixture=mixture))


@pytest.fixture(scope="module")
def scored(crowd, folder, tmp_path_factory):
    """The verdict folder of that fleet."""
    place = tmp_path_factory.mktemp("crowd")
    crowd.requests.write_parquet(place / "log.parquet")
    score(place / "log.parquet", place / "out", folder / "model")
    return place


@pytest.fixture(scope="module")
def tables(scored):
    names = (*TABLES, "accounts", "sessions")
    return {name: pl.read_parquet(scored / "out" / f"{name}.parquet") for name in names}


@pytest.fixture(scope="module")
def asked(tables):
    """Flagged and watched accounts."""
    return tables["accounts"].filter(pl.col("flagged") | (pl.col("verdict") == "watch"))


def test_tables_have_their_schema_and_hold_only_flagged_and_watched_accounts(tables, asked):
    assert set(TABLES) == set(SCHEMAS)
    for name, schema in SCHEMAS.items():
        assert tables[name].schema == schema
        assert set(tables[name]["account_id"]) <= set(asked["account_id"])
    for name in ("activity", "clearing", "headers"):
        assert set(tables[name]["account_id"]) == set(asked["account_id"])


def test_hours_add_up_to_what_the_sessions_asked(crowd, tables, asked):
    inference = crowd.requests.filter(pl.col("path") == "/v1/messages")
    counts = inference.group_by("account_id").agg(asked=pl.len())
    sums = tables["activity"].group_by("account_id").agg(pl.col("requests", "flagged_requests").sum())
    joined = sums.join(counts, on="account_id").join(asked, on="account_id")
    assert joined.filter(pl.col("requests") != pl.col("asked")).is_empty()
    assert (joined["flagged_requests"] <= joined["flagged_requests_right"]).all()
    whole = joined.filter(pl.col("flagged_sessions") == pl.col("sessions"))
    assert whole["requests"].equals(whole["flagged_requests"])
    assert tables["activity"].select("account_id", "hour").is_unique().all()


def test_what_speaks_for_an_account_is_never_what_speaks_against_it(tables, asked):
    told = asked.select("account_id", reason="reasons").explode("reason").unnest("reason")
    both = tables["against"].join(told, on=["account_id", "feature"])
    assert both.is_empty()
    assert tables["against"].group_by("account_id").len()["len"].max() <= 6


def test_plans_are_those_of_the_log(crowd, tables):
    last = crowd.requests.sort("timestamp").group_by("account_id").agg(pl.col("plan").drop_nulls().last())
    joined = tables["plans"].join(last, on="account_id", suffix="_seen")
    assert joined.filter(pl.col("plan") != pl.col("plan_seen")).is_empty()
    assert joined.height == tables["plans"].height > 0


def test_accounts_that_share_a_device_are_told_of_each_other(crowd, tables, folder, tmp_path):
    names = tables["accounts"].filter(verdict="harness")["account_id"].sort().head(3).to_list()
    device = pl.when(pl.col("account_id").is_in(names)).then(pl.lit("one machine")).otherwise("device_id")
    crowd.requests.with_columns(device_id=device).write_parquet(tmp_path / "log.parquet")
    run = score(tmp_path / "log.parquet", tmp_path / "out", folder / "model")
    flagged = set(run.accounts.filter("flagged")["account_id"])
    rows = pl.read_parquet(tmp_path / "out" / "related.parquet").filter(by="device")
    asked = run.accounts.filter(
        pl.col("account_id").is_in(names), pl.col("verdict").is_in(["harness", "watch"])
    )
    assert rows["account_id"].to_list() == asked["account_id"].sort().to_list() != []
    for row in rows.iter_rows(named=True):
        others = [name for name in names if name != row["account_id"]]
        assert (row["accounts"], row["flagged"]) == (2, len(flagged & set(others)))
        assert row["others"] == sorted(others, key=lambda name: (name not in flagged, name))


def test_who_is_named_at_an_address_was_seen_there(crowd, tables):
    seen = crowd.requests.group_by("account_id").agg(pl.col("client_ip").drop_nulls().unique())
    places = {name: set(found) for name, found in seen.iter_rows()}
    for row in tables["related"].filter(by="address").iter_rows(named=True):
        assert row["account_id"] not in row["others"]
        assert all(places[row["account_id"]] & places[name] for name in row["others"])


def test_every_account_has_an_answer_and_every_answer_a_verdict(tables, asked):
    clearing = tables["clearing"]
    assert set(clearing["verdict"]) <= set(VERDICTS)
    assert clearing.select("account_id", "what", "sessions").is_unique().all()
    whole = clearing.filter(pl.col("sessions") > 0).group_by("account_id", maintain_order=True).first()
    joined = whole.join(asked, on="account_id", suffix="_now")
    assert joined.height == asked.height
    flagged = joined.filter("flagged")
    assert flagged.filter(pl.col("sessions") != pl.col("flagged_sessions")).is_empty()
    # without all that was flagged nothing is flagged
    assert not set(flagged["verdict"]) & {"harness", "declared_third_party"}


def test_a_log_without_the_attested_sessions_gets_the_verdict_that_was_promised(
    crowd, tables, folder, tmp_path
):
    asked = tables["accounts"].filter("flagged")
    sessions = tables["sessions"].filter("flagged")
    riding = asked.filter(
        (pl.col("verdict") == "harness") & (pl.col("flagged_sessions") < pl.col("sessions"))
    )
    assert riding.height >= 3
    gone = sessions.join(riding, on="account_id", how="semi").select("account_id", session_id="session")
    declared = gone.filter(~pl.col("session_id").str.starts_with("~"))
    whole = (
        declared.group_by("account_id")
        .len()
        .join(gone.group_by("account_id").len(), on=["account_id", "len"], how="semi")
    )
    cut = declared.join(whole, on="account_id", how="semi")
    assert whole.height >= 2
    # one account after the other: what others send is part of every judgement
    clearing = tables["clearing"].filter(pl.col("sessions") > 0)
    for account in whole["account_id"].sort().head(3):
        rows = crowd.requests.join(
            cut.filter(account_id=account), on=["account_id", "session_id"], how="anti"
        )
        rows.write_parquet(tmp_path / "log.parquet")
        again = score(tmp_path / "log.parquet", None, folder / "model").accounts.filter(account_id=account)
        promised = clearing.filter(account_id=account)["verdict"][0]
        assert again["verdict"].to_list() == [promised], account


def test_a_policy_that_permits_the_client_gets_the_verdict_that_was_promised(scored, tables, folder):
    promised = tables["clearing"].filter(pl.col("what").str.starts_with("the policy permits "))
    assert promised.height > 0
    assert promised["account_id"].to_list() == (
        tables["accounts"].filter(verdict="declared_third_party")["account_id"].to_list()
    )
    run = score(scored / "log.parquet", None, folder / "model", policy="open")
    joined = promised.join(run.accounts, on="account_id", suffix="_open")
    assert joined.filter(pl.col("verdict") != pl.col("verdict_open")).is_empty()


def test_explained_evidence_takes_no_sessions_away_and_names_family_or_reason(tables, asked):
    rows = tables["clearing"].filter(
        (pl.col("sessions") == 0) & ~pl.col("what").str.starts_with("the policy")
    )
    assert rows["what"].str.contains(r"^the evidence from .* is explained$|^\".*\" is explained$").all()
    harness = asked.filter(verdict="harness")
    assert set(harness["account_id"]) <= set(rows["account_id"])
    quoted = rows.filter(pl.col("what").str.starts_with('"')).join(asked, on="account_id", suffix="_now")
    for row in quoted.iter_rows(named=True):
        said = row["what"].removesuffix('" is explained').removeprefix('"')
        assert any(reason["text"].startswith(said) for reason in row["reasons"])


def test_nothing_flagged_and_nothing_watched_is_empty_tables(folder, tmp_path):
    quiet = simulate(FleetOptions(accounts=4, days=2, seed=1, activity=0.2, mixture={"interactive": 1.0}))
    quiet.requests.write_parquet(tmp_path / "log.parquet")
    run = score(tmp_path / "log.parquet", tmp_path / "out", folder / "model")
    assert not run.accounts["flagged"].any()
    for name, schema in SCHEMAS.items():
        table = pl.read_parquet(tmp_path / "out" / f"{name}.parquet")
        assert (table.schema, table.height) == (schema, 0)


def test_the_run_is_named_by_what_was_given_and_found(scored, crowd, folder, tmp_path):
    record = json.loads((scored / "out" / "run.json").read_text())
    crowd.requests.sample(fraction=1, shuffle=True, seed=0).write_parquet(tmp_path / "moved.parquet")
    again = score(tmp_path / "moved.parquet", None, folder / "model").record
    other = score(tmp_path / "moved.parquet", None, folder / "model", policy="open").record
    assert len(record["run"]) == 16
    assert again["run"] == record["run"] != other["run"]
    assert (record["rule"], other["rule"]) == (
        "Subscription plans are for the provider's own web app and CLI",
        "Third-party tools are welcome on every plan",
    )
