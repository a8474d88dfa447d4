"""A verdict folder, opened for reading: its tables and its record, checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from detector.errors import InputError
from detector.schema import (
    ACCOUNT_VERDICT,
    ACTIVITY,
    AGAINST,
    CLEARING,
    FAMILIES,
    HEADERS,
    PLANS,
    RELATED,
    SESSION_VERDICT,
)

__all__ = ["Verdicts", "open_verdicts"]

EXTRA = {
    "activity": ACTIVITY,
    "against": AGAINST,
    "clearing": CLEARING,
    "headers": HEADERS,
    "plans": PLANS,
    "related": RELATED,
}
"""Tables that earlier versions did not write."""

LATER = ("library", "resembles")
"""Columns that earlier versions did not write; null where they are missing."""

FIRST = 5
"""Fields of a reason that every version wrote."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What ``score`` wrote.

    Attributes:
        folder: where.
        record: what ``run.json`` holds.
        tables: ``accounts``, ``sessions`` and those about flagged and watched accounts, which
            are empty where an earlier version wrote the folder.

    """

    folder: Path
    record: Mapping[str, Any]
    tables: Mapping[str, pl.LazyFrame]

    def collect(self, frame: pl.LazyFrame) -> pl.DataFrame:
        """Read rows of a table.

        Raises:
            InputError: the file is damaged.

        """
        try:
            return frame.collect()
        except (PolarsError, OSError) as error:
            raise _damaged(self.folder, error) from error

    def of(self, table: str, names: list[str]) -> pl.DataFrame:
        """Read what a table holds of some accounts.

        Raises:
            InputError: the file is damaged.

        """
        rows = self.tables[table]
        own = pl.col("account_id") == names[0] if len(names) == 1 else pl.col("account_id").is_in(names)
        return self.collect(rows.filter(own))


def open_verdicts(folder: str | Path) -> Verdicts:
    """Open a folder that ``score`` wrote.

    Raises:
        InputError: it is none.

    """
    folder = Path(folder)
    record = _record(folder / "run.json")
    tables = {
        "accounts": _scan(folder / "accounts.parquet", ACCOUNT_VERDICT),
        "sessions": _scan(folder / "sessions.parquet", SESSION_VERDICT),
    }
    for name, schema in EXTRA.items():
        path = folder / f"{name}.parquet"
        tables[name] = _scan(path, schema) if path.is_file() else pl.LazyFrame(schema=schema)
    return Verdicts(folder, record, tables)


def _scan(path: Path, schema: pl.Schema) -> pl.LazyFrame:
    """Open one verdict table and check its columns."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a folder that `detector score` wrote")
    try:
        frame = pl.scan_parquet(path, glob=False)
        found = frame.collect_schema()
    except (PolarsError, OSError) as error:
        raise _damaged(path, error) from error
    missing = [name for name in schema if name in LATER and name not in found]
    if odd := [
        name for name, dtype in schema.items() if name not in missing and not _fits(found.get(name), dtype)
    ]:
        raise InputError(
            f"{path}: not a verdict table: {', '.join(odd)} missing or of another type; score again"
        )
    return frame.with_columns(pl.lit(None, schema[name]).alias(name) for name in missing)


def _fits(found: pl.DataType | None, wanted: pl.DataType) -> bool:
    """Tell whether a column can be read; reasons of earlier versions end early."""
    if isinstance(found, pl.List) and isinstance(wanted, pl.List):
        return _fits(found.inner, wanted.inner)  # type: ignore[arg-type]
    if isinstance(found, pl.Struct) and isinstance(wanted, pl.Struct):
        return len(found.fields) >= FIRST and found.fields == wanted.fields[: len(found.fields)]
    return found == wanted


def _record(path: Path) -> Mapping[str, Any]:
    """Read ``run.json``."""
    try:
        record = json.loads(path.read_text("utf-8"))
        usable = isinstance(record["model"]["id"], str) and isinstance(record["policy"], str)
        usable &= all(isinstance(record["families"][family]["available"], bool) for family in FAMILIES)
        usable &= isinstance(record["false_discovery_rate"], float)
        usable &= all(isinstance(record.get(name, ""), str) for name in ("run", "rule"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give a folder that `detector score` wrote") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    if not usable:
        raise InputError(f"{path}: not the record of a run; score again")
    checked: Mapping[str, Any] = record
    return checked


def _damaged(path: Path, error: Exception) -> InputError:
    cause = (str(error) or type(error).__name__).splitlines()[0][:200]
    return InputError(f"{path}: damaged ({cause}); score again")
