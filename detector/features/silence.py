"""When most of a group was silent at once: the stretches of time in which its telemetry was lost.

The witnesses are the clients on the machines of accounts that report at some time, and each bears
witness of the hours in which it was served: telemetry told of them or did not. A version that
replaces another is still the same witness; two versions that are used in turn are two. So a harness
that rides on an account, from a machine or with a version of its own, never reports and is no witness.
"""

from collections.abc import Sequence

import polars as pl

from detector.features.runs import Runs
from detector.settings import Settings

__all__ = ["lost_stretches", "watched"]

PROGRAM = ("account", "device", "client", "headless")
"""What a client on a machine is told by; where the device is unknown, the account is one machine."""

COUNTS = ("served", "posts", "reports", "reported")


def watched(hours: pl.DataFrame) -> pl.DataFrame:
    """Tell the programs apart that may bear witness of hours.

    Args:
        hours: ``PROGRAM``, ``client_version``, ``hour`` and ``COUNTS``, a row a session and hour.

    Returns:
        The hours with ``program`` (a number a program; a number of its own for each of its
        versions where they are used in turn), sorted by program and hour.

    """
    # Numbers are sorted and grouped faster than what they stand for.
    programs = hours.select(PROGRAM).unique().with_row_index("program")
    versions = hours.select("client_version").unique().sort("client_version").with_row_index("version")
    coded = (
        hours.join(programs, on=PROGRAM, how="left", nulls_equal=True)
        .join(versions, on="client_version", how="left", nulls_equal=True)
        .sort("program", "hour", "version")
    )
    runs = Runs.of(coded, ["program", "version"])
    again = pl.len() > pl.col("version").n_unique()
    in_turn = runs.heads(coded.select("program", "version")).with_columns(again=again.over("program"))
    turns, single = runs.spread(in_turn["again"]), versions.height
    version = pl.when(turns).then("version").otherwise(pl.lit(single, pl.UInt32))
    number = pl.col("program").cast(pl.UInt64) * (single + 1) + version
    return coded.with_columns(program=number).drop("version").sort("program", "hour")


def lost_stretches(parts: Sequence[pl.DataFrame], group: Sequence[str], settings: Settings) -> pl.DataFrame:
    """Find the stretches of time in which at least half of a group's witnesses were silent.

    Hours without a witness interrupt no stretch.

    Args:
        parts: results of :func:`watched` for disjoint sets of accounts, with the columns of the
            group. Where one of these is null there is no witness.
        group: what the witnesses share.
        settings: ``floors.posts`` served requests in a row that were not told of make a silence;
            ``incidents.lost_share`` of the witnesses must be silent in each hour, and those of
            ``incidents.witnesses`` accounts in all of them together.

    Returns:
        The columns of the group, ``since`` and ``until``: the first hour of a stretch and the
        one after its last.

    """
    rules = settings.incidents
    votes, silent = [], []
    for hours in parts:
        witnesses = _witnesses(hours.drop_nulls(group), group, settings.floors.posts)
        told = pl.col("told").sum().cast(pl.Int64)
        votes.append(witnesses.group_by(*group, "hour").agg(told, of=pl.len().cast(pl.Int64)))
        silent.append(witnesses.filter(~pl.col("told")).drop("told"))
    lost = (pl.col("of") - pl.col("told")) / pl.col("of") >= rules.lost_share
    runs = (
        pl.concat(votes)
        .group_by(*group, "hour")
        .agg(pl.col("told", "of").sum())
        .sort(*group, "hour")
        .with_columns(lost=lost)
        .with_columns(run=pl.col("lost").rle_id().over(group))
        .filter("lost")
    )
    return (
        pl.concat(silent)
        .join(runs, on=[*group, "hour"])
        .group_by(*group, "run")
        .agg(pl.col("account").n_unique(), since=pl.col("hour").min(), until=pl.col("hour").max() + 1)
        .filter(pl.col("account") >= rules.witnesses)
        .select(*group, "since", "until")
        .sort(*group, "since")
    )


def _witnesses(hours: pl.DataFrame, group: Sequence[str], floor: int) -> pl.DataFrame:
    """Return the hours of the programs that ever report, and whether telemetry told of each."""
    apart = [name for name in group if name not in PROGRAM]
    mine = ["program", *apart]
    shared = [name for name in ("account", *group) if name not in apart]
    counted = 2 * pl.col("reported") >= pl.col("served")
    told = pl.when(pl.col("reports") > 0).then(counted).otherwise(pl.col("posts") > 0)
    rows = hours.sort(*mine, "hour") if apart else hours
    runs = Runs.of(rows, [*mine, "hour"])
    rows = runs.heads(rows.select(*mine, "hour", *shared)).hstack(runs.sums(rows.select(COUNTS)))
    rows = rows.with_columns(told=told)
    units = Runs.of(rows, mine)
    rows = rows.filter(units.spread(units.sums(rows.select("told"))["told"] > 0))
    # A few requests may lack telemetry by chance.
    silences = Runs.of(rows, [*mine, "told"])
    enough = silences.spread(silences.sums(rows.select("served"))["served"] >= floor)
    return rows.filter(pl.col("told") | enough).select("account", *group, "hour", "told")
