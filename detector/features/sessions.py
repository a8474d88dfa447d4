"""Requests into sessions: which request, telemetry post and probe belongs to which.

A session is the client's declared session id on one account, else a run of
requests of one lineage (client, surface and header names) on one account that no
pause longer than ``settings.gap_minutes`` interrupts. Telemetry posts and probes
come from other HTTP stacks, so they are joined by account, session id and time
and never by fingerprint.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from detector.features.runs import Runs
from detector.settings import SessionSettings

__all__ = ["ORDER", "OUT_OF_SCOPE", "assign_sessions", "in_order"]

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

LARGEST_KEY = 2**63 - 1

OUT_OF_SCOPE = ("api_key", "cloud")
"""Values of ``auth`` that pay per use: such requests are counted and nothing else."""


def assign_sessions(
    requests: pl.DataFrame, identity: pl.DataFrame, settings: SessionSettings
) -> tuple[pl.Series, pl.DataFrame]:
    """Tell the session that every request belongs to.

    Args:
        requests: rows as ``detector.ingest`` reads them, in any order.
        identity: a row a fingerprint, with ``fingerprint`` and ``lineage``.
        settings: inactivity gap and join window, both in minutes.

    Returns:
        ``session`` of every request (UInt32, null where nothing matches), and the table
        of sessions: ``session``, ``account``, ``in_scope``, ``name`` (declared id, or
        ``~`` and the start time), ``start``, numbered by account and start. A session
        without an inference request does not exist.

    """
    keys = requests.select(
        "account",
        "timestamp",
        "session_id",
        # Joins on integers; two ids of one account share a hash of 64 bits once in ages.
        key=pl.col("session_id").hash(),
        in_scope=~pl.col("auth").is_in(OUT_OF_SCOPE).fill_null(value=False),
    ).with_row_index("row")
    asked, declared = requests["kind"] == "inference", keys["session_id"].is_not_null()
    undeclared = keys.with_columns(requests["fingerprint"]).filter(asked & ~declared)
    parts = [keys.filter(asked & declared), _name(undeclared, identity, settings)]
    own = ["account", "in_scope", "key"]
    runs = [Runs.of(part, own) for part in parts]
    heads = [
        run.heads(part.select(*own, "session_id")).with_columns(start=run.least(part["timestamp"]))
        for part, run in zip(parts, runs, strict=True)
    ]
    sessions = (
        pl.concat(heads)
        .group_by(own)
        .agg(name=pl.col("session_id").first(), start=pl.col("start").min())
        .sort("account", "start", "name", "in_scope")
        .with_row_index("session")
    )
    inference = pl.concat(
        part.select("row", "account", "timestamp", run.spread(_looked_up(head, sessions, own)))
        for part, run, head in zip(parts, runs, heads, strict=True)
    )
    rest = requests.select("kind").hstack(keys.drop("session_id", "in_scope")).filter(~asked)
    codes = np.full(requests.height, sessions.height, dtype=np.uint32)
    for part in (inference, _join_rest(rest, inference, sessions, settings)):
        codes[part["row"]] = part["session"].fill_null(sessions.height)
    session = pl.Series("session", codes)
    session = pl.select(pl.when(session < sessions.height).then(session)).to_series()
    return session, sessions.select("session", "account", "in_scope", "name", "start")


def in_order(requests: pl.DataFrame, session: pl.Series) -> NDArray[np.int64]:
    """Return the positions of the requests with a session, sorted by ``ORDER``.

    One key of 64 bits sorts by session and time; only ties are sorted by all the rest.

    Args:
        requests: rows as ``detector.ingest`` reads them.
        session: of each, as :func:`assign_sessions` tells.

    """
    time = requests["timestamp"].to_physical()
    first, last = int(time.min() or 0), int(time.max() or 0)  # type: ignore[arg-type]
    span = last - first + 1
    number = session.cast(pl.Int64)
    if (int(session.max() or 0) + 1) * span <= LARGEST_KEY:  # type: ignore[arg-type]
        key = number * span + (time - first)
    else:
        key = pl.select(pl.when(number.is_not_null()).then(pl.struct(number, time).rank("dense"))).to_series()
    # Stores come sorted by account and time, which a merge sort makes use of.
    keys = key.cast(pl.Int64).fill_null(np.iinfo(np.int64).max).to_numpy()
    order = np.argsort(keys, kind="stable")[: len(keys) - key.null_count()]
    key = key.gather(order)
    again = key == key.shift(1)
    if again.any():
        # Ties stand side by side, so those sorted by everything fit into the places they had.
        at = (again | again.shift(-1)).fill_null(value=False).arg_true().to_numpy()
        tied = requests.with_columns(session)[order[at]]
        order[at] = order[at][tied.select(pl.arg_sort_by(ORDER)).to_series().to_numpy()]
    return order


def _looked_up(heads: pl.DataFrame, sessions: pl.DataFrame, own: list[str]) -> pl.Series:
    """Return the session of each row by its key; null where there is none."""
    return heads.join(sessions.select(*own, "session"), on=own, how="left", maintain_order="left")["session"]


def _name(undeclared: pl.DataFrame, identity: pl.DataFrame, settings: SessionSettings) -> pl.DataFrame:
    """Give inference requests that declare no session an id and a key of their own."""
    gap = pl.duration(microseconds=int(settings.gap_minutes * 60e6))
    own = ["account", "in_scope", "lineage"]
    rows = undeclared.join(identity.select("fingerprint", "lineage"), on="fingerprint", how="left")
    # A merge sort column by column makes use of rows that come sorted by account and time, as in a store.
    keys = rows.select(
        pl.col("timestamp").to_physical(), pl.col("lineage").fill_null(0), "in_scope", "account"
    )
    rows = rows[np.lexsort(keys.get_columns())].with_columns(
        run=(pl.col("timestamp").diff() > gap).fill_null(value=False).cum_sum()
    )
    runs = Runs.of(rows, [*own, "run"])
    heads = runs.heads(rows.select("timestamp", "lineage"))
    name = pl.format("{}-{}", pl.col("timestamp").dt.strftime("~%Y%m%dT%H%M%S%.6f"), "lineage")
    names = heads.select(session_id=name).with_columns(key=pl.col("session_id").hash())
    return rows.select("row", "account", "timestamp", *map(runs.spread, names), "in_scope")


def _join_rest(
    rest: pl.DataFrame, inference: pl.DataFrame, sessions: pl.DataFrame, settings: SessionSettings
) -> pl.DataFrame:
    """Return ``row`` and ``session`` of telemetry posts, probes and other rows: by id, else by time."""
    window = f"{round(settings.join_minutes * 60e6)}us"
    own = ["account", "key"]
    declared = sessions.sort("in_scope", descending=True).unique(own, keep="first", maintain_order=True)
    runs = Runs.of(rest, own)
    by_id = runs.spread(_looked_up(runs.heads(rest.select(own)), declared, own))
    matched = rest.select("row", by_id)
    loose = rest.filter(by_id.is_null())
    if loose.is_empty():
        return matched
    starts = sessions.select("account", pl.col("start").alias("timestamp"), "session")
    # A probe precedes its session; a post follows the requests that it reports.
    probes = _nearest(loose.filter(pl.col("kind") == "probe"), starts, "forward", window)
    others = _nearest(loose.filter(pl.col("kind") != "probe"), inference, "backward", window)
    return pl.concat(part.select("row", "session") for part in (matched, probes, others))


def _nearest(rows: pl.DataFrame, anchors: pl.DataFrame, strategy: str, window: str) -> pl.DataFrame:
    anchors = anchors.join(rows.select("account").unique(), on="account", how="semi")
    return rows.sort("timestamp", "row").join_asof(
        anchors.sort("timestamp", "session"),
        on="timestamp",
        by="account",
        strategy=strategy,  # type: ignore[arg-type]
        tolerance=window,
        check_sortedness=False,
    )
