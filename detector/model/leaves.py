"""How deep rows fall in the trees of a forest: for few rows by numpy, for many by scikit-learn.

Both give the same numbers to the last bit. scikit-learn follows a path in half the time, and
takes over a second to import.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAF", "NODE_FIELDS", "CompiledTrees", "Nodes", "Trees", "WalkedTrees", "average_path"]

NODE_FIELDS = {
    "left_child": "iu",
    "right_child": "iu",
    "feature": "iu",
    "threshold": "f",
    "n_node_samples": "iu",
}
"""What is kept of a node, with the kinds of number it may be stored as."""

LEAF = -1
"""Child of a node that has none."""

BLOCK = 512
"""Rows that walk together: what they need of all trees stays in the cache of a core."""

Nodes = dict[str, NDArray[Any]]
"""A tree: the arrays of ``NODE_FIELDS``."""


class Trees(Protocol):
    """Trees that say how deep rows fall."""

    def depths(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return, for each row, the sum over the trees of the path lengths, corrected for unsplit leaves."""


class WalkedTrees:
    """All trees in one table, which blocks of rows go down side by side, a level a step."""

    def __init__(self, trees: Sequence[Nodes]) -> None:
        """Lay the trees one after the other; a leaf is its own child, so that all paths are equally long."""
        sizes = [len(nodes["feature"]) for nodes in trees]
        self._roots = np.cumsum([0, *sizes[:-1]], dtype=np.int32)
        table = {field: np.concatenate([nodes[field] for nodes in trees]) for field in NODE_FIELDS}
        here = np.arange(sum(sizes), dtype=np.int32)
        leaf, first = table["left_child"] == LEAF, np.repeat(self._roots, sizes)
        sides = [np.where(leaf, here, first + table[side]) for side in ("left_child", "right_child")]
        children = np.column_stack(sides).astype(np.int32)
        self._children = children.ravel()
        self._feature = np.where(leaf, 0, table["feature"]).astype(np.int32)
        self._threshold = table["threshold"]
        depth, level, self._levels = np.zeros(len(here)), self._roots, 0
        while len(inner := level[~leaf[level]]):
            self._levels += 1
            level = np.unique(children[inner])
            depth[level] = self._levels
        self._path = depth + average_path(table["n_node_samples"])

    def depths(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the sum of the path lengths of each row."""
        total = np.zeros(len(rows))
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            begins = np.arange(len(block), dtype=np.int32) * block.shape[1]
            node = np.repeat(self._roots[:, None], len(block), axis=1)
            for _ in range(self._levels):
                value = block.ravel().take(begins + self._feature.take(node))
                node = self._children.take(2 * node + (value > self._threshold.take(node)))
            # Tree by tree, so that sums are rounded as they are with scikit-learn's trees.
            for leaves in node:
                total[start : start + BLOCK] += self._path.take(leaves)
        return total


class CompiledTrees:
    """Trees of scikit-learn."""

    def __init__(self, trees: Sequence[Nodes], n_features: int) -> None:
        """Build them."""
        built = [_build(nodes, n_features) for nodes in trees]
        self._trees = [
            (tree, tree.compute_node_depths() - 1.0 + average_path(tree.n_node_samples)) for tree in built
        ]

    def depths(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the sum of the path lengths of each row."""
        total = np.zeros(len(rows))
        for tree, path in self._trees:
            total += path[tree.apply(rows)]
        return total


def average_path(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean path length of an unsuccessful search in a tree of so many rows."""
    samples = np.asarray(samples, dtype=np.float64)
    path = np.zeros_like(samples)
    path[samples == 2] = 1.0
    many = samples > 2
    path[many] = (
        2.0 * (np.log(samples[many] - 1.0) + np.euler_gamma) - 2.0 * (samples[many] - 1.0) / samples[many]
    )
    return path


def _build(nodes: Nodes, n_features: int) -> Any:
    """Build one tree of scikit-learn from node arrays."""
    from sklearn.tree._tree import Tree  # noqa: PLC0415  # see the module's docstring

    count = len(nodes["left_child"])
    tree = Tree(n_features, np.array([1], dtype=np.intp), 1)
    state = tree.__getstate__()
    table = np.zeros(count, dtype=state["nodes"].dtype)
    for field in NODE_FIELDS:
        table[field] = nodes[field]
    table["weighted_n_node_samples"] = nodes["n_node_samples"]
    tree.__setstate__(
        {**state, "max_depth": count, "node_count": count, "nodes": table, "values": np.zeros((count, 1, 1))}
    )
    return tree
