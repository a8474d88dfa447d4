import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from detector.report.case import Clearing, HeaderLine, Reason, TelemetryLine
from detector.report.casedocument import DAYS, OTHERS, SESSIONS, case_document, hours_of
from detector.report.document import Facts, Grid, Hours, Items, Text
from detector.schema import VERDICTS

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
REASON = Reason(
    "stretch_h",
    "cadence",
    63.0,
    8.0,
    "the longest stretch lasted 63 h; normally 8 h",
    "h",
    2.0,
    20.0,
    0.0,
    340,
)


def section(page, title):
    """The one section whose title begins so."""
    (one,) = [one for one in page.sections if one.title.startswith(title)]
    return one.blocks


def titles(case):
    return [one.title.partition(" (")[0] for one in case_document(case).sections]


def items(blocks):
    return [row[0] for block in blocks if isinstance(block, Items) for row in block.rows]


def test_a_flagged_account_has_everything_in_the_order_of_a_minute(riding):
    assert titles(riding) == [
        "in short",
        "what counts against it",
        "what speaks for it",
        "what would clear it",
        "telemetry",
        "headers",
        "activity",
        "sessions",
        "policy",
        "next step",
        "made by",
    ]
    page = case_document(riding)
    assert page.title == f"account {riding.account_id}"
    assert page.answer == "harness (flagged): automated traffic posing as the provider's client"


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_page(verdict, of):
    case = of(verdict)
    page = case_document(case)
    assert page.answer.startswith(f"{verdict} ({'flagged' if case.flagged else 'not flagged'}): ")
    assert section(page, "next step") == (Text(case.next_step),)
    assert "None" not in str(page.to_dict())
    held = case.flagged or verdict == "watch"
    assert ("what counts against it" in titles(case)) is held
    assert ("what would clear it" in titles(case)) is held


def test_an_account_that_is_not_held_is_not_accused(of):
    case = dataclasses.replace(of("clear"), reasons=(REASON,))
    assert "what counts against it" not in titles(case)
    assert "noticed, and not held against it" in titles(case)


@pytest.mark.parametrize(
    ("tail", "accounts", "place"),
    [
        (0.0, 340, "none of 340 comparable accounts as far out; most show 2 h to 20 h"),
        (0.0029, 340, "about 1 of 340 comparable accounts as far out; most show 2 h to 20 h"),
        (0.0009, 340, "fewer than one of 340 comparable accounts as far out; most show 2 h to 20 h"),
        (0.5, 3400, "about 1,700 of 3,400 comparable accounts as far out; most show 2 h to 20 h"),
        (None, None, ""),
    ],
)
def test_a_reason_says_where_in_the_cohort_it_lies(tail, accounts, place, riding):
    reason = dataclasses.replace(REASON, tail=tail, accounts=accounts)
    (block,) = section(case_document(dataclasses.replace(riding, reasons=(reason,))), "what counts")
    assert block == Items(((f"{REASON.text} (cadence)", place),), numbered=True)


def test_what_would_clear_it_is_told_apart_from_what_would_not(riding):
    told = (
        Clearing("the 9 sessions of cli are attested", 9, "clear"),
        Clearing("the 4 sessions of cli are attested", 4, "harness"),
        Clearing("the evidence from telemetry is explained", 0, "harness"),
        Clearing("the evidence from rhythm and hours is explained", 0, "watch"),
        Clearing("the evidence from headers is explained", 0, "insufficient_data"),
    )
    first, said, second = section(case_document(dataclasses.replace(riding, clearing=told)), "what would")
    assert items([first]) == [
        "clear if the 9 sessions of cli are attested",
        "insufficient_data (too little else to judge) if the evidence from headers is explained",
        "watch if the evidence from rhythm and hours is explained",
    ]
    assert said == Text("No single one of these would change the verdict:")
    assert items([second]) == ["the evidence from telemetry is explained"]


def test_telemetry_stands_against_what_was_answered(riding):
    lines = (TelemetryLine("flagged sessions", 415, 3), TelemetryLine("other sessions", 0, 0))
    (grid,) = section(case_document(dataclasses.replace(riding, telemetry=lines)), "telemetry")
    assert grid.rows == (("flagged sessions", "415", "3", "0.7%"),)


def test_headers_stand_beside_the_expected_ones(riding):
    odd = HeaderLine("cli", "1.2", 90, 80, ("Host", "Accept"), ("Accept", "Host"))
    lines = (
        odd,
        HeaderLine("cli", "1.2", 5, 0, ("Via", "Accept", "Host"), ("Accept", "Host")),
        HeaderLine(None, None, 3, 0, ("A",), None),
    )
    told, grid, alike, unknown = section(case_document(dataclasses.replace(riding, headers=lines)), "headers")
    assert told == Text("90 requests as cli 1.2, 80 of them flagged:")
    assert grid.rows == (("", "moved", "Host"), ("Accept", "", "Accept"), ("Host", "moved", ""))
    assert grid.marked == {0, 2}
    assert alike == Text("The headers of 5 requests came in the order expected.")
    assert unknown == Text("The headers of 3 requests have no known order to compare with.")
    many = section(case_document(dataclasses.replace(riding, headers=(odd,) * 5)), "headers")
    assert many[-1] == Text("3 more lists differ (270 requests).")


def test_sessions_of_the_person_stand_beside_those_that_ride(riding):
    one = riding.timeline[0]
    lines = tuple(
        dataclasses.replace(one, start=NOON + timedelta(hours=i), flagged=i % 4 != 0, requests=1000 - i)
        for i in range(100)
    )
    (grid,) = section(case_document(dataclasses.replace(riding, timeline=lines)), "sessions")
    assert len(grid.rows) == SESSIONS
    assert len(grid.marked) == SESSIONS - OTHERS
    assert all((row[0] == "*") is (i in grid.marked) for i, row in enumerate(grid.rows))
    assert [row[1] for row in grid.rows] == sorted(row[1] for row in grid.rows)
    alone = tuple(line for line in lines if line.flagged)
    (grid,) = section(case_document(dataclasses.replace(riding, timeline=alone)), "sessions")
    assert len(grid.marked) == SESSIONS


def test_hours_are_those_that_were_kept_else_those_of_the_sessions(riding, of):
    counts = hours_of(riding)
    assert sum(flagged + other for flagged, other in counts.values()) == sum(
        h.requests for h in riding.activity
    )
    assert any(flagged for flagged, _ in counts.values())
    assert any(other for _, other in counts.values())
    clear = of("clear")
    line = dataclasses.replace(
        clear.timeline[0], start=NOON + timedelta(minutes=50), end=NOON + timedelta(hours=2)
    )
    case = dataclasses.replace(clear, timeline=(line,), activity=())
    assert hours_of(case) == {NOON + timedelta(hours=i): (0, 1) for i in range(3)}


def test_only_the_last_days_are_drawn_and_that_is_said(riding):
    hour = riding.activity[0]
    hours = tuple(dataclasses.replace(hour, hour=NOON + timedelta(days=i)) for i in range(DAYS + 1))
    drawn, said = section(case_document(dataclasses.replace(riding, activity=hours)), "activity")
    assert len(drawn.counts) == DAYS
    assert min(drawn.counts) == NOON + timedelta(days=1)
    assert said == Text(f"Only the last {DAYS} days are drawn.")
    (whole,) = section(case_document(dataclasses.replace(riding, activity=hours[1:])), "activity")
    assert whole == drawn


def test_a_page_as_plain_data(riding):
    page = case_document(riding)
    plain = page.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    kinds = [block["kind"] for one in plain["sections"] for block in one["blocks"]]
    blocks = [block for one in page.sections for block in one.blocks]
    assert kinds == [type(block).__name__.lower() for block in blocks]
    assert {type(block) for block in blocks} == {Text, Facts, Items, Grid, Hours}
    (hours,) = [block for one in plain["sections"] for block in one["blocks"] if block["kind"] == "hours"]
    assert sum(row[1] + row[2] for row in hours["rows"]) == sum(hour.requests for hour in riding.activity)
