"""The limit of every reader: decode the columns that scoring needs, and do nothing with them.

A process of its own::

    python -m benchmarks.decode store STORE TARGET
    python -m benchmarks.decode native LOG TARGET

Files are decoded a group at a time and dropped, so memory does not grow with the log. TARGET
receives the number of rows.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from detector.ingest.store.layout import PARTITION, STORED
from detector.schema import REQUEST

__all__ = ["decode"]

GROUP_BYTES = 32 * 2**20
"""Bytes of files that are decoded together, at least, unless they are the last."""

UNUSED = {"method", *PARTITION}
"""Columns that scoring does not look into; the parts of a store's paths are in no file."""

COLUMNS = {
    "native": [name for name in REQUEST if name not in UNUSED],
    "store": [name for name in STORED if name not in UNUSED],
}
"""What is decoded of each kind of log; of the native one that is the lists of headers too."""


def decode(log: Path, kind: str) -> int:
    """Decode all files and return the number of rows.

    Args:
        log: folder of native Parquet, or of a store of one ingest, where every file is current.
        kind: ``native`` or ``store``.

    """
    files = sorted(log.glob("day=*/bucket=*/*.parquet" if kind == "store" else "**/*.parquet"))
    rows = 0
    for group in _groups(files):
        frame = pl.scan_parquet(group, glob=False, hive_partitioning=False).select(COLUMNS[kind])
        rows += frame.collect(engine="streaming").height
    return rows


def _groups(files: list[Path]) -> Iterator[list[Path]]:
    group, size = [], 0
    for file in files:
        group.append(file)
        size += file.stat().st_size
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(str(decode(Path(sys.argv[2]), sys.argv[1])), "utf-8")
