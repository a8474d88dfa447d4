import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.simulate.chance import choose

SHARES = st.lists(st.floats(0.01, 1.0), min_size=1, max_size=30).map(
    lambda parts: np.array(parts) / sum(parts)
)


@given(SHARES, st.integers(0, 2**32 - 1))
def test_it_draws_what_numpy_draws(shares, seed):
    ours, theirs = np.random.default_rng(seed), np.random.default_rng(seed)
    items = range(len(shares))
    for _ in range(20):
        assert choose(ours, items, shares.tolist()) == theirs.choice(len(shares), p=shares)
        assert choose(ours, items) == theirs.choice(len(shares))
    assert ours.random() == theirs.random()


def test_what_has_no_share_is_never_drawn():
    rng = np.random.default_rng(0)
    assert {choose(rng, "abc", (0.0, 1.0, 0.0)) for _ in range(200)} == {"b"}


def test_of_nothing_nothing_is_drawn():
    with pytest.raises(ValueError, match="high"):
        choose(np.random.default_rng(0), ())
