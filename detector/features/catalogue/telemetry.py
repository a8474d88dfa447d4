"""What the client reports about itself; never sufficient alone."""

import math
from collections.abc import Mapping

import polars as pl

from detector.features.cadence import MICRO
from detector.features.catalogue.record import Feature, spread
from detector.features.telemetry import AGREE
from detector.settings import FloorSettings

__all__ = ["FEATURES"]


def _due() -> pl.Expr:
    """Return the served requests that telemetry should have reported."""
    return pl.col("served") - pl.col("unheard")


def _coverage(floors: FloorSettings) -> pl.Expr:
    counted = (pl.col("reported") / _due()).clip(upper_bound=1)
    seen = (pl.col("posts") > 0).cast(pl.Float64)
    return pl.when(_due() >= floors.served).then(pl.when(pl.col("reports") > 0).then(counted).otherwise(seen))


def _mismatch(floors: FloorSettings) -> pl.Expr:
    # What is lost on the way is silence; only what was never sent is made up.
    ratio = ((pl.col("reported") + 1) / (_due() + 1)).log().clip(lower_bound=0)
    # A few posts may stand for many requests by chance, where a log keeps only some of its rows.
    return pl.when((_due() >= floors.served) & (pl.col("reports") >= floors.served)).then(ratio)


def _events(floors: FloorSettings) -> pl.Expr:
    ratio = (pl.col("events") / pl.col("reported")).log()
    return pl.when((pl.col("reported") >= floors.served) & (pl.col("events") > 0)).then(ratio)


def _both_sides(row: Mapping[str, int]) -> tuple[int, int]:
    """Return the requests that telemetry reported, and those it should have."""
    return row["reported"], row["served"] - row["unheard"]


def _silent(row: Mapping[str, int]) -> tuple[int, int] | None:
    """Return the requests without telemetry of those due, None where posts do not tell or claim too many."""
    reported, due = _both_sides(row)
    counted = bool(row["reports"]) or not row["posts"]
    return (max(0, due - reported), due) if counted and reported <= due * math.exp(AGREE) else None


def _lag(floors: FloorSettings) -> pl.Expr:
    return pl.when(pl.col("lags") >= floors.posts).then(
        (pl.col("lag_log_sum") / MICRO / pl.col("lags")).exp()
    )


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="telemetry_coverage",
        family="telemetry",
        cause="silence",
        level="session",
        definition="share of served requests that telemetry reported",
        null="no telemetry in the log, or fewer than 20 served requests, those aside whose group lost theirs",
        direction="low",
        benign=0.5,
        source="client documentation: telemetry is on unless switched off",
        text="no telemetry for {part} of {whole} answered requests; normally {baseline} are reported",
        ordinary="telemetry reported {value} of {whole} answered requests; normally {baseline}",
        counts=_silent,
        unit="share",
        expr=_coverage,
        prevalence=True,
        needs=("telemetry posts",),
    ),
    Feature(
        name="telemetry_mismatch",
        family="telemetry",
        cause="counts",
        level="session",
        definition="ln(requests reported / requests served), 0 where fewer were reported",
        null="telemetry off or lost by the group, or fewer than 20 served requests or posts",
        direction="high",
        benign=AGREE,
        decisive=math.log(2.5),
        source="posts get lost on the way, and never grow",
        text=(
            "telemetry reported {part} requests and only {whole} were answered, {value} times as many; "
            "normally {baseline}"
        ),
        counts=_both_sides,
        unit="ln",
        expr=_mismatch,
        print_mode=True,
        needs=("telemetry posts", "telemetry_requests"),
    ),
    Feature(
        name="telemetry_events",
        family="telemetry",
        cause="counts",
        level="session",
        definition="ln(events / requests reported)",
        null="telemetry off, or fewer than 20 reported requests",
        direction="context",
        benign=0.0,
        source="events per request of the genuine client",
        text="telemetry holds {value} events a request; normally {baseline}",
        unit="ln",
        expr=_events,
        print_mode=True,
        needs=("telemetry posts", "telemetry_events"),
    ),
    Feature(
        name="telemetry_lag",
        family="telemetry",
        cause="lag",
        level="session",
        definition="geometric mean of the time from the last request to the post (s)",
        null="fewer than 8 posts after a request",
        direction="context",
        benign=0.0,
        source="OpenTelemetry batch intervals",
        text="telemetry follows the requests by {value}; normally {baseline}",
        unit="s",
        expr=_lag,
        print_mode=True,
        needs=("telemetry posts",),
    ),
    Feature(
        name="telemetry_spread",
        family="telemetry",
        cause="timer",
        level="session",
        definition="standard deviation of ln(time between posts)",
        null="fewer than 8 intervals",
        direction="low",
        benign=0.25,
        source="robust form of the beacon dispersion score (RITA documentation)",
        text="the times between telemetry posts typically differ by a factor of {value}; normally {baseline}",
        unit="ln",
        expr=spread("intervals", "interval_log_sum", "interval_log_square_sum", "posts"),
        print_mode=True,
        needs=("telemetry posts",),
    ),
    Feature(
        name="probe_missing",
        family="telemetry",
        cause="probe",
        level="stream",
        definition="share of sessions without a start-up probe, where telemetry is on",
        null="telemetry off, no probes or session ids in the log, or fewer than 5 sessions",
        direction="high",
        benign=0.5,
        source="the genuine client probes the server before its first request",
        text="{value} of the sessions began without the client's start-up probe; normally {baseline}",
        unit="share",
        print_mode=True,
        needs=("telemetry posts", "probes", "session_id"),
    ),
)
