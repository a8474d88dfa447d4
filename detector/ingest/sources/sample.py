"""Which fields a log has, from its first lines or from its schema.

A path joins the keys of objects by ``.`` and names the elements of a list ``[]``:
``httpRequest.headers[].name``.
"""

import json
from collections.abc import Iterable
from typing import Any

import polars as pl

__all__ = ["line_paths", "schema_paths"]

_MOST = 10_000
"""Distinct paths kept; a log has some hundreds, a hostile line may have millions."""


def line_paths(lines: Iterable[str]) -> frozenset[str]:
    """Return the paths of the plain values in lines of JSON; a line that holds no object is skipped."""
    paths: set[str] = set()
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and len(paths) < _MOST:
            paths |= _paths(record)
    return frozenset(paths)


def _paths(record: dict[str, Any]) -> set[str]:
    # A stack, not recursion: depth is for whoever wrote the line to choose.
    paths: set[str] = set()
    open_values: list[tuple[str, Any]] = [("", record)]
    while open_values and len(paths) < _MOST:
        path, value = open_values.pop()
        if isinstance(value, dict) and value:
            open_values += [(f"{path}.{key}" if path else key, inner) for key, inner in value.items()]
        elif isinstance(value, list):
            open_values += [(f"{path}[]", inner) for inner in value or (None,)]
        else:
            paths.add(path)
    return paths


def schema_paths(schema: pl.Schema) -> frozenset[str]:
    """Return the paths of the plain values that a schema allows."""
    return frozenset(path for name, dtype in schema.items() for path in _inner_paths(name, dtype))


def _inner_paths(path: str, dtype: pl.DataType) -> list[str]:
    if isinstance(dtype, pl.List | pl.Array):
        return _inner_paths(f"{path}[]", dtype.inner)  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct) and dtype.fields:
        return [
            found
            for field in dtype.fields
            for found in _inner_paths(f"{path}.{field.name}", field.dtype)  # type: ignore[arg-type]
        ]
    return [path]
