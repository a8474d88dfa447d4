"""The rows of a native log as found, a bounded number at a time.

The header lists of a row are most of its bytes, and only their distinct values are
wanted. So rows come without them, but with a key of their facts.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import polars as pl
import pyarrow as pa

from detector.ingest.fingerprints import FACTS
from detector.ingest.packed import Packed
from detector.ingest.parts import NATIVE, ROW
from detector.ingest.rawfacts import hashes_of_lists, keys_of_frame, keys_of_rows
from detector.ingest.sources.blocks import line_blocks
from detector.ingest.sources.logfile import LogFile
from detector.ingest.sources.parquet import (
    is_common,
    list_frame,
    packed_columns,
    read_group,
    row_spans,
    types_of,
)
from detector.schema import REQUEST

__all__ = ["Found", "open_found"]

WANTED = tuple(name for name in REQUEST if name in {*FACTS, *(NATIVE.get(own, own) for own in ROW)})
"""Columns that are read: the header facts, and those that rows are made of."""

BATCH_ROWS = 130_000
"""Rows of Parquet taken at a time without their header lists."""

LIST_ROWS = 65_000
"""Rows of Parquet taken at a time with their header lists, which are most of the memory."""

SLICE_ROWS = 20_000
"""Rows of Parquet taken at a time where polars reads it: it decodes them anew for each slice."""

STREAM_ROWS = 10_000
"""Rows taken at a time where polars reads ahead: more make it slower and hold more memory."""

BLOCK_BYTES = 8 << 20
"""Lines of JSON taken at a time: polars would take hundreds of MB of a file ahead."""

SPAN_ROWS = 1_000_000
"""Rows of Parquet read by one thread; a smaller file is read by one as a whole."""


@dataclass(frozen=True, slots=True)
class Found:
    """Some rows of a log.

    Attributes:
        packed: those of ``WANTED`` that the file has, as found; header lists may be left out.
        keys: a hash of the raw header facts of each row, good for comparing rows of
            files of one format with the same header facts of the same types.
        whole: gives rows by number as found, header facts and all.

    """

    packed: Packed
    keys: pl.Series
    whole: Callable[[pl.Series], pl.DataFrame]


def open_found(file: LogFile) -> tuple[pl.Schema, list[Iterator[Found]]]:
    """Open a file or table of native columns.

    Returns:
        - the types of its columns as found, partition keys among them;
        - iterators over parts of its rows, which may run side by side.

    Raises:
        InputError: the file is damaged; the iterators raise it too.

    """
    if file.format == "ndjson":
        types = file.native()[1]
        added = dict.fromkeys(file.missing(types), pl.String())
        return pl.Schema({**types, **added}), [_polars(file, _json(file, types))]
    scanned, found = file.scan()
    wanted = [name for name in found if name in WANTED]
    if file.format == "parquet":
        arrow = types_of(file.path)
        if all(is_common(arrow[name]) for name in wanted if name in arrow):
            return found, [_arrow(file, span) for span in row_spans(file.path, SPAN_ROWS)]
    return found, [_polars(file, _frames(file, scanned.select(wanted)))]


def _arrow(file: LogFile, span: range) -> Iterator[Found]:
    types = types_of(file.path)
    columns = [name for name in WANTED if name in types]
    lists = [name for name in columns if pa.types.is_list(types[name]) or pa.types.is_large_list(types[name])]
    flat = [name for name in columns if name not in lists]
    literals = [file.partition(key) for key in file.missing(types)]
    with file.reading():
        for group in span:
            for batch in read_group(file.path, group, columns, LIST_ROWS if lists else BATCH_ROWS):
                packed = packed_columns(batch.select(flat))
                packed = Packed(packed.rows.with_columns(literals), packed.texts)
                held = batch.select(lists)
                keys = keys_of_rows(packed, hashes_of_lists(held))
                yield Found(packed, keys, partial(_whole, packed, held, types))


def _whole(
    packed: Packed, lists: pa.RecordBatch, types: Mapping[str, pa.DataType], numbers: pl.Series
) -> pl.DataFrame:
    rows = Packed(packed.rows[numbers], packed.texts).unpacked()
    return rows.hstack(list_frame(lists.take(numbers.to_arrow()), types))


def _polars(file: LogFile, frames: Iterator[pl.DataFrame]) -> Iterator[Found]:
    with file.reading():
        for frame in frames:
            yield Found(Packed(frame), keys_of_frame(frame), frame.__getitem__)


def _json(file: LogFile, types: pl.Schema) -> Iterator[pl.DataFrame]:
    schema = {name: dtype for name, dtype in types.items() if name in WANTED}
    literals = [file.partition(key) for key in file.missing(types)]
    for block in line_blocks(file.path, BLOCK_BYTES):
        yield pl.scan_ndjson(block, schema=schema).with_columns(literals).collect()


def _frames(file: LogFile, scanned: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    if file.format == "parquet":
        # Slices hold memory down where batches of a scan would decode whole row groups ahead.
        for start in range(0, file.rows() or 0, SLICE_ROWS):
            yield scanned.slice(start, SLICE_ROWS).collect()
    else:
        yield from scanned.collect_batches(chunk_size=STREAM_ROWS, maintain_order=True, engine="streaming")
