"""How far lists of header names lie from the nearest of several reference lists."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["displaced_names", "nearest_order", "nearest_set"]

Names = Sequence[str]


def nearest_set(cores: Sequence[Names], references: Sequence[Names]) -> NDArray[np.float64]:
    """Count the names that each list lacks and has too many against the nearest reference.

    Args:
        cores: lists of lower-case names.
        references: one or more lists to compare with.

    Returns:
        Shape (2, lists): missing, extra.

    """
    sets = [set(names) - {""} for names in cores]
    known = [set(names) - {""} for names in references]
    counts = [[(len(one - names), len(names - one)) for names in sets] for one in known]
    return _nearest(np.array(counts, dtype=float))


def nearest_order(lists: Sequence[Names], references: Sequence[Names]) -> NDArray[np.float64]:
    """Measure order and case of each list against the nearest reference.

    Args:
        lists: names in wire order, case as received.
        references: one or more lists to compare with.

    Returns:
        Shape (2, lists): the share of shared name pairs in another order (Kendall
        1938), the share of shared names in another case; NaN where too few are shared.

    """
    lowered = [[name.lower() for name in names] for names in lists]
    distances = [
        np.column_stack([_discordance(lowered, [name.lower() for name in one]), _recased(lists, one)])
        for one in references
    ]
    return _nearest(np.array(distances))


def displaced_names(lists: Sequence[Names], references: Sequence[Names]) -> NDArray[np.int64]:
    """Count the names that stand in an order of neither a reference nor the alphabet.

    Proxies keep the order of names or sort them, and move a few. The count is that of the names that
    would have to move: all but the longest run in order (Fredman 1975, on computing the length of
    longest increasing subsequences).

    Args:
        lists: lower-case names in wire order.
        references: orders to compare with, in lower case.

    Returns:
        Shape (lists,): the least count over the references and the alphabet.

    """
    places = [{name: place for place, name in enumerate(dict.fromkeys(order))} for order in references]
    counts = []
    for names in lists:
        distinct = list(dict.fromkeys(names))
        shared = [[known[name] for name in distinct if name in known] for known in places]
        alphabet = {name: place for place, name in enumerate(sorted(distinct))}
        orders = [*shared, [alphabet[name] for name in distinct]]
        counts.append(min(len(order) - _longest_run(order) for order in orders))
    return np.array(counts, dtype=np.int64)


def _longest_run(places: Iterable[int]) -> int:
    """Return the length of the longest increasing subsequence of distinct numbers."""
    ends: list[int] = []
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(ends)


def _nearest(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pick, for each row, the reference with the least sum of its two distances.

    Args:
        distances: shape (references, rows, 2); NaN where nothing can be compared.

    Returns:
        Shape (2, rows).

    """
    total = np.nan_to_num(distances.sum(axis=2), nan=np.inf)
    best = total.argmin(axis=0)
    picked: NDArray[np.float64] = distances[best, np.arange(distances.shape[1])].T
    return picked


def _recased(lists: Sequence[Names], reference: Names) -> NDArray[np.float64]:
    """Return the share of shared names whose case differs from the reference's."""
    cased, known = set(reference), {name.lower() for name in reference}
    shares = np.full(len(lists), np.nan)
    for row, names in enumerate(lists):
        shared = [name for name in names if name.lower() in known]
        if shared:
            shares[row] = sum(name not in cased for name in shared) / len(shared)
    return shares


def _discordance(lists: Sequence[Names], reference: Names) -> NDArray[np.float64]:
    """Return the share of common name pairs that stand in another order (Kendall 1938).

    NaN where fewer than two names are shared with the reference.
    """
    place = {name: position for position, name in enumerate(dict.fromkeys(reference))}
    ranks = np.full((len(lists), len(place)), -1)
    for row, names in enumerate(lists):
        # Position of each reference name in this list; the first of a repeated name counts.
        for position, name in reversed(list(enumerate(names))):
            if name in place:
                ranks[row, place[name]] = position
    discordant = np.zeros(len(lists))
    pairs = np.zeros(len(lists))
    for first in range(len(place)):
        both = (ranks[:, first, None] >= 0) & (ranks[:, first + 1 :] >= 0)
        pairs += both.sum(axis=1)
        discordant += (both & (ranks[:, first, None] > ranks[:, first + 1 :])).sum(axis=1)
    shares: NDArray[np.float64] = np.divide(
        discordant, pairs, out=np.full(len(lists), np.nan), where=pairs > 0
    )
    return shares
