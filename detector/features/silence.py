"""When most of a group was silent at once: the stretches of time in which its telemetry was lost.

The witnesses are the clients on the machines of accounts that report at some time, and each bears
witness of the hours in which it was served: telemetry told of them or did not. A version that
replaces another is still the same witness; two versions that are used in turn are two. So a harness
that rides on an account, from a machine or with a version of its own, never reports and is no witness.
"""

from collections.abc import Sequence

import polars as pl

from detector.settings import Settings

__all__ = ["lost_stretches"]

PROGRAM = ("account", "device", "client", "headless")
"""What a client on a machine is told by; where the device is unknown, the account is one machine."""


def lost_stretches(hours: pl.DataFrame, group: Sequence[str], settings: Settings) -> pl.DataFrame:
    """Find the stretches of time in which at least half of a group's witnesses were silent.

    Hours without a witness interrupt no stretch.

    Args:
        hours: ``account``, ``device``, ``client``, ``headless``, ``client_version``, the columns
            of the group, ``hour``, ``served``, ``posts``, ``reports`` and ``reported``, a row a
            session and hour. Where a column of the group is null there is no witness.
        group: what the witnesses share.
        settings: ``floors.posts`` served requests in a row that were not told of make a silence;
            ``incidents.lost_share`` of the witnesses must be silent in each hour, and those of
            ``incidents.witnesses`` accounts in all of them together.

    Returns:
        The columns of the group, ``since`` and ``until``: the first hour of a stretch and the
        one after its last.

    """
    rules = settings.incidents
    witnesses = _witnesses(hours.drop_nulls(group), group, settings.floors.posts)
    votes = (
        witnesses.group_by(*group, "hour")
        .agg(lost=(~pl.col("told")).mean() >= rules.lost_share)
        .sort(*group, "hour")
        .with_columns(run=pl.col("lost").rle_id().over(group))
        .filter("lost")
    )
    return (
        witnesses.filter(~pl.col("told"))
        .join(votes, on=[*group, "hour"])
        .group_by(*group, "run")
        .agg(pl.col("account").n_unique(), since=pl.col("hour").min(), until=pl.col("hour").max() + 1)
        .filter(pl.col("account") >= rules.witnesses)
        .select(*group, "since", "until")
        .sort(*group, "since")
    )


def _witnesses(hours: pl.DataFrame, group: Sequence[str], floor: int) -> pl.DataFrame:
    """Return the hours of the clients that ever report, and whether telemetry told of each."""
    mine = [*dict.fromkeys((*PROGRAM, "version", *group))]
    counted = 2 * pl.col("reported") >= pl.col("served")
    told = pl.when(pl.col("reports") > 0).then(counted).otherwise(pl.col("posts") > 0)
    version = pl.col("client_version")
    turns = version.rle_id().max().over(PROGRAM) >= version.n_unique().over(PROGRAM)
    rows = (
        hours.sort(*PROGRAM, "hour", "client_version")
        .with_columns(version=pl.when(turns).then("client_version"))
        .group_by(*mine, "hour")
        .agg(pl.col("served", "posts", "reports", "reported").sum())
        .sort(*mine, "hour")
        .with_columns(told=told)
        .filter(pl.col("told").any().over(mine))
        .with_columns(run=pl.col("told").rle_id().over(mine))
    )
    # A few requests may lack telemetry by chance.
    enough = pl.col("served").sum().over(*mine, "run") >= floor
    return rows.filter(pl.col("told") | enough).select("account", *group, "hour", "told")
