"""Tables of the two lake formats, each opened at one state.

Delta (the protocol of delta.io): a folder with ``_delta_log``. Iceberg
(https://iceberg.apache.org/spec): a folder whose ``metadata`` holds
``*.metadata.json``, or such a file itself. Rows that were deleted, and files that
the state no longer has, are not read.
"""

import gzip
import importlib.util
import json
import re
from dataclasses import dataclass
from typing import Literal

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from detector.errors import InputError, refusal
from detector.ingest.sources.objects import delta_options, iceberg_options, located, opened, plain_reason

__all__ = [
    "METADATA",
    "STORE_MARK",
    "Table",
    "TableFormat",
    "delta",
    "iceberg",
    "newest_metadata",
    "scan_table",
]

TableFormat = Literal["delta", "store", "iceberg"]

METADATA = ".metadata.json"
"""How the names of an Iceberg table's states end."""

STORE_MARK = "harness-detector.store"
"""The table property by which a store of our own is known."""

_NUMBER = re.compile(r"v?(\d+)")  # 00003-UUID.metadata.json of a catalogue, v3.metadata.json without one
_EXTRA = "pip install 'harness-detector[lake]'"


@dataclass(frozen=True, slots=True)
class Table:
    """One state of a table.

    Attributes:
        id: what the table keeps when it is renamed or copied.
        version: which state it is; Iceberg's snapshot, -1 before the first.
        is_store: whether it is a store that ingestion wrote.
        bytes: size of the state's data files, None where the log does not say.
        rows: rows in them, deleted ones among them, None likewise.

    """

    id: str
    version: int
    is_store: bool
    bytes: int | None
    rows: int | None


def delta(path: str, version: int | None = None) -> Table:
    """Look at a Delta table, at its newest version or a given one.

    Raises:
        InputError: its log is damaged or the version is gone.

    """
    table = _delta(path, version)
    facts = table.metadata()
    files = pl.DataFrame(table.get_add_actions(flatten=True))
    rows = files.get_column("num_records") if "num_records" in files.columns else None
    return Table(
        id=str(facts.id),
        version=table.version(),
        is_store=STORE_MARK in facts.configuration,
        bytes=int(files.get_column("size_bytes").sum()),
        rows=None if rows is None or rows.null_count() else int(rows.sum()),
    )


def iceberg(metadata: str) -> Table:
    """Look at the state of an Iceberg table that a metadata file describes.

    Raises:
        InputError: the file is damaged, or the reader of Iceberg is not installed.

    """
    if importlib.util.find_spec("pyiceberg") is None:
        raise refusal(metadata, "an Iceberg table needs the extra `lake`", _EXTRA)
    try:
        with opened(metadata) as file:
            content = file.read()
        facts = json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
        version = facts.get("current-snapshot-id")
        snapshots = {one["snapshot-id"]: one["summary"] for one in facts.get("snapshots", ())}
        summary = snapshots.get(version, {})
        return Table(
            id=str(facts["table-uuid"]),
            version=-1 if version is None else int(version),
            is_store=False,
            bytes=int(summary["total-files-size"]) if "total-files-size" in summary else None,
            rows=int(summary["total-records"]) if "total-records" in summary else None,
        )
    except (OSError, EOFError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise _damaged(metadata, error) from error


def newest_metadata(folder: str, names: list[str]) -> str | None:
    """Return the name of the newest state among the files of an Iceberg table's ``metadata``, if any.

    Raises:
        InputError: two states have the same number, so that only a catalogue knows which counts.

    """
    states = [
        (int(found[1]), name) for name in names if name.endswith(METADATA) if (found := _NUMBER.match(name))
    ]
    newest = sorted(name for number, name in states if number == max(states)[0])
    if len(newest) > 1:
        what = f"{' and '.join(newest)} both claim to be the newest state"
        raise refusal(folder, what, "give the path of the one that the catalogue names")
    return newest[0] if newest else None


def scan_table(path: str, kind: TableFormat, version: int | None) -> pl.LazyFrame:
    """Return the columns of a table at one state, with the types that it declares.

    Raises:
        InputError: the table is damaged or needs what its reader cannot do.

    """
    try:
        if kind == "iceberg":
            frame = pl.scan_iceberg(located(path), storage_options=iceberg_options(path))
        else:
            frame = pl.scan_delta(_delta(path, version))
        frame.collect_schema()
    except InputError:
        raise
    except Exception as error:
        # Readers of tables meet whatever their metadata says with errors of many kinds.
        raise _damaged(path, error) from error
    return frame


def _delta(path: str, version: int | None) -> DeltaTable:
    try:
        return DeltaTable(located(path), version=version, storage_options=delta_options(path))
    except (DeltaError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: str, error: Exception) -> InputError:
    return refusal(
        path, f"the table cannot be read ({plain_reason(error)})", "check the table and its address"
    )
