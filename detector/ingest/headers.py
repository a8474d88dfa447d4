"""Header containers of every shape that logs have, read as a list of names with values.

A container is a list of names, a list of objects with name (or key) and value, a
list of ``[name, value]`` pairs, an object with a field a header, or the JSON text of
any of these. Values are read of the wanted headers only, so that no other value
leaves the container.
"""

import json
from collections.abc import Callable, Collection
from typing import Any

import polars as pl

__all__ = ["HARMLESS_HEADERS", "PAIR", "header_names", "header_pairs", "is_ordered"]

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

PAIR = pl.Struct({"name": pl.String, "value": pl.String})

_NAME_KEYS = ("name", "key")


def header_names(column: pl.Expr, found: pl.DataType) -> pl.Expr | None:
    """Return the header names as a list of text, null where a single name cannot be read.

    None where the type cannot hold headers. A list that cannot be read is null.
    """
    if found == pl.String:
        return _from_json(column, pl.List(pl.String), lambda pairs: [name for name, _ in pairs])
    if isinstance(found, pl.Struct) and _name_key(found) is None:
        pairs = _pairs_of_fields(column, found, [field.name for field in found.fields])
        return pairs.list.eval(pl.element().struct.field("name"))
    listed = _listed(column, found)
    if listed is None:
        return None
    column, inner = listed
    if inner in (pl.String, pl.Binary, pl.Categorical, pl.Enum, pl.Null):
        return column.cast(pl.List(pl.String))
    pair = _pair(inner)
    return None if pair is None else column.list.eval(pair.struct.field("name"))


def header_pairs(column: pl.Expr, found: pl.DataType, wanted: Collection[str]) -> pl.Expr | None:
    """Return the wanted headers as a list of ``PAIR``, in the order of the container.

    None where the type cannot hold header values. A container that cannot be read is
    null. An object's headers come in order of name.

    Args:
        column: the container.
        found: its type.
        wanted: header names in lower case.

    """
    if found == pl.String:
        return _from_json(
            column,
            pl.List(PAIR),
            lambda pairs: [
                {"name": name, "value": value} for name, value in pairs if name and name.lower() in wanted
            ],
        )
    if isinstance(found, pl.Struct) and _name_key(found) is None:
        names = [field.name for field in found.fields if field.name.lower() in wanted]
        return _pairs_of_fields(column, found, names)
    if isinstance(found, pl.Struct):
        column, found = pl.when(column.is_not_null()).then(pl.concat_list(column)), pl.List(found)
    listed = _listed(column, found)
    if listed is None:
        return None
    column, inner = listed
    if inner == pl.Null:
        return column.cast(pl.List(PAIR))
    pair = _pair(inner)
    if pair is None:
        return None
    kept = pair.struct.field("name").str.to_lowercase().is_in(sorted(wanted))
    return column.list.eval(pair.filter(kept)).cast(pl.List(PAIR))


def is_ordered(column: pl.Expr, found: pl.DataType) -> pl.Expr:
    """Say by row whether the container can hold the order on the wire: an object or a map cannot."""
    if found == pl.String:
        return ~column.str.strip_chars_start().str.starts_with("{")
    inner = found.inner if isinstance(found, pl.List | pl.Array) else found
    fields = {field.name for field in inner.fields} if isinstance(inner, pl.Struct) else {"name"}
    return pl.lit(value=isinstance(found, pl.List | pl.Array) and "name" in fields)


def _listed(column: pl.Expr, found: pl.DataType) -> tuple[pl.Expr, pl.DataType] | None:
    """Return a list column and its inner type, from a list or a fixed-size array."""
    if isinstance(found, pl.Array):
        column, found = column.arr.to_list(), pl.List(found.inner)
    return (column, found.inner) if isinstance(found, pl.List) else None  # type: ignore[return-value]


def _name_key(found: pl.Struct) -> str | None:
    """Return the field that holds the name, where there is a ``value`` beside it."""
    types = {field.name: field.dtype for field in found.fields}
    return next((key for key in _NAME_KEYS if key in types), None) if "value" in types else None


def _pair(inner: pl.DataType) -> pl.Expr | None:
    """Return name and value of a list's element, whatever else it holds."""
    element = pl.element()
    if inner == pl.List(pl.String):
        return pl.struct(
            name=element.list.get(0, null_on_oob=True), value=element.list.get(1, null_on_oob=True)
        )
    if not isinstance(inner, pl.Struct):
        return None
    types = {field.name: field.dtype for field in inner.fields}
    key = _name_key(inner)
    if key is None or any(types[name].is_nested() for name in (key, "value")):
        return None
    field = element.struct.field
    return pl.struct(name=field(key).cast(pl.String), value=field("value").cast(pl.String))


def _pairs_of_fields(column: pl.Expr, found: pl.Struct, names: list[str]) -> pl.Expr:
    """Read a struct with a field a header; a header that is null was not sent."""
    types = {field.name: field.dtype for field in found.fields}
    plain = sorted(
        (name for name in names if not types[name].is_nested()), key=lambda name: (name.lower(), name)
    )
    if not plain:
        return pl.when(column.is_not_null()).then(pl.lit([], dtype=pl.List(PAIR)))
    pairs = pl.concat_list(
        pl.struct(name=pl.lit(name), value=column.struct.field(name).cast(pl.String)) for name in plain
    )
    sent = pairs.list.eval(pl.element().filter(pl.element().struct.field("value").is_not_null()))
    return pl.when(column.is_not_null()).then(sent.cast(pl.List(PAIR)))


def _from_json(
    column: pl.Expr, dtype: pl.DataType, chosen: Callable[[list[tuple[str | None, str | None]]], list[Any]]
) -> pl.Expr:
    """Read JSON text, each distinct one once: logs repeat the same few lists."""

    def read(texts: pl.Series) -> pl.Series:
        name = texts.name
        distinct = texts.drop_nulls().unique().sort()
        read = [None if pairs is None else chosen(pairs) for pairs in map(_json_pairs, distinct)]
        known = pl.DataFrame({"text": distinct, "read": pl.Series(read, dtype=dtype)})
        joined = texts.alias("text").to_frame().join(known, on="text", how="left", maintain_order="left")
        return joined.get_column("read").alias(name)

    return column.map_batches(read, return_dtype=dtype, is_elementwise=True)


def _json_pairs(text: str) -> list[tuple[str | None, str | None]] | None:
    """Return names and values of a container in JSON, None where it is none."""
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict):
        key = next((key for key in _NAME_KEYS if key in found and "value" in found), None)
        if key is None:
            return [(_plain(name), _plain(value)) for name, value in sorted(found.items())]
        found = [found]
    return [_json_pair(item) for item in found] if isinstance(found, list) else None


def _json_pair(item: Any) -> tuple[str | None, str | None]:
    if isinstance(item, dict):
        key = next((key for key in _NAME_KEYS if key in item), None)
        return (None, None) if key is None else (_plain(item[key]), _plain(item.get("value")))
    if isinstance(item, list):
        return (_plain(item[0]), _plain(item[1])) if len(item) == 2 else (None, None)
    return (_plain(item), None)


def _plain(value: Any) -> str | None:
    """Return a JSON value as text; of a list of texts, as some servers log values, one text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = ", ".join(value)
    # JSON may escape half a character, which no UTF-8 text can hold.
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else None
