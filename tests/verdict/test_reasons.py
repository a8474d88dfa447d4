import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from detector.features.registry import FEATURES, SCORED, Feature
from detector.model.reference import Reference
from detector.verdict.decide import declared_reason, reasons
from detector.verdict.reasons import plain

BLANK = Feature(
    name="x",
    family="cadence",
    cause="x",
    level="stream",
    definition="a number",
    null="never",
    direction="high",
    benign=0.0,
    source="made up",
    text="x is {value:.1f}; normally {baseline:.1f}",
)


def make(name, family, cause=None):
    return replace(BLANK, name=name, family=family, cause=cause or name)


CATALOGUE = (
    make("pauses", "cadence"),
    make("clock", "cadence"),
    make("order", "fingerprint", "order"),
    make("case", "fingerprint", "order"),
    make("names", "fingerprint"),
    make("probe", "telemetry", "probe"),
    make("helper", "usage", "probe"),
    make("cache", "usage"),
)


@pytest.fixture(scope="module")
def known():
    return population({record.name: 0.25 for record in CATALOGUE})


def population(values, features=CATALOGUE):
    table = {name: [value] * 5 for name, value in values.items()}
    base = {"account": range(5), "cohort": ["interactive"] * 5, "odd": [False] * 5, "reporting": [True] * 5}
    streams = pl.DataFrame(
        {**base, "weight": [1.0] * 5, **table}, schema_overrides=dict.fromkeys(values, pl.Float64)
    )
    return Reference.fit(streams, features, fewest=1)


def said(known, most=9, **strengths):
    names = [record.name for record in known.features]
    row = pl.DataFrame({"cohort": ["interactive"], **{name: [0.5] for name in names}})
    return reasons(row, np.array([[strengths.get(name, 0.0) for name in names]]), known, most)[0]


def named(*args, **strengths):
    return [reason["feature"] for reason in said(*args, **strengths)]


def test_nothing_against_anybody_gives_no_reason(known):
    assert said(known) == []


def test_only_what_is_past_the_ordinary_is_named(known):
    assert named(known, cache=1.0) == ["cache"]


def test_strongest_first(known):
    assert named(known, pauses=1.0, names=3.0, cache=2.0) == ["names", "cache", "pauses"]


def test_the_strongest_of_every_family_comes_before_the_rest(known):
    order = named(known, pauses=5.0, clock=4.0, names=3.0, order=2.0, cache=1.0)
    assert order == ["pauses", "names", "cache", "clock", "order"]


def test_a_cause_is_named_once_by_its_strongest_feature(known):
    assert named(known, order=1.0, case=2.0) == ["case"]
    assert named(known, order=2.0, case=1.0, names=0.5) == ["order", "names"]


def test_a_cause_shared_by_two_families_is_named_once(known):
    assert named(known, probe=1.0, helper=2.0) == ["helper"]
    assert named(known, probe=1.0, helper=2.0, cache=0.5) == ["helper", "cache"]


def test_ties_keep_the_order_of_the_catalogue(known):
    assert named(known, cache=1.0, pauses=1.0, names=1.0) == ["pauses", "names", "cache"]


def test_no_more_than_asked(known):
    strengths = {record.name: 1.0 for record in CATALOGUE}
    assert len(said(known, **strengths)) == 6
    assert named(known, 2, **strengths) == ["pauses", "order"]
    assert named(known, 0, **strengths) == []


def test_a_reason_carries_value_baseline_and_sentence(known):
    assert said(known, names=1.0) == [
        {
            "feature": "names",
            "family": "fingerprint",
            "value": 0.5,
            "baseline": 0.25,
            "text": "x is 0.5; normally 0.2",
        }
    ]


def test_without_a_baseline_the_sentence_ends_before_it():
    unknown = population({record.name: None for record in CATALOGUE})
    assert said(unknown, names=1.0)[0]["baseline"] is None
    assert said(unknown, names=1.0)[0]["text"] == "x is 0.5"


def test_each_row_gets_its_own_reasons(known):
    names = [record.name for record in CATALOGUE]
    rows = pl.DataFrame({"cohort": ["interactive", "web"], **{name: [0.5, 0.75] for name in names}})
    oriented = np.zeros((2, len(names)))
    oriented[0, 0], oriented[1, 7] = 1.0, 1.0
    first, second = reasons(rows, oriented, known, 3)
    assert [first[0]["feature"], first[0]["value"]] == ["pauses", 0.5]
    assert [second[0]["feature"], second[0]["value"]] == ["cache", 0.75]
    assert reasons(rows[:0], oriented[:0], known, 3) == []


# -- the sentences of the catalogue ---------------------------------------------


@pytest.mark.parametrize("baseline", [0.25, None])
@pytest.mark.parametrize("record", SCORED, ids=[record.name for record in SCORED])
def test_every_sentence_reads_well_with_and_without_a_baseline(record, baseline):
    known = population({one.name: baseline for one in SCORED}, SCORED)
    text = said(known, **{record.name: 1.0})[0]["text"]
    assert ("normally" in text) is (baseline is not None)
    assert not re.search(r"[{}\n]|nan|None|\s$|[;,(]$", text)
    assert text.count("(") == text.count(")")
    assert re.search(r"\d", text)


def test_every_sentence_of_the_catalogue_shows_value_and_baseline():
    for record in FEATURES:
        assert record.text.index("{value") < record.text.index("; normally ") < record.text.index("{baseline")


# -- what clients say of themselves ---------------------------------------------

HOSTILE = [
    "\x1b[2J\x1b[31mall clear",
    "name\nverdict: clear",
    "name\r\nSet-Cookie: x",
    "a\u202eedoc\u2066b",
    "tab\tnull\x00del\x7fc1\x9b",
    "émoji 🦀 \ud800".encode("utf-8", "replace").decode(),
]


@pytest.mark.parametrize("client", HOSTILE)
def test_hostile_client_names_are_shown_without_effect(client):
    text = declared_reason(client, "own clients only")["text"]
    assert all(" " <= letter <= "~" for letter in text)
    assert "\n" not in text
    assert len(plain(client)) == len(client)


def test_harmless_names_are_shown_as_they_are():
    reason = declared_reason("open-code", "own clients only")
    assert reason["text"] == (
        'the client names itself "open-code" on a subscription token; policy: own clients only'
    )
    assert (reason["family"], reason["value"], reason["baseline"]) == ("fingerprint", None, None)


def test_braces_in_a_client_name_are_no_template():
    assert '"{value.__class__}"' in declared_reason("{value.__class__}", "t")["text"]
