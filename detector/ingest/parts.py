"""A log in parts: whole accounts, few enough that their requests fit into memory."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from detector.ingest.paths import path_kinds
from detector.schema import REQUEST
from detector.settings import PathSettings

__all__ = ["COLUMNS", "NATIVE", "PART_ROWS", "ROW", "Part", "Requests", "read_part"]

PART_ROWS = 450_000
"""Requests that a part holds, about."""

ROW = pl.Schema(
    {
        "account": pl.String(),
        "timestamp": REQUEST["timestamp"],
        "path": pl.String(),
        "status": pl.Int32(),
        "duration_ms": pl.Float64(),
        "auth": pl.String(),
        "plan": pl.String(),
        "session_id": pl.String(),
        "device": pl.UInt64(),
        "network": pl.UInt64(),
        "asn": pl.Int64(),
        "country": pl.String(),
        "fingerprint": pl.Int64(),
        "model": pl.String(),
        "input_tokens": pl.Int64(),
        "cache_read_tokens": pl.Int64(),
        "cache_write_tokens": pl.Int64(),
        "output_tokens": pl.Int64(),
        "tool_result": pl.Boolean(),
        "tools_hash": pl.UInt64(),
        "retry_after_s": pl.Float64(),
        "telemetry_events": pl.Int64(),
        "telemetry_requests": pl.Int64(),
        "request": pl.UInt64(),
    }
)
"""What is looked at of an accepted request. ``device``, ``network``, ``tools_hash`` and ``request``
are hashes of which only equality matters; ``fingerprint`` is the code of its header facts."""

COLUMNS = tuple("kind" if name == "path" else name for name in ROW if name != "request")
"""Columns of ``Requests.rows``."""

NATIVE = {"account": "account_id", "device": "device_id", "network": "client_ip", "request": "request_id"}
"""Native columns that have another name in a row."""


@dataclass(frozen=True, slots=True)
class Part:
    """Whole accounts of a log.

    Attributes:
        name: tells it from the other parts of the log.
        rows: how many requests it holds.
        scan: opens them: a lazy frame of schema ``ROW``, in any order.

    """

    name: str
    rows: int
    scan: Callable[[], pl.LazyFrame]


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of a part in memory.

    Attributes:
        rows: a row a request, ``COLUMNS``, in any order. ``account`` indexes
            ``accounts``; ``duration_ms`` is in milliseconds, ``retry_after_s`` in
            seconds. A null is always "not known".
        accounts: the name of each account code, sorted.
        present: native columns that hold a value in at least one row, header facts apart.
        repeated: rows left out because their account has another one with their request id.

    """

    rows: pl.DataFrame
    accounts: pl.Series
    present: frozenset[str]
    repeated: int


def read_part(part: Part, paths: PathSettings) -> Requests:
    """Read a part.

    Args:
        part: the part.
        paths: says what paths mean.

    """
    rows = part.scan().collect().rechunk()
    found = rows.height
    request = rows.get_column("request")
    if request.n_unique() < found - max(0, request.null_count() - 1):
        rows = _once(rows)
    names, account = _codes(rows.get_column("account"))
    distinct, path = _codes(rows.get_column("path"))
    kinds = path_kinds(distinct, paths).gather(path)
    coded = rows.with_columns(account.alias("account"), kinds.alias("kind"))
    filled = (column.name for column in rows if column.null_count() < column.len())
    return Requests(
        rows=coded.select(COLUMNS),
        accounts=names.alias("account_id"),
        present=frozenset(NATIVE.get(name, name) for name in filled if name != "fingerprint"),
        repeated=found - rows.height,
    )


def _codes(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the distinct texts, sorted, and of each row the number of its own."""
    # Rows side by side often have the same text, which is looked up once.
    runs = text.rle().struct.unnest()
    distinct = runs["value"].unique().sort()
    numbers = runs["value"].cast(pl.Enum(distinct)).to_physical().cast(pl.UInt32)
    return distinct, numbers.gather(np.repeat(np.arange(len(numbers)), runs["len"].to_numpy()))


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the first request of each id of an account; requests without one all stay.

    An id that another account has too is another request: a client may choose its ids,
    and nobody can take another's requests out of the log.
    """
    rows = rows.sort("account", "timestamp", *ROW)
    first = rows.select(pl.struct("account", "request").is_first_distinct() | pl.col("request").is_null())
    return rows.filter(first.to_series())
