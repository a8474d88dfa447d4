import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from detector.features.incident import Incident, once

DAY, NEXT = date(2026, 11, 2), date(2026, 11, 3)
LOST = Incident("telemetry_lost", DAY, NEXT, ("silence",), 7, 9, "own", "2.2")
RELEASE = Incident("release", DAY, NEXT, ("names",), 20, 90, "own", "2.2")
PROXY = Incident("telemetry_lost", DAY, NEXT, ("silence",), 7, 9, "own", asn=65001)
HEADERS = Incident("headers_changed", DAY, NEXT, (), 32, 34, "own", asn=65001)


def test_a_release_and_the_telemetry_lost_with_it_are_one_incident():
    (one,) = once([LOST, RELEASE])
    assert (one.kind, one.causes) == ("release", ("names", "silence"))


def test_other_incidents_stay_apart():
    other = Incident("telemetry_lost", DAY, DAY, ("silence",), 7, 9, "own")
    assert once([other, RELEASE]) == [other, RELEASE]
    assert once([LOST]) == [LOST]


def test_an_incident_is_told_in_one_sentence_and_as_json():
    told = LOST.to_dict()
    assert told["text"] == (
        "telemetry of own 2.2 was lost, 2026-11-02 to 2026-11-03: 7 of 9 accounts fell silent; "
        "set aside: silence"
    )
    assert json.loads(json.dumps(told)) == told
    assert (told["first_day"], told["causes"]) == ("2026-11-02", ["silence"])


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_headers_that_changed_with_lost_telemetry_are_told_as_the_lost_telemetry(days):
    assert once([PROXY, replace(HEADERS, first_day=DAY + timedelta(days=days))]) == [PROXY]


@pytest.mark.parametrize("other", [{"asn": None}, {"client": "other"}, {"first_day": date(2026, 11, 4)}])
def test_headers_that_changed_elsewhere_or_later_are_told_too(other):
    headers = replace(HEADERS, **other)
    assert once([PROXY, headers]) == [PROXY, headers]


def test_changed_headers_are_told_with_the_day_since():
    assert HEADERS.text() == (
        "headers of own from network operator 65001 changed on 2026-11-02: "
        "32 of 34 accounts send them in another order since; set aside: nothing"
    )
