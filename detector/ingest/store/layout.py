"""What lies where in a store, and its columns.

::

    _delta_log/                         the transaction log (Delta Lake protocol)
    day=2026-11-02/bucket=3/*.parquet   requests, sorted by account and time
    _fingerprints/                      a small Delta table: header facts by code
    quarantine/*.parquet                rejected rows: source, row, reason
    _staging/, _lock                    files of a writer that has not committed

A bucket is ``xxh3_64(account_id) mod buckets``, so all rows of an account share one.
"""

import polars as pl
import polars_hash as plh

from detector.ingest.fingerprints import FACTS
from detector.schema import LOG_COLUMNS, REQUEST

__all__ = ["BUCKETS", "FINGERPRINT", "PARTITION", "STORED", "bucket_of"]

PARTITION = ["day", "bucket"]

BUCKETS = 16
"""Parts that a new store has by account, unless told otherwise."""

_KEPT = {c.name: c.dtype for c in LOG_COLUMNS if c.name not in {*FACTS, "request_id"}}

STORED = pl.Schema(
    {
        "day": pl.Date(),
        "bucket": pl.Int32(),
        "account_id": _KEPT.pop("account_id"),
        "timestamp": _KEPT.pop("timestamp"),
        "request": pl.Int64(),
        "fingerprint": pl.Int64(),
        **_KEPT,
    }
)
"""A stored request: the native columns with ``request`` for ``request_id`` and
``fingerprint`` for the header facts, both 64-bit hashes."""

FINGERPRINT = pl.Schema({"fingerprint": pl.Int64(), **{name: REQUEST[name] for name in FACTS}})
"""Header facts by their code."""


def bucket_of(account: str, buckets: int) -> pl.Expr:
    """Return the bucket of an account column: a stable hash, the same in every version."""
    hashed: pl.Expr = plh.col(account).nchash.xxh3_64()
    return (hashed % buckets).cast(pl.Int32).alias("bucket")
