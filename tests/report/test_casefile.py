import dataclasses
import json

import polars as pl
import pytest

import detector
from detector.errors import InputError
from detector.report.case import Related
from detector.report.casefile import cases, explain
from detector.report.text import visible
from detector.schema import FAMILIES, RELATED, VERDICTS
from detector.verdict.meaning import NEXT_STEPS


def test_case_repeats_the_verdict_tables(of, accounts, sample_run):
    case = of("harness")
    row = accounts.row(by_predicate=pl.col("account_id") == case.account_id, named=True)
    for name in set(accounts.columns) - {"families", "reasons"}:
        assert getattr(case, name) == row[name]
    assert list(case.families) == row["families"]
    assert [dataclasses.asdict(reason) for reason in case.reasons] == row["reasons"]
    assert len(case.timeline) == case.sessions
    assert sum(line.flagged for line in case.timeline) == case.flagged_sessions
    assert [line.start for line in case.timeline] == sorted(line.start for line in case.timeline)
    assert case.model == sample_run[1].record["model"]["id"]


def test_evidence_covers_every_family_and_speaks_for_the_account_too(riding):
    assert [one.family for one in riding.evidence] == list(FAMILIES)
    counting = {one.family for one in riding.evidence if one.state == "counts"}
    assert counting == set(riding.families)
    assert any(one.state == "ordinary" and one.lines for one in riding.evidence)


def test_families_that_a_log_cannot_feed_are_said(sample, tmp_path):
    rows = pl.read_parquet(sample / "logs" / "date=2026-11-02" / "part-0.parquet")
    rows.select("timestamp", "account_id", "path").write_parquet(tmp_path / "log.parquet")
    run = detector.score(tmp_path / "log.parquet", tmp_path / "out")
    case = explain(tmp_path / "out", run.accounts["account_id"][0])
    states = {one.family: one.state for one in case.evidence}
    assert states["fingerprint"] == states["usage"] == "not logged"
    assert case.telemetry == ()


def test_next_steps_cover_the_verdicts():
    assert set(NEXT_STEPS) == set(VERDICTS)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_case_with_confidence_rule_and_next_step(verdict, of):
    case = of(verdict)
    assert case.next_step == NEXT_STEPS[verdict]
    assert case.confidence not in {"", "unknown"}
    assert case.rule == "Subscription plans are for the provider's own web app and CLI"
    assert len(case.run) == 16


# -- many at once ---------------------------------------------------------------


def test_cases_are_all_that_is_flagged_or_watched_the_gravest_first(found, accounts):
    asked = accounts.filter(pl.col("flagged") | (pl.col("verdict") == "watch"))
    assert {case.account_id for case in found} == set(asked["account_id"])
    keys = [(VERDICTS.index(case.verdict), -case.score, case.account_id) for case in found]
    assert keys == sorted(keys)


def test_cases_are_those_that_are_opened_one_by_one(folder, accounts):
    names = accounts["account_id"].to_list()[::-1]
    assert list(cases(folder, names)) == [explain(folder, name) for name in names]
    assert list(cases(folder, [])) == []


def test_cases_of_unknown_accounts_are_refused(folder, accounts):
    with pytest.raises(InputError, match="no account nobody; see account_id"):
        list(cases(folder, [accounts["account_id"][0], "nobody"]))


# -- what it holds --------------------------------------------------------------


def test_clients_add_up_to_the_account(found):
    for case in found:
        for name in ("sessions", "flagged_sessions", "flagged_requests"):
            assert sum(getattr(one, name) for one in case.clients) == getattr(case, name)
        assert [one.requests for one in case.clients] == sorted(one.requests for one in case.clients)[::-1]
        assert {one.client for one in case.clients} == {line.client for line in case.timeline}


def test_telemetry_adds_up_to_the_hours(found, riding):
    opened = [*found, riding]
    assert {one.part for case in opened for one in case.telemetry} == {
        "flagged sessions",
        "other sessions",
        "all sessions",
    }
    for case in opened:
        assert sum(one.served for one in case.telemetry) == sum(hour.served for hour in case.activity)
        assert sum(one.reported for one in case.telemetry) == sum(hour.reported for hour in case.activity)
        part = [one for one in case.telemetry if one.part == "flagged sessions"]
        assert [one.served for one in part] == [sum(h.flagged_served for h in case.activity)] * case.flagged


def test_hours_and_headers_are_in_order(found):
    for case in found:
        hours = [one.hour for one in case.activity]
        assert hours == sorted(set(hours))
        flagged = [one.flagged_requests for one in case.headers]
        assert flagged == sorted(flagged, reverse=True)
        assert all(isinstance(one.seen, tuple) for one in case.headers)
    assert any(case.plan for case in found)


def test_reasons_and_what_speaks_against_name_different_families_first(found):
    for case in found:
        for told in (case.reasons, case.against):
            families = [one.family for one in told]
            distinct = len(set(families))
            assert len(set(families[:distinct])) == distinct or case.reasons[0].feature == "country_moves"
        assert not {one.feature for one in case.reasons} & {one.feature for one in case.against}


def test_what_headers_look_like_and_who_shares_what_is_read_from_the_tables(copy, of):
    flagged = of("harness")
    headers = pl.read_parquet(copy / "headers.parquet")
    headers.with_columns(library=pl.lit("httpx"), resembles=pl.lit("tool")).write_parquet(
        copy / "headers.parquet"
    )
    rows = [(flagged.account_id, "address", 7, 3, ["a", "b"]), ("nobody", "device", 1, 0, ["c"])]
    pl.DataFrame(rows, RELATED, orient="row").write_parquet(copy / "related.parquet")
    case = explain(copy, flagged.account_id)
    assert {(one.library, one.resembles) for one in case.headers} == {("httpx", "tool")}
    assert case.related == (Related("address", 7, 3, ("a", "b")),)
    plain = case.to_dict()
    assert plain["related"] == [{"by": "address", "accounts": 7, "flagged": 3, "others": ["a", "b"]}]
    assert plain["headers"][0]["library"] == "httpx"
    assert plain["headers"][0]["resembles"] == "tool"


def test_other_accounts_have_no_traces(of):
    case = of("clear")
    assert (case.activity, case.headers, case.clearing, case.against) == ((), (), (), ())
    assert case.related == ()
    assert case.timeline


def test_case_as_json(riding):
    plain = riding.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["first_seen"] == riding.first_seen.isoformat()
    assert plain["timeline"][0]["start"] == riding.timeline[0].start.isoformat()


def test_accounts_are_found_as_logged_and_as_shown(copy, accounts):
    evil = "x\\\x1b\u202e"
    table = accounts.with_columns(
        account_id=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(evil)).otherwise("account_id")
    )
    table.write_parquet(copy / "accounts.parquet")
    assert explain(copy, evil).account_id == evil
    assert explain(copy, visible(evil)).account_id == evil


def test_unknown_accounts_name_the_near_ones(folder, accounts):
    names = accounts["account_id"].sort().to_list()
    with pytest.raises(InputError, match=f"no account {names[0][:6]}; 1 similar: {names[0]}; see account_id"):
        explain(folder, names[0][:6])
    near = [name for name in names if "a" in name]
    with pytest.raises(InputError, match=rf"{len(near)} similar: (\w+, ){{5}}\.\.\.; see"):
        explain(folder, "A")
    with pytest.raises(InputError, match=f"no account zz; no account of {len(names)} is similar; see"):
        explain(folder, "zz")
