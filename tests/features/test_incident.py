import json
from datetime import date

from detector.features.incident import Incident, once

DAY, NEXT = date(2026, 11, 2), date(2026, 11, 3)
LOST = Incident("telemetry_lost", DAY, NEXT, ("silence",), 7, 9, "own", "2.2")
RELEASE = Incident("release", DAY, NEXT, ("names",), 20, 90, "own", "2.2")


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
