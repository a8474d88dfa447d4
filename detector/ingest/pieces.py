"""Shards on disk: files of pieces, each a stream of Arrow IPC with the texts of its rows.

Numbers take the narrowest type that holds them, texts are dictionaries. So pieces are as
small as packed ones, and cost neither packing nor unpacking.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import polars as pl
import pyarrow as pa

from detector.ingest.packed import Packed
from detector.ingest.parts import ROW

__all__ = ["ShardWriter", "read_shard"]

FLUSH_ROWS = 400_000
"""Rows held at least until they are written: more take more memory."""

MOST_ROWS = 3_600_000
"""Rows held at most, however many shards there are: each takes some 400 bytes, what is made of it counted."""

PIECE_ROWS = 16_000
"""Rows that a piece of a shard has, about: with shorter ones writing and reading take longer."""

FEW_TEXTS = 256
"""So few texts are written with each piece, whether it needs them or not."""

_NARROWED = [name for name, dtype in ROW.items() if dtype in {pl.Int64, pl.Int32} and name != "fingerprint"]
"""Columns of numbers that are small more often than not."""


class ShardWriter:
    """Shards that are being written."""

    def __init__(self, folder: Path, shards: int) -> None:
        """Begin with nothing in an empty folder."""
        self._rows: Counter[int] = Counter()
        self._folder = folder
        self._shards = shards
        self._most = min(max(FLUSH_ROWS, PIECE_ROWS * shards), MOST_ROWS)
        self._open: dict[int, Any] = {}
        self._stack = ExitStack()
        self._waiting: list[Packed] = []
        self._pool = ThreadPoolExecutor(1)
        self._written: Future[None] | None = None

    def __enter__(self) -> Self:
        """Return the writer, which is to be left before its files are read."""
        return self

    def __exit__(self, *failure: object) -> None:
        """Write what waits, unless something went wrong, and close the files."""
        with self._stack, self._pool:
            if failure[0] is None:
                self._flush()
                self._finish()

    def rows(self) -> dict[Path, int]:
        """Return the files that were written and the rows of each, once all is closed."""
        return {self._path(number): rows for number, rows in sorted(self._rows.items())}

    def write(self, rows: Packed) -> None:
        """Take rows of schema ``ROW``; they are written by and by, at the latest on leaving.

        While they are, as many more may be taken; beyond that this waits for the writing.
        """
        self._waiting.append(rows)
        if sum(packed.rows.height for packed in self._waiting) >= self._most:
            self._flush()

    def _path(self, number: int) -> Path:
        return self._folder / f"shard-{number}.arrow"

    def _flush(self) -> None:
        self._finish()
        if self._waiting:
            self._written = self._pool.submit(self._split, self._waiting)
            self._waiting = []

    def _finish(self) -> None:
        if self._written:
            self._written.result()

    def _split(self, waiting: list[Packed]) -> None:
        packed = Packed.concat(waiting)
        rows, held = packed.rows, packed.texts
        # Wide rows are not kept beside the narrow ones: these are most of the memory that splitting takes.
        waiting.clear()
        del packed
        shard = (held["account"].hash() % self._shards).cast(pl.UInt16)
        rows = rows.with_columns(rows.get_column(name).shrink_dtype() for name in [*_NARROWED, *held])
        # By account too: what is told by account later comes in runs.
        place = shard.rank("ordinal").gather(rows.get_column("account"))
        rows = rows.sort(pl.lit(place), maintain_order=True)
        counts = shard.gather(rows.get_column("account")).rle().struct.unnest()
        table = rows.to_arrow().combine_chunks()
        columns = {name: table.column(name).chunk(0) for name in ROW}
        texts = {name: text.to_arrow(compat_level=pl.CompatLevel.oldest()) for name, text in held.items()}
        start = 0
        for length, number in counts.iter_rows():
            piece = {name: _narrow(columns[name].slice(start, length), texts.get(name)) for name in ROW}
            self._write(number, pa.RecordBatch.from_arrays(list(piece.values()), list(piece)))
            self._rows[number] += length
            start += length

    def _write(self, number: int, piece: pa.RecordBatch) -> None:
        if number not in self._open:
            self._open[number] = self._stack.enter_context(pa.OSFile(str(self._path(number)), "wb"))
        with pa.ipc.new_stream(self._open[number], piece.schema) as stream:
            stream.write_batch(piece)


def _narrow(column: pa.Array, texts: pa.Array | None) -> pa.Array:
    """Return a column as it is, or numbers as a dictionary of their texts, of many the needed ones."""
    if texts is None:
        return column
    if len(texts) <= FEW_TEXTS:
        return pa.DictionaryArray.from_arrays(column, texts)
    used = column.dictionary_encode()
    indices = pl.Series(used.indices).shrink_dtype().to_arrow()
    return pa.DictionaryArray.from_arrays(indices, texts.take(used.dictionary))


def read_shard(path: Path) -> pl.DataFrame:
    """Return the rows of a shard, schema ``ROW``."""
    return pl.concat(_pieces(path))


def _pieces(path: Path) -> Iterator[pl.DataFrame]:
    with pa.memory_map(str(path)) as file:
        size = file.size()
        while file.tell() < size:
            with pa.ipc.open_stream(file) as stream:
                for batch in stream:
                    yield _wide(batch)


def _wide(piece: pa.RecordBatch) -> pl.DataFrame:
    held = [name for name in ROW if pa.types.is_dictionary(piece.schema.field(name).type)]
    columns = {column.name: column for column in pl.DataFrame(pl.from_arrow(piece.drop_columns(held)))}
    for name in held:
        texts = piece.column(name)
        columns[name] = pl.Series(name, texts.dictionary)[pl.Series(texts.indices).cast(pl.UInt32)]
    # One cast of the whole frame would take longer than all of these.
    return pl.DataFrame([columns[name].cast(dtype) for name, dtype in ROW.items()])
