"""The request log as rows of numbers by day; codes become text at the very end, a slice at a time."""

from binascii import hexlify
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from detector.schema import REQUEST
from detector.simulate.columns import COUNTS
from detector.simulate.wording import HEADERS, Words, worded

__all__ = ["ID_BYTES", "Day", "Log", "hex_texts"]

EPOCH = date(1970, 1, 1)
ID_BYTES = 12
ROW_GROUP = 262_144
WRITTEN_ROWS = 16_384
"""Rows that a writer takes at a time; its usual 1,024 cost a twentieth more."""

RARELY_EQUAL = {
    "timestamp": "DELTA_BINARY_PACKED",
    "request_id": "DELTA_LENGTH_BYTE_ARRAY",
    "duration_ms": "PLAIN",
    **{name: "DELTA_BINARY_PACKED" for name in COUNTS if name.endswith("tokens")},
}
"""Columns whose values are hardly ever equal, and how the file encodes each."""

DICTIONARIES = [
    *(name for name in REQUEST if name not in RARELY_EQUAL | HEADERS),
    "header_names.list.element",
    "header_values.list.element.name",
    "header_values.list.element.value",
]
"""All others: columns of the file that are written by dictionary."""


def hex_texts(data: bytes, digits: int) -> pa.LargeStringArray:
    """Write ``data`` as hexadecimal texts of ``digits`` (an even number) digits, as one buffer.

    >>> hex_texts(bytes([0, 1, 254, 255]), 4).to_pylist()
    ['0001', 'feff']
    """
    count = 2 * len(data) // digits
    offsets = pa.py_buffer(np.arange(0, (count + 1) * digits, digits, dtype=np.int64))
    return pa.LargeStringArray.from_buffers(count, offsets, pa.py_buffer(hexlify(data)))


@dataclass(frozen=True, slots=True)
class Day:
    """Rows of one day.

    Attributes:
        date: the day (UTC).
        rows: columns of ``row_frame``, by time.
        ids: identifiers of the rows, ``ID_BYTES`` each.

    """

    date: date
    rows: pl.DataFrame
    ids: bytes

    def part(self, begin: int, size: int) -> "Day":
        """At most ``size`` rows from row ``begin`` on."""
        ids = self.ids[begin * ID_BYTES : (begin + size) * ID_BYTES]
        return Day(self.date, self.rows.slice(begin, size), ids)


def _numbers(rows: pl.DataFrame, start: date) -> pl.DataFrame:
    """Columns of the log that each row has for itself, identifiers apart."""
    epoch_us = (start - EPOCH).days * 86_400_000_000
    numbers = rows.select(
        pl.when(pl.col(*COUNTS) >= 0).then(pl.col(*COUNTS)),
        timestamp=(pl.col("start") * 1e6).cast(pl.Int64) + epoch_us,
        status="status",
        duration_ms=(pl.col("duration") * 1e3).round(3),
        tool_result="tool_result",
        retry_after_s=pl.col("retry_after_s").fill_nan(None),
        headers_complete=pl.lit(value=True),
    )
    return numbers.cast({name: REQUEST[name] for name in numbers.columns})


@dataclass(frozen=True)
class Log:
    """A request log.

    Attributes:
        start: first day of the period (UTC).
        days: rows of each day that has any, in order.
        words: what the codes of the rows stand for.

    """

    start: date
    days: tuple[Day, ...]
    words: Words

    @property
    def height(self) -> int:
        """Number of requests."""
        return sum(day.rows.height for day in self.days)

    def requests(self) -> pl.DataFrame:
        """Return the log as one frame, columns of ``detector.schema.REQUEST``, by time."""
        days = (pl.DataFrame(self._table(day)).cast(REQUEST) for day in self.days)
        return pl.concat([REQUEST.to_frame(), *days])

    def write(self, folder: Path) -> None:
        """Write ``date=YYYY-MM-DD/part-0.parquet`` below ``folder`` for each day, days side by side."""
        with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
            for _ in pool.map(partial(self._write_day, folder), self.days):
                pass

    def _write_day(self, folder: Path, day: Day) -> None:
        target = folder / f"date={day.date}"
        target.mkdir(parents=True)
        with pq.ParquetWriter(
            target / "part-0.parquet",
            self._table(day.part(0, 1)).schema,
            compression="zstd",
            use_dictionary=DICTIONARIES,
            column_encoding=RARELY_EQUAL,
            write_statistics=["timestamp"],
            write_batch_size=WRITTEN_ROWS,
            # The types of the file alone count: codes are read as the text that they stand for.
            store_schema=False,
        ) as writer:
            for begin in range(0, day.rows.height, ROW_GROUP):
                writer.write_table(self._table(day.part(begin, ROW_GROUP)))

    def _table(self, day: Day) -> pa.Table:
        numbers = _numbers(day.rows, self.start).to_arrow()
        columns = {
            **worded(day.rows, self.words),
            **dict(zip(numbers.column_names, numbers.columns, strict=True)),
            "request_id": hex_texts(day.ids, 2 * ID_BYTES),
        }
        return pa.table({name: columns[name] for name in REQUEST})
