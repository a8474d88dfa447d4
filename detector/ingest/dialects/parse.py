"""Dialects from TOML: every key checked, every mistake one line."""

import tomllib
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar, get_args

import polars as pl

from detector.errors import refusal
from detector.ingest.dialects.dialect import Dialect, Lack
from detector.ingest.dialects.fieldmap import HEADER, SPAN_MS, Column, FieldMap, Headers
from detector.ingest.dialects.fields import parts
from detector.ingest.headers import HARMLESS_HEADERS
from detector.schema import REQUEST

__all__ = ["parse_dialect"]

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-goog-api-key", "api-key"}
)
"""Headers that hold a credential: no column may be read from one."""


T = TypeVar("T", Column, Headers, Lack)


def parse_dialect(text: str, name: str, extends: Callable[[str], Dialect | None]) -> Dialect:
    """Build a dialect from TOML.

    Args:
        text: the TOML.
        name: what the dialect is called, a name or the path of its file.
        extends: returns the dialect that a file may extend by this name, None for no such dialect.

    Raises:
        InputError: no TOML, an unknown key or native column, or something impossible.

    """
    where = f"dialect {name}"
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise refusal(where, f"not valid TOML ({error})", "correct the file") from error
    try:
        base = extends(_text(table, "extends")) if "extends" in table else Dialect(name)
        return replace(_built(table, base), name=name)
    except _WrongError as error:
        raise refusal(where, str(error), "see docs/dialects.md") from error


class _WrongError(ValueError):
    """A field map says something impossible."""


def _built(table: dict[str, Any], base: Dialect | None) -> Dialect:
    """Put what a TOML table says over what it extends."""
    if base is None:
        raise _WrongError(f"extends {table['extends']!r}, which is no dialect")
    texts, lists = {"about", "source", "request"}, {"records", "key_values", "order"}
    mapped = {"same", "columns", "headers", "header_values", "missing"}
    _known(table, texts | lists | mapped | {"extends", "signs", "lacks"}, "")
    said: dict[str, Any] = {key: _text(table, key) for key in texts & set(table)}
    said |= {key: _texts(table, key) for key in lists & set(table)}
    if "signs" in table:
        said["signs"] = tuple(_texts({"signs": signs}, "signs") for signs in _list(table, "signs"))
    if "lacks" in table:
        said["lacks"] = tuple(_lack(one) for one in _list(table, "lacks"))
    if said.get("request", "method") not in REQUEST:
        raise _WrongError(f"request {said['request']!r} is not a native column")
    for address in (*said.get("records", ()), *(sign for signs in said.get("signs", ()) for sign in signs)):
        _address(address, "records and signs")
    return replace(base, map=_map(table, base.map), **said)


def _map(table: dict[str, Any], base: FieldMap) -> FieldMap:
    """Put the field map of a TOML table over another."""
    columns = {**base.columns, **{name: (Column(name),) for name in _texts(table, "same")}}
    for name, ways in _table(table, "columns").items():
        columns[name] = tuple(_column(name, way) for way in (ways if isinstance(ways, list) else [ways]))
    columns = {name: ways for name, ways in columns.items() if ways}
    if odd := sorted(set(columns) - set(REQUEST)):
        raise _WrongError(f"columns {odd} are not native columns")
    values = {name.lower(): _address(value, name) for name, value in _table(table, "header_values").items()}
    if odd := sorted(set(values) - set(HARMLESS_HEADERS)):
        raise _WrongError(f"header_values {odd} are not among the harmless headers")
    return FieldMap(
        columns,
        _headers(table["headers"]) if "headers" in table else base.headers,
        {**base.header_values, **values},
        _texts(table, "missing") if "missing" in table else base.missing,
    )


def _column(name: str, way: Any) -> Column:
    """Build one way to read a column: an address, or a table that says more."""
    if isinstance(way, str):
        return Column(_address(way, name))
    if not isinstance(way, dict):
        raise _WrongError(f"column {name} is neither an address nor a table")
    column = _record(Column, way, f"column {name}")
    if bool(column.field) == bool(column.constant):
        raise _WrongError(f"column {name} needs either a field or a constant")
    for address in filter(None, (column.field, column.until)):
        _address(address, name)
    if (column.unit or column.until) and name not in SPAN_MS:
        raise _WrongError(f"column {name} is no span of time, so it has no unit and no until")
    if odd := sorted(set(column.minus) - set(REQUEST)):
        raise _WrongError(f"column {name}: minus {odd} are not native columns")
    try:
        pl.select(pl.lit("").str.extract(column.extract, 1))
        if column.format:
            pl.select(pl.lit("").str.to_datetime(column.format, time_zone="UTC", strict=False))
    except pl.exceptions.PolarsError as error:
        raise _WrongError(f"column {name}: extract or format cannot be used") from error
    return column


def _headers(table: Any) -> Headers:
    if not isinstance(table, dict):
        raise _WrongError("[headers] is not a table")
    headers = _record(Headers, table, "[headers]")
    for address in filter(None, (headers.names, headers.pairs, headers.count, headers.cut_field)):
        _address(address, "[headers]")
    return headers


def _lack(table: Any) -> Lack:
    if not isinstance(table, dict):
        raise _WrongError("lacks is not a list of tables")
    lack = _record(Lack, table, "lacks")
    if odd := sorted(set(lack.columns) - set(REQUEST)):
        raise _WrongError(f"lacks: {odd} are not native columns")
    return lack


def _record(kind: type[T], table: dict[str, Any], where: str) -> T:
    """Build a record whose fields are the keys of a table."""
    types = {one.name: one.type for one in fields(kind)}
    _known(table, set(types), f"{where}: ")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    for key, value in values.items():
        choices = get_args(types[key])
        if isinstance(value, tuple):
            fits = choices == (str, ...) and all(isinstance(item, str) for item in value)
        else:
            fits = value in choices if types[key] not in (str, int, bool) else type(value) is types[key]
        if not fits:
            raise _WrongError(f"{where}: {key} cannot be {value!r}")
    return kind(**values)


def _known(table: dict[str, Any], known: set[str], where: str) -> None:
    if odd := sorted(set(table) - known):
        raise _WrongError(f"{where}unknown keys {odd}")


def _address(address: Any, where: str) -> str:
    """Check the address of a field."""
    if isinstance(address, str) and address.startswith(HEADER):
        if address.removeprefix(HEADER).lower() in SECRET_HEADERS:
            raise _WrongError(f"{where}: {address} holds a credential, which is never read")
        return address
    try:
        parts(address)
    except (TypeError, ValueError) as error:
        raise _WrongError(f"{where}: {address!r} is no address of a field") from error
    return str(address)


def _text(table: dict[str, Any], key: str) -> str:
    if not isinstance(table[key], str):
        raise _WrongError(f"{key} is not text")
    return str(table[key])


def _list(table: dict[str, Any], key: str) -> list[Any]:
    if not isinstance(table[key], list):
        raise _WrongError(f"{key} is not a list")
    return list(table[key])


def _texts(table: dict[str, Any], key: str) -> tuple[str, ...]:
    listed = table.get(key, [])
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise _WrongError(f"{key} is not a list of text")
    return tuple(listed)


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise _WrongError(f"[{key}] is not a table")
    return found
