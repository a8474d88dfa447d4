from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from detector.features.distance import (
    _discordance,
    _nearest,
    _recased,
    displaced_names,
    nearest_order,
    nearest_set,
)

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


# -- displaced -----------------------------------------------------------------


def test_displaced_names_are_those_that_would_have_to_move():
    order = ["d", "c", "b", "a"]
    lists = [
        order,
        ["a", "b", "c", "d"],
        ["c", "b", "a", "d"],
        ["c", "d", "b", "a"],
        ["b", "d", "a", "c"],
        [],
    ]
    # the alphabet is as good as the reference
    assert displaced_names(lists, [order]).tolist() == [0, 0, 1, 1, 2, 0]
    assert displaced_names([["x", "d", "y", "c", "b", "z", "a"]], [order]).tolist() == [0]
    assert displaced_names([["b", "a", "b"]], [["a"]]).tolist() == [0]
    assert displaced_names([["b", "a"]], []).tolist() == [1]


@given(st.permutations(LETTERS[:7]), st.permutations(LETTERS[:7]))
@settings(max_examples=80, deadline=None)
def test_displaced_against_every_choice_of_names_that_stay(order, reference):
    def kept(target):
        runs = (run for size in range(8) for run in combinations(order, size))
        return max(len(run) for run in runs if [*run] == [name for name in target if name in run])

    (moved,) = displaced_names([order], [reference])
    assert moved == 7 - max(kept(reference), kept(sorted(order)))
