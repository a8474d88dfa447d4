"""Writing sorted requests into a store's partitions, each request once."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import polars as pl
from deltalake.transaction import AddAction

from detector.ingest.store.layout import PARTITION, STORED
from detector.ingest.store.sorting import Run, merged
from detector.ingest.store.table import Store

__all__ = ["MOST_ROWS", "Written", "write_partitions"]

MOST_ROWS = 300_000
"""Requests sorted at a time."""

_ROW_GROUP = 1 << 15
"""Rows decoded together: a large bucket is read in parts of a few accounts, which are few rows of a day."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of one group of partitions.

    Attributes:
        files: the new files, in the staging folder under the path they will have.
        rows: requests in them.
        duplicates: requests left out because the store or the group holds them already.

    """

    files: tuple[AddAction, ...]
    rows: int
    duplicates: int


def write_partitions(
    store: Store, runs: Sequence[Run], name: str, beside: pl.DataFrame, most_rows: int = MOST_ROWS
) -> Iterator[Written]:
    """Merge runs and write them into the staging folder.

    Args:
        store: the store, locked for writing.
        runs: sorted requests.
        name: first part of the name of every file; no other commit may use it.
        beside: files of the store (as ``Store.files`` lists them) whose requests are not
            written again.
        most_rows: requests sorted at a time.

    """
    names = (f"{name}-{number:05d}.parquet" for number in count())
    write = partial(_write_group, store=store, names=names, beside=beside)
    # A loop would hold one group while the next one is sorted; map lets go of it.
    yield from map(write, merged(runs, most_rows))


def _write_group(group: pl.DataFrame, store: Store, names: Iterator[str], beside: pl.DataFrame) -> Written:
    files: list[AddAction] = []
    rows = 0
    for part in _partitions(group):
        fresh = _once(part, store, beside)
        if fresh.height:
            files.append(_write(fresh, store.staging, next(names)))
            rows += fresh.height
    return Written(tuple(files), rows, group.height - rows)


def _partitions(group: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut sorted rows into their partitions, as views: a copy of a group is as large as the group."""
    start = 0
    for rows in group.group_by(PARTITION, maintain_order=True).len()["len"]:
        yield group.slice(start, rows)
        start += rows


def _once(part: pl.DataFrame, store: Store, beside: pl.DataFrame) -> pl.DataFrame:
    """Leave out requests of a partition that stand twice in it or in the store already.

    Requests without an id cannot be told apart and all stay.
    """
    request = part["request"]
    first = request.is_null() | request.is_first_distinct()
    if not first.all():
        part = part.filter(first)
    there = beside.join(part.select(PARTITION).head(1), on=PARTITION, how="semi")["path"]
    if there.is_empty():
        return part
    held = pl.scan_parquet([store.path / path for path in there], glob=False, hive_partitioning=False).select(
        "request"
    )
    return part.lazy().join(held, on="request", how="anti", maintain_order="left").collect()


def _write(part: pl.DataFrame, staging: Path, name: str) -> AddAction:
    day, bucket = part.select(PARTITION).row(0)
    place = f"day={day}/bucket={bucket}/{name}"
    path = staging / place
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = part.select([column for column in STORED if column not in PARTITION])
    rows.write_parquet(path, compression="zstd", statistics=True, row_group_size=_ROW_GROUP)
    first, last = (
        rows.select(
            pl.col("account_id").first() if edge == "min" else pl.col("account_id").last(),
            getattr(pl.col("timestamp"), edge)().dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
        ).row(0, named=True)
        for edge in ("min", "max")
    )
    statistics = {
        "numRecords": rows.height,
        "minValues": first,
        "maxValues": last,
        "nullCount": {"account_id": 0, "timestamp": 0},
    }
    return AddAction(
        path=place,
        size=path.stat().st_size,
        partition_values={"day": str(day), "bucket": str(bucket)},
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps(statistics),
    )
