"""One log dialect: how the fields of a log format feed the native columns."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from detector.ingest.fieldmap import FieldMap
from detector.ingest.fields import parts, read_types

__all__ = ["Dialect", "Lack"]


@dataclass(frozen=True, slots=True)
class Lack:
    """Native columns that a format cannot feed, and why."""

    columns: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one log format feeds the native columns.

    Attributes:
        name: its name, or the path of a user's file.
        about: the format in one line.
        source: the document of the format.
        signs: sets of field addresses; a log that has all of one set may be of this dialect.
        map: where every native column stands.
        records: addresses of lists of records inside one line or row.
        key_values: fields of such a record that are lists of key and value.
        request: native column without which a record is no request.
        order: fields of the form without a header row, in order; () where there is none.
        lacks: what the format cannot feed.

    """

    name: str
    about: str = ""
    source: str = ""
    signs: tuple[tuple[str, ...], ...] = ()
    map: FieldMap = field(default_factory=FieldMap)
    records: tuple[str, ...] = ()
    key_values: tuple[str, ...] = ()
    request: str = ""
    order: tuple[str, ...] = ()
    lacks: tuple[Lack, ...] = ()

    @property
    def feeds(self) -> frozenset[str]:
        """Native columns that the dialect can feed."""
        headers = self.map.headers
        fed = {name for name, ways in self.map.columns.items() if ways}
        if headers.names or headers.pairs:
            fed |= {"header_names", "headers_complete"}
        if headers.pairs or self.map.header_values:
            fed.add("header_values")
        return frozenset(fed)

    @property
    def schema(self) -> pl.Schema:
        """How to read JSON lines: the top-level fields that the dialect uses.

        Single values are text, whatever the line holds. A field of an object is looked
        for inside it and under one name with dots.
        """
        types = self.map.types()
        read = read_types(types, key_values=())
        for address in self.records:
            held: pl.DataType = pl.Struct(read_types(types, self.key_values))
            *outer, last = reversed([name.removesuffix("[]") for name in parts(address)])
            for name in outer:
                held = pl.Struct({name: pl.List(held)})
            read[last] = pl.List(held)
        return pl.Schema(read)

    def to_native(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Map a frame of this dialect onto the native columns.

        Args:
            frame: lines read with ``schema``, or a table with types of its own. A column
                ``row`` is kept, and repeated where one row holds several records.

        Returns:
            The native columns that the frame can feed, of types that ``coerced`` reads,
            times in UTC, and ``row``; nothing else comes through. A column whose fields
            are all missing is left out; a value that cannot be read is null.

        """
        records = [found for address in self.records if (found := _records(frame, address)) is not None]
        if records:
            tops = [parts(address)[0].removesuffix("[]") for address in self.records]
            held = [name for name in tops if name in frame.collect_schema()]
            plain = frame.filter(pl.all_horizontal(pl.col(name).is_null() for name in held)).drop(held)
            mapped = pl.concat([self._mapped(one) for one in (plain, *records)], how="diagonal_relaxed")
        else:
            mapped = self._mapped(frame)
        if self.request and self.request in mapped.collect_schema():
            return mapped.filter(pl.col(self.request).is_not_null())
        return mapped

    def _mapped(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        types = frame.collect_schema()
        row = [pl.col("row")] if "row" in types else []
        return frame.select(*row, *self.map.native(types).values())


def _records(frame: pl.LazyFrame, address: str) -> pl.LazyFrame | None:
    """Return a row a record of nested lists, None where the frame does not hold them."""
    types: dict[str, Any] = dict(frame.collect_schema())
    kept = ["row"] if "row" in types else []
    record = pl.col("record")
    for depth, part in enumerate(parts(address)):
        name = part.removesuffix("[]")
        dtype = types.get(name)
        if not isinstance(dtype, pl.List) or not isinstance(dtype.inner, pl.Struct):
            return None
        frame = frame.select(
            *kept, (record.struct.field(name) if depth else pl.col(name)).alias("record")
        ).explode("record")
        frame = frame.filter(record.is_not_null())
        types = {one.name: one.dtype for one in dtype.inner.fields}
    return frame.select(*kept, *(record.struct.field(name) for name in types if name != "row"))
