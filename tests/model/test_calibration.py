import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from detector.model.calibration import p_values, q_values

chances = st.lists(st.floats(0, 1), min_size=1, max_size=40)
scores = st.lists(st.sampled_from(np.linspace(0, 1, 15).tolist()), max_size=30)


@pytest.mark.parametrize(
    ("score", "p"),
    [(0.0, 5 / 5), (0.1, 5 / 5), (0.2, 4 / 5), (0.3, 4 / 5), (0.35, 2 / 5), (0.9, 2 / 5), (0.91, 1 / 5)],
)
def test_conformal_p_by_hand(score, p):
    calibration = np.array([0.1, 0.3, 0.3, 0.9])
    assert p_values(np.array([score]), calibration)[0] == pytest.approx(p)


def test_calibration_need_not_be_sorted():
    asked = np.linspace(0, 1, 7)
    calibration = np.array([0.9, 0.1, 0.5])
    assert p_values(asked, calibration).tolist() == p_values(asked, np.sort(calibration)).tolist()
    assert calibration.tolist() == [0.9, 0.1, 0.5]


def test_unknown_scores_have_no_p_and_an_empty_calibration_proves_nothing():
    assert np.isnan(p_values(np.array([np.nan]), np.array([0.5]))).all()
    assert p_values(np.array([0.99]), np.zeros(0)).tolist() == [1.0]


@given(scores.filter(len), st.floats(0, 1))
def test_p_values_of_the_calibration_itself_are_uniform_or_larger(calibration, alpha):
    values = np.array(calibration)
    leave_one_out = [p_values(values[i : i + 1], np.delete(values, i))[0] for i in range(len(values))]
    assert (np.array(leave_one_out) <= alpha).mean() <= alpha + 1e-12


@given(scores, st.floats(-1, 2), st.floats(-1, 2))
def test_p_lies_in_its_bounds_and_falls_with_the_score(calibration, one, two):
    low, high = p_values(np.sort([one, two]), np.array(calibration))
    assert 1 / (len(calibration) + 1) <= high <= low <= 1


def test_q_by_hand():
    p = np.array([0.01, 0.04, 0.03, 0.5])
    # sorted 0.01 0.03 0.04 0.5, times 4/rank: 0.04 0.06 0.0533 0.5, minimum from the right
    assert q_values(p) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])


@given(chances)
def test_q_values_are_those_of_benjamini_and_hochberg(p):
    p = np.array(p)
    assert q_values(p).tolist() == false_discovery_control(p, method="bh").tolist()


@given(chances, st.floats(0.001, 0.999))
def test_flagging_by_q_is_the_step_up_rule(p, fdr):
    p = np.array(p)
    passing = np.flatnonzero(np.sort(p) <= fdr * np.arange(1, len(p) + 1) / len(p))
    cut = np.sort(p)[passing[-1]] if len(passing) else -1.0
    near = np.isclose(np.sort(p), fdr * np.arange(1, len(p) + 1) / len(p), rtol=1e-9, atol=0).any()
    assert near or ((q_values(p) <= fdr) == (p <= cut)).all()


def test_accounts_without_p_are_no_part_of_the_family_of_tests():
    p = np.array([0.01, np.nan, 0.04, np.nan])
    q = q_values(p)
    assert q[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(q[[1, 3]]).all()
    assert np.isnan(q_values(np.array([np.nan]))).all()
    assert q_values(np.zeros(0)).shape == (0,)
