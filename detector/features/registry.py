"""The feature catalogue: one frozen record a feature, and nothing said twice.

Code, documentation, reasons and the model card all read these records. A feature
is either an expression over counters that add up over sessions (then sessions and
streams share it) or a column that ``detector.features.streams`` measures on a
stream as a whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from detector.features.cadence import MICRO, SQUARE
from detector.settings import FloorSettings

__all__ = ["FEATURES", "SCORED", "Direction", "Feature", "available", "feature", "measure"]

Direction = Literal["high", "low", "context"]
Level = Literal["session", "stream"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    Attributes:
        name: column name in ``sessions.parquet`` and in the model.
        family: the unit of independent evidence it belongs to.
        cause: what would explain it; features of one cause are one piece of evidence,
            within a family and across families.
        level: ``session`` features exist for sessions and streams alike, ``stream``
            features only for all of an account's sessions of one kind.
        definition: one line, with the unit.
        null: when it is null; a null never counts against anybody.
        direction: which tail is suspicious; ``context`` is shown and never scored.
        benign: values up to this one (down to it where ``low`` is suspicious) are what
            real people show, and never count however rare they are in a reference.
        source: where the statistic or the idea comes from.
        text: sentence for support staff; ``{value}`` and ``{baseline}`` are filled in.
        expr: builds the expression over counters; None for measured columns.
        print_mode: whether it also counts against the first-party client in print
            mode or under an SDK, where automation, silence and long hours are normal.
        prevalence: whether its reference is everybody rather than those who report
            telemetry (telemetry itself).
        decisive: a value past which it makes its family strong by itself.
        habit: whether a stream shows it only over many sessions
            (``floors.habit_sessions``); a few long tasks prove nothing.
        needs: log columns without which it is null everywhere, and kinds of requests
            (``telemetry posts``, ``probes``, ``helper calls``) that the log must hold.

    """

    name: str
    family: str
    cause: str
    level: Level
    definition: str
    null: str
    direction: Direction
    benign: float
    source: str
    text: str
    expr: Callable[[FloorSettings], pl.Expr] | None = None
    print_mode: bool = False
    prevalence: bool = False
    decisive: float | None = None
    habit: bool = False
    needs: tuple[str, ...] = ()


def _ratio(part: str, whole: str, floor: str) -> Callable[[FloorSettings], pl.Expr]:
    """Return part / whole, null below the named floor of the settings."""

    def build(floors: FloorSettings) -> pl.Expr:
        return pl.when(pl.col(whole) >= getattr(floors, floor)).then(pl.col(part) / pl.col(whole))

    return build


def _spread(count: str, total: str, squares: str, floor: str) -> Callable[[FloorSettings], pl.Expr]:
    """Return the standard deviation from a count, a sum and a sum of squares."""

    def build(floors: FloorSettings) -> pl.Expr:
        mean = pl.col(total) / MICRO / pl.col(count)
        variance = (pl.col(squares) / MICRO / pl.col(count) - mean * mean).clip(lower_bound=0)
        return pl.when(pl.col(count) >= getattr(floors, floor)).then(variance.sqrt())

    return build


def _human_turn_share(floors: FloorSettings) -> pl.Expr:
    steps = pl.col("human_turns") + pl.col("tool_steps")
    return pl.when(steps >= floors.gaps).then(pl.col("human_turns") / steps)


def _gap_variation(floors: FloorSettings) -> pl.Expr:
    mean = pl.col("gap_sum") / MICRO / pl.col("gaps")
    variance = (pl.col("gap_square_sum") / SQUARE / pl.col("gaps") - mean * mean).clip(lower_bound=0)
    return pl.when((pl.col("gaps") >= floors.gaps) & (mean > 0)).then(variance.sqrt() / mean)


def _coverage(floors: FloorSettings) -> pl.Expr:
    counted = (pl.col("reported") / pl.col("served")).clip(upper_bound=1)
    seen = (pl.col("posts") > 0).cast(pl.Float64)
    return pl.when(pl.col("served") >= floors.served).then(
        pl.when(pl.col("reports") > 0).then(counted).otherwise(seen)
    )


def _mismatch(floors: FloorSettings) -> pl.Expr:
    ratio = ((pl.col("reported") + 1) / (pl.col("served") + 1)).log().abs()
    return pl.when((pl.col("served") >= floors.served) & (pl.col("reports") > 0)).then(ratio)


def _events(floors: FloorSettings) -> pl.Expr:
    ratio = (pl.col("events") / pl.col("reported")).log()
    return pl.when((pl.col("reported") >= floors.served) & (pl.col("events") > 0)).then(ratio)


def _lag(floors: FloorSettings) -> pl.Expr:
    return pl.when(pl.col("lags") >= floors.posts).then(
        (pl.col("lag_log_sum") / MICRO / pl.col("lags")).exp()
    )


def _cache(floors: FloorSettings) -> pl.Expr:
    warm = (pl.col("gaps") >= floors.gaps) & (pl.col("warm_total") > 0)
    return pl.when(warm).then(pl.col("warm_read") / pl.col("warm_total"))


def _output(floors: FloorSettings) -> pl.Expr:
    share = (pl.col("output_tokens") + 1) / (pl.col("tokens") + 1)
    return pl.when((pl.col("served") >= floors.served) & (pl.col("tokens") > 0)).then(share.log())


def _column(name: str) -> Callable[[FloorSettings], pl.Expr]:
    return lambda _: pl.col(name)


FEATURES: tuple[Feature, ...] = (
    # -- cadence ---------------------------------------------------------------
    Feature(
        "human_turn_share",
        "cadence",
        "turns",
        "session",
        "human turns / (human turns + tool steps)",
        "tool_result not logged, or fewer than 20 requests",
        "low",
        0.04,
        "human-turn / tool-step split of agent traffic, measured on 1,151 sessions of people",
        "a person spoke in {value:.1%} of the requests; normally {baseline:.1%}",
        _human_turn_share,
        needs=("tool_result",),
        habit=True,
    ),
    Feature(
        "pause_share",
        "cadence",
        "pauses",
        "session",
        "share of gaps over 30 s",
        "fewer than 20 gaps",
        "low",
        0.03,
        "gap quantiles of 1,151 human and 834 automated sessions",
        "{value:.1%} of the pauses between requests were longer than 30 seconds; normally {baseline:.1%}",
        _ratio("gaps_long", "gaps", "gaps"),
        habit=True,
    ),
    Feature(
        "away_share",
        "cadence",
        "pauses",
        "session",
        "share of gaps over 5 min",
        "fewer than 50 gaps",
        "low",
        0.003,
        "gap quantiles of 1,151 human and 834 automated sessions",
        "{value:.2%} of the pauses were longer than 5 minutes; normally {baseline:.2%}",
        _ratio("gaps_away", "gaps", "away_gaps"),
        habit=True,
    ),
    Feature(
        "gap_variation",
        "cadence",
        "clock",
        "session",
        "coefficient of variation of gaps",
        "fewer than 20 gaps",
        "low",
        1.2,
        "Goh and Barabasi 2008, burstiness and memory in complex systems",
        "pauses vary by a factor of {value:.2f} of their mean; normally {baseline:.2f}",
        _gap_variation,
        habit=True,
    ),
    Feature(
        "human_gap_spread",
        "cadence",
        "clock",
        "session",
        "standard deviation of ln(gap in s) before human turns",
        "fewer than 8 human gaps",
        "low",
        0.7,
        "robust form of the beacon dispersion score (RITA documentation)",
        "the pauses before new prompts spread by {value:.2f} (log scale); normally {baseline:.2f}",
        _spread("human_gaps", "human_log_sum", "human_log_square_sum", "human_gaps"),
        needs=("tool_result",),
        habit=True,
    ),
    Feature(
        "human_instant_share",
        "cadence",
        "instant",
        "session",
        "share of human turns less than 1.5 s after the last answer",
        "fewer than 8 human gaps",
        "high",
        0.3,
        "Tan and Kumar 2002, discovery of web robot sessions",
        "{value:.1%} of the prompts came within 1.5 seconds of the last answer; normally {baseline:.1%}",
        _ratio("human_instant", "human_gaps", "human_gaps"),
        needs=("tool_result",),
        habit=True,
    ),
    Feature(
        "single_turn_share",
        "cadence",
        "turns",
        "stream",
        "share of sessions with one human turn at most",
        "tool_result not logged, or fewer than 5 sessions",
        "high",
        0.85,
        "human turns a session, measured on 1,151 human and 834 automated sessions",
        "{value:.0%} of the sessions hold a single prompt; normally {baseline:.0%}",
        needs=("tool_result",),
        habit=True,
    ),
    Feature(
        "session_minutes",
        "cadence",
        "turns",
        "stream",
        "median session length (min)",
        "fewer than 5 sessions",
        "context",
        0.0,
        "session lengths of 1,151 human and 834 automated sessions",
        "sessions last {value:.1f} minutes in the median; normally {baseline:.1f}",
    ),
    Feature(
        "quiet_hours_share",
        "cadence",
        "hours",
        "stream",
        "share of prompts in the quietest 8 hours of the day",
        "fewer than 3 active days or 30 prompts",
        "high",
        0.03,
        "hours of the day of real accounts: at most 2.9 % for people",
        "{value:.1%} of the prompts fall into the account's quietest 8 hours of the day; normally {baseline:.1%}",
    ),
    Feature(
        "stretch_h",
        "cadence",
        "hours",
        "stream",
        "longest activity without 6 h of rest (h)",
        "never",
        "high",
        20.0,
        "no real person's active day lacked a 7-hour rest",
        "active for {value:.0f} hours without a 6-hour rest; normally {baseline:.0f}",
        decisive=36.0,
    ),
    Feature(
        "start_phase",
        "cadence",
        "clock",
        "stream",
        "-log10 p that session starts ignore the clock (5, 15, 60 min)",
        "fewer than 12 sessions",
        "high",
        3.0,
        "Rayleigh test, Mardia and Jupp 2000, Directional Statistics, with Bonferroni correction",
        "sessions start at fixed minutes of the clock (evidence {value:.1f}; normally {baseline:.1f})",
    ),
    Feature(
        "start_spread",
        "cadence",
        "clock",
        "stream",
        "standard deviation of ln(time between session starts)",
        "fewer than 12 sessions",
        "low",
        0.5,
        "robust form of the beacon dispersion score (RITA documentation)",
        "the times between session starts spread by {value:.2f} (log scale); normally {baseline:.2f}",
    ),
    # -- telemetry -------------------------------------------------------------
    Feature(
        "telemetry_coverage",
        "telemetry",
        "silence",
        "session",
        "share of served requests that telemetry reported",
        "no telemetry in the log, no profile for the surface, or fewer than 20 served requests",
        "low",
        0.5,
        "client documentation: telemetry is on unless switched off",
        "telemetry reported {value:.0%} of the requests; normally {baseline:.0%}",
        _coverage,
        prevalence=True,
        needs=("telemetry posts",),
    ),
    Feature(
        "telemetry_mismatch",
        "telemetry",
        "counts",
        "session",
        "|ln(requests reported / requests served)|",
        "telemetry off, or fewer than 20 served requests",
        "high",
        0.4,
        "counts on both sides of the gateway must agree",
        "the number of requests that telemetry reported is off by a factor e^{value:.2f}; normally e^{baseline:.2f}",
        _mismatch,
        print_mode=True,
        needs=("telemetry posts", "telemetry_requests"),
    ),
    Feature(
        "telemetry_events",
        "telemetry",
        "counts",
        "session",
        "ln(events / requests reported)",
        "telemetry off, or fewer than 20 reported requests",
        "context",
        0.0,
        "events per request of the genuine client",
        "telemetry holds e^{value:.2f} events a request; normally e^{baseline:.2f}",
        _events,
        print_mode=True,
        needs=("telemetry posts", "telemetry_events"),
    ),
    Feature(
        "telemetry_lag",
        "telemetry",
        "lag",
        "session",
        "geometric mean of the time from the last request to the post (s)",
        "fewer than 8 posts after a request",
        "high",
        60.0,
        "OpenTelemetry batch intervals",
        "telemetry follows the requests by {value:.1f} seconds; normally {baseline:.1f}",
        _lag,
        print_mode=True,
        needs=("telemetry posts",),
    ),
    Feature(
        "telemetry_spread",
        "telemetry",
        "timer",
        "session",
        "standard deviation of ln(time between posts)",
        "fewer than 8 intervals",
        "low",
        0.25,
        "robust form of the beacon dispersion score (RITA documentation)",
        "the times between telemetry posts spread by {value:.2f} (log scale); normally {baseline:.2f}",
        _spread("intervals", "interval_log_sum", "interval_log_square_sum", "posts"),
        print_mode=True,
        needs=("telemetry posts",),
    ),
    Feature(
        "probe_missing",
        "telemetry",
        "probe",
        "stream",
        "share of sessions without a start-up probe, where telemetry is on",
        "telemetry off, no probes in the log, or fewer than 5 sessions",
        "high",
        0.5,
        "the genuine client probes the server before its first request",
        "{value:.0%} of the sessions began without the client's start-up probe; normally {baseline:.0%}",
        print_mode=True,
        needs=("telemetry posts", "probes"),
    ),
    # -- fingerprint -----------------------------------------------------------
    Feature(
        "headers_missing",
        "fingerprint",
        "names",
        "session",
        "header names that the nearest common set has and this one lacks (count)",
        "no complete header list, or client unknown",
        "high",
        2.0,
        "header sets of the claimed client's own population",
        "{value:.0f} headers that this client always sends are missing; normally {baseline:.0f}",
        _column("headers_missing"),
        print_mode=True,
        needs=("header_names", "user_agent"),
    ),
    Feature(
        "headers_extra",
        "fingerprint",
        "names",
        "session",
        "header names that the nearest common set lacks (count)",
        "no complete header list, or client unknown",
        "high",
        1.0,
        "header sets of the claimed client's own population",
        "{value:.0f} headers that this client never sends are present; normally {baseline:.0f}",
        _column("headers_extra"),
        print_mode=True,
        needs=("header_names", "user_agent"),
    ),
    Feature(
        "order_distance",
        "fingerprint",
        "wire",
        "session",
        "share of header name pairs in another order than the nearest common order",
        "no complete header list, client unknown, or behind a proxy",
        "high",
        0.0,
        "Kendall 1938, a new measure of rank correlation",
        "{value:.0%} of the header pairs stand in another order than this client sends; normally {baseline:.0%}",
        _column("order_distance"),
        print_mode=True,
        needs=("header_names", "user_agent"),
    ),
    Feature(
        "case_distance",
        "fingerprint",
        "wire",
        "session",
        "share of header names in another upper and lower case than the nearest common order",
        "no complete header list, client unknown, or behind a proxy",
        "high",
        0.0,
        "HTTP/1.1 stacks keep the case they were given (RFC 9112)",
        "{value:.0%} of the header names are written in another case than this client's; normally {baseline:.0%}",
        _column("case_distance"),
        print_mode=True,
        needs=("header_names", "user_agent"),
    ),
    *(
        Feature(
            f"{aspect}_bits",
            "fingerprint",
            cause,
            "session",
            f"surprisal -log2 P({meaning} | client, version)",
            null,
            "high",
            5.0,
            "surprisal against the claimed client's own population, counted in accounts",
            f"{meaning} that this client's other users do not show ({{value:.1f}} bits; normally {{baseline:.1f}})",
            _column(f"{aspect}_bits"),
            print_mode=True,
            needs=("user_agent", column),
        )
        for aspect, cause, column, meaning, null in (
            ("user_agent", "user_agent", "user_agent", "a user agent form", "no user agent, a browser, or client unknown"),
            (
                "accept_encoding",
                "encoding",
                "header_values",
                "an accept-encoding",
                "header value not logged, client unknown, or behind a proxy",
            ),
            ("values", "values", "header_values", "header values", "no header values logged, or client unknown"),
            ("ja4", "wire", "ja4", "a TLS fingerprint", "no JA4 logged, client unknown, or behind a proxy"),
        )
    ),
    Feature(
        "version_known",
        "fingerprint",
        "version",
        "session",
        "1 where several other accounts run the claimed version, else 0",
        "no header list, or client unknown",
        "context",
        0.0,
        "old and repackaged versions have headers of their own",
        "claimed version run by other accounts: {value:.0f}; normally {baseline:.0f}",
        _column("version_known"),
        needs=("user_agent",),
    ),
    Feature(
        "fingerprint_churn",
        "fingerprint",
        "churn",
        "stream",
        "distinct header orders / ln(1 + requests)",
        "no complete header list, or fewer than 20 requests",
        "high",
        1.0,
        "rotation of client identities (web robot detection)",
        "{value:.2f} different header orders for each e-fold of requests; normally {baseline:.2f}",
        print_mode=True,
        needs=("header_names",),
    ),
    # -- usage -----------------------------------------------------------------
    Feature(
        "cache_read_ratio",
        "usage",
        "cache",
        "session",
        "input tokens read from the cache / all input tokens, gaps under 5 min",
        "no cache columns, or fewer than 20 gaps",
        "low",
        0.6,
        "prompt caching documentation (5-minute lifetime)",
        "{value:.0%} of the warm input came from the cache; normally {baseline:.0%}",
        _cache,
        print_mode=True,
        needs=("cache_read_tokens",),
    ),
    Feature(
        "context_growth",
        "usage",
        "context",
        "session",
        "share of consecutive requests whose input is at least as long as the one before",
        "fewer than 20 pairs",
        "low",
        0.7,
        "a conversation grows; a stateless relay does not",
        "the context grew in {value:.0%} of the steps; normally {baseline:.0%}",
        _ratio("context_grows", "context_pairs", "gaps"),
        print_mode=True,
        needs=("input_tokens",),
    ),
    Feature(
        "limits_ignored",
        "usage",
        "limits",
        "session",
        "share of 429/529 answers followed by a request before Retry-After",
        "fewer than 3 limits with Retry-After",
        "high",
        0.5,
        "RFC 9110, Retry-After",
        "{value:.0%} of the waits that the server asked for were ignored; normally {baseline:.0%}",
        _ratio("early_retries", "limits", "limits"),
        print_mode=True,
        needs=("status", "retry_after_s"),
    ),
    Feature(
        "helper_missing",
        "usage",
        "probe",
        "stream",
        "share of sessions without a helper-model call, where telemetry is on",
        "telemetry off, no helper model in the log, or fewer than 5 sessions",
        "high",
        0.7,
        "the genuine interactive client adds small helper calls",
        "{value:.0%} of the sessions lack the client's own helper calls; normally {baseline:.0%}",
        needs=("telemetry posts", "helper calls"),
    ),
    Feature(
        "output_share",
        "usage",
        "context",
        "session",
        "ln(output tokens / all tokens)",
        "no token columns, or fewer than 20 served requests",
        "context",
        0.0,
        "token mix of agents and chats",
        "output is e^{value:.1f} of all tokens; normally e^{baseline:.1f}",
        _output,
        needs=("output_tokens",),
    ),
    # -- account ---------------------------------------------------------------
    Feature(
        "parallel_sessions",
        "account",
        "parallel",
        "stream",
        "mean number of sessions active in the same hour, over active hours",
        "never",
        "high",
        4.0,
        "volumetric bot signals: concurrency",
        "{value:.1f} sessions active in the same hour; normally {baseline:.1f}",
    ),
    Feature(
        "overlap_share",
        "account",
        "parallel",
        "session",
        "share of requests that start while another of the session is open",
        "durations not logged, or fewer than 20 served requests",
        "high",
        0.6,
        "volumetric bot signals: concurrency",
        "{value:.0%} of the requests overlap another of their session; normally {baseline:.0%}",
        _ratio("overlaps", "served", "served"),
        needs=("duration_ms",),
    ),
    Feature(
        "account_stretch_h",
        "account",
        "hours",
        "stream",
        "longest activity of the whole account without 6 h of rest (h)",
        "never",
        "high",
        20.0,
        "no real person's active day lacked a 7-hour rest",
        "the account as a whole was active for {value:.0f} hours without a 6-hour rest; normally {baseline:.0f}",
        decisive=36.0,
    ),
    Feature(
        "tools_variety",
        "account",
        "tools",
        "stream",
        "distinct tool sets a session",
        "no tools_hash, or fewer than 5 sessions",
        "context",
        0.0,
        "people behind a relay bring their own tools",
        "{value:.2f} different tool sets a session; normally {baseline:.2f}",
        needs=("tools_hash",),
    ),
)

SCORED: tuple[Feature, ...] = tuple(record for record in FEATURES if record.direction != "context")
"""Features that the model sees."""


def available(facts: frozenset[str]) -> frozenset[str]:
    """Return the names of the features that a log can feed.

    Args:
        facts: the log's columns that hold values, and the kinds of requests it holds.

    """
    return frozenset(record.name for record in FEATURES if facts.issuperset(record.needs))


_BY_NAME = {record.name: record for record in FEATURES}


def feature(name: str) -> Feature:
    """Return the record of a feature.

    Raises:
        KeyError: no such feature.

    """
    return _BY_NAME[name]


def measure(floors: FloorSettings) -> list[pl.Expr]:
    """Return the expressions of all counter features, to be evaluated on sessions or streams."""
    return [
        record.expr(floors).cast(pl.Float64).round_sig_figs(9).alias(record.name)
        for record in FEATURES
        if record.expr is not None
    ]
