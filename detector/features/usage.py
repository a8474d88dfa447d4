"""Usage: tokens, cache, limits and tools of a session, as sums.

Volume and cost never accuse; what counts is how a client uses its context: whether
it keeps the cache warm within a turn, lets the context grow step by step, waits as
long as the server asked, and offers the tools that its users normally have.
"""

import polars as pl

from detector.features.cadence import LARGEST_COUNT
from detector.settings import UsageSettings

__all__ = ["COUNTERS", "counters", "served", "steps"]

COUNTERS = (
    "served",
    "tokens",
    "output_tokens",
    "warm_read",
    "warm_total",
    "context_pairs",
    "context_grows",
    "limits",
    "early_retries",
    "refused",
)
"""Columns of :func:`counters`; each adds up over sessions."""


def served() -> pl.Expr:
    """Return whether a request was answered; so it was where no status was logged."""
    return pl.col("status").is_null() | pl.col("status").is_between(200, 299)


def steps(rows: pl.DataFrame) -> pl.DataFrame:
    """Compare each inference request with the one before it in its session.

    Args:
        rows: the rows of ``cadence.turns``, sorted by session and time.

    Returns:
        The rows with ``context`` (input tokens of any kind; null where none was
        logged), ``earlier_context``, ``earlier_status``, ``earlier_retry_s`` and
        ``since_s`` (seconds since the previous request's start).

    """
    kinds = ["input_tokens", "cache_read_tokens", "cache_write_tokens"]
    known = pl.any_horizontal(pl.col(kinds).is_not_null())
    same = pl.col("session") == pl.col("session").shift(1)
    since = pl.col("timestamp").diff().dt.total_microseconds() / 1e6

    def before(name: str) -> pl.Expr:
        return pl.when(same).then(pl.col(name).shift(1))

    return (
        rows.lazy()
        .with_columns(pl.col(*kinds, "output_tokens").clip(upper_bound=LARGEST_COUNT))
        .with_columns(context=pl.when(known).then(pl.sum_horizontal(kinds)))
        .with_columns(
            earlier_context=before("context"),
            earlier_status=before("status"),
            earlier_retry_s=before("retry_after_s"),
            since_s=pl.when(same).then(since),
        )
        .collect(engine="in-memory")
    )


def counters(settings: UsageSettings) -> list[pl.Expr]:
    """Return what a row of :func:`steps` adds to each name in ``COUNTERS``; null adds nothing."""
    warm = (pl.col("gap") < settings.cache_ttl_s) & pl.col("cache_read_tokens").is_not_null()
    pair = (
        pl.col("context").is_not_null()
        & pl.col("earlier_context").is_not_null()
        & pl.col("gap").is_not_null()
    )
    limited = pl.col("earlier_status").is_in([429, 529]) & pl.col("earlier_retry_s").is_not_null()
    return [
        served().alias("served"),
        (pl.col("context").fill_null(0) + pl.col("output_tokens").fill_null(0)).alias("tokens"),
        pl.col("output_tokens"),
        pl.when(warm).then(pl.col("cache_read_tokens")).alias("warm_read"),
        pl.when(warm).then(pl.col("context")).alias("warm_total"),
        pair.alias("context_pairs"),
        (pair & (pl.col("context") >= pl.col("earlier_context"))).alias("context_grows"),
        limited.alias("limits"),
        (limited & (pl.col("since_s") < pl.col("earlier_retry_s"))).alias("early_retries"),
        (pl.col("status").is_between(400, 499) & (pl.col("status") != 429)).alias("refused"),
    ]
