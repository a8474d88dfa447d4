"""An isolation forest that scores in threads and is stored as plain arrays.

Liu, Ting and Zhou 2008, Isolation Forest. scikit-learn grows the trees; scoring
looks up, for each row and tree, the leaf in a table of path lengths, over chunks
of rows in threads, and gives the same numbers as ``IsolationForest.score_samples``.

scikit-learn takes over a second to import, which is more than the scoring of most logs
takes. So few rows do without it.
"""

from collections.abc import Mapping
from functools import cached_property
from math import ceil
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray

from detector.errors import BundleError, TrainingError
from detector.model.leaves import LEAF, NODE_FIELDS, CompiledTrees, Nodes, Trees, WalkedTrees, average_path

__all__ = ["ThreadedIsolationForest", "flat_array"]

CHUNK = 50_000
"""Rows a thread scores at a time, at most."""

FEW = 10_000
"""Rows up to which walking takes less time than importing scikit-learn."""

MOST_FEATURES = 1 << 20
"""Columns beyond which a bundle is damaged rather than large."""


class ThreadedIsolationForest:
    """Isolation forest with threaded, bit-exact scoring and array storage.

    Parameters
    ----------
    n_estimators : int, default=200
        Number of trees.
    max_samples : int, default=256
        Rows each tree is grown on; all rows where there are fewer.
    contamination : float, default=0.05
        Share of training rows that ``predict`` calls outliers.
    n_jobs : int, default=1
        Threads.
    random_state : int, RandomState instance or None, default=None
        Seed of the trees.

    Attributes
    ----------
    nodes_ : list of dict of ndarray of shape (n_nodes,)
        The fitted trees.
    offset_ : float
        Threshold of ``decision_function``.
    sample_size_ : int
        Rows each tree was grown on.
    n_features_in_ : int
        Columns it was grown on.

    """

    def __init__(
        self,
        n_estimators: int = 200,
        max_samples: int = 256,
        contamination: float = 0.05,
        n_jobs: int = 1,
        random_state: Any = None,
    ) -> None:
        """Store the parameters."""
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.nodes_: list[Nodes] = []
        self.sample_size_ = self.n_features_in_ = 0
        self.offset_ = 0.0

    def fit(self, X: ArrayLike) -> Self:
        """Grow the trees.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; higher or lower values mean nothing to a forest.

        """
        from sklearn.ensemble import IsolationForest  # noqa: PLC0415  # see the module's docstring

        rows = np.ascontiguousarray(X, dtype=np.float32)
        forest = IsolationForest(
            n_estimators=self.n_estimators,
            max_samples=min(self.max_samples, rows.shape[0]),
            random_state=self.random_state,
        )
        forest.fit(rows)
        states = [tree.tree_.__getstate__()["nodes"] for tree in forest.estimators_]
        self.nodes_ = [{field: np.array(nodes[field]) for field in NODE_FIELDS} for nodes in states]
        self.sample_size_, self.n_features_in_ = forest.max_samples_, rows.shape[1]
        for made in ("_walked", "_compiled"):
            self.__dict__.pop(made, None)
        self.offset_ = float(np.percentile(self.score_samples(rows), 100.0 * self.contamination))
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the opposite of the anomaly score of the paper: in [-1, 0], lower is odder.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        """
        rows = np.ascontiguousarray(X, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_:
            raise ValueError(f"forest: rows of shape {rows.shape}, not (rows, {self.n_features_in_})")
        self._fitted()
        size = min(CHUNK, max(1, ceil(len(rows) / self.n_jobs)))
        chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
        trees: Trees = self._walked if len(rows) <= FEW else self._compiled
        depths = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(trees.depths)(chunk) for chunk in chunks
        )
        scale = len(self.nodes_) * average_path(np.array([self.sample_size_]))[0]
        total = np.concatenate(depths)
        # One row or none to grow on isolates nothing; scikit-learn scores it 1.
        depth: NDArray[np.float64] = np.divide(total, scale, out=np.ones_like(total), where=scale != 0)
        return -np.exp2(-depth)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return ``score_samples`` less the offset: negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return -1 for outliers and 1 for inliers."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the fitted trees as plain arrays, all trees one after the other."""
        arrays = {field: np.concatenate([nodes[field] for nodes in self._fitted()]) for field in NODE_FIELDS}
        arrays["tree_nodes"] = np.array([len(nodes["feature"]) for nodes in self.nodes_])
        arrays["forest"] = np.array([self.sample_size_, self.n_features_in_, self.offset_], dtype=np.float64)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_jobs: int = 1) -> "ThreadedIsolationForest":
        """Rebuild a forest from :meth:`to_arrays`.

        Raises:
            BundleError: an array is missing, of another type or length, or not finite; or
                an index points outside its tree or features, or back up the tree.

        """
        sample_size, n_features, offset = flat_array(arrays, "forest", "f", 3).tolist()
        counts = flat_array(arrays, "tree_nodes", "iu").tolist()
        nodes = {field: flat_array(arrays, field, kinds, sum(counts)) for field, kinds in NODE_FIELDS.items()}
        if not counts or min(counts) < 1 or not 1 <= n_features < MOST_FEATURES or sample_size < 1:
            raise BundleError("model bundle: forest of impossible size; train the model again")
        forest = cls(n_estimators=len(counts), max_samples=int(sample_size), n_jobs=n_jobs)
        start = 0
        for count in counts:
            own = {field: values[start : start + count] for field, values in nodes.items()}
            _check(own, int(n_features))
            forest.nodes_.append(own)
            start += count
        forest.n_features_in_, forest.sample_size_ = int(n_features), int(sample_size)
        forest.offset_ = offset
        return forest

    def _fitted(self) -> list[Nodes]:
        if not self.nodes_:
            raise TrainingError("forest: has no trees yet; fit it first")
        return self.nodes_

    @cached_property
    def _walked(self) -> WalkedTrees:
        return WalkedTrees(self.nodes_)

    @cached_property
    def _compiled(self) -> CompiledTrees:
        return CompiledTrees(self.nodes_, self.n_features_in_)


def flat_array(
    arrays: Mapping[str, NDArray[Any]], name: str, kinds: str, length: int | None = None
) -> NDArray[Any]:
    """Return an array of a bundle: flat, of finite numbers (compiled code follows them blindly).

    Args:
        arrays: all arrays.
        name: which.
        kinds: kinds of number (``numpy.dtype.kind``) it may hold.
        length: how many; any number where left out.

    Raises:
        BundleError: it is missing or anything else.

    """
    values = np.asarray(arrays.get(name))
    flat = values.ndim == 1 and values.dtype.kind in kinds
    if not flat or (length is not None and len(values) != length):
        raise BundleError(f"model bundle: array {name} is missing or malformed; train the model again")
    if not np.isfinite(values).all():
        raise BundleError(f"model bundle: array {name} is not all finite; train the model again")
    return values


def _check(nodes: Nodes, n_features: int) -> None:
    """Refuse a tree whose indices lead out of it or back: compiled code follows them blindly."""
    count = len(nodes["left_child"])
    here = np.arange(count)
    inner = nodes["left_child"] != LEAF
    for side in ("left_child", "right_child"):
        child = nodes[side]
        # Children come after their parent: a tree that points back would never end.
        if np.any(inner & ((child <= here) | (child >= count))) or np.any(~inner & (child != LEAF)):
            raise BundleError(f"model bundle: the {side} of a tree points outside it; train the model again")
    if np.any(inner & ((nodes["feature"] < 0) | (nodes["feature"] >= n_features))):
        raise BundleError(
            "model bundle: a tree asks for a feature that the model lacks; train the model again"
        )
