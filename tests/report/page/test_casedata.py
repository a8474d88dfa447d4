import dataclasses
from datetime import UTC, date, datetime

import pytest

from detector.report.case import Clearing, ClientLine, HeaderLine, HourLine, Reason, Related
from detector.report.page.casedata import AGAINST, REASONS, Others, case_data

FIRST, LAST = date(2026, 11, 2), date(2026, 11, 6)


@pytest.fixture
def harness(sample_cases):
    """A case of a harness."""
    return next(case for case in sample_cases if case.verdict == "harness" and len(case.reasons) > REASONS)


def changed(case, **fields):
    return case_data(dataclasses.replace(case, **fields), FIRST, LAST, telemetry=True)


def reason(**fields):
    known = {"value": 331.0, "baseline": 8.0, "low": 2.0, "high": 14.0, "unit": "h"}
    return Reason(feature="x", family="cadence", text="long; normally short", **known | fields)


def headers(seen, expected, requests=5, flagged=5):
    return HeaderLine("cli", "1.0", requests, flagged, tuple(seen), expected)


def test_picture_parts_the_flagged_from_all_others(harness):
    hour = datetime(2026, 11, 2, 7, tzinfo=UTC)
    found = changed(harness, activity=(HourLine(hour, 100, 36, 90, 50, 30, 0),))
    assert found.profile.most == 64
    assert found.profile.others == "M0 4h7v-4h1v4"
    assert found.profile.flagged == "M0 4h7v3h1v-3"
    assert found.profile.reported == "M0 2h17"  # 50 of 60
    assert found.profile.flagged_reported == ""
    assert found.said == (
        "Flagged: 1 hour; answered 30, reported 0. "
        "Not flagged: 1 hour; answered 60, reported 50. Highest bar: 64 an hour."
    )


def test_picture_and_words_speak_of_the_same_days(harness):
    hours = [HourLine(datetime(2026, month, 1, tzinfo=UTC), 9, 9, 8, 7, 8, 7) for month in (9, 11)]
    found = case_data(
        dataclasses.replace(harness, activity=tuple(hours)),
        date(2026, 9, 1),
        date(2026, 12, 31),
        telemetry=True,
    )
    assert (found.days[0], found.days[-1]) == (date(2026, 10, 5), date(2026, 11, 1))
    assert found.said == ("Flagged: 1 hour; answered 8, reported 7. Highest bar: 9 an hour.")


def test_the_busiest_clients_are_named(harness):
    clients = [ClientLine(name, "1.0", 1, 1, 0, 0) for name in "abcdef"]
    clients.insert(1, ClientLine(None, None, 1, 1, 0, 0))
    found = changed(harness, clients=tuple(clients))
    assert found.clients == ("a 1.0", "unknown client", "b 1.0", "c 1.0")


def test_picture_of_a_log_without_telemetry_does_not_speak_of_it(harness):
    found = case_data(harness, FIRST, LAST, telemetry=False)
    assert "reported" not in found.said
    assert found.said.startswith("Flagged: ")


def test_an_account_without_hours_says_so(harness):
    assert changed(harness, activity=()).said == "No requests in these days."


def test_the_strongest_reasons_are_shown_and_the_first_in_short(harness):
    found = case_data(harness, FIRST, LAST, telemetry=True)
    assert [why.text for why in found.reasons] == [one.text for one in harness.reasons[:REASONS]]
    assert found.reason == harness.reasons[0].text.split(";")[0]
    assert len(found.against) <= AGAINST
    assert changed(harness, reasons=()).reason == ""


def test_a_measurement_lies_beside_its_cohort(harness):
    (why,) = changed(harness, reasons=(reason(tail=0.25, accounts=400),)).reasons
    assert why.place == "usually 2 h to 14 h; about 100 of 400 as far out"
    assert (why.strip.low, why.strip.median, why.strip.high, why.strip.value) == (4, 6, 7, 96)
    (why,) = changed(harness, reasons=(reason(),)).reasons
    assert why.place == "usually 2 h to 14 h"


@pytest.mark.parametrize("fields", [{"value": None}, {"low": None}, {"baseline": None}, {"unit": "bits"}])
def test_no_picture_where_nothing_can_be_compared(harness, fields):
    (why,) = changed(harness, reasons=(reason(**fields),)).reasons
    assert (why.place, why.strip) == ("", None)


def test_no_picture_where_nearly_all_show_one_value(harness):
    (why,) = changed(harness, reasons=(reason(low=0.0, high=0.0, tail=0.0, accounts=2367),)).reasons
    assert (why.place, why.strip) == ("none of 2,367 as far out", None)


def test_only_a_milder_verdict_would_clear(harness):
    told = [Clearing(name, 0, name) for name in ("harness", "watch", "clear")]
    found = changed(harness, clearing=tuple(told))
    assert [one.verdict for one in found.changes] == ["watch", "clear"]
    assert found.unchanged == 1
    assert [one.verdict for one in changed(harness, verdict="watch", clearing=tuple(told)).changes] == [
        "clear"
    ]


def test_headers_are_compared_and_equal_runs_counted(harness):
    expected = ("A", "B", "C", "D", "E", "Host", "Z")
    (found,) = changed(harness, headers=(headers(["Host", "a", *"BCDE", "New"], expected),)).headers
    assert found.said == "1 missing, 1 extra, 1 moved, 1 in other case"
    assert found.lines == (
        ("", "moved", "Host"),
        ("A", "case", "a"),
        ("B", "", "B"),
        ("2", "skipped", ""),
        ("E", "", "E"),
        ("Host", "moved", ""),
        ("Z", "missing", ""),
        ("", "extra", "New"),
    )


def test_equal_and_unknown_header_lists_are_said_in_words(harness):
    both = (headers("AB", ("A", "B")), headers("AB", None))
    said = [one.said for one in changed(harness, headers=both).headers]
    assert said == [
        "the names that this client sends, in its order",
        "no header list of this client is known to compare with",
    ]
    assert [one.lines for one in changed(harness, headers=both).headers] == [(), ()]


def test_header_lists_say_what_they_look_like_unless_they_are_the_clients_own(harness):
    lists = [
        dataclasses.replace(headers("AC", expected), library="httpx", resembles="litellm")
        for expected in (("A", "B"), None, ("A", "C"))
    ]
    looks = [changed(harness, headers=(one,)).headers[0].looks for one in lists]
    assert looks == ["laid out as by httpx, names like those of litellm"] * 2 + [""]


def test_other_accounts_that_share_something_are_counted_and_named(harness):
    found = changed(harness, related=(Related("device", 9, 4, ("a", "b")),))
    assert found.others == (
        Others("shares its device with 9 other accounts, 4 of them flagged", ("a", "b"), 7),
    )


def test_flagged_header_lists_come_before_others(harness):
    lists = (headers("A", ("B",), flagged=0), headers("A", ("C",)))
    (found,) = changed(harness, headers=lists).headers
    assert ("C", "missing", "") in found.lines
    (only,) = changed(harness, headers=lists[:1]).headers
    assert ("B", "missing", "") in only.lines
