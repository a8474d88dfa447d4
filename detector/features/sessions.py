"""Requests into sessions: which request, telemetry post and probe belongs to which.

A session is the client's declared session id on one account, else a run of
requests of one lineage (client, surface and header names) on one account that no
pause longer than ``settings.gap_minutes`` interrupts. Telemetry posts and probes
come from other HTTP stacks, so they are joined by account, session id and time
and never by fingerprint.
"""

import polars as pl

from detector.settings import SessionSettings

__all__ = ["ORDER", "OUT_OF_SCOPE", "assign_sessions"]

ORDER = (
    "session",
    "timestamp",
    "kind",
    "tool_result",
    "duration_ms",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "status",
    "retry_after_s",
    "model",
    "country",
)
"""How rows are sorted: by time and then by all of which the order matters later, so that
ties in time do not depend on how the rows came in."""

OUT_OF_SCOPE = ("api_key", "cloud")
"""Values of ``auth`` that pay per use: such requests are counted and nothing else."""


def assign_sessions(
    requests: pl.DataFrame, identity: pl.DataFrame, settings: SessionSettings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give every request the session it belongs to.

    Args:
        requests: rows of ``detector.ingest.RequestLog.requests``.
        identity: a row a fingerprint, with ``fingerprint`` and ``lineage``.
        settings: inactivity gap and join window, both in minutes.

    Returns:
        The requests with ``session`` (UInt32, null where nothing matches) sorted by
        session and time, and the table of sessions: ``session``, ``account``,
        ``name`` (declared id, or ``~`` and the start time), ``in_scope``, ``start``.
        A session without an inference request does not exist.

    """
    inference = _name(requests.filter(pl.col("kind") == "inference"), identity, settings)
    sessions = (
        inference.group_by("account", "in_scope", "name")
        .agg(start=pl.col("timestamp").min())
        .sort("account", "start", "name", "in_scope")
        .with_row_index("session")
    )
    inference = inference.join(
        sessions.drop("start"), on=["account", "in_scope", "name"], how="left", nulls_equal=True
    )
    rest = requests.filter(pl.col("kind") != "inference").with_row_index("row")
    rest = _join_rest(rest, inference, sessions, settings)
    columns = [*requests.columns, "session"]
    joined = pl.concat([inference.select(columns), rest.select(columns)])
    return joined.sort(ORDER), sessions


def _name(inference: pl.DataFrame, identity: pl.DataFrame, settings: SessionSettings) -> pl.DataFrame:
    """Add ``name`` and ``in_scope`` to inference requests."""
    gap = pl.duration(microseconds=int(settings.gap_minutes * 60e6))
    inference = inference.with_columns(
        in_scope=~pl.col("auth").is_in(OUT_OF_SCOPE).fill_null(value=False), name=pl.col("session_id")
    )
    undeclared = inference.filter(pl.col("name").is_null())
    if undeclared.is_empty():
        return inference
    key = ["account", "in_scope", "lineage"]
    undeclared = undeclared.join(identity.select("fingerprint", "lineage"), on="fingerprint", how="left")
    undeclared = undeclared.sort([*key, "timestamp"]).with_columns(
        run=(pl.col("timestamp").diff() > gap).fill_null(value=False).cum_sum().over(key)
    )
    starts = pl.col("timestamp").min().over([*key, "run"]).dt.strftime("~%Y%m%dT%H%M%S%.6f")
    undeclared = undeclared.with_columns(name=pl.format("{}-{}", starts, "lineage")).drop("lineage", "run")
    return pl.concat([inference.filter(pl.col("name").is_not_null()), undeclared])


def _join_rest(
    rest: pl.DataFrame, inference: pl.DataFrame, sessions: pl.DataFrame, settings: SessionSettings
) -> pl.DataFrame:
    """Give telemetry posts, probes and other rows their session: by id, else by time."""
    window = f"{round(settings.join_minutes * 60e6)}us"
    declared = sessions.sort("in_scope", descending=True).unique(
        ["account", "name"], keep="first", maintain_order=True
    )
    by_id = rest.join(
        declared.select("account", "name", "session"),
        left_on=["account", "session_id"],
        right_on=["account", "name"],
        how="left",
    )
    matched = by_id.filter(pl.col("session").is_not_null())
    loose = by_id.filter(pl.col("session").is_null()).drop("session").sort("account", "timestamp", "row")
    starts = sessions.select("account", pl.col("start").alias("timestamp"), "session")
    anchors = inference.select("account", "timestamp", "session")
    # A probe precedes its session; a post follows the requests that it reports.
    probes = _nearest(loose.filter(pl.col("kind") == "probe"), starts, "forward", window)
    others = _nearest(loose.filter(pl.col("kind") != "probe"), anchors, "backward", window)
    return pl.concat([matched, probes, others], how="diagonal")


def _nearest(rows: pl.DataFrame, anchors: pl.DataFrame, strategy: str, window: str) -> pl.DataFrame:
    return rows.sort("timestamp", "row").join_asof(
        anchors.sort("timestamp", "session"),
        on="timestamp",
        by="account",
        strategy=strategy,  # type: ignore[arg-type]
        tolerance=window,
        check_sortedness=False,
    )
