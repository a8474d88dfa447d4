"""Cadence: the rhythm of a session's requests, as sums that add up over sessions.

Gaps run from the end of the last response to the start of the next request; a
request that starts while another is open is concurrency and has no gap. Requests
to a small helper model beside a main model are the client's own and no turns.
Counts and moments are kept rather than order statistics, so that a stream of
sessions is described by the sums of its sessions. Moments are whole millionths, so
that sums are exact and no order of rows, buckets or threads can change them.
"""

import polars as pl

from detector.features.runs import Runs
from detector.settings import CadenceSettings

__all__ = ["COUNTERS", "LARGEST_COUNT", "MICRO", "SQUARE", "counters", "human_counters", "micro", "turns"]

MICRO = 1e6
"""Units of a moment counter in one unit of what it measures."""

SQUARE = 1e4
"""Units of ``gap_square_sum`` in a squared second: day-long gaps in millionths would overflow."""

LARGEST_COUNT = 10**12
"""A larger count of tokens, requests or events counts as this, so that sums fit an integer."""

LONGEST_S = 86_400.0
"""Seconds; a longer gap or response counts as a day, so that its square fits an integer."""

NEVER = -(2**62)
"""Microseconds since the epoch; before any time."""

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
"""Columns of :func:`counters` and :func:`human_counters`; each adds up over sessions."""


def micro(expr: pl.Expr) -> pl.Expr:
    """Return an expression in whole millionths, whose sums are exact."""
    return (expr * MICRO).round().cast(pl.Int64)


def turns(inference: pl.DataFrame, settings: CadenceSettings) -> pl.DataFrame:
    """Split inference requests into turns, tool steps and helper calls, and measure gaps.

    Args:
        inference: inference requests sorted by ``session`` and ``timestamp``.
        settings: model names that mark helpers.

    Returns:
        The rows with ``end`` (of the response), ``helper`` and ``human`` (Boolean; null
        where the log does not say whether a request carries a tool result, and for
        helpers), ``gap`` (seconds; null for a session's first request, for overlaps and
        for helpers) and ``overlap``.

    """
    models = inference["model"].unique()
    small = models.filter(models.str.to_lowercase().str.contains(settings.helper_models))
    helped = inference.select("session", small=pl.col("model").is_in(small.implode()).fill_null(value=False))
    sessions = Runs.of(helped, ["session"])
    only_small = sessions.spread(sessions.sums(helped.select("small"))["small"] == sessions.lengths)
    lasted = (pl.col("duration_ms").fill_null(0).clip(upper_bound=LONGEST_S * 1000) * 1000).cast(pl.Int64)
    main = ~pl.col("helper")
    time, end = pl.col("timestamp").to_physical(), pl.col("end").to_physical()
    open_until = pl.when(main).then(end).otherwise(NEVER).cum_max().over("session")
    same = pl.col("session") == pl.col("session").shift(1)
    before = pl.when(same, main).then(pl.col("open_until").shift(1))
    return (
        inference.lazy()
        .with_columns(
            helper=helped["small"] & ~only_small,
            end=pl.col("timestamp") + lasted.cast(pl.Duration("us")),
        )
        .with_columns(open_until=open_until)
        .with_columns(wait=time - pl.when(before > NEVER).then(before))
        .with_columns(
            gap=pl.when(pl.col("wait") >= 0).then(pl.col("wait") / 1e6),
            overlap=(pl.col("wait") < 0).fill_null(value=False),
        )
        .with_columns(human=pl.when(main).then(~pl.col("tool_result") & ~pl.col("overlap")))
        .drop("open_until", "wait")
        .collect(engine="in-memory")
    )


def counters(settings: CadenceSettings) -> list[pl.Expr]:
    """Return what a row of :func:`turns` adds to most names in ``COUNTERS``; null adds nothing."""
    gap = pl.col("gap").clip(upper_bound=LONGEST_S)
    return [
        pl.col("human").alias("human_turns"),
        (pl.col("tool_result") & ~pl.col("helper")).alias("tool_steps"),
        gap.is_not_null().alias("gaps"),
        (gap > settings.long_gap_s).alias("gaps_long"),
        (gap > settings.away_gap_s).alias("gaps_away"),
        micro(gap).alias("gap_sum"),
        (gap * gap * SQUARE).round().cast(pl.Int64).alias("gap_square_sum"),
        pl.col("overlap").alias("overlaps"),
        pl.col("helper").alias("helpers"),
    ]


def human_counters(settings: CadenceSettings) -> list[pl.Expr]:
    """Return what a row of :func:`turns` in which a human speaks adds to the other names in ``COUNTERS``.

    Those rows are few, and logarithms take their time.
    """
    gap = pl.col("gap").clip(upper_bound=LONGEST_S)
    # Some logs round to a second, so that a gap of zero means "under one".
    log = gap.clip(lower_bound=settings.shortest_gap_s).log()
    return [
        gap.is_not_null().alias("human_gaps"),
        micro(log).alias("human_log_sum"),
        micro(log * log).alias("human_log_square_sum"),
        (gap < settings.instant_s).alias("human_instant"),
    ]
