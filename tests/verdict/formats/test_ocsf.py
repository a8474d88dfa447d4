import copy
import json
from datetime import timedelta
from functools import cache
from importlib import import_module

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from pydantic import ValidationError

from detector.verdict.formats.ocsf import SESSIONS, VERSION, findings, write_findings

LATER = ("1.6.0", "1.7.0", "1.8.0")
"""Versions that must take what is written: the one that is named, and those after it."""

PROFILES = ["incident", "security_control"]

hostile = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@cache
def judge(version):
    """The published schema of the class, strict: no name that it does not know."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    return Draft202012Validator(schema.get_class_schema(class_name="detection_finding", profiles=PROFILES))


def second_judge(event, version=VERSION):
    """Give the event to the models of pydantic-ocsf, which know the name of each id."""
    models = import_module(f"ocsf.v{version.replace('.', '_')}.events")
    return models.DetectionFinding.model_validate(copy.deepcopy(event))


def faults(event, version=VERSION):
    return [f"{fault.json_path}: {fault.message}" for fault in judge(version).iter_errors(event)]


@pytest.fixture(scope="module")
def of_sample(sample_run):
    """Findings of the sample."""
    folder, run = sample_run
    return list(findings(pl.scan_parquet(folder / "accounts.parquet"), run.listing, run.record))


@pytest.fixture
def one(tables, record):
    """Make the one finding of one account."""

    def make(account, sessions=()):
        (event,) = findings(*tables([account], sessions), record)
        return event

    return make


# -- the schema


@pytest.mark.parametrize("version", LATER)
def test_findings_of_the_sample_are_valid(version, of_sample, sample_run):
    asked = sample_run[1].accounts.filter(pl.col("flagged") | (pl.col("verdict") == "watch"))
    assert [event["resources"][0]["uid"] for event in of_sample] == asked["account_id"].to_list() != []
    assert [fault for event in of_sample for fault in faults(event, version)] == []


@pytest.mark.parametrize("version", ["1.6.0", "1.7.0"])
def test_the_second_judge_agrees_and_loses_nothing(version, of_sample):
    for event in of_sample:
        kept = json.loads(second_judge(event, version).model_dump_json(exclude_none=True))
        for observable in kept["observables"]:
            observable.pop("type")
        assert kept == event


def test_the_judges_can_say_no(one, account):
    event = one(account())
    assert faults(event | {"verdict_id": 1000}) != []
    assert faults(event | {"families": ["cadence"]}) != []
    assert faults({name: value for name, value in event.items() if name != "finding_info"}) != []
    assert faults(event | {"anomaly_analyses": [{"anomalies": []}]}) != []
    with pytest.raises(ValidationError, match="severity"):
        second_judge(event | {"severity": "Fatal"})


@given(
    words=st.lists(hostile, min_size=6, max_size=6),
    verdict=st.sampled_from(["harness", "declared_third_party", "watch"]),
    value=st.none() | st.floats(),
    chance=st.none() | st.floats(0, 1),
)
def test_any_text_and_any_number_stay_valid_and_come_back(
    tables, record, account, session, *, words, verdict, value, chance
):
    name, session_id, client, version, feature, text = words
    reason = {"feature": feature, "family": "usage", "value": value, "baseline": value, "text": text}
    row = account(account_id=name, verdict=verdict, score=chance, q_value=chance, reasons=[reason])
    line = session(account_id=name, session=session_id, client=client, client_version=version)
    (event,) = findings(*tables([row], [line]), record)
    assert faults(event) == []
    second_judge(event)
    assert event["resources"][0]["uid"] == name
    assert event["finding_info"].get("desc", "") == text
    assert event["evidences"][1]["actor"]["app_name"] == client
    assert event["evidences"][1]["uid"] == session_id


def test_lines_are_ascii_json(tables, record, account, tmp_path):
    evil = "a\x7f\x1b[31m\u202e\u2028\u9f8d\U0001f600\n"
    accounts, sessions = tables([account(account_id=evil)])
    accounts.collect().write_parquet(tmp_path / "accounts.parquet")
    sessions.collect().write_parquet(tmp_path / "sessions.parquet")
    write_findings(tmp_path, record)
    written = (tmp_path / "findings.ocsf.ndjson").read_bytes()
    assert all(b == ord("\n") or ord(" ") <= b <= ord("~") for b in written)
    (line,) = written.splitlines()
    assert json.loads(line)["resources"][0]["uid"] == evil


# -- what a finding says


def test_a_finding_says_what_the_tables_say(one, account, session):
    event = one(account(), [session()])
    assert (event["class_uid"], event["category_uid"], event["type_uid"]) == (2004, 2, 200401)
    assert (event["verdict_id"], event["severity_id"], event["is_alert"]) == (4, 3, True)
    assert (event["confidence"], event["confidence_score"], event["risk_score"]) == ("High", 99, 73)
    assert (event["action"], event["disposition"], event["status"]) == ("Observed", "Detected", "New")
    assert (event["start_time"], event["end_time"], event["time"]) == (
        1793610000000,
        1793622600000,
        1793622600000,
    )
    assert event["count"] == 250
    assert event["message"] == "harness: 9 headers are missing; normally 0"
    assert event["policy"] == {"name": "first-party-only"}
    info = event["finding_info"]
    assert info["title"] == "Automated traffic posing as the provider's client"
    assert info["desc"] == "9 headers are missing; normally 0\ntelemetry reported 0% of the requests"
    assert info["types"] == ["harness"]
    assert info["analytic"]["uid"] == "0123456789abcdef"
    assert event["metadata"]["version"] == VERSION
    assert event["metadata"]["product"]["version"] == "0.1.0"
    assert event["evidences"][0]["data"] == {
        "verdict": "harness",
        "score": 0.734,
        "p_value": 0.0003,
        "q_value": 0.0027,
        "sessions": 3,
        "requests": 300,
        "flagged_sessions": 2,
        "flagged_requests": 250,
        "flagged_tokens": 9000,
        "families": ["fingerprint", "telemetry"],
    }
    assert event["evidences"][1] == {
        "name": "session",
        "uid": "s",
        "actor": {"user": {"uid": "a"}, "app_name": "claude-cli"},
        "data": {
            "start": "2026-11-02T09:00:00+00:00",
            "end": "2026-11-02T12:30:00+00:00",
            "requests": 125,
            "client_version": "2.1.0",
            "score": 0.7,
            "p_value": 0.001,
            "families": ["telemetry"],
        },
    }


def test_anomalies_stand_beside_their_baselines(one, account):
    span = {"start_time": 1793610000000, "end_time": 1793622600000}
    assert one(account())["anomaly_analyses"] == [
        {
            "analysis_targets": [{"name": "a", "type": "LLM subscription account"}],
            "anomalies": [
                {
                    "observation_parameter": "headers_missing",
                    "observation_type": "fingerprint",
                    "observed_pattern": "9 headers are missing; normally 0",
                    "observations": [{"value": "9.0", "timespan": span}],
                },
                {
                    "observation_parameter": "telemetry_coverage",
                    "observation_type": "telemetry",
                    "observed_pattern": "telemetry reported 0% of the requests",
                    "observations": [{"value": "0.0", "timespan": span}],
                },
            ],
            "baselines": [
                {
                    "observation_parameter": "headers_missing",
                    "observation_type": "fingerprint",
                    "observed_pattern": "median of the cohort",
                    "observations": [{"value": "0.0"}],
                }
            ],
        }
    ]


def test_a_client_that_names_itself_is_a_rule_and_no_anomaly(one, account):
    reason = {"feature": "client", "family": "fingerprint", "value": None, "baseline": None, "text": "named"}
    event = one(account(verdict="declared_third_party", p_value=None, q_value=None, reasons=[reason]))
    assert "anomaly_analyses" not in event
    assert "confidence_score" not in event
    assert (event["verdict_id"], event["verdict"], event["severity"]) == (99, "declared_third_party", "Low")
    assert event["finding_info"]["analytic"]["uid"] == "first-party-only"
    assert event["confidence"] == "High"


def test_a_watched_account_is_no_alert(one, account, session):
    watched = account(verdict="watch", flagged=False, flagged_requests=0)
    quiet = session(session="quiet", flagged=False, families=[])
    event = one(watched, [quiet, session(session="odd", flagged=False)])
    assert event["is_alert"] is False
    assert (event["verdict"], event["severity"], event["confidence"]) == (
        "Insufficient Data",
        "Informational",
        "Low",
    )
    assert "count" not in event
    assert "confidence_score" not in event
    assert [one["uid"] for one in event["evidences"]] == ["a", "odd"]


@pytest.mark.parametrize(
    ("q_value", "families", "wanted"),
    [
        (0.01, ["a", "b"], ("High", 99)),
        (0.011, ["a", "b"], ("Medium", 98)),
        (0.5, ["a", "b", "c"], ("High", 50)),
    ],
)
def test_confidence_is_that_of_the_case_file(q_value, families, wanted, one, account):
    event = one(account(q_value=q_value, families=families))
    assert (event["confidence"], event["confidence_score"]) == wanted


def test_only_flagged_and_watched_accounts_are_findings(tables, record, account):
    rows = [
        account(account_id=verdict, verdict=verdict)
        for verdict in (
            "clear",
            "watch",
            "insufficient_data",
            "harness",
            "out_of_scope",
            "declared_third_party",
        )
    ]
    events = findings(*tables(rows), record)
    assert [event["resources"][0]["uid"] for event in events] == ["watch", "harness", "declared_third_party"]


def test_evidence_is_the_strongest_of_the_flagged_sessions(one, account, session):
    sessions = [session(session=f"s{i}", score=i / 100) for i in range(SESSIONS + 5)]
    sessions += [session(session="null", score=None), session(session="other", flagged=False, score=0.99)]
    sessions += [session(session="twin", score=0.14)]
    shown = [one["uid"] for one in one(account(), sessions)["evidences"]][1:]
    assert shown == ["s14", "twin", *(f"s{i}" for i in range(13, 5, -1))]
    assert len(shown) == SESSIONS


def test_ids_tell_findings_and_events_apart(tables, record, account):
    def ids(row, run=record):
        (event,) = findings(*tables([row]), run)
        return event["finding_info"]["uid"], event["metadata"]["uid"]

    first = ids(account())
    assert ids(account()) == first
    longer = ids(account(last_seen=account()["last_seen"] + timedelta(days=1)))
    assert longer[0] == first[0]
    assert longer[1] != first[1]
    assert ids(account(), run=record | {"policy": "open"})[1] != first[1]
    assert ids(account(account_id="b"))[0] != first[0]
    assert ids(account(verdict="watch"))[0] != first[0]


def test_the_order_of_sessions_changes_nothing(tables, record, account, session):
    sessions = [session(session=f"s{i}", score=(i % 3) / 10) for i in range(20)]
    sessions += [session(account_id="b", session="b")]
    accounts = [account(), account(account_id="b")]
    one, two = (list(findings(*tables(accounts, order), record)) for order in (sessions, sessions[::-1]))
    assert one == two
