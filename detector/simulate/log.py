"""The request log as rows of numbers by day; codes become text at the very end, a slice at a time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from detector.schema import REQUEST
from detector.simulate.columns import COUNTS, STOPS, Kind

__all__ = ["ID_BYTES", "Day", "Log", "Words", "hex_texts"]

HELPER_MODEL = "claude-haiku-4-5"
TELEMETRY_PATH = "/api/event_logging/batch"
PROBE_PATH = "/api/hello"
COUNT_PATH = "/v1/messages/count_tokens"
EPOCH = date(1970, 1, 1)
ID_BYTES = 12
ROW_GROUP = 262_144
CODED_TEXT = pa.dictionary(pa.int16(), pa.string())
HEADERS = {
    "header_names": pa.list_(CODED_TEXT),
    "header_values": pa.list_(pa.struct({"name": CODED_TEXT, "value": CODED_TEXT})),
}
RARELY_EQUAL = {
    "timestamp",
    "request_id",
    "duration_ms",
    *(name for name in COUNTS if name.endswith("tokens")),
}
DICTIONARIES = [
    *(name for name in REQUEST if name not in RARELY_EQUAL | HEADERS.keys()),
    "header_names.list.element",
    "header_values.list.element.name",
    "header_values.list.element.value",
]
"""Columns of the file that are written by dictionary: not those whose values are hardly ever equal."""


def hex_texts(data: bytes, digits: int) -> pl.Series:
    """Write ``data`` as hexadecimal texts of ``digits`` (an even number) digits, as one buffer.

    >>> hex_texts(bytes([0, 1, 254, 255]), 4).to_list()
    ['0001', 'feff']
    """
    count = 2 * len(data) // digits
    offsets = pa.py_buffer(np.arange(0, (count + 1) * digits, digits, dtype=np.int64))
    return pl.Series(
        values=pa.LargeStringArray.from_buffers(count, offsets, pa.py_buffer(data.hex().encode()))
    )


@dataclass(frozen=True)
class Words:
    """What the codes of rows stand for.

    Attributes:
        sittings: what the rows of a sitting share, by its number.
        wires: ``user_agent``, ``http_version``, ``header_names``, ``header_values`` by code of the wire.
        ja4: TLS fingerprints by code.

    """

    sittings: pl.DataFrame
    wires: pl.DataFrame
    ja4: pl.Series

    @cached_property
    def headers(self) -> dict[str, pa.Array]:
        """Header lists by code of the wire, each name and value a code itself."""
        return {name: pa.array(self.wires[name].to_list(), dtype) for name, dtype in HEADERS.items()}


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


def _plain(day: Day, start: date, words: Words) -> pl.DataFrame:
    """Every column of the log except the header lists."""
    rows = day.rows
    wire = rows["wire"]
    epoch_us = (start - EPOCH).days * 86_400_000_000
    kind, asks = pl.col("kind"), pl.col("kind") <= Kind.HELPER
    log = rows.hstack(words.sittings[rows["sitting"]]).with_columns(
        pl.when(pl.col(*COUNTS) >= 0).then(pl.col(*COUNTS)),
        timestamp=((pl.col("start") * 1e6).cast(pl.Int64) + epoch_us).cast(REQUEST["timestamp"]),
        path=pl.when(asks)
        .then("path")
        .when(kind == Kind.PROBE)
        .then(pl.lit(PROBE_PATH))
        .when(kind == Kind.COUNT)
        .then(pl.lit(COUNT_PATH))
        .otherwise(pl.lit(TELEMETRY_PATH)),
        method=pl.when(kind == Kind.PROBE).then(pl.lit("HEAD")).otherwise(pl.lit("POST")),
        request_id=hex_texts(day.ids, 2 * ID_BYTES),
        duration_ms=(pl.col("duration") * 1e3).round(3),
        auth=pl.when(kind != Kind.PROBE).then("auth"),
        session_id=pl.when(kind != Kind.PROBE).then("session_id"),
        device_id=pl.when(asks | (kind == Kind.COUNT)).then("device_id"),
        model=pl.when(kind.is_in([Kind.INFERENCE, Kind.COUNT]))
        .then("model")
        .when(kind == Kind.HELPER)
        .then(pl.lit(HELPER_MODEL)),
        tools_hash=pl.when(kind == Kind.INFERENCE).then("tools_hash"),
        stream=pl.when(asks).then("stream"),
        stop_reason=pl.Series(STOPS).gather(
            rows.select(pl.when(pl.col("stop") >= 0).then("stop")).to_series()
        ),
        retry_after_s=pl.col("retry_after_s").fill_nan(None),
        ja4=words.ja4.gather(rows["ja4"]),
        user_agent=words.wires["user_agent"].gather(wire),
        http_version=words.wires["http_version"].gather(wire),
        headers_complete=pl.lit(value=True),
    )
    return log.select(pl.col(name).cast(dtype) for name, dtype in REQUEST.items() if name not in HEADERS)


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
        wires = self.words.wires
        days = (
            _plain(day, self.start, self.words)
            .with_columns(wires[name].gather(day.rows["wire"]) for name in HEADERS)
            .select(REQUEST.names())
            for day in self.days
        )
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
            self._table(day.part(0, 0)).schema,
            compression="zstd",
            use_dictionary=DICTIONARIES,
            write_statistics=["timestamp"],
            # The types of the file alone count: codes are read as the text that they stand for.
            store_schema=False,
        ) as writer:
            for begin in range(0, day.rows.height, ROW_GROUP):
                writer.write_table(self._table(day.part(begin, ROW_GROUP)))

    def _table(self, day: Day) -> pa.Table:
        plain = _plain(day, self.start, self.words).to_arrow(compat_level=pl.CompatLevel.newest())
        wire = day.rows["wire"].to_arrow()
        lists = {name: by_code.take(wire) for name, by_code in self.words.headers.items()}
        return pa.table([lists[name] if name in lists else plain[name] for name in REQUEST], REQUEST.names())
