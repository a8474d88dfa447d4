import numpy as np

from detector.features.registry import SCORED
from detector.model.evidence import envelope, family_sums, widen
from detector.schema import FAMILIES


def test_family_sums_by_hand(make):
    features = (make("a", family="usage"), make("b", family="cadence"), make("c", family="usage"))
    sums = family_sums(np.array([[1.0, 2.0, 4.0], [0.0, 0.5, 0.25]]), features)
    expected = {"cadence": [2.0, 0.5], "telemetry": [0, 0], "fingerprint": [0, 0], "usage": [5.0, 0.25]}
    expected["account"] = [0, 0]
    assert sums.T.tolist() == [expected[family] for family in FAMILIES]


def test_widened_rows_are_features_then_families_then_their_total(make):
    features = (make("a", family="usage"), make("b", family="cadence"))
    row = widen(np.array([[1.0, 2.0]]), features)[0].tolist()
    assert row[:2] == [1.0, 2.0]
    assert row[2:-1] == [2.0 if name == "cadence" else 1.0 if name == "usage" else 0.0 for name in FAMILIES]
    assert row[-1] == 3.0


def test_envelope_reaches_from_nothing_to_the_most_in_one_to_three_families():
    rows = envelope(4000, SCORED, 2.5, np.random.default_rng(0))
    assert rows.shape == (4000, len(SCORED))
    assert rows.min() == 0
    assert 2.45 < rows.max() < 2.5
    touched = (family_sums(rows, SCORED) > 0).sum(axis=1)
    assert set(touched.tolist()) == {0, 1, 2, 3}
    # Half of the features of a chosen family: empty rows come from families of few features.
    assert (touched == 0).mean() < 0.1
    assert (rows > 0).any(axis=0).all()


def test_envelope_depends_on_the_seed_and_nothing_else():
    one, same, other = (envelope(50, SCORED, 1.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.tolist() == same.tolist() != other.tolist()
    assert envelope(0, SCORED, 1.0, np.random.default_rng(0)).shape == (0, len(SCORED))
