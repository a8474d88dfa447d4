import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from detector.errors import BundleError, TrainingError
from detector.model import forest as module
from detector.model.forest import ThreadedIsolationForest


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).exponential(size=(600, 7))


@pytest.fixture(scope="module")
def fitted(rows):
    return ThreadedIsolationForest(n_estimators=30, random_state=0).fit(rows)


@pytest.fixture
def arrays(fitted):
    return {name: values.copy() for name, values in fitted.to_arrays().items()}


@pytest.mark.parametrize(
    ("rows_to_fit", "max_samples"), [(600, 256), (600, 600), (90, 256), (3, 256), (2, 2)]
)
def test_scores_are_those_of_scikit_learn(rows, rows_to_fit, max_samples):
    part = rows[:rows_to_fit]
    ours = ThreadedIsolationForest(n_estimators=40, max_samples=max_samples, random_state=3).fit(part)
    theirs = IsolationForest(n_estimators=40, max_samples=min(max_samples, len(part)), random_state=3)
    theirs.fit(part.astype(np.float32))
    expected = theirs.score_samples(rows.astype(np.float32))
    np.testing.assert_allclose(ours.score_samples(rows), expected, rtol=0, atol=1e-12)


def test_a_single_training_row_scores_as_in_scikit_learn():
    one = np.ones((1, 2))
    ours = ThreadedIsolationForest(n_estimators=5, random_state=0).fit(one)
    theirs = IsolationForest(n_estimators=5, max_samples=1, random_state=0).fit(one)
    with np.errstate(all="ignore"):
        expected = theirs.score_samples(one)
    assert ours.score_samples(one).tolist() == expected.tolist()


def test_scores_lie_between_minus_one_and_zero_and_the_outlier_is_lowest(rows, fitted):
    scores = fitted.score_samples(np.vstack([rows, np.full((1, 7), 50.0)]))
    assert scores.min() >= -1
    assert scores.max() <= 0
    assert scores.argmin() == len(rows)


def test_offset_puts_the_asked_share_below_zero(rows):
    fitted = ThreadedIsolationForest(n_estimators=20, contamination=0.1, random_state=0).fit(rows)
    assert (fitted.decision_function(rows) < 0).mean() == pytest.approx(0.1, abs=2 / len(rows))
    below = fitted.decision_function(rows) < 0
    assert (fitted.predict(rows) == np.where(below, -1, 1)).all()


@pytest.mark.parametrize("chunk", [1, 7, 599, 600, 601])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_threads_and_chunks_change_no_bit(monkeypatch, rows, fitted, chunk, n_jobs):
    whole = fitted.score_samples(rows)
    threaded = ThreadedIsolationForest.from_arrays(fitted.to_arrays(), n_jobs=n_jobs)
    monkeypatch.setattr(module, "CHUNK", chunk)
    assert threaded.score_samples(rows[:80]).tolist() == whole[:80].tolist()


def test_equal_seeds_grow_equal_trees_and_others_do_not(rows, fitted):
    again = ThreadedIsolationForest(n_estimators=30, random_state=0).fit(rows)
    other = ThreadedIsolationForest(n_estimators=30, random_state=1).fit(rows)
    assert again.score_samples(rows).tolist() == fitted.score_samples(rows).tolist()
    assert other.score_samples(rows).tolist() != fitted.score_samples(rows).tolist()


def test_unfitted_forests_refuse_to_score_or_to_be_stored(rows):
    with pytest.raises(TrainingError, match="fit it first"):
        ThreadedIsolationForest().to_arrays()
    with pytest.raises(ValueError, match=r"rows of shape \(600, 7\)"):
        ThreadedIsolationForest().score_samples(rows)


def test_rows_of_another_shape_are_refused(rows, fitted):
    for wrong in (rows[:, :5], rows[0]):
        with pytest.raises(ValueError, match="rows of shape"):
            fitted.score_samples(wrong)


def test_fitting_again_forgets_the_trees_before(rows, fitted):
    again = ThreadedIsolationForest(n_estimators=30, random_state=0).fit(rows * 3)
    again.score_samples(rows)
    assert again.fit(rows).score_samples(rows).tolist() == fitted.score_samples(rows).tolist()


# -- storage --------------------------------------------------------------------


def test_round_trip_through_arrays_is_exact(rows, fitted, arrays):
    rebuilt = ThreadedIsolationForest.from_arrays(arrays)
    assert rebuilt.score_samples(rows).tolist() == fitted.score_samples(rows).tolist()
    assert rebuilt.predict(rows).tolist() == fitted.predict(rows).tolist()
    assert (rebuilt.n_features_in_, rebuilt.sample_size_) == (7, 256)
    again = rebuilt.to_arrays()
    assert again.keys() == arrays.keys()
    assert all(again[name].tobytes() == arrays[name].tobytes() for name in arrays)


def test_round_trip_through_a_file_is_exact(rows, fitted, arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as stored:
        rebuilt = ThreadedIsolationForest.from_arrays({name: stored[name] for name in stored.files})
    assert rebuilt.score_samples(rows).tolist() == fitted.score_samples(rows).tolist()


def first_inner(arrays):
    return int(np.flatnonzero(arrays["left_child"] != -1)[0])


def second_inner(arrays):
    return int(np.flatnonzero(arrays["left_child"] != -1)[1])


def set_at(name, place, value):
    def change(arrays):
        at = place(arrays) if callable(place) else place
        arrays[name][at] = value(arrays) if callable(value) else value

    return change


def replaced(name, value):
    def change(arrays):
        arrays[name] = value(arrays[name])

    return change


def first_leaf(arrays):
    return int(np.flatnonzero(arrays["left_child"] == -1)[0])


TAMPERED = {
    "left child past the tree": set_at("left_child", first_inner, lambda a: int(a["tree_nodes"][0])),
    "right child far out": set_at("right_child", first_inner, 2**40),
    "left child negative": set_at("left_child", second_inner, -7),
    "child is the node itself": set_at("left_child", second_inner, second_inner),
    "child is an ancestor": set_at("right_child", second_inner, 0),
    "half a leaf": set_at("right_child", first_inner, -1),
    "leaf with a right child": set_at("right_child", first_leaf, lambda a: first_leaf(a) + 1),
    "feature past the last": set_at("feature", first_inner, 7),
    "feature negative": set_at("feature", first_inner, -3),
    "threshold not a number": set_at("threshold", first_inner, np.nan),
    "threshold infinite": set_at("threshold", first_inner, np.inf),
    "children one short": replaced("left_child", lambda v: v[:-1]),
    "thresholds one too many": replaced("threshold", lambda v: np.append(v, 0.0)),
    "features missing": lambda a: a.pop("feature"),
    "sizes missing": lambda a: a.pop("tree_nodes"),
    "header missing": lambda a: a.pop("forest"),
    "header short": replaced("forest", lambda v: v[:2]),
    "header long": replaced("forest", lambda v: np.append(v, 1.0)),
    "header not a number": set_at("forest", 1, np.nan),
    "no features": set_at("forest", 1, 0),
    "features without end": set_at("forest", 1, 1e30),
    "no training rows": set_at("forest", 0, 0),
    "negative tree": set_at("tree_nodes", 0, -1),
    "empty tree": lambda a: a.update(tree_nodes=np.insert(a["tree_nodes"], 0, 0)),
    "one tree dropped": replaced("tree_nodes", lambda v: v[:-1]),
    "one tree invented": replaced("tree_nodes", lambda v: np.append(v, 5)),
    "no trees at all": lambda a: a.update({n: v[:0] for n, v in a.items() if n != "forest"}),
    "children as fractions": replaced("left_child", lambda v: v + 0.0),
    "children as text": replaced("right_child", lambda v: v.astype(str)),
    "children as objects": replaced("right_child", lambda v: v.astype(object)),
    "children as truth values": replaced("left_child", lambda v: v > 0),
    "features as fractions": replaced("feature", lambda v: v + 0.5),
    "thresholds complex": replaced("threshold", lambda v: v + 1j),
    "children in two dimensions": replaced("left_child", lambda v: v[:, None]),
    "sizes a scalar": replaced("tree_nodes", lambda v: v[0]),
    "sizes as fractions": replaced("tree_nodes", lambda v: v + 0.0),
    "samples as fractions": replaced("n_node_samples", lambda v: v + 0.5),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_tampered_arrays_are_refused_in_one_line(arrays, change):
    change(arrays)
    with pytest.raises(BundleError, match=r"^model bundle: .*; train the model again$") as caught:
        ThreadedIsolationForest.from_arrays(arrays)
    assert "\n" not in str(caught.value)


@given(data=st.data())
def test_any_change_of_indices_is_refused_or_scores_without_harm(data, rows, fitted):
    arrays = {name: values.copy() for name, values in fitted.to_arrays().items()}
    name = data.draw(st.sampled_from(["left_child", "right_child", "feature", "tree_nodes"]))
    at = data.draw(st.integers(0, len(arrays[name]) - 1))
    arrays[name][at] = data.draw(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 300))
    try:
        rebuilt = ThreadedIsolationForest.from_arrays(arrays)
    except BundleError:
        return
    scores = rebuilt.score_samples(rows[:20])
    assert ((scores >= -1) & (scores <= 0)).all()


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the model file was executed",))


def test_objects_in_arrays_are_refused_and_not_unpickled(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **{**arrays, "threshold": np.array([Bomb()], dtype=object)})
    with pytest.raises(pytest.fail.Exception, match="executed"):
        pickle.loads(pickle.dumps(Bomb()))  # noqa: S301 - the bomb is live
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as stored, pytest.raises(ValueError, match="allow_pickle"):
        stored["threshold"]
