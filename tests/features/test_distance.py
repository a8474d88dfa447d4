from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from detector.features.distance import _discordance, _nearest, _recased, nearest_order, nearest_set

# -- Kendall -------------------------------------------------------------------

LETTERS = "abcdefghij"


@given(st.integers(2, 10).flatmap(lambda size: st.permutations(LETTERS[:size])))
@settings(max_examples=80, deadline=None)
def test_discordance_is_kendalls_tau_on_permutations(order):
    reference = sorted(order)
    tau = kendalltau(range(len(order)), [order.index(name) for name in reference]).statistic
    (share,) = _discordance([list(order)], reference)
    assert share == pytest.approx((1 - tau) / 2)


@given(
    st.lists(st.lists(st.sampled_from(LETTERS), max_size=8), max_size=4),
    st.lists(st.sampled_from(LETTERS), max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_discordance_against_all_pairs_of_shared_names(lists, reference):
    found = _discordance(lists, reference)
    assert len(found) == len(lists)
    for names, share in zip(lists, found, strict=True):
        shared = list(dict.fromkeys(name for name in reference if name in names))
        pairs = [names.index(one) > names.index(other) for one, other in combinations(shared, 2)]
        assert share == pytest.approx(np.mean(pairs)) if pairs else np.isnan(share)


def test_recased_is_the_share_of_shared_names():
    # of Accept, x-app and host (x-id is not the reference's) two are in another case
    found = _recased([["Accept", "x-app", "host", "x-id"], ["y"], []], ["Accept", "X-App", "Host"])
    assert found[0] == pytest.approx(2 / 3)
    assert np.isnan(found[1:]).all()


def test_the_nearest_reference_has_the_least_sum_and_can_be_compared():
    nan = float("nan")
    distances = np.array([[[3, 0], [nan, nan], [nan, 1]], [[1, 1], [5, 5], [nan, 2]]])
    picked = _nearest(distances)
    assert picked[:, :2].tolist() == [[1, 5], [1, 5]]
    assert np.isnan(picked[0, 2])


def test_the_nearest_set_may_be_another_for_each_list():
    found = nearest_set([["a", "b"], ["c"], [""]], [["a", "b", "x"], ["c", "d"]])
    assert found.tolist() == [[1, 1, 2], [0, 0, 0]]


def test_the_nearest_order_counts_pairs_and_case():
    found = nearest_order([["A", "B", "C"], ["C", "b", "A"]], [["A", "B", "C"]])
    assert found.tolist() == pytest.approx(np.array([[0, 1], [0, 1 / 3]]))
