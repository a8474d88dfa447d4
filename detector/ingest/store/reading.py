"""Reading a store in parts of whole accounts."""

from collections.abc import Iterator
from functools import partial

import polars as pl

from detector.ingest.parts import PART_ROWS, ROW, Part
from detector.ingest.store.table import Store

__all__ = ["store_parts"]

HASHED = {"device": "device_id", "network": "client_ip", "tools_hash": "tools_hash"}
"""Columns of a row of which only equality matters, and the stored text they are a hash of."""

STORED_AS = {"account": "account_id"}


def store_parts(store: Store, files: pl.DataFrame, most_rows: int = PART_ROWS) -> Iterator[Part]:
    """Cut a version of a store into parts.

    Small buckets go together into one part, and a large one is cut between accounts.

    Args:
        store: the store.
        files: those of the version, as ``active_files`` lists them.
        most_rows: about how many requests a part may hold.

    """
    sizes = files.group_by("bucket").agg(pl.col("rows").sum()).sort("bucket")
    together: list[int] = []
    rows = 0
    for bucket, size in sizes.iter_rows():
        if together and rows + size > most_rows:
            yield _part(store, files, together, rows)
            together, rows = [], 0
        if 2 * size > 3 * most_rows:
            yield from _cut(store, files, bucket, most_rows)
        else:
            together.append(bucket)
            rows += size
    if together:
        yield _part(store, files, together, rows)


def _part(
    store: Store, files: pl.DataFrame, buckets: list[int], rows: int, within: tuple[str, str] | None = None
) -> Part:
    held = files.filter(pl.col("bucket").is_in(buckets))
    if within:
        # A file costs time to open, too, that turns out to have none of these accounts.
        begins, ends = pl.col("first") <= within[1], pl.col("last") >= within[0]
        held = held.filter(begins.fill_null(value=True), ends.fill_null(value=True))
    paths = [str(store.path / path) for path in held["path"]]
    name = f"bucket={','.join(map(str, buckets))}" + (f" accounts={within[0]}..{within[1]}" if within else "")
    return Part(name, rows, partial(_scan, paths, within))


def _cut(store: Store, files: pl.DataFrame, bucket: int, most_rows: int) -> Iterator[Part]:
    """Cut a bucket into ranges of accounts of about as many rows each."""
    paths = [str(store.path / path) for path in files.filter(bucket=bucket)["path"]]
    counts = (
        pl.scan_parquet(paths, glob=False, hive_partitioning=False)
        .group_by("account_id")
        .len("rows")
        .sort("account_id")
        .collect(engine="streaming")
    )
    total = int(counts["rows"].sum())
    share = total / -(-total // most_rows)
    ranges = (
        counts.with_columns(pl.col("rows").cast(pl.Int64))
        .group_by(part=((pl.col("rows").cum_sum() - pl.col("rows")) / share).floor())
        .agg(first=pl.col("account_id").min(), last=pl.col("account_id").max(), rows=pl.col("rows").sum())
        .sort("part")
    )
    for _, first, last, rows in ranges.iter_rows():
        yield _part(store, files, [bucket], rows, (first, last))


def _scan(paths: list[str], within: tuple[str, str] | None) -> pl.LazyFrame:
    frame = pl.scan_parquet(paths, glob=False, hive_partitioning=False)
    if within:
        frame = frame.filter(pl.col("account_id").is_between(pl.lit(within[0]), pl.lit(within[1])))
    hashes = {
        name: pl.when(pl.col(text).is_not_null()).then(pl.col(text).hash()) for name, text in HASHED.items()
    }
    return frame.with_columns(pl.col("request").reinterpret(signed=False)).select(
        hashes.get(name, pl.col(STORED_AS.get(name, name))).alias(name) for name in ROW
    )
