import polars as pl
import pytest

from detector.report.casefile import NEXT_STEPS
from detector.report.page.rundata import listed_accounts, run_data
from detector.schema import ACCOUNT_VERDICT, FAMILIES, VERDICTS


@pytest.fixture
def told(sample_run):
    """The sample's accounts and its record, to be changed."""
    run = sample_run[1]
    return run.accounts, {**run.record, "input": dict(run.record["input"])}


def test_overview_counts_the_accounts(told):
    accounts, record = told
    overview = run_data(accounts, record).overview
    assert (overview.accounts, overview.requests) == (60, 76_914)
    assert overview.flagged == accounts["flagged"].sum()
    assert overview.watched == (accounts["verdict"] == "watch").sum()
    assert (f"{overview.first_day}", f"{overview.last_day}") == ("2026-11-02", "2026-11-06")
    assert overview.unscored == (
        "6 accounts had too little traffic to judge: neither guilty nor clear",
        "3 accounts pay for each use and are never judged",
    )


def test_tallies_cover_all_verdicts_and_all_accounts(told):
    tallies = run_data(*told).tallies
    assert [one.verdict for one in tallies] == list(VERDICTS)
    assert sum(one.accounts for one in tallies) == 60
    assert sum(one.share for one in tallies) == pytest.approx(1)
    assert [one.verdict for one in tallies if one.flagged] == ["harness", "declared_third_party"]
    assert [one.verdict for one in tallies if one.listed] == ["harness", "declared_third_party", "watch"]


def test_what_the_log_could_not_give_is_said(told):
    accounts, record = told
    record["input"] |= {
        "rejected": {"no_timestamp": 40, "no_path": 2},
        "rows": 1000,
        "unknown_columns": ["x"],
    }
    record["families"] = record["families"] | {
        "telemetry": {"available": False, "features_not_available": ["telemetry_share"]}
    }
    run = run_data(accounts, record)
    assert run.overview.unscored[2:] == (
        "42 of 1,000 rows were rejected; the reasons stand under Data quality",
        "the log cannot feed telemetry: nothing of it was held against anybody",
    )
    assert run.data.rejected == (("no_timestamp", 40), ("no_path", 2))
    assert run.data.unknown_columns == ("x",)
    assert [family.name for family in run.families] == list(FAMILIES)
    (closed,) = [family for family in run.families if not family.available]
    assert (closed.name, closed.missing) == ("telemetry", ("telemetry_share",))


def test_steps_are_those_of_the_verdicts_that_have_cases(told):
    accounts, record = told
    assert dict(run_data(accounts, record).steps).keys() == {"harness", "declared_third_party", "watch"}
    record["verdicts"] = {"watch": 2}
    assert run_data(accounts, record).steps == (("watch", NEXT_STEPS["watch"]),)


def test_facts_name_the_run_and_the_model(told):
    facts = dict(run_data(*told).facts)
    assert facts["model"] == told[1]["model"]["id"]
    assert facts["run"] == told[1]["run"]
    assert facts["training: requests"] == "4,563,635"
    assert facts["false discovery rate asked for"] == "1.0%"
    assert "seconds" not in facts


def test_a_run_without_accounts_has_a_page(told):
    record = told[1] | {"verdicts": {}}
    run = run_data(pl.DataFrame(schema=ACCOUNT_VERDICT), record)
    assert run.overview.accounts == 0
    assert {one.share for one in run.tallies} == {0.0}


def test_accounts_are_listed_by_verdict_score_and_name():
    rows = [
        ("b", "watch", 0.9),
        ("d", "harness", 0.5),
        ("c", "harness", 0.5),
        ("a", "declared_third_party", 1.0),
        ("e", "harness", 0.8),
        ("f", "clear", 0.99),
    ]
    accounts = pl.DataFrame(rows, schema=["account_id", "verdict", "score"], orient="row")
    assert listed_accounts(accounts) == ["e", "c", "d", "a", "b"]
