"""Candidates of what the client reports about itself."""

import polars as pl

from benchmarks.candidates.record import Candidate, Traffic, by_stream

__all__ = ["CANDIDATES"]


def first_delay(traffic: Traffic) -> pl.DataFrame:
    """Median over sessions of the time from the first request to the first post."""
    first = traffic.aside.group_by("session", "stream").agg(post=pl.col("timestamp").min())
    asked = traffic.turns.group_by("session").agg(asked=pl.col("timestamp").min())
    delay = (pl.col("post") - pl.col("asked")).dt.total_microseconds() / 1e6
    joined = first.join(asked, on="session").filter(delay >= 0)
    return joined.group_by("stream").agg(value=pl.when(pl.len() >= 5).then(delay.median()))


def flips(traffic: Traffic) -> pl.DataFrame:
    """Share of an account's sessions whose telemetry state is not the usual one of their client."""
    sessions = traffic.sessions.filter(pl.col("served") >= 8).with_columns(on=pl.col("posts") > 0)
    alike = sessions.group_by("account", "client", "cohort", "odd").agg(
        rare=pl.min_horizontal(pl.col("on").sum(), (~pl.col("on")).sum()), total=pl.len()
    )
    rare, total = pl.col("rare").sum(), pl.col("total").sum()
    return alike.group_by("account").agg(value=pl.when(total >= 5).then(rare / total))


RESULTS = (pl.col("tool_result") & ~pl.col("helper")).sum()
CALLS = (pl.col("stop_reason") == "tool_use").sum()

CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "T02",
        "events_per_request",
        "telemetry",
        "either",
        "ln(telemetry events / requests reported)",
        "telemetry off, or fewer than 20 reported requests",
        lambda traffic: traffic.streams.select("stream", value="telemetry_events"),
        print_mode=True,
    ),
    Candidate(
        "T03",
        "first_post_delay",
        "telemetry",
        "high",
        "median over sessions of the time from the first request to the first post (s)",
        "fewer than 5 sessions with a post",
        first_delay,
        print_mode=True,
    ),
    Candidate(
        "T09",
        "telemetry_flips",
        "telemetry",
        "high",
        "share of the account's sessions that report where the same client usually does not, or the reverse",
        "fewer than 5 sessions",
        flips,
    ),
    Candidate(
        "T10",
        "tool_balance",
        "telemetry",
        "high",
        "|answers that call a tool - requests that carry a result| / the larger",
        "no stop reasons, or fewer than 20 of both",
        by_stream(
            pl.when(pl.max_horizontal(RESULTS, CALLS) >= 20, pl.col("stop_reason").is_not_null().any()).then(
                (RESULTS.cast(pl.Int64) - CALLS.cast(pl.Int64)).abs() / pl.max_horizontal(RESULTS, CALLS)
            )
        ),
        print_mode=True,
    ),
)
