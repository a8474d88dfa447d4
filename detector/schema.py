"""The tables at the boundary: the native request log and the verdict files.

A log is described column by column, so that reading, documentation and tests
share one definition. Whatever lies between (sessions, streams) belongs to
``detector.features``.
"""

from dataclasses import dataclass

import polars as pl

__all__ = [
    "ACCOUNT_VERDICT",
    "ACTIVITY",
    "AGAINST",
    "CLEARING",
    "FAMILIES",
    "HEADERS",
    "LOG_COLUMNS",
    "PLANS",
    "REASON",
    "RELATED",
    "REQUEST",
    "SESSION_VERDICT",
    "TIME",
    "VERDICTS",
    "LogColumn",
]

TIME: pl.DataType = pl.Datetime("us", "UTC")
HEADER_VALUE = pl.Struct({"name": pl.String, "value": pl.String})

FAMILIES = ("cadence", "telemetry", "fingerprint", "usage", "account")
"""Feature families, the unit of independent evidence."""

VERDICTS = ("harness", "declared_third_party", "watch", "clear", "insufficient_data", "out_of_scope")


@dataclass(frozen=True, slots=True)
class LogColumn:
    """One column of the native request log.

    Attributes:
        name: column name in the log.
        dtype: type it is coerced to.
        meaning: one line for people, with the unit where there is one.
        required: a log without it is refused; any other column may be missing.
        families: feature families that the column feeds.

    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    required: bool = False
    families: tuple[str, ...] = ()


LOG_COLUMNS: tuple[LogColumn, ...] = (
    LogColumn("timestamp", TIME, "arrival of the request at the gateway (UTC)", required=True),
    LogColumn("account_id", pl.String, "the account", required=True),
    LogColumn("path", pl.String, "URL path; a query string is cut off", required=True),
    LogColumn("method", pl.String, "HTTP method"),
    LogColumn("request_id", pl.String, "unique per request: duplicates of one account are dropped"),
    LogColumn("status", pl.Int32, "HTTP status", families=("usage",)),
    LogColumn(
        "duration_ms",
        pl.Float64,
        "arrival to last byte of the response (ms)",
        families=("cadence", "account"),
    ),
    LogColumn("auth", pl.String, "subscription, api_key, cloud or web"),
    LogColumn("plan", pl.String, "free, pro, max, team, enterprise ..."),
    LogColumn("session_id", pl.String, "session id that the client declares"),
    LogColumn("device_id", pl.String, "installation id that the client declares", families=("account",)),
    LogColumn("user_agent", pl.String, "as received", families=("fingerprint",)),
    LogColumn(
        "header_names", pl.List(pl.String), "names in wire order, case as received", families=("fingerprint",)
    ),
    LogColumn("headers_complete", pl.Boolean, "false where the list is a subset or cut; null = unknown"),
    LogColumn(
        "header_values", pl.List(HEADER_VALUE), "values of a few harmless headers", families=("fingerprint",)
    ),
    LogColumn("http_version", pl.String, "1.1, 2 or 3"),
    LogColumn("ja4", pl.String, "TLS client fingerprint", families=("fingerprint",)),
    LogColumn(
        "client_ip", pl.String, "client address; hashed when read, never stored", families=("account",)
    ),
    LogColumn("asn", pl.Int64, "autonomous system of the client address"),
    LogColumn("country", pl.String, "country of the client address"),
    LogColumn("model", pl.String, "model asked for", families=("usage",)),
    LogColumn("input_tokens", pl.Int64, "uncached input tokens", families=("usage",)),
    LogColumn("cache_read_tokens", pl.Int64, "input tokens read from the cache", families=("usage",)),
    LogColumn("cache_write_tokens", pl.Int64, "input tokens written to the cache", families=("usage",)),
    LogColumn("output_tokens", pl.Int64, "output tokens", families=("usage",)),
    LogColumn("stop_reason", pl.String, "end_turn, tool_use, max_tokens ...", families=("usage",)),
    LogColumn(
        "tool_result",
        pl.Boolean,
        "the last message block is a tool result",
        families=("cadence", "account"),
    ),
    LogColumn("tools_hash", pl.String, "keyed hash of the sorted tool names", families=("usage", "account")),
    LogColumn("stream", pl.Boolean, "streaming answer", families=("usage",)),
    LogColumn("retry_after_s", pl.Float64, "Retry-After that the response carried (s)", families=("usage",)),
    LogColumn(
        "telemetry_events", pl.Int64, "on a telemetry post: events in the batch", families=("telemetry",)
    ),
    LogColumn(
        "telemetry_requests",
        pl.Int64,
        "on a telemetry post: requests that it reports",
        families=("telemetry",),
    ),
)

REQUEST = pl.Schema({column.name: column.dtype for column in LOG_COLUMNS})
"""The native request log, as read: every column present, null where the log has none."""

REASON = pl.Struct(
    {
        "feature": pl.String,
        "family": pl.String,
        "value": pl.Float64,
        "baseline": pl.Float64,
        "text": pl.String,
        "unit": pl.String,
        "low": pl.Float64,
        "high": pl.Float64,
        "tail": pl.Float64,
        "accounts": pl.Int64,
    }
)
"""One reason. ``baseline`` is the cohort's median, ``low`` and ``high`` its 5th and 95th
percentile, ``tail`` the share of its ``accounts`` that are at least as suspicious; all null
where no measurement or no cohort is known. ``unit`` is that of ``features.catalogue``."""

ACCOUNT_VERDICT = pl.Schema(
    {
        "account_id": pl.String(),
        "verdict": pl.String(),
        "flagged": pl.Boolean(),
        "score": pl.Float64(),
        "p_value": pl.Float64(),
        "q_value": pl.Float64(),
        "sessions": pl.Int64(),
        "requests": pl.Int64(),
        "flagged_sessions": pl.Int64(),
        "flagged_requests": pl.Int64(),
        "flagged_tokens": pl.Int64(),
        "families": pl.List(pl.String),
        "reasons": pl.List(REASON),
        "first_seen": TIME,
        "last_seen": TIME,
    }
)
"""``accounts.parquet``: a row an account."""

SESSION_VERDICT = pl.Schema(
    {
        "account_id": pl.String(),
        "session": pl.String(),
        "start": TIME,
        "end": TIME,
        "requests": pl.Int64(),
        "client": pl.String(),
        "client_version": pl.String(),
        "score": pl.Float64(),
        "p_value": pl.Float64(),
        "flagged": pl.Boolean(),
        "families": pl.List(pl.String),
        "reasons": pl.List(REASON),
    }
)
"""``sessions.parquet``: a row a session; every session feature follows as a column of its own."""

ACTIVITY = pl.Schema(
    {
        "account_id": pl.String(),
        "hour": TIME,
        "requests": pl.Int64(),
        "flagged_requests": pl.Int64(),
        "served": pl.Int64(),
        "reported": pl.Int64(),
        "flagged_served": pl.Int64(),
        "flagged_reported": pl.Int64(),
    }
)
"""``activity.parquet``: a row an hour in which a flagged or watched account was active: inference
requests, those of flagged sessions, those served, and those that telemetry reported."""

HEADERS = pl.Schema(
    {
        "account_id": pl.String(),
        "client": pl.String(),
        "client_version": pl.String(),
        "requests": pl.Int64(),
        "flagged_requests": pl.Int64(),
        "seen": pl.List(pl.String),
        "expected": pl.List(pl.String),
        "library": pl.String(),
        "resembles": pl.String(),
    }
)
"""``headers.parquet``: a row a header list that a flagged or watched account sent under a client's
name: names as received, and the nearest common order of that client (null where none is known);
the HTTP libraries that write such a layout, joined by " or " (null where none is known to), and
another client whose names these are rather than the claimed one's (null where there is none)."""

AGAINST = pl.Schema({"account_id": pl.String(), **{field.name: field.dtype for field in REASON.fields}})
"""``against.parquet``: what speaks against automated use of a flagged or watched account: reasons
whose value real people show, the most ordinary first."""

CLEARING = pl.Schema(
    {
        "account_id": pl.String(),
        "what": pl.String(),
        "sessions": pl.Int64(),
        "verdict": pl.String(),
    }
)
"""``clearing.parquet``: what a flagged or watched account would be if something were taken away:
sessions that are attested (their number), or evidence that is explained (0 sessions)."""

RELATED = pl.Schema(
    {
        "account_id": pl.String(),
        "by": pl.String(),
        "accounts": pl.Int64(),
        "flagged": pl.Int64(),
        "others": pl.List(pl.String),
    }
)
"""``related.parquet``: with how many other accounts a flagged or watched account shares an
``address``, ``device``, set of ``tools`` or list of ``headers`` (``by``) that few show, how many of
these are flagged, and the ids of up to five of them, flagged ones first."""

PLANS = pl.Schema({"account_id": pl.String(), "plan": pl.String()})
"""``plans.parquet``: the plan that a flagged or watched account was last seen with, where known."""
