from dataclasses import fields
from math import e, log, sqrt
from string import Formatter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.features.cadence import MICRO, SQUARE
from detector.features.extract import COUNTERS
from detector.features.fingerprint import MEASURES
from detector.features.registry import FEATURES, SCORED, available, feature, measure
from detector.features.units import measured as in_words
from detector.schema import FAMILIES, REQUEST
from detector.settings import FloorSettings, default_settings

KINDS = {"telemetry posts", "probes", "helper calls"}
FLOORS = FloorSettings(
    **{field.name: 1 for field in fields(FloorSettings)}
    | {"gaps": 20, "away_gaps": 50, "human_gaps": 8, "served": 20, "posts": 8, "limits": 3}
)
COUNTED = {record.name for record in FEATURES if record.expr is not None} - set(MEASURES)


def measured(floors=FLOORS, **counters):
    """All counter features of one session of which only some counters are not zero."""
    given_ = dict.fromkeys(COUNTERS, 0) | dict.fromkeys(MEASURES) | counters
    schema = dict.fromkeys(COUNTERS, pl.Int64) | dict.fromkeys(MEASURES, pl.Float64)
    return pl.DataFrame([given_], schema=schema).select(measure(floors)).row(0, named=True)


# -- records -------------------------------------------------------------------


def test_names_are_unique_and_sorted_out_by_level():
    assert len({record.name for record in FEATURES}) == len(FEATURES)
    assert {record.level for record in FEATURES} == {"session", "stream"}


@pytest.mark.parametrize("record", FEATURES, ids=lambda record: record.name)
def test_a_record_is_complete(record):
    assert record.family in FAMILIES
    assert record.direction in {"high", "low", "context"}
    assert set(record.needs) <= set(REQUEST) | KINDS
    for line in (record.definition, record.null, record.source, record.text):
        assert line
        assert line.isprintable()
    assert (record.expr is not None) == (record.level == "session")


@pytest.mark.parametrize("record", FEATURES, ids=lambda record: record.name)
def test_a_sentence_names_the_usual_value_last_and_counts_where_something_is_counted(record):
    for text in filter(None, (record.text, record.ordinary)):
        said, _, usual = text.partition("; normally ")
        names = [{name for _, name, _, _ in Formatter().parse(part) if name} for part in (said, usual)]
        assert names[1] == {"baseline"}
        assert names[0] <= ({"value", "part", "whole"} if record.counts else {"value"})
        assert names[0] & {"value", "part"}
    if record.counts:
        assert "{whole}" in record.text


@pytest.mark.parametrize("record", FEATURES, ids=lambda record: record.name)
@pytest.mark.parametrize("value", [0.5, 0.0, 1e9, -3.0])
def test_any_value_can_be_written(record, value):
    assert in_words(value, record.unit).isprintable()


@pytest.mark.parametrize("record", [record for record in FEATURES if record.decisive is not None])
def test_a_decisive_value_lies_beyond_the_benign_ones(record):
    assert record.direction == "high"
    # Every name that counts at all is decisive, and one at the benign value does not count.
    assert record.decisive > record.benign or (record.decisive == record.benign and record.cause == "claim")


def test_everything_but_context_is_scored():
    assert set(SCORED) == {record for record in FEATURES if record.direction in {"high", "low"}}
    assert len(SCORED) < len(FEATURES)


def test_every_measure_of_a_fingerprint_is_a_feature():
    assert set(MEASURES) <= {record.name for record in FEATURES}


def test_a_record_is_found_by_its_name():
    assert all(feature(record.name) is record for record in FEATURES)
    with pytest.raises(KeyError):
        feature("no such feature")


# -- availability --------------------------------------------------------------


def test_a_log_with_everything_feeds_every_feature():
    assert available(frozenset(REQUEST) | KINDS) == {record.name for record in FEATURES}


def test_a_log_of_required_columns_feeds_only_what_needs_nothing():
    bare = available(frozenset({"timestamp", "account_id", "path"}))
    assert bare == {record.name for record in FEATURES if not record.needs}
    assert "pause_share" in bare


@pytest.mark.parametrize("gone", sorted({need for record in FEATURES for need in record.needs}))
def test_what_a_log_lacks_takes_those_features_that_need_it(gone):
    everything = frozenset(REQUEST) | KINDS
    lost = available(everything) - available(everything - {gone})
    assert lost == {record.name for record in FEATURES if gone in record.needs}


def test_no_feature_overwrites_a_counter_that_streams_still_sum_up():
    assert not set(COUNTERS) & {record.name for record in FEATURES}


# -- values by hand --------------------------------------------------------------

SPREAD = {  # logs of gaps 0 and 2 in equal shares: mean 1, mean square 2, deviation 1
    "log_sum": lambda count: round(count * MICRO),
    "log_square_sum": lambda count: round(2 * count * MICRO),
}
BY_HAND = [
    # feature, counters at the floor, value, the counter that the floor is on
    ("human_turn_share", {"human_turns": 5, "tool_steps": 15}, 0.25, "tool_steps"),
    ("pause_share", {"gaps": 20, "gaps_long": 5}, 0.25, "gaps"),
    ("away_share", {"gaps": 50, "gaps_away": 1}, 0.02, "gaps"),
    # 10 gaps of 1 s and 10 of 3: mean 2, mean square 5, variance 1, so 1/2
    (
        "gap_variation",
        {"gaps": 20, "gap_sum": 40 * round(MICRO), "gap_square_sum": 100 * round(SQUARE)},
        0.5,
        "gaps",
    ),
    (
        "human_gap_spread",
        {"human_gaps": 8, **{f"human_{name}": of(8) for name, of in SPREAD.items()}},
        1.0,
        "human_gaps",
    ),
    ("human_instant_share", {"human_gaps": 8, "human_instant": 2}, 0.25, "human_gaps"),
    ("telemetry_coverage", {"served": 20, "reports": 3, "reported": 15, "posts": 3}, 0.75, "served"),
    # 41 where 20 were answered, one added to either
    ("telemetry_mismatch", {"served": 20, "reports": 20, "reported": 41}, log(42 / 21), "reports"),
    ("telemetry_events", {"reported": 20, "events": 60}, log(3), "reported"),
    # eight lags whose logs sum to 16
    ("telemetry_lag", {"lags": 8, "lag_log_sum": 16 * round(MICRO)}, e**2, "lags"),
    (
        "telemetry_spread",
        {"intervals": 8, **{f"interval_{name}": of(8) for name, of in SPREAD.items()}},
        1.0,
        "intervals",
    ),
    ("cache_read_ratio", {"gaps": 20, "warm_read": 30, "warm_total": 40}, 0.75, "gaps"),
    ("context_growth", {"context_pairs": 20, "context_grows": 15}, 0.75, "context_pairs"),
    ("limits_ignored", {"limits": 3, "early_retries": 1}, 1 / 3, "limits"),
    # one is added to either count: the logarithm of 10 in 100
    ("output_share", {"served": 20, "output_tokens": 9, "tokens": 99}, log(0.1), "served"),
    ("overlap_share", {"served": 20, "overlaps": 5}, 0.25, "served"),
]


def test_every_counter_feature_is_computed_by_hand_below():
    assert {name for name, *_ in BY_HAND} == COUNTED


@pytest.mark.parametrize(("name", "counters", "value", "_floor"), BY_HAND, ids=[row[0] for row in BY_HAND])
def test_value_at_the_floor(name, counters, value, _floor):
    assert measured(**counters)[name] == pytest.approx(value)


@pytest.mark.parametrize(("name", "counters", "_value", "floor"), BY_HAND, ids=[row[0] for row in BY_HAND])
def test_below_the_floor_a_feature_is_null_and_never_zero(name, counters, _value, floor):
    assert measured(**counters | {floor: counters[floor] - 1})[name] is None


def test_of_an_empty_session_nothing_is_measured():
    assert set(measured().values()) == {None}


def test_silence_is_no_coverage_and_unknown_amounts_count_as_full():
    assert measured(served=20)["telemetry_coverage"] == 0
    assert measured(served=20, posts=1)["telemetry_coverage"] == 1


def test_reporting_more_than_was_served_is_full_coverage_and_a_mismatch():
    found = measured(served=20, posts=20, reports=20, reported=83)
    assert found["telemetry_coverage"] == 1
    assert found["telemetry_mismatch"] == pytest.approx(log(84 / 21))


@pytest.mark.parametrize("reported", [0, 5, 20])
def test_reporting_less_than_was_served_is_no_mismatch(reported):
    assert measured(served=20, posts=20, reports=20, reported=reported)["telemetry_mismatch"] == 0


def test_few_requests_or_posts_are_no_mismatch():
    """Where a log keeps some of its rows, a post may stand for many requests."""
    assert measured(served=19, posts=20, reports=20, reported=83)["telemetry_mismatch"] is None
    assert measured(served=20, posts=19, reports=19, reported=83)["telemetry_mismatch"] is None


def test_without_reports_there_is_no_mismatch():
    assert measured(served=20, posts=9)["telemetry_mismatch"] is None


def test_equal_gaps_do_not_vary_whatever_rounding_leaves():
    # a tenth of a second squared is 0.01: 100 ten-thousandths each
    steady = {"gaps": 20, "gap_sum": round(2 * MICRO), "gap_square_sum": round(0.2 * SQUARE)}
    assert measured(**steady)["gap_variation"] == 0
    assert measured(**steady | {"gap_square_sum": steady["gap_square_sum"] - 1})["gap_variation"] == 0
    assert measured(gaps=20)["gap_variation"] is None  # mean of zero


def test_reading_nothing_from_the_cache_is_zero_but_no_warm_tokens_are_null():
    assert measured(gaps=20, warm_total=9)["cache_read_ratio"] == 0
    assert measured(gaps=20)["cache_read_ratio"] is None


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_of_the_fingerprint_passes_through(name):
    assert measured(**{name: 2.5})[name] == 2.5
    assert measured()[name] is None


def test_the_floors_are_those_of_the_settings():
    assert measured(gaps=19)["pause_share"] is None
    low = FloorSettings(**{field.name: 1 for field in fields(FloorSettings)})
    assert measured(low, gaps=19)["pause_share"] == 0


def test_values_are_rounded_so_that_summing_in_another_order_cannot_show():
    assert measured(gaps=30, gaps_long=10)["pause_share"] == 0.333333333
    assert measured(order_distance=0.1 + 0.2)["order_distance"] == 0.3


def test_features_of_a_stream_are_those_of_the_sums_of_its_sessions():
    # shares of 0.2 (of 20) and 0.6 (of 60) are 0.5 (of 80), not their mean
    parts = ({"gaps": 20, "gaps_long": 4}, {"gaps": 60, "gaps_long": 36})
    assert [measured(**part)["pause_share"] for part in parts] == [0.2, 0.6]
    assert measured(gaps=80, gaps_long=40)["pause_share"] == 0.5


@given(st.fixed_dictionaries({name: st.integers(0, 10**12) for name in COUNTERS}))
@settings(max_examples=100, deadline=None)
def test_whatever_is_counted_a_feature_is_finite_or_null(counters):
    moments = {name: counters[name] % 10**7 for name in COUNTERS if "log" in name}
    counters = (
        counters | moments | {name: counters[name] % 100 for name in ("lags", "intervals", "human_gaps")}
    )
    for name, value in measured(default_settings().floors, **counters).items():
        assert value is None or -1e15 < value < 1e15, name


@given(st.lists(st.integers(1, 5000), min_size=20, max_size=60))
@settings(max_examples=60, deadline=None)
def test_variation_of_gaps_against_the_textbook(gaps):
    mean = sum(gaps) / len(gaps)
    deviation = sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    squares = sum(gap**2 for gap in gaps) * round(SQUARE)
    found = measured(gaps=len(gaps), gap_sum=sum(gaps) * round(MICRO), gap_square_sum=squares)
    assert found["gap_variation"] == pytest.approx(deviation / mean, abs=1e-6)
