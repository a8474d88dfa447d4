"""Telemetry: what the client reported about itself, as sums over a session.

Posts come some seconds after the requests they report, from another HTTP stack.
The state of a session (reports or not) is context: many honest people switch
telemetry off, and then the start-up probe and the helper calls vanish with it.
"""

import polars as pl

from detector.features.cadence import LARGEST_COUNT, micro

__all__ = ["AGREE", "COUNTERS", "agrees", "counters", "posts", "vouching"]

AGREE = 0.4
"""Largest |ln(reported / served)| at which both sides of the gateway agree."""

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
        Telemetry and probe rows with ``asked`` (time of the session's last inference
        request, null where there was none), ``lag`` (seconds since then) and ``interval`` (seconds
        since the session's last post, null for the first and for probes).

    """
    inference, post = pl.col("kind") == "inference", pl.col("kind") == "telemetry"
    return (
        rows.lazy()
        .filter(pl.col("session").is_not_null(), pl.col("kind").is_in(["inference", "telemetry", "probe"]))
        .select(
            "session", "kind", "timestamp", "telemetry_requests", "telemetry_events", asked=_last(inference)
        )
        .filter(~inference)
        .with_columns(
            pl.col("telemetry_requests", "telemetry_events").clip(upper_bound=LARGEST_COUNT),
            lag=_seconds(pl.col("timestamp") - pl.col("asked")),
            interval=pl.when(post).then(_seconds(pl.col("timestamp") - _last(post, rows=1))),
        )
        # Each counts twice: as it is and squared.
        .with_columns(
            lag_log=pl.when(post).then("lag").clip(lower_bound=SHORTEST_S).log(),
            interval_log=pl.col("interval").clip(lower_bound=SHORTEST_S).log(),
        )
        .collect(engine="in-memory")
    )


def agrees() -> pl.Expr:
    """Return whether a session reports, and as many requests as were served.

    For ``COUNTERS``, and ``served`` and ``unheard`` of ``extract.COUNTERS``. Posts that give no
    number report all of them.
    """
    due = pl.col("served") - pl.col("unheard")
    ratio = ((pl.col("reported") + 1) / (due + 1)).log().abs()
    return (pl.col("posts") > 0) & ((pl.col("reports") == 0) | (ratio <= AGREE))


def vouching(sessions: pl.DataFrame, share: float) -> pl.DataFrame:
    """Let sessions vouch only where the account's telemetry as a whole can be believed.

    Made-up counts agree with those of a session now and then.

    Args:
        sessions: ``account``, ``served``, ``posts`` and ``vouched`` (of the session alone).
        share: of the served requests of sessions that report, those in sessions that vouch.

    Returns:
        The sessions with ``vouched`` of both.

    """
    served = pl.col("served").cast(pl.Int64)
    vouched = served.filter("vouched").sum().over("account")
    reporting = served.filter((pl.col("posts") > 0) | pl.col("vouched")).sum().over("account")
    return sessions.with_columns(vouched=pl.col("vouched") & (vouched >= share * reporting))


def _last(where: pl.Expr, rows: int = 0) -> pl.Expr:
    """Return the time of the session's last row of a kind, looking back from so many rows before."""
    # Windows over sessions cost more than filling across them and leaving out what came from another.
    time, session = (
        pl.when(where).then(name).forward_fill().shift(rows) for name in ("timestamp", "session")
    )
    return pl.when(session == pl.col("session")).then(time)


def _seconds(time: pl.Expr) -> pl.Expr:
    return time.dt.total_microseconds() / 1e6


def counters() -> list[pl.Expr]:
    """Return what a row of :func:`posts` adds to each name in ``COUNTERS``; null adds nothing."""
    post = pl.col("kind") == "telemetry"
    lag, interval = pl.col("lag_log"), pl.col("interval_log")
    return [
        post.alias("posts"),
        pl.col("telemetry_requests").is_not_null().alias("reports"),
        pl.col("telemetry_requests").alias("reported"),
        pl.col("telemetry_events").alias("events"),
        lag.is_not_null().alias("lags"),
        micro(lag).alias("lag_log_sum"),
        micro(lag * lag).alias("lag_log_square_sum"),
        interval.is_not_null().alias("intervals"),
        micro(interval).alias("interval_log_sum"),
        micro(interval * interval).alias("interval_log_square_sum"),
        (pl.col("kind") == "probe").alias("probes"),
    ]
