"""The known client whose header names a list has, where that is another one than it claims."""

from collections.abc import Mapping, Sequence

import polars as pl

from detector.features.fingerprint import common_lists
from detector.settings import FingerprintSettings

__all__ = ["ALIKE", "resembled_clients"]

ALIKE = 0.8
"""Share of the names of two lists that both must have to be alike (Jaccard 1901)."""

Sets = Mapping[str, Sequence[frozenset[str]]]


def resembled_clients(
    lists: pl.DataFrame, populations: list[pl.DataFrame], settings: FingerprintSettings
) -> pl.Series:
    """Return the client that each list resembles more than the one that it claims.

    A client is known by the sets of names that several accounts send, so that nobody is
    compared with what he alone taught.

    Args:
        lists: ``client`` and ``core`` (as ``clients.headers`` gives it).
        populations: tables of ``fingerprint.POPULATION``.
        settings: what is common.

    Returns:
        ``resembles``, a client a row: of the others the one with the nearest common set, the first
        by name where several are; null where that is not ``ALIKE``, where the claimed client has a
        set as near, and where the list is not known.

    """
    known = {
        client: [frozenset(names) - {""} for names in sets]
        for client, sets in sorted(common_lists(populations, "core", settings).items())
    }
    distinct = lists.select("client", "core").unique().drop_nulls("core")
    nearest = [_nearest(client, core, known) for client, core in distinct.iter_rows()]
    looked_up = distinct.with_columns(pl.Series("resembles", nearest, dtype=pl.String))
    joined = lists.select("client", "core").join(
        looked_up, on=["client", "core"], how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["resembles"]


def _nearest(client: str | None, core: str, known: Sets) -> str | None:
    """Return the other client with the nearest set of names, None where the own one has it."""
    names = frozenset(core.split(",")) - {""}
    near = {other: max(_jaccard(names, one) for one in sets) for other, sets in known.items()}
    own = near.pop(client, 0.0) if client else 0.0
    best = max(near, key=lambda other: near[other], default=None)
    return best if best is not None and near[best] >= ALIKE and near[best] > own else None


def _jaccard(names: frozenset[str], others: frozenset[str]) -> float:
    return len(names & others) / len(names | others) if names or others else 0.0
