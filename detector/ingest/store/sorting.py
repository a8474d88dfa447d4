"""Sorting more rows than memory holds: sorted runs on disk, merged partition by partition.

The external merge sort (Knuth, The Art of Computer Programming, volume 3, 5.4), with
polars sorting each run and each group of partitions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from detector.ingest.store.layout import PARTITION, STORED

__all__ = ["ORDER", "Run", "merged", "write_run"]

CUT = (*PARTITION, "account_id")

ORDER = (*PARTITION, "account_id", "timestamp", "request")
"""What rows are sorted by: first the partition, then the order within a file."""


@dataclass(frozen=True, slots=True)
class Run:
    """A sorted file.

    Attributes:
        path: a Parquet file, sorted by ``ORDER``.
        counts: ``day``, ``bucket``, ``rows`` of its partitions in that order.
        partition: day and bucket of a file that does not hold them as columns, by name.

    """

    path: Path
    counts: pl.DataFrame
    partition: Mapping[str, object] | None = None

    def read(self, start: int, rows: int, columns: Sequence[str] = tuple(STORED)) -> pl.DataFrame:
        """Return some columns of some rows, from a position on."""
        frame = pl.scan_parquet(self.path, glob=False, hive_partitioning=False).slice(start, rows)
        if self.partition:
            frame = frame.with_columns(
                pl.lit(value, dtype=STORED[name]).alias(name) for name, value in self.partition.items()
            )
        return frame.select(columns).collect()


def write_run(rows: pl.DataFrame, path: Path) -> Run:
    """Sort rows and write them as a run."""
    rows = rows.sort(ORDER)
    rows.write_parquet(path, compression="lz4", statistics=False, row_group_size=1 << 16)
    return Run(path, rows.group_by(PARTITION, maintain_order=True).len("rows"))


def merged(runs: Sequence[Run], most_rows: int) -> Iterator[pl.DataFrame]:
    """Give all rows of all runs in order, in frames of about ``most_rows``.

    A frame holds whole partitions, up to half as many rows more; a partition larger
    than that comes as several frames, cut between accounts.
    """
    if not runs:
        return
    table = pl.concat(
        run.counts.with_columns(
            run=pl.lit(number), end=pl.col("rows").cum_sum(), rows=pl.col("rows").cast(pl.Int64)
        )
        for number, run in enumerate(runs)
    ).with_columns(start=pl.col("end") - pl.col("rows"))
    sizes = table.group_by(PARTITION).agg(pl.col("rows").sum()).sort(PARTITION)
    group = (pl.col("rows").cum_sum() - 1) // most_rows
    for places in (
        table.join(sizes.select(*PARTITION, group=group), on=PARTITION)
        .sort("group", "run", *PARTITION)
        .partition_by("group", maintain_order=True)
    ):
        pieces = places.group_by("run", maintain_order=True).agg(pl.col("start").min(), pl.col("end").max())
        spans = [(runs[run], start, end) for run, start, end in pieces.iter_rows()]
        if 2 * places["rows"].sum() <= 3 * most_rows:
            yield _sorted(spans)
        else:
            yield from _by_account(spans, most_rows)


def _sorted(spans: list[tuple[Run, int, int]]) -> pl.DataFrame:
    return pl.concat([run.read(start, end - start) for run, start, end in spans], rechunk=False).sort(ORDER)


def _by_account(spans: list[tuple[Run, int, int]], most_rows: int) -> Iterator[pl.DataFrame]:
    """Cut a large group between accounts: find the keys to cut at, then where each run has them."""
    keys = [run.read(start, end - start, CUT) for run, start, end in spans]
    order = pl.concat(keys).sort(CUT)
    cuts = order.gather_every(most_rows, most_rows).unique(maintain_order=True)
    del order
    ends = [
        [start + int(key.select(_before(cut).sum()).item()) for cut in cuts.iter_rows()] + [end]
        for key, (_, start, end) in zip(keys, spans, strict=True)
    ]
    del keys
    starts = [start for _, start, _ in spans]
    for piece in range(cuts.height + 1):
        cut = [(run, starts[n], ends[n][piece]) for n, (run, _, _) in enumerate(spans)]
        if held := [span for span in cut if span[2] > span[1]]:
            yield _sorted(held)
        starts = [places[piece] for places in ends]


def _before(cut: tuple[Any, ...]) -> pl.Expr:
    """Say of each row whether its day, bucket and account come before a cut."""
    day, bucket, account = (pl.col(name) for name in CUT)
    at_day, at_bucket, at_account = cut
    same_day, same_bucket = day == at_day, bucket == at_bucket
    before: pl.Expr = (
        (day < at_day) | (same_day & (bucket < at_bucket)) | (same_day & same_bucket & (account < at_account))
    )
    return before
