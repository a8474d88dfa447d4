from dataclasses import replace
from types import MappingProxyType

import numpy as np
import polars as pl
import pytest

from detector.features.extract import COUNTERS
from detector.features.registry import FEATURES, SCORED, Feature, feature
from detector.model import bundle
from detector.model.reference import Reference
from detector.model.train import assess
from detector.schema import FAMILIES, REASON
from detector.verdict.reasons import against, declared_reason, listed, new_name_reason, plain, reasons

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
    text="x is {value}; normally {baseline}",
)


WHOLE = {"account": [0], "requests": [100], "cohort": ["interactive"]}
"""A stream that is the whole of its account."""


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
    row = pl.DataFrame(WHOLE | {name: [0.5] for name in names})
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


def test_a_reason_carries_value_sentence_and_its_place_in_the_cohort(known):
    assert said(known, names=1.0) == [
        {
            "feature": "names",
            "family": "fingerprint",
            "value": 0.5,
            "baseline": 0.25,
            "text": "x is 0.5; normally 0.25",
            "unit": "",
            "low": 0.25,
            "high": 0.25,
            "tail": 0.0,
            "accounts": 5,
        }
    ]


def test_median_range_and_tail_are_those_of_the_cohort():
    # accounts of another cohort, a hundred times as high, change nothing
    streams = pl.DataFrame(
        {
            "account": range(40),
            "cohort": ["interactive"] * 20 + ["web"] * 20,
            "odd": [False] * 40,
            "reporting": [True] * 40,
            "weight": [1.0] * 40,
            "x": [float(i) for i in range(1, 21)] + [100.0 * i for i in range(1, 21)],
        }
    )
    known = Reference.fit(streams, [BLANK], fewest=1)
    row = pl.DataFrame(WHOLE | {"x": [17.0]})
    (reason,) = reasons(row, np.array([[1.0]]), known, 1)[0]
    assert [reason[name] for name in ("low", "baseline", "high")] == [1.0, 10.0, 19.0]
    # 17, 18, 19 and 20 are at least as suspicious
    assert (reason["tail"], reason["accounts"]) == (4 / 20, 20)


def test_without_a_baseline_the_sentence_ends_before_it():
    unknown = population({record.name: None for record in CATALOGUE})
    (reason,) = said(unknown, names=1.0)
    assert reason["text"] == "x is 0.5"
    assert {reason[name] for name in ("baseline", "low", "high", "tail", "accounts")} == {None}


def test_each_row_gets_its_own_reasons(known):
    names = [record.name for record in CATALOGUE]
    base = {"account": [0, 1], "requests": [100, 100], "cohort": ["interactive", "web"]}
    rows = pl.DataFrame(base | {name: [0.5, 0.75] for name in names})
    oriented = np.zeros((2, len(names)))
    oriented[0, 0], oriented[1, 7] = 1.0, 1.0
    first, second = reasons(rows, oriented, known, 3)
    assert [first[0]["feature"], first[0]["value"]] == ["pauses", 0.5]
    assert [second[0]["feature"], second[0]["value"]] == ["cache", 0.75]
    assert reasons(rows[:0], oriented[:0], known, 3) == []


PRINTED = tuple(replace(one, print_mode=one.family == "fingerprint", direction="high") for one in CATALOGUE)


def beside(cohort="headless", most=9, counting=("fingerprint", "cadence"), **values):
    """Reasons in print mode of a stream whose order of headers is odd."""
    known = population({record.name: 0.0 for record in PRINTED}, PRINTED)
    names = [record.name for record in PRINTED]
    row = pl.DataFrame(
        WHOLE | {"cohort": [cohort]} | {name: [values.get(name)] for name in names},
        schema_overrides=dict.fromkeys(names, pl.Float64),
    )
    oriented = np.array([[2.0 if name == "order" else 0.0 for name in names]])
    marks = np.array([[family in counting for family in FAMILIES]])
    return reasons(row, oriented, known, most, marks)[0]


def test_a_family_that_counts_in_print_mode_only_beside_another_is_said_to_do_so():
    first, second = beside(order=0.9, pauses=0.5, clock=0.7)
    assert (first["feature"], second["feature"]) == ("order", "pauses")
    assert second["text"] == (
        "x is 0.5; normally 0 (usual in print mode: it supports the rest and proves nothing alone)"
    )
    assert "print mode" not in first["text"]


def test_evidence_beside_needs_a_family_that_counts_a_value_and_print_mode():
    assert [one["feature"] for one in beside(order=0.9, cache=0.5)] == ["order"]
    assert [one["feature"] for one in beside(order=0.9, pauses=0.0)] == ["order"]
    assert [one["feature"] for one in beside(order=0.9)] == ["order"]
    assert [one["feature"] for one in beside("interactive", order=0.9, pauses=0.5)] == ["order"]


def test_evidence_beside_stands_after_the_best_of_each_family():
    assert [one["feature"] for one in beside(most=1, order=0.9, pauses=0.5)] == ["order"]
    assert len(beside(most=2, order=0.9, pauses=0.5)) == 2


def test_rows_without_reasons_become_empty_lists(known):
    told = [[], said(known, names=1.0), []]
    column = listed(told)
    assert column.dtype == pl.List(REASON)
    assert column.to_list() == told
    assert listed([]).to_list() == []


# -- what speaks against --------------------------------------------------------


def spoken(known, cohort="interactive", **given):
    names = [record.name for record in known.features]
    row = pl.DataFrame(
        {"cohort": [cohort], **{name: [given.get(name)] for name in names}},
        schema_overrides=dict.fromkeys(names, pl.Float64),
    )
    return [one["feature"] for one in against(row, known.orient(row), known, 9)[0]]


def test_what_is_measured_and_ordinary_speaks_for_an_account(known):
    ordinary = population({record.name: 0.0 for record in CATALOGUE})
    assert spoken(ordinary, pauses=0.0, cache=0.0) == ["pauses", "cache"]
    assert spoken(ordinary) == []
    # past the benign range it counts, or does not, and is never named here
    assert spoken(known, pauses=0.1, cache=0.5) == []


def test_a_benign_value_that_few_show_so_low_does_not_speak():
    # benign up to 5; four of five accounts have 0, so 4 is in the outer fifth
    wide = [replace(record, benign=5.0) for record in CATALOGUE]
    known = population({record.name: 0.0 for record in CATALOGUE}, wide)
    assert spoken(known, pauses=4.0, cache=0.0) == ["cache"]


def test_a_cause_that_counts_never_speaks_for_an_account():
    ordinary = population({record.name: 0.0 for record in CATALOGUE})
    assert spoken(ordinary, order=1.0, case=0.0, names=0.0) == ["names"]


def test_what_cannot_count_against_print_mode_does_not_speak_for_it():
    ordinary = population({record.name: 0.0 for record in CATALOGUE})
    assert spoken(ordinary, "headless", pauses=0.0) == []


# -- the cause that is changed is the one that is named --------------------------


@pytest.fixture(scope="module")
def model(root):
    return bundle.load(root / "models" / "default")


@pytest.fixture(scope="module")
def person(model):
    """A stream whose every feature has the median of the interactive cohort."""
    usual = {record.name: model.reference.baseline("interactive", record.name) for record in SCORED}
    usual |= {record.name: None for record in FEATURES if record.name not in usual}
    usual |= dict.fromkeys(COUNTERS, 0) | {"served": 415, "human_turns": 60, "tool_steps": 355, "reports": 9}
    usual |= {"reported": 410, "gaps": 414, "gaps_long": 50, "gaps_away": 20, "context_pairs": 400}
    usual |= {"account": 0, "requests": 415, "sessions": 9, "days": 5, "attended": False, "reporting": False}
    return MappingProxyType(usual | {"cohort": "interactive", "client": "claude-cli", "context_grows": 399})


def judged(model, row):
    types = dict.fromkeys((record.name for record in FEATURES), pl.Float64)
    streams = pl.DataFrame([dict(row)], schema_overrides=types)
    told = assess(model, streams)
    return reasons(streams, told.oriented, model.reference, 6)[0], told


def test_an_average_stream_has_no_reason_and_much_that_speaks_for_it(model, person):
    found, told = judged(model, person)
    assert found == []
    for_it = against(pl.DataFrame([dict(person)]), told.oriented, model.reference, 6)[0]
    assert len({one["family"] for one in for_it}) >= 4


@pytest.mark.parametrize("record", SCORED, ids=[record.name for record in SCORED])
def test_the_one_feature_that_is_changed_is_the_one_that_is_named(record, model, person):
    reference = model.reference.tail("interactive", record.name)
    extreme = min(0.0, reference.values[0]) if record.direction == "low" else 10 + 10 * reference.values[-1]
    (reason,), told = judged(model, {**person, record.name: extreme})
    assert (reason["feature"], reason["family"]) == (record.name, record.family)
    assert reason["value"] == extreme
    assert reason["tail"] < 0.5
    _, before = judged(model, person)
    assert told.score[0] >= before.score[0]
    assert told.p_value[0] <= before.p_value[0]


# -- the sentences of the catalogue ---------------------------------------------

NOTHING = dict.fromkeys(COUNTERS, 0)

SENTENCES = {
    "human_turn_share": (
        48 / 1949,
        0.124,
        {"human_turns": 48, "tool_steps": 1901},
        "48 of 1,949 turns were prompts, the others results of tools (2.5%); normally 12%",
    ),
    "pause_share": (
        3 / 500,
        0.12,
        {"gaps_long": 3, "gaps": 500},
        "3 of 500 pauses between requests were longer than 30 seconds (0.6%); normally 12%",
    ),
    "away_share": (
        1 / 4000,
        0.0397,
        {"gaps_away": 1, "gaps": 4000},
        "1 of 4,000 pauses between requests were longer than 5 minutes (less than 0.1%); normally 4.0%",
    ),
    "gap_variation": (
        0.31,
        2.4,
        {},
        "the pauses between requests deviate by 0.31 of their mean; normally 2.4",
    ),
    "human_gap_spread": (
        0.0,
        1.2,
        {},
        "the pauses before prompts typically differ by a factor of 1.00; normally 3.32",
    ),
    "human_instant_share": (
        0.5,
        0.0,
        {"human_instant": 20, "human_gaps": 40},
        "20 of 40 prompts came within 1.5 seconds of the last answer (50%); normally 0%",
    ),
    "single_turn_share": (
        0.9995,
        0.21,
        {},
        "more than 99.9% of the sessions hold one prompt at most; normally 21%",
    ),
    "session_minutes": (2.5, 31.0, {}, "half of the sessions last longer than 2.5 min; normally 31 min"),
    "quiet_hours_share": (
        0.29508,
        0.0,
        {},
        "30% of the activity falls into its quietest 8 hours of the day; normally 0%",
    ),
    "stretch_h": (63.0, 8.0, {}, "the longest stretch without a 6-hour rest lasted 63 h; normally 8 h"),
    "restless_days": (6.0, 0.0, {}, "whole days and nights without a 6-hour rest: 6; normally 0"),
    "reading_share": (
        0.03,
        0.85,
        {},
        (
            "3.0% of the prompts that followed an answer came after the time that it takes to read it; "
            "normally 85%"
        ),
    ),
    "attended_days": (0.0, 4.0, {}, "days on which somebody answered the model: 0; normally 4"),
    "start_phase": (
        12.4,
        0.2,
        {},
        "sessions start at the same minutes of the clock; by chance less than 0.1% would; normally 63%",
    ),
    "start_spread": (
        0.0,
        1.62,
        {},
        "the times between session starts typically differ by a factor of 1.00; normally 5.05",
    ),
    "telemetry_coverage": (
        3 / 415,
        0.9,
        {"served": 420, "unheard": 5, "reported": 3, "reports": 1, "posts": 1},
        "no telemetry for 412 of 415 answered requests; normally 90% are reported",
    ),
    "telemetry_mismatch": (
        0.647,
        0.02,
        {"served": 1102, "reported": 2102},
        ("telemetry reported 2,102 requests and only 1,102 were answered, 1.91 times as many; normally 1.02"),
    ),
    "telemetry_events": (1.0986123, 0.0, {}, "telemetry holds 3.00 events a request; normally 1.00"),
    "telemetry_lag": (4.2, 31.5, {}, "telemetry follows the requests by 4.2 s; normally 32 s"),
    "telemetry_spread": (
        0.05,
        1.09,
        {},
        "the times between telemetry posts typically differ by a factor of 1.05; normally 2.97",
    ),
    "probe_missing": (
        0.83,
        0.0,
        {},
        "83% of the sessions began without the client's start-up probe; normally 0%",
    ),
    "headers_missing": (9.0, 0.0, {}, "header names missing that this client usually sends: 9; normally 0"),
    "headers_extra": (
        2.5,
        0.0,
        {},
        "header names sent that this client usually does not send: 2.5; normally 0",
    ),
    "order_distance": (
        0.527,
        0.0,
        {},
        "53% of the header pairs stand in another order than this client's; normally 0%",
    ),
    "case_distance": (
        0.0004,
        0.0,
        {},
        "less than 0.1% of the header names are written in another case than this client's; normally 0%",
    ),
    "foreign_library": (
        1.0,
        0.0,
        {},
        "100% of the requests have headers laid out as by another program than this client; normally 0%",
    ),
    "name_bits": (
        9.0,
        0.0,
        {},
        (
            "this product name stands on requests that ask a model by 0.2% of this client's "
            "accounts at most; normally by 100%"
        ),
    ),
    "user_agent_bits": (
        6.0,
        0.0005,
        {},
        (
            "user agents of this form are sent by 1.6% of this client's accounts at most; "
            "normally by more than 99.9%"
        ),
    ),
    "accept_encoding_bits": (
        10.0,
        1.0,
        {},
        "this accept-encoding is sent by 0.1% of this client's accounts at most; normally by 50%",
    ),
    "values_bits": (
        7.0,
        0.0,
        {},
        ("header values like these are sent by 0.8% of this client's accounts at most; normally by 100%"),
    ),
    "ja4_bits": (
        20.0,
        2.0,
        {},
        "this TLS fingerprint is shown by less than 0.1% of this client's accounts at most; normally by 25%",
    ),
    "version_known": (
        0.0,
        1.0,
        {},
        "0% of the requests claim a version that other accounts run; normally 100%",
    ),
    "fingerprint_churn": (
        2.31,
        0.16,
        {},
        "header orders change within a session: 2.3 orders for each tripling of requests; normally 0.16",
    ),
    "cache_read_ratio": (
        0.0,
        0.979,
        {},
        "0% of the input within 5 minutes of the request before came from the cache; normally 97.9%",
    ),
    "context_growth": (
        0.41,
        0.994,
        {"context_grows": 410, "context_pairs": 1000},
        "the input was at least as long as the one before in 410 of 1,000 steps (41%); normally 99.4%",
    ),
    "limits_ignored": (
        0.75,
        0.0,
        {"early_retries": 3, "limits": 4},
        "3 of 4 waits that the server asked for were not kept (75%); normally 0%",
    ),
    "helper_missing": (
        1.0,
        0.04,
        {},
        "100% of the sessions lack the client's own helper calls; normally 4.0%",
    ),
    "output_share": (-4.6, -5.0, {}, "output is a share of e^-4.6 of all tokens; normally e^-5"),
    "parallel_sessions": (7.14, 1.24, {}, "sessions active in the same hour, on average: 7.1; normally 1.2"),
    "overlap_share": (
        0.3,
        0.01,
        {"overlaps": 30, "served": 100},
        "30 of 100 requests began while another of their session was open (30%); normally 1.0%",
    ),
    "sleepless_share": (
        0.875,
        0.0,
        {},
        (
            "somebody answered the model from one address day and night, without a 6-hour rest, on 88% of "
            "the days; normally 0%"
        ),
    ),
    "operator_accounts": (
        12.0,
        0.0,
        {},
        (
            "accounts at the same address on which nobody is ever at work and telemetry is silent: 12; "
            "normally 0"
        ),
    ),
    "country_moves": (
        3.8,
        0.0,
        {},
        "changes of country within 3 hours, for each active day: 3.8; normally 0",
    ),
    "tools_variety": (9.0, 1.0, {}, "different tool sets, each in several sessions: 9; normally 1"),
}
"""By feature: a value, the cohort's median, the counters that were counted, and what is said of them."""

ORDINARY = {
    "telemetry_coverage": (
        0.97,
        0.9,
        {"served": 400, "reported": 388, "reports": 9, "posts": 9},
        "telemetry reported 97.0% of 400 answered requests; normally 90%",
    ),
    "fingerprint_churn": (
        0.13,
        0.16,
        {},
        "header orders hold within a session: 0.13 orders for each e-fold of requests; normally 0.16",
    ),
    "name_bits": (
        0.0,
        0.0,
        {},
        (
            "this product name stands on requests that ask a model by 100% of this client's accounts; "
            "normally by 100%"
        ),
    ),
    "user_agent_bits": (
        0.0,
        1.0,
        {},
        "user agents of this form are sent by 100% of this client's accounts; normally by 50%",
    ),
    "accept_encoding_bits": (
        3.0,
        1.0,
        {},
        "this accept-encoding is sent by 12% of this client's accounts; normally by 50%",
    ),
    "values_bits": (
        1.0,
        1.0,
        {},
        "header values like these are sent by 50% of this client's accounts; normally by 50%",
    ),
    "ja4_bits": (
        1.0,
        0.0,
        {},
        "this TLS fingerprint is shown by 50% of this client's accounts; normally by 100%",
    ),
}
"""Likewise where the value is what real people show."""


def sentence(record, value, baseline, counters):
    """What is said of a value in a cohort of five accounts that all have the baseline."""
    known = population({record.name: baseline}, [replace(record, direction="high", benign=-99.0)])
    row = pl.DataFrame(WHOLE | {name: [count] for name, count in (NOTHING | counters).items()})
    row = row.with_columns(pl.lit(value).alias(record.name))
    return reasons(row, np.array([[1.0]]), known, 1)[0][0]["text"]


def test_every_sentence_is_tested():
    assert set(SENTENCES) == {record.name for record in FEATURES}
    assert set(ORDINARY) == {record.name for record in FEATURES if record.ordinary}


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_say_what_the_numbers_say(name):
    *given, text = SENTENCES[name]
    assert sentence(feature(name), *given) == text


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_sentences_say_what_the_numbers_say(name):
    *given, text = ORDINARY[name]
    record = feature(name)
    assert sentence(replace(record, text=record.ordinary), *given) == text


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_end_before_an_unknown_baseline(name):
    value, _, counters, text = SENTENCES[name]
    assert sentence(feature(name), value, None, counters) == text.partition("; normally")[0]


def test_telemetry_that_does_not_tell_or_claims_too_much_is_not_quoted():
    record = feature("telemetry_coverage")
    count = record.counts
    assert count(NOTHING | {"served": 100, "posts": 5}) is None
    assert count(NOTHING | {"served": 100, "posts": 5, "reports": 5, "reported": 150}) is None
    assert count(NOTHING | {"served": 100, "posts": 5, "reports": 5, "reported": 101}) == (0, 100)
    assert count(NOTHING | {"served": 100}) == (100, 100)
    ordinary = population({record.name: 1.0}, [record])
    silent = pl.DataFrame([{"cohort": "interactive", record.name: 1.0} | NOTHING | {"served": 9, "posts": 5}])
    assert against(silent, np.zeros((1, 1)), ordinary, 9) == [[]]


# -- the part of the account that a sentence is about ------------------------------


def part(known, requests, whole):
    """What is said of a stream of so many requests on an account of so many."""
    rows = pl.DataFrame({"account": [0, 0, 1], "requests": [requests, whole - requests, 9]})
    rows = rows.with_columns(cohort=pl.lit("interactive"), **{one.name: 0.5 for one in known.features})
    oriented = np.zeros((3, len(known.features)))
    oriented[0, 0] = 1.0
    (reason,), *others = reasons(rows, oriented, known, 9)
    assert others == [[], []]
    return reason["text"]


def test_a_sentence_about_a_part_names_its_share_of_the_account(known):
    assert part(known, 40, 1000) == "in 4.0% of the requests: x is 0.5; normally 0.25"
    assert part(known, 1, 10_000) == "in less than 0.1% of the requests: x is 0.5; normally 0.25"
    assert part(known, 949, 1000) == "in 94.9% of the requests: x is 0.5; normally 0.25"
    assert part(known, 950, 1000) == part(known, 1000, 1000) == "x is 0.5; normally 0.25"


def test_a_part_that_names_itself_is_told_by_its_share():
    assert declared_reason("opencode", 0.04, "own clients only")["text"] == (
        '4.0% of the requests name themselves "opencode" on a subscription token; policy: own clients only'
    )
    assert declared_reason("opencode", 0.95, "t")["text"].startswith("the client names itself")
    assert declared_reason("opencode", 0.949, "t")["text"].startswith("94.9% of the requests name")


def test_a_new_name_is_told_with_the_accounts_that_use_it():
    reason = new_name_reason("claude-\x1b[2Jcowork", 1234)
    assert reason["text"] == (
        'the client names itself "claude-?[2Jcowork", which is on no list; '
        "1,234 accounts use it, so it may be a launch of the provider's own"
    )
    assert (reason["feature"], reason["family"], reason["value"]) == ("client", "fingerprint", None)


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
    text = declared_reason(client, 1.0, "own clients only")["text"]
    assert all(" " <= letter <= "~" for letter in text)
    assert "\n" not in text
    assert len(plain(client)) == len(client)


def test_harmless_names_are_shown_as_they_are():
    reason = declared_reason("open-code", 1.0, "own clients only")
    assert reason["text"] == (
        'the client names itself "open-code" on a subscription token; policy: own clients only'
    )
    assert (reason["family"], reason["value"], reason["baseline"]) == ("fingerprint", None, None)


def test_braces_in_a_client_name_are_no_template():
    assert '"{value.__class__}"' in declared_reason("{value.__class__}", 1.0, "t")["text"]
