"""Cadence: the rhythm of a session's requests, as sums that add up over sessions.

Gaps run from the end of the last response to the start of the next request; a
request that starts while another is open is concurrency and has no gap. Requests
to a small helper model beside a main model are the client's own and no turns.
Counts and moments are kept rather than order statistics, so that a stream of
sessions is described by the sums of its sessions. Moments are whole millionths, so
that sums are exact and no order of rows, buckets or threads can change them.
"""

import polars as pl

from detector.settings import CadenceSettings

__all__ = ["COUNTERS", "LARGEST_COUNT", "MICRO", "SQUARE", "activity", "counters", "hour", "micro", "turns"]

MICRO = 1e6
"""Units of a moment counter in one unit of what it measures."""

SQUARE = 1e4
"""Units of ``gap_square_sum`` in a squared second: day-long gaps in millionths would overflow."""

LARGEST_COUNT = 10**12
"""A larger count of tokens, requests or events counts as this, so that sums fit an integer."""

LONGEST_S = 86_400.0
"""Seconds; a longer gap or response counts as a day, so that its square fits an integer."""

COUNTERS = (
    "human_turns",
    "tool_steps",
    "gaps",
    "gaps_long",
    "gaps_away",
    "gap_sum",
    "gap_square_sum",
    "human_gaps",
    "human_log_sum",
    "human_log_square_sum",
    "human_instant",
    "overlaps",
    "helpers",
)
"""Columns of :func:`counters`; each adds up over sessions."""


def micro(expr: pl.Expr) -> pl.Expr:
    """Return an expression in whole millionths, whose sums are exact."""
    return (expr * MICRO).round().cast(pl.Int64)


def hour() -> pl.Expr:
    """Return ``hour``, the timestamp in whole hours since the epoch (UTC)."""
    return (pl.col("timestamp").dt.epoch("s") // 3600).cast(pl.Int32).alias("hour")


def turns(inference: pl.DataFrame, settings: CadenceSettings) -> pl.DataFrame:
    """Split inference requests into turns, tool steps and helper calls, and measure gaps.

    Args:
        inference: inference requests sorted by ``session`` and ``timestamp``.
        settings: model names that mark helpers.

    Returns:
        The rows with ``helper`` and ``human`` (Boolean; null where the log does not
        say whether a request carries a tool result), ``gap`` (seconds; null for a
        session's first request, for overlaps and for helpers) and ``overlap``.

    """
    small = pl.col("model").str.to_lowercase().str.contains(settings.helper_models).fill_null(value=False)
    rows = inference.with_columns(small=small)
    rows = rows.with_columns(helper=pl.col("small") & ~pl.col("small").all().over("session"))
    lasted = pl.col("duration_ms").fill_null(0).clip(upper_bound=LONGEST_S * 1000)
    rows = rows.with_columns(
        end=pl.col("timestamp") + pl.duration(microseconds=(lasted * 1000).cast(pl.Int64))
    )
    main = rows.filter(~pl.col("helper"))
    main = main.with_columns(previous=pl.col("end").cum_max().shift(1).over("session"))
    wait = (pl.col("timestamp") - pl.col("previous")).dt.total_microseconds() / 1e6
    main = main.with_columns(gap=pl.when(wait >= 0).then(wait), overlap=(wait < 0).fill_null(value=False))
    main = main.with_columns(human=~pl.col("tool_result") & ~pl.col("overlap"))
    helpers = rows.filter(pl.col("helper")).with_columns(overlap=pl.lit(value=False))
    return pl.concat([main.drop("previous"), helpers], how="diagonal").drop("small")


def counters(settings: CadenceSettings) -> list[pl.Expr]:
    """Return the aggregations over the rows of :func:`turns`, one a name in ``COUNTERS``."""
    gap, human = pl.col("gap").clip(upper_bound=LONGEST_S), pl.col("human")
    # Some logs round to a second, so that a gap of zero means "under one".
    log = gap.clip(lower_bound=settings.shortest_gap_s).log()
    human_log = pl.when(human).then(log)
    return [
        human.sum().alias("human_turns"),
        (pl.col("tool_result") & ~pl.col("helper")).sum().alias("tool_steps"),
        gap.count().alias("gaps"),
        (gap > settings.long_gap_s).sum().alias("gaps_long"),
        (gap > settings.away_gap_s).sum().alias("gaps_away"),
        micro(gap).sum().alias("gap_sum"),
        (gap * gap * SQUARE).round().cast(pl.Int64).sum().alias("gap_square_sum"),
        human_log.count().alias("human_gaps"),
        micro(human_log).sum().alias("human_log_sum"),
        micro(human_log * human_log).sum().alias("human_log_square_sum"),
        (human & (gap < settings.instant_s)).sum().alias("human_instant"),
        pl.col("overlap").sum().alias("overlaps"),
        pl.col("helper").sum().alias("helpers"),
    ]


def activity(rows: pl.DataFrame) -> pl.DataFrame:
    """Count the requests of each session by hour.

    Returns:
        ``session``, ``hour`` (hours since the epoch, UTC), ``requests``, ``human``
        (human turns; 0 where the log cannot tell) and ``country`` (the hour's first,
        null where none was logged).

    """
    return rows.group_by("session", hour()).agg(
        requests=pl.len().cast(pl.Int64),
        human=pl.col("human").sum().cast(pl.Int64),
        country=pl.col("country").drop_nulls().first(),
    )
