"""A header order that a group changed together, which is no change of its members.

A company's proxy or the provider's CDN that is replaced rewrites the headers of
everybody behind it from one moment on. So the witnesses of a moment are the accounts with
sessions before it and since, in which a client is used everywhere or behind one
network operator, and its movers those of them that showed one order before and
another one ever since. Only a replacement counts: a harness that rides on a person's
account, a second terminal and a laptop on and off a VPN show both orders in turn. The
order is compared within one version, so a release is no change of headers.
"""

import polars as pl

from detector.features.incident import Incident
from detector.settings import IncidentSettings, Settings

__all__ = ["find_rewrites"]

OWN = ("client", "headless")
"""What every cell shares: print mode has headers of its own."""

CELLS: tuple[tuple[str, ...], ...] = (OWN, (*OWN, "asn"))
"""What the sessions of a cell share, in the order in which they are tried; whom one explains is
left out of the next."""

EVENT = ["day", "client", "asn"]
"""What one incident is told of; print mode and people behind one proxy are one."""


def find_rewrites(sessions: pl.DataFrame, facts: pl.DataFrame, settings: Settings) -> tuple[Incident, ...]:
    """Find the days since which most accounts send their headers in another order.

    Args:
        sessions: ``Summary.sessions`` of the whole fleet. Those out of scope, without a
            client or without a header list bear no witness.
        facts: result of ``extract.identify``.
        settings: all settings.

    Returns:
        One incident of kind ``headers_changed`` for each day, client and operator.

    """
    # Numbers in the order of the texts: there are many sessions.
    orders = facts.select("fingerprint", order=pl.col("raw_names").list.join(",").rank("dense"))
    rows = (
        sessions.lazy()
        .filter(pl.col("in_scope") & pl.col("client").is_not_null())
        .select(
            "account",
            *OWN,
            "client_version",
            "asn",
            "start",
            "end",
            "fingerprint",
            day=pl.col("start").dt.date(),
        )
        .collect()
        .join(orders, on="fingerprint", how="left")
        .filter(pl.col("order").is_not_null())
        .sort("account", "start", "order")
    )
    parts = []
    for cell in CELLS:
        witnesses = _witnesses(rows.drop_nulls(cell), cell, settings.incidents)
        asn = "asn" if "asn" in cell else pl.lit(None, pl.Int64).alias("asn")
        parts.append(witnesses.select("account", "client", asn, "day", "until"))
        movers = witnesses.filter(pl.col("until").is_not_null())
        rows = rows.join(movers, on=["account", *OWN], how="anti", maintain_order="left")
    moved = pl.col("until").is_not_null()
    events = (
        pl.concat(parts)
        .group_by(EVENT)
        .agg(
            pl.col("until").max(),
            accounts=pl.col("account").filter(moved).n_unique(),
            of=pl.col("account").n_unique(),
        )
        .sort(EVENT)
    )
    return tuple(
        Incident("headers_changed", day, until, (), accounts, of, client, asn=asn)
        for day, client, asn, until, accounts, of in events.iter_rows()
    )


def _witnesses(rows: pl.DataFrame, cell: tuple[str, ...], rules: IncidentSettings) -> pl.DataFrame:
    """Return the witnesses of each cell whose headers changed, at the moment when most moved.

    Returns:
        ``account``, the columns of the cell, ``day`` and ``until``: the last day of a
        mover, null for other witnesses.

    """
    mine = ("account", *cell)
    before, since = pl.col("run") == 0, pl.col("run") == 1
    switches = (
        rows.with_columns(run=pl.col("order").rle_id().over(*mine, "client_version"))
        .group_by(*mine, "client_version")
        .agg(
            left=pl.col("start").filter(before).max(),
            came=pl.col("end").filter(since).min(),
            until=pl.col("day").max(),
            runs=pl.col("run").max() + 1,
        )
        .filter(runs=2)
    )
    # Most are between their orders at a moment when one of them came: those who left before and
    # have not come yet are the steps so far, with the one that comes. Who ran into the change
    # began before it, and came when that session ended.
    steps = [switches.select(*cell, at=at, step=pl.lit(step)) for at, step in (("came", -1), ("left", 1))]
    moments = (
        pl.concat(steps)
        .sort(*cell, "at", "step")
        .with_columns(between=pl.col("step").cum_sum().over(cell))
        .filter(step=-1)
        .sort("between", "at", descending=[True, False])
        .unique(cell, keep="first", maintain_order=True)
        .select(*cell, "at", day=pl.col("at").dt.date())
    )
    movers = (
        switches.join(moments, on=cell)
        .filter(pl.col("left") < pl.col("at"), pl.col("at") <= pl.col("came"))
        .group_by(mine)
        .agg(pl.col("until").max())
    )
    moved, of = pl.col("until").count().over(cell), pl.len().over(cell)
    return (
        rows.group_by(mine)
        .agg(first=pl.col("end").min(), last=pl.col("end").max())
        .join(moments, on=cell)
        .filter(pl.col("first") < pl.col("at"), pl.col("at") <= pl.col("last"))
        .join(movers, on=mine, how="left")
        .filter(moved >= rules.witnesses, moved >= rules.lost_share * of)
        .select(*mine, "day", "until")
    )
