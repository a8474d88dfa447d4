"""A request log, whatever it lies in, as parts of whole accounts."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from detector.errors import refusal
from detector.ingest.fingerprints import FACTS
from detector.ingest.parts import Part
from detector.ingest.shards import InputFile, Shards, split_log
from detector.ingest.sources.find import find_files
from detector.ingest.sources.logfile import LogFile
from detector.ingest.store.reading import store_parts
from detector.ingest.store.table import Store, active_files
from detector.settings import Settings

__all__ = ["Log", "log_state", "open_log"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Log:
    """A request log that can be read part by part.

    Attributes:
        parts: hold each account once, as a whole.
        fingerprints: the distinct combinations of header facts by their code
            ``fingerprint``. ``header_values`` holds the harmless headers only.
        unknown_columns: columns of the files that the log schema does not have, sorted.
        files: what was read, in order of path.
        rows: rows read.
        rejected: rows that are in no part, by reason: ``null_account_id``,
            ``null_path``, ``bad_timestamp``.

    """

    parts: tuple[Part, ...]
    fingerprints: pl.DataFrame
    unknown_columns: tuple[str, ...]
    files: tuple[InputFile, ...]
    rows: int
    rejected: dict[str, int]


def log_state(source: str | Path) -> tuple[str, ...]:
    """Return what changes when a log does, without reading it.

    Raises:
        InputError: as ``open_log``, where nothing is there.

    """
    return tuple(file.state() for file in _files(source))


def open_log(source: str | Path, settings: Settings, folder: Path, progress: Progress | None = None) -> Log:
    """Open a native request log or a store.

    A store is there in parts. A native log is split into parts first.

    Args:
        source: a Parquet, NDJSON or CSV file, a folder of them (Hive partitions
            welcome), a glob pattern, a Delta or Iceberg table, or the folder of a store.
        settings: says which years are believable.
        folder: takes the parts of a native log.
        progress: told of the rows that were read.

    Raises:
        InputError: nothing to read, a file that is damaged or not a log, a
            column of an impossible type, or no row that could be accepted.

    """
    files = _files(source)
    log = _stored(files[0]) if files[0].format == "store" else _split(files, settings, folder, progress)
    if not log.rows:
        raise refusal(source, "the log has no rows", "give a log with at least one request")
    if log.rows == sum(log.rejected.values()):
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(log.rejected.items()))
        raise refusal(source, f"all {log.rows} rows were rejected ({counts})", "check those columns")
    return log


def _stored(file: LogFile) -> Log:
    store = Store.open(file.path)
    table = store.table()
    files = active_files(table)
    buckets = files.group_by("bucket").agg(pl.col("rows").sum()).sort("bucket")
    return Log(
        parts=tuple(store_parts(store, files)),
        fingerprints=store.fingerprints().select("fingerprint", *FACTS),
        unknown_columns=(),
        files=tuple(
            InputFile(f"version={table.version()}/bucket={bucket}", rows)
            for bucket, rows in buckets.iter_rows()
        ),
        rows=int(files["rows"].sum()),
        rejected={},
    )


def _split(files: Sequence[LogFile], settings: Settings, folder: Path, progress: Progress | None) -> Log:
    """Split a native log into shards in a folder, or take those that a stopped run left there whole."""
    place, facts = folder / "shards", folder / "fingerprints.arrow"
    if not facts.exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        shards = split_log(files, settings, place, progress or (lambda *_: None))
        (place / "shards.json").write_text(shards.to_json(), "utf-8")
        # The mark that all is there comes in one step: a killed run leaves none that is half written.
        fresh = facts.with_suffix(".new")
        shards.fingerprints.write_ipc(fresh)
        fresh.rename(facts)
    shards = Shards.from_json((place / "shards.json").read_text("utf-8"), pl.read_ipc(facts), place)
    return Log(
        shards.parts,
        shards.fingerprints,
        shards.unknown_columns,
        shards.files,
        shards.read,
        shards.rejected,
    )


def _files(source: str | Path) -> list[LogFile]:
    """List the files of a log, or the one store."""
    files = find_files(source)
    if len(files) > 1 and any(file.format == "store" for file in files):
        raise refusal(source, "holds a store beside other logs", "give the store alone, or ingest the rest")
    return files
