"""Lists of text that a Parquet file holds plainly, told apart without being read.

polars and others write the header lists of a log plainly: each name of each header of
each request. Decoding them takes longer than all other columns, and only the distinct
ones are wanted. So each row gets a hash of its bytes, and few rows are read.
"""

import secrets
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import IO, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from detector.errors import InputError
from detector.ingest.sources.objects import opened
from detector.ingest.sources.pages import Page, pages
from detector.ingest.sources.parquet import open_parquet

__all__ = ["PlainLists", "plain_lists"]

_SECRETS = np.array([secrets.randbits(64) for _ in range(3)], dtype=np.uint64)

_CODECS = {"SNAPPY": "snappy", "GZIP": "gzip", "BROTLI": "brotli", "ZSTD": "zstd"}

_SAMPLE = 10_000
_MOST_DISTINCT = 500
"""Distinct lists among ``_SAMPLE`` rows: with more it is quicker to decode all."""

_NULL, _EMPTY, _NO_ELEMENT = 0, 1, 2
"""Definition levels: no list, a list of nothing, an element that is null. What is deeper is inside one."""

_TEXT, _FIELD = 3, 4
"""Definition levels of a text that is an element, and of one that is a field of an element."""

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Keys = np.ndarray[Any, np.dtype[np.uint64]]


@dataclass(frozen=True, slots=True)
class _Leaf:
    """The texts of a column of lists, or of one field of a column of lists of structs.

    Attributes:
        column: name of the column.
        top: definition level of a text that is there.
        codec: unpacks pages.
        pages: of the row group.
        firsts: number of the first row of each page.
        starts: where in its page the texts of each row begin.
        keys: a hash a row.

    """

    column: str
    top: int
    codec: pa.Codec | None
    pages: list[Page]
    firsts: list[int]
    starts: np.ndarray[Any, np.dtype[np.int64]]
    keys: Keys

    def values(self, numbers: Sequence[int]) -> Iterator[list[tuple[int, bytes | None]]]:
        """Give the definition levels and texts of some rows, whose numbers ascend."""
        for page, group in groupby(numbers, lambda number: bisect_right(self.firsts, number) - 1):
            content, _, repeats, depths = _opened(self.pages[page], self.codec, self.top)
            cuts = [*np.flatnonzero(repeats == 0).tolist(), len(repeats)]
            for number in group:
                row = number - self.firsts[page]
                yield list(self._texts(content, self.starts[number], depths[cuts[row] : cuts[row + 1]]))

    def _texts(self, content: Bytes, at: int, depths: Bytes) -> Iterator[tuple[int, bytes | None]]:
        for depth in depths.tolist():
            text = None
            if depth == self.top:
                end = at + 4 + int.from_bytes(content[at : at + 4].tobytes(), "little")
                text = content[at + 4 : end].tobytes()
                at = end
            yield depth, text


@dataclass(frozen=True, slots=True)
class PlainLists:
    """The lists of a row group.

    Attributes:
        types: of the columns, by name.
        leaves: their texts.

    """

    types: dict[str, pa.DataType]
    leaves: list[_Leaf]

    def keys(self, start: int, rows: int) -> list[pl.Series]:
        """Return hashes of the lists of a run of rows; where all are the same, the lists are."""
        return [pl.Series(leaf.keys[start : start + rows]) for leaf in self.leaves]

    def take(self, numbers: Sequence[int]) -> pa.RecordBatch:
        """Return the lists of some rows, text as bytes.

        Args:
            numbers: of the rows within the row group.

        Raises:
            ValueError: a list of structs has more of one field than of another.

        """
        order = sorted(set(numbers))
        place = {number: index for index, number in enumerate(order)}
        columns = {
            name: [lists[place[number]] for number in numbers]
            for name, lists in ((name, self._lists(name, order)) for name in self.types)
        }
        return pa.RecordBatch.from_arrays(
            [pa.array(lists, _of_bytes(self.types[name])) for name, lists in columns.items()], list(columns)
        )

    def _lists(self, name: str, numbers: Sequence[int]) -> list[list[Any] | None]:
        leaves = [leaf for leaf in self.leaves if leaf.column == name]
        inner = self.types[name].value_type
        fields = [field.name for field in inner] if pa.types.is_struct(inner) else None
        rows = zip(*(leaf.values(numbers) for leaf in leaves), strict=True)
        return [_list([*zip(*row, strict=True)], fields) for row in rows]


def plain_lists(path: str, group: int, columns: Sequence[str]) -> PlainLists | None:
    """Hash the lists of a row group.

    Args:
        path: the file.
        group: number of the row group.
        columns: names of columns of lists of text, or of lists of structs of text.

    Returns:
        None where the file holds them in another way or is damaged, where they differ
        too often to be read one by one, and where numba is not installed.

    """
    try:
        with open_parquet(path) as file, opened(path) as source:
            held = file.metadata.row_group(group)
            types = {name: file.schema_arrow.field(name).type for name in columns}
            leaves = [
                _leaf(source, held.column(number), file.schema.column(number), held.num_rows)
                for number in range(held.num_columns)
                if held.column(number).path_in_schema.partition(".")[0] in types
            ]
    except (ValueError, RecursionError, ImportError, InputError):
        return None
    if any(pl.Series(leaf.keys[:_SAMPLE]).n_unique() > _MOST_DISTINCT for leaf in leaves):
        return None
    return PlainLists(types, leaves)


def _leaf(source: IO[bytes], chunk: pq.ColumnChunkMetaData, column: pq.ColumnSchema, rows: int) -> _Leaf:
    """Hash the texts of each row of a row group; ValueError where they are not plain."""
    from detector.ingest.sources.kernels import row_keys  # noqa: PLC0415  # slow to load: small logs do without

    names = chunk.path_in_schema.split(".")
    top = column.max_definition_level
    if (
        chunk.physical_type != "BYTE_ARRAY"
        or column.max_repetition_level != 1
        or top not in {_TEXT, _FIELD}
        or top != len(names)
        or chunk.has_dictionary_page
        or chunk.compression not in {"UNCOMPRESSED", *_CODECS}
    ):
        raise ValueError("texts that are not plain")
    source.seek(chunk.data_page_offset)
    found = list(pages(source.read(chunk.total_compressed_size)))
    codec = pa.Codec(_CODECS[chunk.compression]) if chunk.compression in _CODECS else None
    keys, starts = np.empty(rows, dtype=np.uint64), np.empty(rows, dtype=np.int64)
    firsts, done = [], 0
    for page in found:
        firsts.append(done)
        read = row_keys(*_opened(page, codec, top), top, _SECRETS, keys[done:], starts[done:])
        if read < 0:
            raise ValueError("a page that is damaged, or goes on with a row of the page before")
        done += read
    if done != rows:
        raise ValueError("rows that are missing")
    return _Leaf(names[0], top, codec, found, firsts, starts, keys)


def _opened(page: Page, codec: pa.Codec | None, top: int) -> tuple[Bytes, int, Bytes, Bytes]:
    """Unpack a page: its bytes, where its texts begin, repetition and definition levels."""
    from detector.ingest.sources.kernels import levels  # noqa: PLC0415  # as above

    content = np.frombuffer(codec.decompress(page.packed, page.size) if codec else page.packed, np.uint8)
    start = 0
    read = []
    for highest in (1, top):
        found = np.empty(page.values, dtype=np.uint8)
        end = start + 4 + int.from_bytes(content[start : start + 4].tobytes(), "little")
        if end > len(content) or not levels(content, start + 4, end, highest.bit_length(), found):
            raise ValueError("levels that are damaged")
        read.append(found)
        start = end
    return content, start, read[0], read[1]


def _list(values: list[tuple[tuple[int, bytes | None], ...]], fields: list[str] | None) -> list[Any] | None:
    """Return a list of texts, or of structs by field.

    Args:
        values: of each element the definition level and the text in each leaf.
        fields: names of the fields, one a leaf; None where the texts are the elements.

    """
    first = values[0][0][0]
    if first in {_NULL, _EMPTY}:
        return None if first == _NULL else []
    if fields is None:
        return [text for ((_, text),) in values]
    return [
        None
        if value[0][0] == _NO_ELEMENT
        else {name: text for name, (_, text) in zip(fields, value, strict=True)}
        for value in values
    ]


def _of_bytes(found: pa.DataType) -> pa.DataType:
    """Return the type of a list with bytes for text."""
    inner = found.value_type
    if pa.types.is_struct(inner):
        return pa.large_list(pa.struct([(field.name, pa.large_binary()) for field in inner]))
    return pa.large_list(pa.large_binary())
