"""From the types a log happens to have to the types of the log schema.

Every function returns an expression, or None where no value of the found type
could be meant by the column. A single value that cannot be read becomes null:
whether a null is allowed is for the caller to say.
"""

from collections.abc import Callable

import polars as pl

from detector.schema import REQUEST, TIME

__all__ = ["HARMLESS_HEADERS", "coerced"]

HARMLESS_HEADERS = (
    "accept",
    "accept-encoding",
    "accept-language",
    "anthropic-version",
    "connection",
    "content-type",
    "sec-fetch-mode",
    "x-app",
    "x-stainless-arch",
    "x-stainless-lang",
    "x-stainless-os",
    "x-stainless-package-version",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
)
"""Headers whose values are kept, in lower case: they describe the client, not the request."""

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
        be read. ``header_values`` is cut to ``HARMLESS_HEADERS``.

    """
    wanted = REQUEST[name]
    column = pl.col(name)
    if found == pl.Null:
        return column.cast(wanted)
    if isinstance(found, pl.Categorical | pl.Enum | pl.Binary):
        column, found = column.cast(pl.String), pl.String()
    if name == "timestamp":
        read = _time(column, found)
    elif name == "header_names":
        read = _names(column, found)
    elif name == "header_values":
        read = _values(column, found)
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


def _time(column: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Read an arrival time in UTC, to the microsecond; a time without a zone is UTC."""
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


def _names(column: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Read header names in wire order."""
    listed = _listed(column, found)
    if listed is None:
        return None
    column, inner = listed
    if inner not in (pl.String, pl.Binary, pl.Categorical, pl.Enum, pl.Null):
        return None
    return column.cast(pl.List(pl.String))


def _values(column: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Read header values of the harmless headers.

    They may come as a list of structs with name (or key, as of a map) and value,
    as one such struct, or as a struct with a field a header.
    """
    wanted = REQUEST["header_values"]
    if isinstance(found, pl.Struct):
        return _values_of_struct(column, found)
    listed = _listed(column, found)
    if listed is None:
        return None
    column, inner = listed
    if inner == pl.Null:
        return column.cast(wanted)
    pair = _pair(pl.element(), inner)
    if pair is None:
        return None
    return column.list.eval(pair.filter(_harmless(pair))).cast(wanted)


def _values_of_struct(column: pl.Expr, found: pl.Struct) -> pl.Expr | None:
    wanted = REQUEST["header_values"]
    pair = _pair(column, found)
    if pair is not None:
        listed = pl.concat_list(pair).list.eval(pl.element().filter(_harmless(pl.element())))
    else:
        kept = sorted(
            (field.name for field in found.fields if field.name.lower() in HARMLESS_HEADERS), key=str.lower
        )
        if not kept:
            return pl.when(column.is_not_null()).then(pl.lit([], dtype=wanted))
        listed = pl.concat_list(
            pl.struct(name=pl.lit(name), value=column.struct.field(name).cast(pl.String)) for name in kept
        ).list.eval(pl.element().filter(pl.element().struct.field("value").is_not_null()))
    return pl.when(column.is_not_null()).then(listed.cast(wanted))


def _pair(struct: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Return name and value of a struct that has both, whatever else it has."""
    if not isinstance(found, pl.Struct):
        return None
    types = {field.name: field.dtype for field in found.fields}
    name = next((key for key in ("name", "key") if key in types), None)
    if name is None or "value" not in types or any(types[key].is_nested() for key in (name, "value")):
        return None
    field = struct.struct.field
    return pl.struct(name=field(name).cast(pl.String), value=field("value").cast(pl.String))


def _harmless(pair: pl.Expr) -> pl.Expr:
    return pair.struct.field("name").str.to_lowercase().is_in(HARMLESS_HEADERS)


def _listed(column: pl.Expr, found: pl.DataType) -> tuple[pl.Expr, pl.DataType] | None:
    """Return a list column and its inner type, from a list or a fixed-size array."""
    if isinstance(found, pl.Array):
        column, found = column.arr.to_list(), pl.List(found.inner)
    return (column, found.inner) if isinstance(found, pl.List) else None  # type: ignore[return-value]
