"""Keys of header facts as a log holds them, before any of them is read.

A log repeats a few hundred combinations of header facts millions of times. So rows are
told apart by a hash of the raw values, and the facts are read once a distinct hash.

Lists are hashed where Arrow has them: the texts of one row lie side by side in one
buffer (https://arrow.apache.org/docs/format/Columnar.html), so a row costs two hashes,
one of its bytes and one of the lengths that cut them, whatever the number of headers.
Where a file holds text as a dictionary, the hashes of its values stand for them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from detector.ingest.fingerprints import FACTS, FACTS_KEY
from detector.ingest.packed import Packed
from detector.ingest.sources.parquet import as_bytes

__all__ = ["hashes_of_lists", "keys_of_frame", "keys_of_rows"]

Offsets = np.ndarray[tuple[int], np.dtype[np.int64]]


MIXER = np.uint64(0x9E3779B97F4A7C15)
"""Odd, with its bits evenly spread: the 64 bits of the golden ratio (Knuth, The Art of Computer
Programming, volume 3, 6.4). Hashes are joined by it as Fowler, Noll and Vo's FNV-1a joins bytes."""


def keys_of_frame(frame: pl.DataFrame) -> pl.Series:
    """Return a hash of the facts of each row, of whatever types they are; 0 where there are none."""
    there = [pl.col(name).hash() for name in FACTS if name in frame.columns]
    key = pl.struct(there).hash() if there else pl.repeat(0, pl.len(), dtype=pl.UInt64)
    return frame.select(key.alias(FACTS_KEY)).to_series()


def keys_of_rows(flat: Packed, lists: Sequence[pl.Series]) -> pl.Series:
    """Return a hash of the facts of each row.

    Args:
        flat: holds the facts that are no lists.
        lists: hashes of the others.

    """
    key = np.zeros(flat.rows.height, dtype=np.uint64)
    for hashes in (*(_hashes_of_column(flat, name) for name in FACTS if name in flat.rows.columns), *lists):
        key = (key ^ hashes.to_numpy()) * MIXER
    return pl.Series(FACTS_KEY, key)


def hashes_of_lists(lists: pa.RecordBatch) -> list[pl.Series]:
    """Return hashes of lists of text, or of structs of text, several a column."""
    hashes = []
    for column in lists.columns:
        hashes.append(pl.Series(column.is_valid()).cast(pl.UInt64))
        # Offsets stand for a slice as it is; of the values all are there.
        hashes += _hashes(column.values, pl.Series(column.offsets).to_numpy().astype(np.int64, copy=False))
    return hashes


def _hashes_of_column(flat: Packed, name: str) -> pl.Series:
    if name not in flat.texts:
        return flat.rows.get_column(name).hash()
    return flat.texts[name].hash().gather(flat.rows.get_column(name)).fill_null(0)


def _hashes(values: pa.Array, cuts: Offsets) -> Iterator[pl.Series]:
    """Give hashes by row of text or structs of text; ``cuts`` says between which values a row lies."""
    if pa.types.is_struct(values.type):
        if values.null_count:
            yield _hashed(_is_known(values), cuts)
        for number in range(values.type.num_fields):
            yield from _hashes(values.field(number), cuts)
    elif pa.types.is_dictionary(values.type):
        of_text = pl.Series(as_bytes(values.dictionary)).hash()
        of_value = of_text.gather(pl.Series(values.indices))
        yield _hashed(of_value.fill_null(0).to_numpy(), cuts)
    else:
        ends = _ends(values)
        lengths = np.diff(ends)
        if values.null_count:
            lengths[~_is_known(values)] = -1
        yield _hashed(lengths, cuts)
        yield _hashed_bytes(values.buffers()[2] or b"", ends[cuts])


def _hashed(values: np.ndarray[Any, Any], cuts: Offsets) -> pl.Series:
    return _hashed_bytes(np.ascontiguousarray(values), values.itemsize * cuts)


def _hashed_bytes(content: Any, cuts: Offsets) -> pl.Series:
    buffers = [None, pa.py_buffer(cuts), pa.py_buffer(content)]
    return pl.Series(pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(cuts) - 1, buffers)).hash()


def _ends(text: pa.Array) -> Offsets:
    """Return where in its buffer each text begins, and where the last one ends."""
    offsets = text.buffers()[1]
    if offsets is None:
        return np.zeros(1, dtype=np.int64)
    width = np.int64 if pa.types.is_large_string(text.type) else np.int32
    return np.frombuffer(offsets, width)[text.offset : text.offset + len(text) + 1].astype(
        np.int64, copy=False
    )


def _is_known(values: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    known: np.ndarray[Any, np.dtype[np.bool_]] = pl.Series(values.is_valid()).to_numpy()
    return known
