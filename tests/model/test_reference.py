import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.model import reference as module
from detector.model.reference import Reference, Tail, trusted

NAN = float("nan")


def tail(values, weights=None):
    values = np.array(values, dtype=float)
    return Tail.fit(values, np.ones(len(values)) if weights is None else np.array(weights, dtype=float))


def oriented(tail, value, record):
    return tail.orient(np.array([value], dtype=float), record)[0]


# -- one tail -------------------------------------------------------------------


@pytest.mark.parametrize(("value", "at_least"), [(5, 0), (4, 1), (3.5, 1), (3, 2), (2, 3), (1, 4), (0, 4)])
def test_high_tail_counts_accounts_at_least_as_high(make, value, at_least):
    p = (at_least + 1) / (4 + 1)
    expected = -math.log10(min(1, 2 * p))
    assert oriented(tail([1, 2, 3, 4]), value, make()) == pytest.approx(expected)


@pytest.mark.parametrize(("value", "at_most"), [(0, 0), (1, 1), (1.5, 1), (2, 2), (4, 4), (9, 4)])
def test_low_tail_counts_accounts_at_least_as_low(make, value, at_most):
    p = (at_most + 1) / (4 + 1)
    record = make(direction="low", benign=float("inf"))
    assert oriented(tail([1, 2, 3, 4]), value, record) == pytest.approx(-math.log10(min(1, 2 * p)))


def test_a_value_beyond_nineteen_accounts_is_one_in_ten(make):
    assert oriented(tail(range(19)), 100, make()) == pytest.approx(1.0)


def test_weights_count_accounts_not_rows(make):
    # One account with four sessions at 9 and two accounts with one each at 1.
    known = tail([9, 9, 9, 9, 1, 1], [0.25] * 4 + [1, 1])
    assert known.total == 3
    assert oriented(known, 9, make()) == pytest.approx(-math.log10(2 * (1 + 1) / (3 + 1)))
    assert oriented(known, 10, make()) == pytest.approx(-math.log10(2 * (0 + 1) / (3 + 1)))


def test_the_common_half_is_exactly_zero(make):
    scored = tail(range(101)).orient(np.arange(0, 50.0), make())
    assert scored.tolist() == [0.0] * 50


def test_unknown_values_never_count_and_are_no_part_of_the_reference(make):
    known = tail([1, NAN, 2, NAN])
    assert known.total == 2
    for direction in ("high", "low"):
        assert oriented(known, NAN, make(direction=direction)) == 0


def test_the_benign_side_never_counts_however_rare(make):
    known = tail([0] * 99)
    high, low = make(benign=5.0), make(direction="low", benign=-5.0)
    assert [oriented(known, value, high) > 0 for value in (4.9, 5.0, 5.1)] == [False, False, True]
    assert [oriented(known, value, low) > 0 for value in (-4.9, -5.0, -5.1)] == [False, False, True]


def test_an_empty_tail_accuses_nobody_and_has_no_median(make):
    known = tail([NAN, NAN])
    assert known.orient(np.array([1.0, NAN]), make()).tolist() == [0.0, 0.0]
    assert math.isnan(known.median())


@pytest.mark.parametrize(
    ("values", "weights", "median"),
    [
        ([3], [1], 3),
        ([1, 2, 3], [1, 1, 1], 2),
        ([1, 2, 3, 4], [1, 1, 1, 1], 2),
        ([1, 2, 3], [1, 1, 5], 3),
        ([5, 1, 1], [1, 0.2, 0.3], 5),
        ([1, NAN], [1, 9], 1),
    ],
)
def test_weighted_median(values, weights, median):
    assert tail(values, weights).median() == median


numbers = st.floats(-1e6, 1e6)


@given(st.lists(numbers, min_size=1, max_size=60), st.lists(numbers, min_size=2, max_size=2))
def test_further_out_never_counts_less(make, values, pair):
    near, far = sorted(pair)
    known = tail(values)
    assert oriented(known, far, make()) >= oriented(known, near, make())
    low = make(direction="low", benign=float("inf"))
    assert oriented(known, near, low) >= oriented(known, far, low)


@given(
    data=st.data(),
    values=st.lists(st.integers(0, 400), min_size=30, max_size=300),
    direction=st.sampled_from(["high", "low"]),
)
def test_compression_never_understates_p(make, data, values, direction):
    weights = np.array(
        data.draw(st.lists(st.sampled_from([0.1, 1.0]), min_size=len(values), max_size=len(values)))
    )
    values = np.array(values, dtype=float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KNOTS", 9)
        short = Tail.fit(values, weights)
    assert len(short.values) <= 9
    assert short.total == pytest.approx(weights.sum())
    record = make(direction=direction, benign=math.inf if direction == "low" else -math.inf)
    asked = np.unique(np.concatenate([values, values + 0.5, values - 0.5]))
    far = values[None] >= asked[:, None] if direction == "high" else values[None] <= asked[:, None]
    p = ((far * weights).sum(axis=1) + 1) / (weights.sum() + 1)
    exact = -np.log10(np.minimum(1.0, 2 * p))
    assert (short.orient(asked, record) <= exact + 1e-9).all()


def test_compression_keeps_the_outermost_values_and_the_evidence_there(make):
    values = np.random.default_rng(0).normal(size=20_000)
    short = tail(values)
    assert len(short.values) <= module.KNOTS
    assert (short.values[0], short.values[-1]) == (values.min(), values.max())
    assert short.median() == pytest.approx(np.median(values), abs=0.02)
    asked = np.quantile(values, [0.9, 0.99, 0.999, 0.9999])
    p = ((values[None] >= asked[:, None]).sum(axis=1) + 1) / (len(values) + 1)
    np.testing.assert_allclose(short.orient(asked, make()), -np.log10(2 * p), atol=0.05)


# -- the population -------------------------------------------------------------


def test_the_reference_is_those_who_report_under_a_familiar_fingerprint(rows_of):
    streams = rows_of(
        account=[1, 2, 3, 4],
        odd=[False, True, False, False],
        reporting=[True, True, False, False],
        cohort=["interactive", "interactive", "interactive", "headless"],
    )
    assert trusted(streams)["account"].to_list() == [1, 4]


def test_without_telemetry_everybody_with_a_familiar_fingerprint_is_the_reference(rows_of):
    streams = rows_of(account=[1, 2, 3], odd=[False, True, False], reporting=[False, True, False])
    assert trusted(streams)["account"].to_list() == [1, 3]


def test_features_of_prevalence_are_measured_on_everybody(rows_of, make):
    streams = rows_of(x=[1.0, 2.0, 3.0], y=[1.0, 2.0, 3.0], reporting=[True, True, False])
    known = Reference.fit(streams, [make("x"), make("y", prevalence=True)], fewest=1)
    assert [tail.total for tail in known.tails["interactive"]] == [2, 3]


def test_each_cohort_is_compared_with_its_own(rows_of, make):
    streams = rows_of(x=[0.0] * 20 + [100.0] * 20, cohort=["interactive"] * 20 + ["web"] * 20)
    known = Reference.fit(streams, [make()], fewest=8)
    scored = known.orient(rows_of(x=[100.0, 100.0], cohort=["interactive", "web"]))
    assert scored[:, 0].tolist() == [pytest.approx(-math.log10(2 / 21)), 0.0]
    assert (known.baseline("interactive", "x"), known.baseline("web", "x")) == (0, 100)


@pytest.mark.parametrize("family", ["fingerprint", "telemetry"])
def test_what_a_program_is_knows_no_difference_between_screen_and_print_mode(rows_of, make, family):
    cohorts = ["interactive"] * 30 + ["headless"] * 10 + ["web"] * 20
    streams = rows_of(x=[0.0] * 40 + [9.0] * 20, y=[0.0] * 60, cohort=cohorts)
    features = (make("x", family=family, print_mode=True), make("y", family="usage", print_mode=True))
    known = Reference.fit(streams, features, fewest=8)
    far = known.orient(rows_of(x=[99.0] * 3, y=[99.0] * 3, cohort=["interactive", "headless", "web"]))
    program, web = (-math.log10(2 / (accounts + 1)) for accounts in (40, 20))
    assert far[:, 0].tolist() == pytest.approx([program, program, web])
    # how it is used does: 30, 10 and 20 accounts
    assert far[:, 1].tolist() == pytest.approx([-math.log10(2 / (n + 1)) for n in (30, 10, 20)])


def test_whether_telemetry_is_on_is_compared_within_the_cohort(rows_of, make):
    streams = rows_of(x=[1.0] * 30 + [0.0] * 10, cohort=["interactive"] * 30 + ["headless"] * 10)
    record = make(family="telemetry", direction="low", benign=0.5, prevalence=True, print_mode=True)
    known = Reference.fit(streams, (record,), fewest=8)
    assert known.orient(rows_of(x=[0.0], cohort=["headless"]))[0, 0] == 0


def test_a_small_cohort_is_described_by_all_accounts(rows_of, make):
    streams = rows_of(x=[0.0] * 20 + [100.0] * 7, cohort=["interactive"] * 20 + ["web"] * 7)
    small = Reference.fit(streams, [make()], fewest=8)
    assert (small.baseline("web", "x"), small.tails["web"][0].total) == (0, 27)
    assert Reference.fit(streams, [make()], fewest=7).baseline("web", "x") == 100


def test_an_unseen_cohort_is_compared_with_the_interactive_one(rows_of, make):
    known = Reference.fit(rows_of(x=[0.0] * 20), [make()], fewest=1)
    rare, usual = (known.orient(rows_of(x=[9.0], cohort=[name])) for name in ("new", "interactive"))
    assert rare.tolist() == usual.tolist() != [[0.0]]
    assert known.baseline("new", "x") == 0


def test_print_mode_answers_only_for_features_that_count_in_print_mode(rows_of, make):
    streams = rows_of(x=[0.0] * 20, y=[0.0] * 20, cohort=["headless"] * 20)
    known = Reference.fit(streams, [make("x"), make("y", print_mode=True)], fewest=1)
    scored = known.orient(rows_of(x=[9.0], y=[9.0], cohort=["headless"]))
    assert scored[0, 0] == 0
    assert scored[0, 1] > 0


def test_missing_columns_and_nulls_are_zero(rows_of, make):
    known = Reference.fit(rows_of(x=[0.0] * 20, y=[0.0] * 20), [make("x"), make("y")], fewest=1)
    assert known.orient(rows_of(x=[9.0]))[0, 1] == 0
    assert known.orient(rows_of(x=[None, 9.0], y=[9.0, None]))[:, 0].tolist()[0] == 0


def test_row_order_of_the_population_changes_nothing(rows_of, make):
    values = np.random.default_rng(1).exponential(size=50).tolist()
    streams = rows_of(x=values)
    asked = rows_of(x=[0.5, 2.0, 9.0])
    straight, turned = (Reference.fit(part, [make()], 1).orient(asked) for part in (streams, streams[::-1]))
    assert straight.tolist() == turned.tolist()
