"""From the types a log happens to have to the types of the log schema.

Every function returns an expression, or None where no value of the found type
could be meant by the column. A single value that cannot be read becomes null:
whether a null is allowed is for the caller to say.
"""

from collections.abc import Callable

import polars as pl

from detector.ingest.headers import HARMLESS_HEADERS, header_names, header_pairs
from detector.schema import REQUEST, TIME

__all__ = ["coerced", "time_of"]

_EXACT = 2**53  # floats hold every whole number below this


def coerced(name: str, found: pl.DataType) -> pl.Expr | None:
    """Return the expression that reads a native column of a found type.

    Args:
        name: a column of ``REQUEST``.
        found: the type that the file has for it.

    Returns:
        An expression named ``name`` of the schema's type, or None if the found
        type is impossible for the column. Empty text, negative counts and
        durations, NaN and infinities become null, as does any value that cannot
        be read. Text for the two header columns is read as JSON, and
        ``header_values`` is cut to ``HARMLESS_HEADERS``.

    """
    wanted = REQUEST[name]
    column = pl.col(name)
    if found == pl.Null:
        return column.cast(wanted)
    if isinstance(found, pl.Categorical | pl.Enum | pl.Binary):
        column, found = column.cast(pl.String), pl.String()
    if name == "timestamp":
        read = time_of(column, found)
    elif name == "header_names":
        read = header_names(column, found)
    elif name == "header_values":
        read = header_pairs(column, found, HARMLESS_HEADERS)
    else:
        read = _SCALARS[type(wanted)](column, found)
        if wanted == pl.Int32 and read is not None:
            read = read.cast(pl.Int32, strict=False)
    return None if read is None else read.alias(name)


def _text(column: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Read text; whole floats lose their ``.0``, and those too large to be exact become null."""
    if found.is_integer():
        return column.cast(pl.String)
    if found.is_float():
        whole = column == column.floor()
        column = (
            pl.when(whole & (column.abs() < _EXACT))
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .when(whole.not_() & column.is_finite())
            .then(column.cast(pl.String))
        )
    elif found.is_decimal():
        column = column.cast(pl.String).str.replace(r"\.0+$", "")
    elif found != pl.String:
        return None
    return pl.when(column != "").then(column)


def _whole(column: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Read a count; fractions and negative numbers become null."""
    if found.is_float() or (isinstance(found, pl.Decimal) and found.scale):
        column = _whole_float(column.cast(pl.Float64))
    elif found.is_numeric():
        column = column.cast(pl.Int64, strict=False)
    elif found == pl.String:
        column = column.str.strip_chars()
        column = pl.coalesce(
            column.cast(pl.Int64, strict=False), _whole_float(column.cast(pl.Float64, strict=False))
        )
    else:
        return None
    return pl.when(column >= 0).then(column)


def _whole_float(column: pl.Expr) -> pl.Expr:
    return pl.when(column == column.floor()).then(column).cast(pl.Int64, strict=False)


def _real(column: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Read a duration; negative, infinite and NaN become null."""
    if found == pl.String:
        column = column.str.strip_chars()
    elif not found.is_numeric():
        return None
    column = column.cast(pl.Float64, strict=False)
    return pl.when(column.is_finite() & (column >= 0)).then(column)


def _flag(column: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Read a truth value from booleans, 0 and 1, ``true`` and ``false`` in any case."""
    if found == pl.Boolean:
        return column
    if found == pl.String:
        column = column.str.strip_chars().str.to_lowercase()
        yes, no = column.is_in(["true", "1"]), column.is_in(["false", "0"])
    elif found.is_numeric():
        yes, no = column == 1, column == 0
    else:
        return None
    return pl.when(yes).then(True).when(no).then(False)


_SCALARS: dict[type, Callable[[pl.Expr, pl.DataType], pl.Expr | None]] = {
    pl.String: _text,
    pl.Int32: _whole,
    pl.Int64: _whole,
    pl.Float64: _real,
    pl.Boolean: _flag,
}


def time_of(column: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Read a time in UTC, to the microsecond; a time without a zone is UTC.

    Text may be RFC 3339 or a number, a number seconds, ms, us or ns since 1970. None
    where the type cannot hold a time.
    """
    if isinstance(found, pl.Datetime):
        column = column.cast(pl.Datetime("us", found.time_zone), strict=False)
        return column.dt.convert_time_zone("UTC") if found.time_zone else column.dt.replace_time_zone("UTC")
    if found.is_integer():
        return _epoch(column.cast(pl.Int64, strict=False))
    if found.is_decimal() or found.is_float():
        return _epoch(column.cast(pl.Float64))
    if found != pl.String:
        return None
    text = column.str.strip_chars().str.to_uppercase().str.replace(r"^(\S{10})\s+", "${1}T")
    text = text.str.replace("Z$", "+00:00").str.replace(r"(T.*[+-]\d{2})$", "${1}:00")
    zoned = pl.when(text.str.contains(r"T.*[+-]\d{2}:?\d{2}$")).then(text).otherwise(text + "+00:00")
    return pl.coalesce(
        zoned.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False),
        _epoch(text.cast(pl.Int64, strict=False)),
        _epoch(text.cast(pl.Float64, strict=False)),
    )


def _epoch(number: pl.Expr) -> pl.Expr:
    """Read seconds, ms, us or ns since 1970, told apart by size.

    Between the years 1973 and 5138 no value can be taken for one in another unit.
    """
    us = (
        pl.when(number.is_between(-(10**11), 10**11))
        .then((number * 1_000_000).round())
        .when(number.is_between(-(10**14), 10**14))
        .then((number * 1_000).round())
        .when(number.is_between(-(10**17), 10**17))
        .then(number)
        .otherwise(number // 1_000)
    )
    return us.cast(pl.Int64, strict=False).cast(TIME)
