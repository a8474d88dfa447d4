"""What anybody would compute of an account first: the input of the rivals."""

from pathlib import Path

import polars as pl

from benchmarks.fleets import inference_paths
from detector.schema import REQUEST
from detector.settings import default_settings

__all__ = ["OBVIOUS", "orders", "traits"]

OBVIOUS = (
    "requests_a_day",
    "active_days",
    "active_hours",
    "longest_rest_h",
    "median_gap_s",
    "gap_variation",
    "pause_share",
    "sessions",
    "requests_a_session",
    "tool_share",
    "cache_share",
    "output_tokens",
    "error_share",
    "devices",
    "addresses",
    "user_agents",
    "header_orders",
    "telemetry_posts",
)
"""Columns of :func:`traits` that a plain detector is given."""

LONG_GAP_S = 30.0


def traits(week: Path) -> pl.DataFrame:
    """Describe every account of a week that asked a model at all.

    Returns:
        ``account_id``, ``inference`` (requests that ask a model), the columns ``OBVIOUS``,
        ``reported`` (share of them that telemetry reported), and of the gaps between their
        arrivals in seconds the quartiles ``q1``, ``q2``, ``q3`` and ``mad``, the median
        absolute deviation. Null where the log or the account has nothing to compute from.

    """
    rows = _scan(week)
    paths = inference_paths(rows)
    asked = rows.filter(pl.col("path").is_in(paths))
    tokens = pl.sum_horizontal("input_tokens", "cache_read_tokens", "cache_write_tokens").sum()
    served = asked.group_by("account_id").agg(
        inference=pl.len(),
        active_days=pl.col("timestamp").dt.date().n_unique(),
        active_hours=pl.col("timestamp").dt.hour().n_unique(),
        sessions=pl.col("session_id").n_unique(),
        tool_share=pl.col("tool_result").mean(),
        cache_share=pl.col("cache_read_tokens").sum() / tokens,
        output_tokens=pl.col("output_tokens").mean(),
        error_share=(pl.col("status") >= 400).mean(),
        devices=pl.col("device_id").n_unique(),
        addresses=pl.col("client_ip").n_unique(),
        user_agents=pl.col("user_agent").n_unique(),
        header_orders=pl.col("header_names").hash().n_unique(),
    )
    posted = (
        rows.filter(~pl.col("path").is_in(paths) & _is_telemetry())
        .group_by("account_id")
        .agg(posts=pl.len(), told=pl.col("telemetry_requests").sum())
    )
    table = pl.collect_all([served, posted, _gaps(asked)], engine="streaming")
    joined = table[0].join(table[1], on="account_id", how="left").join(table[2], on="account_id", how="left")
    count = pl.col("inference")
    return joined.with_columns(
        requests_a_day=count / pl.col("active_days"),
        requests_a_session=count / pl.col("sessions"),
        telemetry_posts=pl.col("posts").fill_null(0) / count,
        reported=(pl.col("told").fill_null(0) / count).clip(upper_bound=1),
    ).sort("account_id")


def orders(week: Path) -> pl.DataFrame:
    """Count the requests of each account by client and header order.

    Returns:
        ``account_id``, ``client`` (product name of the user agent), ``order`` (a hash of the
        header names as received) and ``requests``.

    """
    rows = _scan(week)
    asked = rows.filter(pl.col("path").is_in(inference_paths(rows)))
    counted = asked.group_by("account_id", "user_agent", order=pl.col("header_names").hash()).agg(
        requests=pl.len()
    )
    client = pl.col("user_agent").str.extract(r"^([^/\s]+)").fill_null("")
    return (
        counted.collect(engine="streaming")
        .group_by("account_id", "order", client=client)
        .agg(pl.col("requests").sum())
        .sort("account_id", "client", "order")
    )


def _scan(week: Path) -> pl.LazyFrame:
    """Open a week; columns that the log lacks are null."""
    rows = pl.scan_parquet(week / "*.parquet")
    there = rows.collect_schema().names()
    gone = {name: pl.lit(None, dtype) for name, dtype in REQUEST.items() if name not in there}
    return rows.with_columns(**gone)


def _is_telemetry() -> pl.Expr:
    globs = default_settings().paths.telemetry
    return pl.any_horizontal(pl.col("path").str.starts_with(glob.rstrip("*")) for glob in globs)


def _gaps(asked: pl.LazyFrame) -> pl.LazyFrame:
    """Describe the seconds between the arrivals of an account's requests."""
    seconds = pl.col("timestamp").diff().over("account_id").dt.total_microseconds() / 1e6
    gap = pl.col("gap")
    return (
        asked.select("account_id", "timestamp")
        .sort("account_id", "timestamp")
        .select("account_id", gap=seconds)
        .group_by("account_id")
        .agg(
            median_gap_s=gap.median(),
            gap_variation=gap.std() / gap.mean(),
            pause_share=(gap > LONG_GAP_S).mean(),
            longest_rest_h=gap.max() / 3600,
            q1=gap.quantile(0.25),
            q2=gap.quantile(0.5),
            q3=gap.quantile(0.75),
            mad=(gap - gap.median()).abs().median(),
        )
    )
