"""Reading native columns from the fields of another log format.

A field map says, column by column, where the value stands and in which unit or
spelling. All of it becomes polars expressions over a frame whose types are known.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import sub
from typing import Literal

import polars as pl

from detector.ingest.coerce import time_of
from detector.ingest.fields import Found, find, single
from detector.ingest.headers import HARMLESS_HEADERS, PAIR, header_names, header_pairs, is_ordered
from detector.ingest.paths import bare_path
from detector.schema import REQUEST, TIME

__all__ = ["HEADER", "SPAN_MS", "Column", "FieldMap", "Headers"]

SPAN_MS = {"duration_ms": 1.0, "retry_after_s": 1e3}
"""Native columns that are a span of time, and the milliseconds in their unit."""

HEADER = "header:"
"""What an address begins with that means the value of a request header."""

_MS = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_ESCAPES = {f"%{code:02X}": chr(code) for code in (9, *range(32, 127))}
_NO_PAIRS = pl.lit([], dtype=pl.List(PAIR))


@dataclass(frozen=True, slots=True)
class Column:
    """One way to read a native column.

    Attributes:
        field: address of the field, or ``header:NAME`` for the value of a request header.
        unit: unit of a span of time, scaled to the native column's.
        until: address of a second time; the span between the two is read.
        format: how a time is written, in the letters of chrono's strftime.
        extract: regular expression whose first group is the value; null where it does not match.
        minus: native columns to subtract (the end of a request less its duration is its
            arrival); one that is null counts as zero.
        missing: texts that stand for no value, beside the map's.
        percent: whether the text is percent-encoded.
        constant: the same value for every record, in place of a field.

    """

    field: str = ""
    unit: Literal["", "s", "ms", "us", "ns"] = ""
    until: str = ""
    format: str = ""
    extract: str = ""
    minus: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    percent: bool = False
    constant: str = ""


@dataclass(frozen=True, slots=True)
class Headers:
    """Where the headers of the request stand.

    Attributes:
        names: address of a container of names; without it they come from ``pairs``.
        pairs: address of a container of names and values.
        shape: how JSON lines hold them: ``pairs`` (a list of objects with name and value),
            ``names`` (a list of text) or ``text`` (an object, or any of them as text).
        separator: what ends each name, or each ``name:value``, in plain text.
        limit: bytes at which the log cuts such text.
        count: address of the number of headers that the request had.
        cut_field: address of a field that says so when headers were cut ...
        cut_value: ... by holding this text.
        complete: whether the log holds every header in the order of the wire: ``yes``, ``no``
            (a subset, or sorted) or ``unknown``.

    """

    names: str = ""
    pairs: str = ""
    shape: Literal["pairs", "names", "text"] = "text"
    separator: str = ""
    limit: int = 0
    count: str = ""
    cut_field: str = ""
    cut_value: str = ""
    complete: Literal["yes", "no", "unknown"] = "unknown"


_COMPLETE = {"yes": True, "no": False, "unknown": None}
_SHAPES: dict[str, pl.DataType] = {
    "pairs": pl.List(PAIR),
    "names": pl.List(pl.String),
    "text": pl.String(),
}


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Where every native column stands.

    Attributes:
        columns: native column to the ways to read it; the first that holds a value wins.
        headers: where the headers of the request stand.
        header_values: header name to the address of a field of its own.
        missing: texts that stand for no value.

    """

    columns: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    headers: Headers = Headers()
    header_values: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def types(self) -> dict[str, pl.DataType]:
        """Return every address and the type in which JSON lines hold its field."""
        headers = self.headers
        plain = [
            address for ways in self.columns.values() for one in ways for address in (one.field, one.until)
        ]
        plain += [headers.count, headers.cut_field, *self.header_values.values()]
        types: dict[str, pl.DataType] = {
            address: pl.List(pl.String) if address.endswith("[]") else pl.String()
            for address in plain
            if address and not address.startswith(HEADER)
        }
        containers = (headers.names, headers.pairs)
        return types | {address: _SHAPES[headers.shape] for address in containers if address}

    def native(self, types: Mapping[str, pl.DataType]) -> dict[str, pl.Expr]:
        """Return the expressions of the native columns that a table of these types can feed."""
        read: dict[str, pl.Expr] = {}
        # What is subtracted from others is read before them.
        for name, ways in sorted(self.columns.items(), key=lambda item: any(one.minus for one in item[1])):
            values = [value for one in ways for value in self._values(name, one, types, read)]
            if values:
                one_type = all(value.dtype == values[0].dtype for value in values)
                read[name] = pl.coalesce(
                    value.read if one_type else value.read.cast(pl.String, strict=False) for value in values
                )
        read |= self._names(types) | self._header_values(types)
        if "path" in read:
            # A query string may hold a credential: it is cut off where the log is left.
            read["path"] = bare_path(read["path"].cast(pl.String, strict=False))
        return {name: read[name].alias(name) for name in REQUEST if name in read}

    def _values(
        self, name: str, way: Column, types: Mapping[str, pl.DataType], read: Mapping[str, pl.Expr]
    ) -> Iterator[Found]:
        """Return what one way reads, at every place of its field."""
        if way.constant:
            yield Found(pl.lit(way.constant), pl.String())
        elif name in {"header_names", "header_values"}:
            for found in find(way.field, types):
                if (listed := _container(name, found)) is not None:
                    yield Found(listed, REQUEST[name])
        elif way.until:
            yield from self._spans(name, way, types)
        else:
            less = [
                read[other].cast(pl.Float64, strict=False).fill_null(0.0)
                for other in way.minus
                if other in read
            ]
            scale = _MS[way.unit] / SPAN_MS[name] if way.unit else 1.0
            for found in self._found(way.field, way, types):
                if name == "timestamp":
                    yield from _arrival(found, way, less)
                elif way.unit or less:
                    # To the ns: 1.001 s is 1001 ms, whatever the product of the floats.
                    number = (found.read.cast(pl.Float64, strict=False) * scale).round(6)
                    yield Found(number - pl.sum_horizontal(0.0, *less), pl.Float64())
                else:
                    yield found

    def _spans(self, name: str, way: Column, types: Mapping[str, pl.DataType]) -> Iterator[Found]:
        """Return the spans between two times."""
        ends = [_moment(end, way) for end in self._found(way.until, way, types)]
        known = [end for end in ends if end is not None]
        for found in self._found(way.field, way, types):
            start = _moment(found, way)
            if start is not None and known:
                span = (pl.coalesce(known) - start).dt.total_microseconds() / (1e3 * SPAN_MS[name])
                yield Found(span, pl.Float64())

    def _found(self, address: str, way: Column, types: Mapping[str, pl.DataType]) -> list[Found]:
        """Return the single values at an address: without what stands for no value, as they are meant."""
        if address.startswith(HEADER):
            pairs = self._pairs(types, {address.removeprefix(HEADER).lower()})
            value = None if pairs is None else pairs.list.first().struct.field("value")
            held = [] if value is None else [Found(value, pl.String())]
        else:
            held = [one for one in map(single, find(address, types)) if one is not None]
        return [self._meant(one, way) for one in held]

    def _meant(self, found: Found, way: Column) -> Found:
        if found.dtype != pl.String:
            return found
        text = found.read
        if missing := [*self.missing, *way.missing]:
            text = pl.when(~text.is_in(missing)).then(text)
        if way.percent:
            text = _unescaped(text)
        return Found(text.str.extract(way.extract, 1) if way.extract else text, found.dtype)

    def _names(self, types: Mapping[str, pl.DataType]) -> dict[str, pl.Expr]:
        """Read the names, and whether they are all that came, in the order in which it came."""
        container = self.headers.names or self.headers.pairs
        names, complete = [], []
        for found in find(container, types) if container else []:
            if self._is_plain(found):
                lines = _lines(found.read, self.headers.separator)
                listed: pl.Expr | None = lines.list.eval(pl.element().str.extract("^([^:]*)", 1))
            else:
                listed = header_names(found.read, found.dtype)
            if listed is not None:
                names.append(listed.list.drop_nulls())
                complete.append(pl.when(listed.is_not_null()).then(self._complete(listed, found, types)))
        if not names:
            return {}
        return {"header_names": pl.coalesce(names), "headers_complete": pl.coalesce(complete)}

    def _complete(self, names: pl.Expr, found: Found, types: Mapping[str, pl.DataType]) -> pl.Expr:
        headers = self.headers
        known = pl.lit(_COMPLETE[headers.complete], dtype=pl.Boolean)
        # An incomplete list would show its sender as one that leaves headers out.
        whole = names.list.eval(pl.element().is_not_null()).list.all()
        if not self._is_plain(found):
            whole &= is_ordered(found.read, found.dtype)
        elif headers.limit:
            ended = found.read.str.ends_with(headers.separator)
            known = ended & (found.read.str.len_bytes() < headers.limit)
        for count in find(headers.count, types) if headers.count else []:
            told = count.read.cast(pl.Int64, strict=False)
            known = pl.coalesce(told == names.list.len(), known)
        for cut in find(headers.cut_field, types) if headers.cut_field else []:
            text = cut.read.cast(pl.List(pl.String)).list.join(" ") if cut.dtype.is_nested() else cut.read
            whole &= ~text.str.contains(headers.cut_value, literal=True).fill_null(value=False)
        return pl.when(whole).then(known).otherwise(statement=False)

    def _pairs(self, types: Mapping[str, pl.DataType], wanted: set[str]) -> pl.Expr | None:
        """Read the wanted headers with their values."""
        read = []
        for found in find(self.headers.pairs, types) if self.headers.pairs else []:
            if self._is_plain(found):
                read.append(_plain_pairs(found.read, self.headers.separator, wanted))
            elif (pairs := header_pairs(found.read, found.dtype, wanted)) is not None:
                read.append(pairs)
        return pl.coalesce(read) if read else None

    def _is_plain(self, found: Found) -> bool:
        return bool(self.headers.separator) and found.dtype == pl.String

    def _header_values(self, types: Mapping[str, pl.DataType]) -> dict[str, pl.Expr]:
        """Read the values of harmless headers: those with a field of their own, then the container's."""
        way = Column(percent=bool(self.headers.separator))
        own = []
        for name, address in self.header_values.items():
            values = [one.read.cast(pl.String) for one in self._found(address, way, types)]
            if values:
                own.append(pl.struct(name=pl.lit(name), value=pl.coalesce(values)))
        pairs = self._pairs(types, set(HARMLESS_HEADERS) - set(self.header_values))
        if not own:
            return {} if pairs is None else {"header_values": pairs}
        sent = pl.concat_list(own).list.eval(
            pl.element().filter(pl.element().struct.field("value").is_not_null())
        )
        return {"header_values": sent if pairs is None else sent.list.concat(pairs.fill_null(_NO_PAIRS))}


def _container(name: str, found: Found) -> pl.Expr | None:
    if name == "header_names":
        return header_names(found.read, found.dtype)
    return header_pairs(found.read, found.dtype, HARMLESS_HEADERS)


def _arrival(found: Found, way: Column, less: list[pl.Expr]) -> Iterator[Found]:
    """Return a time, earlier by spans in ms; one below 0 or above 11 days is bounded."""
    moment = _moment(found, way)
    if moment is not None:
        spans = [pl.duration(microseconds=(ms.fill_nan(0.0).clip(0.0, 1e9) * 1e3).round()) for ms in less]
        yield Found(reduce(sub, spans, moment), TIME)


def _moment(found: Found, way: Column) -> pl.Expr | None:
    if way.format and found.dtype == pl.String:
        return found.read.str.to_datetime(way.format, time_unit="us", time_zone="UTC", strict=False)
    return time_of(found.read, found.dtype)


def _unescaped(text: pl.Expr) -> pl.Expr:
    """Undo percent encoding of printable ASCII, which is what clients send in headers."""
    return text.str.replace_many(_ESCAPES, ascii_case_insensitive=True)


def _lines(text: pl.Expr, separator: str) -> pl.Expr:
    """Split text at separators; what follows the last one is a line only if there is something."""
    return text.str.split(separator).list.eval(pl.element().filter(pl.element() != ""))


def _plain_pairs(text: pl.Expr, separator: str, wanted: set[str]) -> pl.Expr:
    """Read lines of ``name:value``; a last one without its end was cut, and so may be its value."""
    whole = text.str.extract(f"(?s)^(.*{re.escape(separator)})", 1)
    name, value = (pl.element().str.extract("(?s)^([^:]*):(.*)$", group) for group in (1, 2))
    pair = pl.struct(name=name, value=_unescaped(value))
    kept = name.str.to_lowercase().is_in(sorted(wanted))
    return _lines(whole, separator).list.eval(pair.filter(kept))
