"""The hours of a session: when it asked, and what telemetry told of each hour."""

import polars as pl

from detector.features import usage

__all__ = ["hourly"]

HOURS = 2**24
"""More than the hours since the epoch of any year that a log may hold."""

COUNTS = ("requests", "human", "served", "posts", "reports", "reported")


def hourly(turns: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """Count what each session asked in each hour, and what telemetry told of it.

    Args:
        turns: result of ``cadence.turns``.
        posts: result of ``telemetry.posts``.

    Returns:
        ``session``, ``hour`` (hours since the epoch, UTC), ``requests`` (inference),
        ``human`` (human turns; 0 where the log cannot tell), ``served``, ``posts``,
        ``reports``, ``reported`` and ``country`` (the hour's first, null where none was
        logged), sorted by session and hour. A post belongs to the hour of the session's
        last inference request before it, which it reports; to its own where there was none.

    """
    asked = turns.lazy().select(
        _key("timestamp"), "human", "country", requests=pl.lit(1, pl.Int64), served=usage.served()
    )
    told = (
        posts.lazy()
        .filter(pl.col("kind") == "telemetry")
        .select(
            _key(pl.coalesce("asked", "timestamp")),
            posts=pl.lit(1, pl.Int64),
            reports=pl.col("telemetry_requests").is_not_null(),
            reported="telemetry_requests",
        )
    )
    # Rows come sorted, so that each sums up in runs.
    sums = [
        part.group_by("key").agg(
            pl.col(names).sum().cast(pl.Int64),
            country=pl.col("country").first(ignore_nulls=True)
            if "human" in names
            else pl.lit(None, pl.String),
        )
        for part, names in ((asked, COUNTS[:3]), (told, COUNTS[3:]))
    ]
    return (
        pl.concat(sums, how="diagonal")
        .group_by("key")
        .agg(pl.col(COUNTS).sum(), pl.col("country").first(ignore_nulls=True))
        .sort("key")
        .select(
            (pl.col("key") // HOURS).cast(pl.UInt32).alias("session"),
            (pl.col("key") % HOURS).cast(pl.Int32).alias("hour"),
            *COUNTS,
            "country",
        )
        .cast(dict.fromkeys(COUNTS[:-1], pl.Int32))
        .collect(engine="in-memory")
    )


def _key(time: str | pl.Expr) -> pl.Expr:
    """Return session and hour as one number."""
    time = pl.col(time) if isinstance(time, str) else time
    key = pl.col("session").cast(pl.Int64) * HOURS + time.dt.epoch("s") // 3600
    return key.set_sorted().alias("key")
