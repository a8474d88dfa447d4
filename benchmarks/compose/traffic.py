"""Rows of a week: inference requests of placed sessions, and what a client sends beside them."""

import numpy as np
import polars as pl

from benchmarks.compose.sources import Library

__all__ = ["helper_calls", "inference", "probes", "telemetry"]

WHO = ("sid", "account_id", "auth", "plan", "client_ip", "asn", "country")


def inference(plan: pl.DataFrame, library: Library, rng: np.random.Generator) -> pl.DataFrame:
    """Lay every planned session's requests at its time, cut at its limit (``time`` in s of the week)."""
    rows = (
        plan.join(library.requests, on="key", maintain_order="left_right")
        .with_columns(time=pl.col("start") + pl.col("at"))
        .filter(pl.col("time") < pl.col("limit"))
    )
    uncached = pl.Series(rng.integers(3, 90, rows.height))
    failed = pl.Series(rng.random(rows.height) < 0.003)
    context = pl.col("context") + pl.col("extra")
    seen = (
        pl.when("warm").then(pl.min_horizontal(pl.col("previous") + pl.col("extra"), "context")).fill_null(0)
    )
    rows = rows.with_columns(context, uncached=pl.min_horizontal(uncached, context))
    rows = rows.with_columns(
        cache_read=pl.when("cached")
        .then(pl.min_horizontal(seen, pl.col("context") - pl.col("uncached")))
        .otherwise(0),
    )
    return rows.select(
        *WHO,
        "profile",
        "time",
        "tools_hash",
        "model",
        path=pl.lit("0"),
        method=pl.lit("POST"),
        session_id=pl.when("declared").then("session_id"),
        device_id="device_id",
        status=pl.when(failed).then(529).otherwise(200),
        duration_ms=((pl.col("end") - pl.col("at")) * 1000).round(1),
        stream=pl.lit(value=True),
        tool_result=~pl.col("human"),
        input_tokens=pl.when("cached").then("uncached").otherwise("context"),
        cache_read_tokens="cache_read",
        cache_write_tokens=pl.when("cached")
        .then(pl.col("context") - pl.col("uncached") - pl.col("cache_read"))
        .otherwise(0),
        output_tokens=pl.when(~failed).then("output"),
        stop_reason=pl.when(failed)
        .then(None)
        .otherwise(pl.when("final").then(pl.lit("end_turn")).otherwise(pl.lit("tool_use"))),
    )


def _starts(requests: pl.DataFrame) -> pl.DataFrame:
    """First request of each session."""
    return requests.group_by("sid").agg(first=pl.col("time").min()).sort("sid")


def helper_calls(plan: pl.DataFrame, requests: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Small calls of an interactive session: one as it opens, one beside the first prompt."""
    sessions = plan.filter("helper").join(_starts(requests), on="sid").sort("sid")
    opening = sessions.with_columns(time=pl.col("first") - pl.Series(rng.uniform(2, 40, sessions.height)))
    title = sessions.with_columns(time=pl.col("first") + pl.Series(rng.uniform(0.03, 0.2, sessions.height)))
    calls = pl.concat([opening, title])
    n = calls.height
    return calls.select(
        *WHO,
        "session_id",
        "device_id",
        "profile",
        "time",
        model=pl.lit("haiku"),
        path=pl.lit("1"),
        method=pl.lit("POST"),
        status=pl.lit(200),
        duration_ms=pl.Series(rng.uniform(400, 1600, n).round(1)),
        stream=pl.lit(value=True),
        tool_result=pl.lit(value=False),
        input_tokens=pl.Series(rng.integers(8, 600, n)),
        cache_read_tokens=pl.lit(0),
        cache_write_tokens=pl.lit(0),
        output_tokens=pl.Series(rng.integers(1, 40, n)),
        stop_reason=pl.lit("end_turn"),
    )


def probes(
    plan: pl.DataFrame, requests: pl.DataFrame, helpers: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    """Post the unauthenticated probe 0.3-1 s before the first POST of each session that has one."""
    posts = pl.concat([requests.select("sid", "time"), helpers.select("sid", "time")])
    sessions = plan.filter(pl.col("probe").is_not_null()).join(_starts(posts), on="sid").sort("sid")
    return sessions.select(
        *(name for name in WHO if name not in {"auth", "plan"}),
        profile="probe",
        time=pl.col("first") - pl.Series(rng.uniform(0.3, 1.0, sessions.height)),
        path=pl.lit("2"),
        method=pl.lit("HEAD"),
        status=pl.lit(200),
        duration_ms=pl.Series(rng.uniform(5, 60, sessions.height).round(1)),
    )


def telemetry(plan: pl.DataFrame, requests: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Give the telemetry posts: real ones report what was sent; made-up ones keep a timer of their own."""
    posts = pl.concat([_reported(plan, requests, rng), _made_up(plan, requests, rng)])
    return (
        plan.select(*WHO, "session_id", profile="telemetry_profile")
        .join(posts, on="sid")
        .sort("sid", "time")
        .with_columns(
            path=pl.lit("3"),
            method=pl.lit("POST"),
            status=pl.lit(200),
            duration_ms=pl.Series(rng.uniform(20, 160, posts.height).round(1)),
        )
    )


def _reported(plan: pl.DataFrame, requests: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """One batch every 5-30 s of activity (a session's own pace), 3-6 events a request; 2 % are lost."""
    paced = plan.filter(pl.col("telemetry") == "real").select("sid")
    paced = paced.with_columns(every=pl.Series(rng.uniform(5, 30, paced.height)))
    done = requests.join(paced, on="sid").sort("sid", "time")
    batch = ((pl.col("time") + pl.col("duration_ms") / 1000) / pl.col("every")).floor()
    posts = (
        done.with_columns(batch=batch, events=pl.Series(rng.integers(3, 7, done.height)))
        .group_by("sid", "batch", "every")
        .agg(telemetry_requests=pl.len().cast(pl.Int64), telemetry_events=pl.col("events").sum())
        .sort("sid", "batch")
    )
    delay = pl.Series(rng.uniform(0.2, 4.0, posts.height))
    kept = pl.Series(rng.random(posts.height) > 0.02)
    return (
        posts.with_columns(time=(pl.col("batch") + 1) * pl.col("every") + delay)
        .filter(kept)
        .select("sid", "time", "telemetry_events", "telemetry_requests")
    )


def _made_up(plan: pl.DataFrame, requests: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Post on a fixed timer while the session lasts, with counts that have nothing to do with it."""
    spans = requests.group_by("sid").agg(first=pl.col("time").min(), last=pl.col("time").max())
    sessions = plan.filter(pl.col("telemetry") == "fake").join(spans, on="sid").sort("sid")
    accounts = sessions["account_id"].unique().sort()
    timers = pl.DataFrame({"account_id": accounts, "every": rng.choice([20.0, 30.0, 60.0], len(accounts))})
    posts = (
        sessions.join(timers, on="account_id", maintain_order="left")
        .with_columns(ticks=((pl.col("last") - pl.col("first")) / pl.col("every")).ceil().cast(pl.Int64) + 1)
        .with_columns(tick=pl.int_ranges(1, pl.col("ticks") + 1))
        .explode("tick")
    )
    return posts.select(
        "sid",
        time=pl.col("first") + pl.col("tick") * pl.col("every"),
        telemetry_events=pl.Series(rng.integers(2, 40, posts.height)),
        telemetry_requests=pl.Series(rng.integers(1, 9, posts.height)),
    )
