"""Telemetry: what the client reported about itself, as sums over a session.

Posts come some seconds after the requests they report, from another HTTP stack.
The state of a session (reports or not) is context: many honest people switch
telemetry off, and then the start-up probe and the helper calls vanish with it.
"""

import polars as pl

from detector.features import usage
from detector.features.cadence import LARGEST_COUNT, hour, micro

__all__ = ["COUNTERS", "counters", "hourly", "posts"]

COUNTERS = (
    "posts",
    "reports",
    "reported",
    "events",
    "lags",
    "lag_log_sum",
    "lag_log_square_sum",
    "intervals",
    "interval_log_sum",
    "interval_log_square_sum",
    "probes",
)
"""Columns of :func:`counters`; each adds up over sessions."""

SHORTEST_S = 0.05
"""Seconds; anything shorter is taken as this before a logarithm."""


def posts(rows: pl.DataFrame) -> pl.DataFrame:
    """Measure telemetry posts against the requests before them.

    Args:
        rows: requests of all kinds with ``session``, sorted by session and time.

    Returns:
        Telemetry and probe rows with ``lag`` (seconds since the session's last
        inference request, null where there was none) and ``interval`` (seconds
        since the session's last post, null for the first).

    """
    rows = rows.filter(
        pl.col("session").is_not_null() & pl.col("kind").is_in(["inference", "telemetry", "probe"])
    )
    asked = pl.when(pl.col("kind") == "inference").then(pl.col("timestamp"))
    rows = rows.with_columns(asked=asked.forward_fill().over("session"))
    aside = rows.filter(pl.col("kind") != "inference")
    before = pl.col("timestamp").shift(1).over("session", "kind")
    seconds = pl.col("timestamp") - pl.col("asked")
    return aside.with_columns(
        pl.col("telemetry_requests", "telemetry_events").clip(upper_bound=LARGEST_COUNT),
        lag=seconds.dt.total_microseconds() / 1e6,
        interval=(pl.col("timestamp") - before).dt.total_microseconds() / 1e6,
    ).drop("asked")


def counters() -> list[pl.Expr]:
    """Return the aggregations over the rows of :func:`posts`, one a name in ``COUNTERS``."""
    post = pl.col("kind") == "telemetry"
    lag = pl.when(post).then(pl.col("lag")).clip(lower_bound=SHORTEST_S).log()
    interval = pl.when(post).then(pl.col("interval")).clip(lower_bound=SHORTEST_S).log()
    return [
        post.sum().alias("posts"),
        pl.col("telemetry_requests").count().alias("reports"),
        pl.col("telemetry_requests").sum().alias("reported"),
        pl.col("telemetry_events").sum().alias("events"),
        lag.count().alias("lags"),
        micro(lag).sum().alias("lag_log_sum"),
        micro(lag * lag).sum().alias("lag_log_square_sum"),
        interval.count().alias("intervals"),
        micro(interval).sum().alias("interval_log_sum"),
        micro(interval * interval).sum().alias("interval_log_square_sum"),
        (pl.col("kind") == "probe").sum().alias("probes"),
    ]


def hourly(rows: pl.DataFrame) -> pl.DataFrame:
    """Count what was served in each hour of a session, and what telemetry told of it.

    Args:
        rows: requests of all kinds with ``session``, sorted by session and time.

    Returns:
        ``session``, ``hour`` (hours since the epoch, UTC), ``served``, ``posts``, ``reports``
        and ``reported``. A post belongs to the hour of the session's last inference request
        before it, which it reports; to its own where there was none.

    """
    post = pl.col("kind") == "telemetry"
    asked = pl.when(~post).then("timestamp").forward_fill().over("session")
    told = pl.when(post).then(pl.col("telemetry_requests").clip(upper_bound=LARGEST_COUNT))
    return (
        rows.filter(pl.col("session").is_not_null() & pl.col("kind").is_in(["inference", "telemetry"]))
        .with_columns(timestamp=pl.coalesce(asked, "timestamp"))
        .group_by("session", hour())
        .agg(
            served=(usage.served() & ~post).sum().cast(pl.Int64),
            posts=post.sum().cast(pl.Int64),
            reports=told.count().cast(pl.Int64),
            reported=told.sum().cast(pl.Int64),
        )
    )
