"""Tokens, cache, limits and helper calls; never volume or cost."""

import polars as pl

from detector.features.catalogue.record import Feature, counted, ratio
from detector.settings import FloorSettings

__all__ = ["FEATURES"]


def _cache(floors: FloorSettings) -> pl.Expr:
    warm = (pl.col("gaps") >= floors.gaps) & (pl.col("warm_total") > 0)
    return pl.when(warm).then(pl.col("warm_read") / pl.col("warm_total"))


def _output(floors: FloorSettings) -> pl.Expr:
    share = (pl.col("output_tokens") + 1) / (pl.col("tokens") + 1)
    return pl.when((pl.col("served") >= floors.served) & (pl.col("tokens") > 0)).then(share.log())


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="cache_read_ratio",
        family="usage",
        cause="cache",
        level="session",
        definition="input tokens read from the cache / all input tokens, gaps under 5 min",
        null="no cache columns, or fewer than 20 gaps",
        direction="low",
        benign=0.6,
        source="prompt caching documentation (5-minute lifetime)",
        text=(
            "{value} of the input within 5 minutes of the request before came from the cache; "
            "normally {baseline}"
        ),
        unit="share",
        expr=_cache,
        print_mode=True,
        needs=("cache_read_tokens",),
    ),
    Feature(
        name="context_growth",
        family="usage",
        cause="context",
        level="session",
        definition="share of consecutive requests whose input is at least as long as the one before",
        null="fewer than 20 pairs",
        direction="low",
        benign=0.7,
        source="a conversation grows; a stateless relay does not",
        text=(
            "the input was at least as long as the one before in {part} of {whole} steps ({value}); "
            "normally {baseline}"
        ),
        counts=counted("context_grows", "context_pairs"),
        unit="share",
        expr=ratio("context_grows", "context_pairs", "gaps"),
        needs=("input_tokens",),
    ),
    Feature(
        name="limits_ignored",
        family="usage",
        cause="limits",
        level="session",
        definition="share of 429/529 answers followed by a request before Retry-After",
        null="fewer than 3 limits with Retry-After",
        direction="context",
        benign=0.0,
        source="RFC 9110, Retry-After",
        text="{part} of {whole} waits that the server asked for were not kept ({value}); normally {baseline}",
        counts=counted("early_retries", "limits"),
        unit="share",
        expr=ratio("early_retries", "limits", "limits"),
        print_mode=True,
        needs=("status", "retry_after_s"),
    ),
    Feature(
        name="helper_missing",
        family="usage",
        cause="probe",
        level="stream",
        definition="share of sessions without a helper-model call, where telemetry is on",
        null="telemetry off, no helper model or session ids in the log, or fewer than 5 sessions",
        direction="high",
        benign=0.7,
        source="the genuine interactive client adds small helper calls",
        text="{value} of the sessions lack the client's own helper calls; normally {baseline}",
        unit="share",
        needs=("telemetry posts", "helper calls", "session_id"),
    ),
    Feature(
        name="output_share",
        family="usage",
        cause="context",
        level="session",
        definition="ln(output tokens / all tokens)",
        null="no token columns, or fewer than 20 served requests",
        direction="context",
        benign=0.0,
        source="token mix of agents and chats",
        text="output is a share of e^{value} of all tokens; normally e^{baseline}",
        expr=_output,
        needs=("output_tokens",),
    ),
)
