"""The hours of a session: when it asked, and what telemetry told of each hour."""

import polars as pl

from detector.features import usage
from detector.features.runs import Runs

__all__ = ["hourly"]

HOURS = 2**24
"""More than the hours since the epoch of any year that a log may hold."""

HOUR_US = 3_600_000_000
"""Microseconds of an hour."""

COUNTS = ("requests", "human", "follow_ups", "replies", "served", "posts", "reports", "reported")


def hourly(turns: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """Count what each session asked in each hour, and what telemetry told of it.

    Args:
        turns: result of ``usage.steps`` with the columns of ``attendance.follow_ups``.
        posts: result of ``telemetry.posts``.

    Returns:
        ``session``, ``hour`` (hours since the epoch, UTC), ``requests`` (inference),
        ``human`` (human turns; 0 where the log cannot tell), ``follow_ups``, ``replies``,
        ``served``, ``posts``, ``reports``, ``reported`` and ``country`` (the hour's first, null
        where none was logged), sorted by session and hour. A post belongs to the hour of the session's
        last inference request before it, which it reports; to its own where there was none.

    """
    asked = turns.select(
        _key("timestamp"), "human", "follow_ups", "replies", "country", served=usage.served()
    )
    told = posts.filter(pl.col("kind") == "telemetry").select(
        _key(pl.coalesce("asked", "timestamp")),
        posts=pl.lit(value=True),
        reports=pl.col("telemetry_requests").is_not_null(),
        reported="telemetry_requests",
    )
    runs = Runs.of(asked, ["key"])
    requests = runs.lengths.alias("requests")
    located = asked.drop_nulls("country")
    hours = pl.concat(
        [
            _sums(asked.select("key", "human", "follow_ups", "replies", "served"), runs).with_columns(
                requests
            ),
            _sums(told, Runs.of(told, ["key"])),
        ],
        how="diagonal",
    )
    return (
        hours.group_by("key")
        .agg(pl.col(COUNTS).sum())
        .join(Runs.of(located, ["key"]).heads(located.select("key", "country")), on="key", how="left")
        .sort("key")
        .select(
            (pl.col("key") // HOURS).cast(pl.UInt32).alias("session"),
            (pl.col("key") % HOURS).cast(pl.Int32).alias("hour"),
            *COUNTS,
            "country",
        )
        .cast(dict.fromkeys(COUNTS[:-1], pl.Int32))
    )


def _sums(rows: pl.DataFrame, runs: Runs) -> pl.DataFrame:
    """Sum up rows by session and hour; all that belong to one come side by side."""
    return runs.heads(rows.select("key")).hstack(runs.sums(rows.drop("key")))


def _key(time: str | pl.Expr) -> pl.Expr:
    """Return session and hour as one number."""
    time = pl.col(time) if isinstance(time, str) else time
    return (pl.col("session").cast(pl.Int64) * HOURS + time.to_physical() // HOUR_US).alias("key")
