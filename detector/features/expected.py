"""The header order that a client is expected to send: the nearest of those its population shares."""

import numpy as np
import polars as pl

from detector.features.distance import nearest_order, nearest_set
from detector.features.fingerprint import common_lists
from detector.settings import FingerprintSettings

__all__ = ["expected_orders"]


def expected_orders(
    lists: pl.DataFrame, populations: list[pl.DataFrame], settings: FingerprintSettings
) -> pl.Series:
    """Return the nearest common header order of the client of each list.

    Nearest is the order that ``fingerprint.judge`` measures from: the least sum of the shares
    of name pairs in another order and of names in another case. Of equal ones, the order with
    the fewest names missing or extra.

    Args:
        lists: ``client`` and ``raw_names`` (as ``clients.headers`` gives them).
        populations: tables of ``fingerprint.POPULATION``.
        settings: what is common.

    Returns:
        List of names a row; null where the list or the client's orders are not known.

    """
    orders = common_lists(populations, "order", settings)
    found: list[list[str] | None] = [None] * lists.height
    rows = lists.with_row_index("row").filter(pl.col("raw_names").is_not_null())
    for (client,), part in rows.group_by("client"):
        known = orders.get(str(client))
        if known:
            names = part["raw_names"].to_list()
            for row, best in zip(part["row"], _nearest(names, known), strict=True):
                found[row] = known[best]
    return pl.Series("expected", found, dtype=pl.List(pl.String))


def _nearest(lists: list[list[str]], references: list[list[str]]) -> list[int]:
    """Return the place of the nearest reference of each list."""
    lowered = [[name.lower() for name in names] for names in lists]
    distances = []
    for one in references:
        moved = np.nan_to_num(nearest_order(lists, [one]).sum(axis=0), nan=np.inf)
        names = nearest_set(lowered, [[name.lower() for name in one]]).sum(axis=0)
        distances.append(np.column_stack([moved, names]))
    table = np.array(distances)
    order = np.lexsort((table[:, :, 1], table[:, :, 0]), axis=0)
    places: list[int] = order[0].tolist()
    return places
