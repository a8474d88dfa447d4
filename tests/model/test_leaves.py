import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.model.forest import ThreadedIsolationForest
from detector.model.leaves import BLOCK, CompiledTrees, WalkedTrees

LEAF = -1
SPLIT = {
    "left_child": np.array([1, LEAF, 3, LEAF, LEAF]),
    "right_child": np.array([2, LEAF, 4, LEAF, LEAF]),
    "feature": np.array([0, -2, 1, -2, -2]),
    "threshold": np.array([0.5, -2.0, 1.5, -2.0, -2.0]),
    "n_node_samples": np.array([4, 1, 3, 2, 1]),
}
"""Column 0 up to 0.5 ends at depth 1; else column 1 up to 1.5 at depth 2, with two rows unsplit."""

STUMP = {
    "left_child": np.array([LEAF]),
    "right_child": np.array([LEAF]),
    "feature": np.array([-2]),
    "threshold": np.array([-2.0]),
    "n_node_samples": np.array([2]),
}
"""One leaf of two rows: the path of an unsuccessful search among them is 1."""

ROWS = np.array([[0.5, 9.0], [0.6, 1.5], [0.6, 1.6]], dtype=np.float32)


@pytest.mark.parametrize("trees", [WalkedTrees([SPLIT, STUMP]), CompiledTrees([SPLIT, STUMP], 2)])
def test_depths_are_summed_over_trees_and_corrected_for_unsplit_leaves(trees):
    assert trees.depths(ROWS).tolist() == [1 + 1, 2 + 1 + 1, 2 + 1]


@pytest.mark.parametrize("trees", [WalkedTrees([SPLIT]), CompiledTrees([SPLIT], 2)])
def test_no_rows_have_no_depths(trees):
    assert trees.depths(ROWS[:0]).shape == (0,)


@given(seed=st.integers(0, 2**32 - 1), count=st.sampled_from([1, 2, BLOCK, BLOCK + 1]))
def test_walking_and_scikit_learn_agree_to_the_last_bit(seed, count):
    chance = np.random.default_rng(seed)
    columns = int(chance.integers(1, 5))
    grown = ThreadedIsolationForest(n_estimators=7, max_samples=32, random_state=seed % 1000)
    # Few distinct values, so that rows lie on thresholds too.
    grown.fit(chance.integers(0, 4, size=(64, columns)) / 2)
    rows = (chance.integers(0, 9, size=(count, columns)) / 4).astype(np.float32)
    walked = WalkedTrees(grown.nodes_).depths(rows)
    assert walked.tolist() == CompiledTrees(grown.nodes_, columns).depths(rows).tolist()
