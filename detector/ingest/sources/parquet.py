"""Parquet read a few rows at a time, however large its row groups are.

polars decodes whole row groups ahead, or each of them again for every slice. pyarrow
decodes as many rows as it is asked for. It checks no text, so text is taken as bytes
here and read as UTF-8 where polars gets it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from detector.ingest.packed import Packed
from detector.ingest.sources.formats import reading_fault
from detector.ingest.sources.objects import is_object, located, opened

__all__ = [
    "as_bytes",
    "is_common",
    "list_frame",
    "packed_columns",
    "read_group",
    "row_spans",
    "types_of",
]

_DICTIONARIES = {"RLE_DICTIONARY", "PLAIN_DICTIONARY"}


def types_of(path: str) -> dict[str, pa.DataType]:
    """Return the types of a file's columns by name.

    Raises:
        InputError: the file is damaged; so in all functions that open one.

    """
    with _opened(path) as file:
        return {field.name: field.type for field in file.schema_arrow}


def is_common(found: pa.DataType) -> bool:
    """Whether polars and pyarrow read a type alike.

    These are numbers, truth values, times and text, lists of text, and lists of
    structs of text.
    """
    if pa.types.is_list(found) or pa.types.is_large_list(found):
        inner = found.value_type
        return all(map(_is_text, (field.type for field in inner) if pa.types.is_struct(inner) else (inner,)))
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_timestamp)
    return _is_text(found) or any(check(found) for check in plain)


def row_spans(path: str, rows: int) -> list[range]:
    """Cut a file into runs of row groups of at least so many rows each, but for the last."""
    spans: list[range] = []
    first, held = 0, 0
    with _opened(path) as file:
        groups = file.metadata.num_row_groups
        for group in range(groups):
            held += file.metadata.row_group(group).num_rows
            if held >= rows or group == groups - 1:
                spans.append(range(first, group + 1))
                first, held = group + 1, 0
    return spans


def read_group(path: str, group: int, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Give some columns of a row group, about so many rows at a time, as many each time.

    Text that the file itself holds as a dictionary comes as one.

    Args:
        path: the file.
        group: number of the row group.
        columns: names of columns of common types.
        rows: of a batch, about: up to half as many more.

    """
    with _opened(path) as file:
        repeated = _repeated(file, group, columns)
        held = file.metadata.row_group(group).num_rows
    # A last batch of a few rows would take nearly as long as a whole one.
    rows = max(1, ceil(held / max(1, round(held / rows))))
    # Dictionaries of lists cannot change within a batch, as they do between row groups.
    with _opened(path, read_dictionary=repeated) as file:
        yield from file.iter_batches(rows, [group], columns, use_threads=False)


def packed_columns(batch: pa.RecordBatch) -> Packed:
    """Return a batch without lists; what is a dictionary there is packed here.

    Raises:
        polars.exceptions.ComputeError: some text is not UTF-8.

    """
    columns = {name: batch.column(name) for name in batch.schema.names}
    held = {name: column for name, column in columns.items() if pa.types.is_dictionary(column.type)}
    return Packed(
        pl.DataFrame(
            [
                pl.Series(name, column.indices).reinterpret(signed=False)
                if name in held
                else _series(name, column)
                for name, column in columns.items()
            ]
        ),
        {name: _series(name, column.dictionary) for name, column in held.items()},
    )


def list_frame(batch: pa.RecordBatch, types: Mapping[str, pa.DataType]) -> pl.DataFrame:
    """Return a batch of lists, whose types in the file are given, as a frame of polars.

    Raises:
        polars.exceptions.ComputeError: some text is not UTF-8.

    """
    try:
        batch.validate(full=True)
        columns = [batch.column(name).cast(types[name]) for name in batch.schema.names]
    except pa.ArrowInvalid as error:
        raise pl.exceptions.ComputeError(str(error)) from error
    return pl.DataFrame(
        [pl.Series(name, column) for name, column in zip(batch.schema.names, columns, strict=True)]
    )


def as_bytes(text: pa.Array) -> pa.Array:
    """Return an array of text as one of bytes, which polars does not take for UTF-8 unseen."""
    return text.view(pa.large_binary() if pa.types.is_large_string(text.type) else pa.binary())


def _series(name: str, array: pa.Array) -> pl.Series:
    if _is_text(array.type):
        return pl.Series(name, as_bytes(array)).cast(pl.String)
    return pl.Series(name, array)


@contextmanager
def _opened(path: str, **options: Any) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(opened(path) if is_object(path) else located(path), **options) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError, LookupError) as error:
        # The last two come of names in a damaged footer.
        raise reading_fault(path, error) from error


def _repeated(file: pq.ParquetFile, group: int, columns: Sequence[str]) -> list[str]:
    """Return the paths of the text that a row group holds as dictionaries."""
    held = file.metadata.row_group(group)
    return [
        chunk.path_in_schema
        for chunk in map(held.column, range(held.num_columns))
        if chunk.path_in_schema.partition(".")[0] in columns
        and chunk.physical_type == "BYTE_ARRAY"
        and not _DICTIONARIES.isdisjoint(chunk.encodings)
    ]


def _is_text(found: pa.DataType) -> bool:
    return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
