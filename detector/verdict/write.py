"""The files of a verdict folder."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from detector.verdict.formats import FILES, PARQUET
from detector.verdict.formats.ocsf import write_findings
from detector.verdict.formats.tables import write_tables

__all__ = ["ANY_FILES", "RUN_FILES", "TABLES", "write_verdicts"]

TABLES = ("activity", "against", "clearing", "headers", "plans", "related")
"""Tables about the flagged and watched accounts, from which their case files are made."""

RUN_FILES = tuple(
    sorted(("accounts.parquet", "run.json", "sessions.parquet", *(f"{name}.parquet" for name in TABLES)))
)
"""What every verdict folder holds."""

ANY_FILES = (*RUN_FILES, *(name for names in FILES.values() for name in names))
"""What a verdict folder may hold: the files of the other forms too."""


def write_sessions(folder: Path, sessions: Iterable[pl.DataFrame]) -> None:
    """Write the listing of sessions into a folder.

    Args:
        folder: where to.
        sessions: at least one frame, the listing in pieces; each becomes a row group.

    """
    writer = None
    try:
        for piece in sessions:
            table = piece.to_arrow(compat_level=pl.CompatLevel.oldest())
            writer = writer or pq.ParquetWriter(folder / "sessions.parquet", table.schema, compression="zstd")
            writer.write_table(table, row_group_size=max(1, table.num_rows))
    finally:
        if writer:
            writer.close()


def write_verdicts(
    folder: Path,
    accounts: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    record: Mapping[str, Any],
    *,
    form: str = PARQUET,
) -> None:
    """Write the other verdict files into a folder; the same verdicts give the same Parquet bytes.

    Args:
        folder: where to; sessions are listed there.
        accounts: schema ``ACCOUNT_VERDICT``.
        tables: by name, those of ``TABLES``.
        record: what ``run.json`` holds.
        form: a key of ``detector.verdict.formats.FILES``, written beside the Parquet tables.

    """
    accounts.write_parquet(folder / "accounts.parquet", compression="zstd", statistics=True)
    for name in TABLES:
        tables[name].write_parquet(folder / f"{name}.parquet", compression="zstd", statistics=True)
    (folder / "run.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if form == "ocsf":
        write_findings(folder, record)
    elif form != PARQUET:
        write_tables(folder, form)
