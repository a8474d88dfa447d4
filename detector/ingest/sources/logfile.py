"""One file or table of a log, opened the same way whatever its format and wherever it lies."""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from deltalake.exceptions import DeltaError

from detector.ingest.sources.formats import (
    PACKED,
    FileFormat,
    columns,
    lines,
    maps_as_lists,
    native_json,
    reading_fault,
    records,
    unnamed_columns,
)
from detector.ingest.sources.objects import entity, is_object, opened
from detector.ingest.sources.sample import line_paths, schema_paths
from detector.ingest.sources.tables import Table, TableFormat, delta, iceberg, scan_table
from detector.schema import REQUEST

__all__ = ["LogFile"]

_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file or table of a log.

    Attributes:
        path: where it is: a path or an address; of an Iceberg table, its metadata file.
        name: its path relative to the source's folder, or as the user typed it.
        format: how to open it.
        partitions: Hive partition keys of the folders between the source and the file.
        version: of a Delta table, the version it had when it was found.

    """

    path: str
    name: str
    format: FileFormat | TableFormat
    partitions: dict[str, str | None] = field(default_factory=dict)
    version: int | None = None

    def scan(self) -> tuple[pl.LazyFrame, pl.Schema]:
        """Open a file of native columns.

        Returns:
            A frame and its types, as ``native``. A partition key that is a native
            column which the file itself lacks is added as text.

        Raises:
            InputError: the file is of another format than its name says, cut off or damaged.

        """
        frame, found = self.native()
        added = self.missing(found)
        return (
            frame.with_columns(self.partition(key) for key in added),
            pl.Schema({**found, **dict.fromkeys(added, pl.String())}),
        )

    def native(self) -> tuple[pl.LazyFrame, pl.Schema]:
        """Open a file of native columns without its partition keys.

        Returns:
            A frame and the types that the file has, as found. In a frame from
            NDJSON the plain columns are text, because the types of one name may
            differ from line to line.

        Raises:
            InputError: as ``scan``.

        """
        with self.reading():
            if self.format in {"ndjson", "csv"} and self.bytes() == 0:
                return pl.LazyFrame(schema=REQUEST), REQUEST
            if self.format == "ndjson":
                return native_json(self.path)
            frame = self._columns()
            return frame, frame.collect_schema()

    def missing(self, found: Collection[str]) -> list[str]:
        """Name the partition keys that are native columns which the file itself lacks."""
        return [key for key in self.partitions if key in REQUEST and key not in found]

    def partition(self, key: str) -> pl.Expr:
        """Return the value of a partition key as a column of text."""
        return pl.lit(self.partitions[key], dtype=pl.String).alias(key)

    def lines(self) -> pl.LazyFrame:
        """Return the lines of NDJSON or CSV, in one column ``line``, never null.

        A line ends in a line feed, with or without a carriage return before it.
        A byte that is not UTF-8 becomes U+FFFD, so that it spoils its own line
        only. A line ends early at a NUL, which no JSON may hold. A byte order
        mark is dropped. ``collect_batches`` streams it, packed or not; read it
        under ``reading``.
        """
        return lines(self.path)

    def records(self, schema: pl.Schema) -> pl.LazyFrame:
        """Return the records of NDJSON, of each the fields of a schema; read it under ``reading``.

        A field that a record lacks, and a value that does not fit its type, is null. A
        line that is no JSON fails the whole.
        """
        return records(self.path, schema)

    def frame(self, order: Sequence[str] = ()) -> pl.LazyFrame:
        """Return the columns of a file that is not NDJSON, as found.

        Args:
            order: names of the columns of CSV, for a file whose first row holds none of them.

        The columns of CSV are text, and empty text is null. A map is a list of
        structs of ``key`` and ``value``. Every partition key
        that the file lacks is added as text. Read it under ``reading``.

        Raises:
            InputError: the file is of another format than its name says, cut off or damaged.

        """
        with self.reading():
            frame = self._columns()
            found = frame.collect_schema()
            if order and self.format == "csv" and not set(order) & set(found):
                frame = unnamed_columns(self.path, order)
                found = frame.collect_schema()
        return frame.with_columns(self.partition(key) for key in self.partitions if key not in found)

    def fields(self) -> frozenset[str]:
        """Return the paths of the fields that hold no others, partition keys included.

        Keys of objects are joined by ``.``, the elements of a list are ``[]``:
        ``httpRequest.headers[].name``. Those of NDJSON are the fields of the
        first 200 lines, others stand in the schema. A map is a list of ``key``
        and ``value``. What is no JSON has none.

        Raises:
            InputError: as ``frame``.

        """
        if self.format != "ndjson":
            return schema_paths(self.frame().collect_schema())
        with self.reading():
            first = lines(self.path).head(_SAMPLE).collect(engine="streaming")
        return line_paths(first.get_column("line")) | self.partitions.keys()

    def identity(self) -> str:
        """Return what tells the content, in hex: the same under another name, another after a change.

        Of a file it is the SHA-256 of its bytes. Of an object it is that of
        address, size and entity tag (the time of change in a store without), of a
        table that of id and version, so neither is read.
        """
        if table := self._table():
            return _digest(table.id, table.version)
        with self.reading():
            if is_object(self.path):
                return _digest(self.path, *entity(self.path))
            with Path(self.path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

    def state(self) -> str:
        """Return what changes when the file does, in hex, without reading it.

        Of a file it is path, size and time of change, else as ``identity``.
        """
        if self.format == "store":
            return _digest(self.path, self.version or 0)
        if self._table() or is_object(self.path):
            return self.identity()
        with self.reading():
            found = Path(self.path).stat()
        return _digest(str(Path(self.path).resolve()), found.st_size, found.st_mtime_ns)

    def bytes(self) -> int | None:
        """Return the size in bytes, None where that is unknown; for showing progress."""
        if table := self._table():
            return table.bytes
        with self.reading(), opened(self.path) as file:
            return file.seek(0, os.SEEK_END)

    def rows(self) -> int | None:
        """Return about how many rows there are, None where only reading would tell; for showing progress.

        Parquet and tables say it. For text it is the size over the mean length
        of the first lines, which packed text does not tell.
        """
        if table := self._table():
            return table.rows
        with self.reading():
            if self.format == "parquet":
                return int(self._columns().select(pl.len()).collect().item())
            size = self.bytes()
            if size is None or self.path.lower().endswith(PACKED):
                return None
            length = pl.col("line").str.len_bytes().mean() + 1
            mean = lines(self.path).head(_SAMPLE).select(length).collect(engine="streaming").item()
        return round(size / mean) if mean else 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn whatever goes wrong while the file is read into an ``InputError`` that names it."""
        try:
            yield
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, DeltaError, OSError) as error:
            raise reading_fault(self.path, error) from error

    def _columns(self) -> pl.LazyFrame:
        match self.format:
            case "delta" | "store" | "iceberg":
                return maps_as_lists(scan_table(self.path, self.format, self.version))
            case _:
                return maps_as_lists(columns(self.path, self.format))

    def _table(self) -> Table | None:
        if self.format == "delta":
            return delta(self.path, self.version)
        return iceberg(self.path) if self.format == "iceberg" else None


def _digest(*facts: str | int) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
