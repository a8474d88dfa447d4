"""A header order that a group changed together, which is no change of its members.

A company's proxy or the provider's CDN that is replaced rewrites the headers of
everybody behind it from one day on. So the witnesses of a day are the accounts with
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
    orders = facts.select("fingerprint", order=pl.col("raw_names").list.join(","))
    rows = (
        sessions.filter(pl.col("in_scope") & pl.col("client").is_not_null())
        .select(
            "account", *OWN, "client_version", "asn", "start", "fingerprint", day=pl.col("start").dt.date()
        )
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
    """Return the witnesses of each cell whose headers changed, on the day on which most moved.

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
            left=pl.col("day").filter(before).max(),
            came=pl.col("day").filter(since).min(),
            until=pl.col("day").max(),
            runs=pl.col("run").max() + 1,
        )
        .filter(runs=2)
    )
    spans = rows.group_by(mine).agg(first=pl.col("day").min(), last=pl.col("day").max())
    # Most move on a day on which one of them came: until then nobody is lost who left before.
    days = switches.select(*cell, day="came").unique()
    around = days.join(spans, on=cell).filter(
        pl.col("first") < pl.col("day"), pl.col("day") <= pl.col("last")
    )
    movers = (
        days.join(switches, on=cell)
        .filter(pl.col("left") < pl.col("day"), pl.col("day") <= pl.col("came"))
        .group_by(*mine, "day")
        .agg(pl.col("until").max())
    )
    witnesses = around.join(movers, on=[*mine, "day"], how="left")
    events = (
        witnesses.group_by(*cell, "day")
        .agg(moved=pl.col("until").count(), of=pl.len())
        .sort("moved", "day", descending=[True, False])
        .unique(cell, keep="first", maintain_order=True)
        .filter(pl.col("moved") >= rules.witnesses, pl.col("moved") >= rules.lost_share * pl.col("of"))
    )
    return witnesses.join(events, on=[*cell, "day"], how="semi").select(*mine, "day", "until")
