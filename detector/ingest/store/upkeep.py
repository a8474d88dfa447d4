"""Looking after a store: what it holds, whether it is sound, fewer files, less history."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from detector.ingest.store.layout import PARTITION, STORED, bucket_of
from detector.ingest.store.lock import locked
from detector.ingest.store.sorting import Run
from detector.ingest.store.table import Store
from detector.ingest.store.writing import MOST_ROWS, write_partitions

__all__ = ["Fault", "compact", "describe", "prune", "verify"]

Progress = Callable[[str, int, int], None]

_RETENTION = "delta.logRetentionDuration"
_NOTHING, _MONTH = "interval 0 seconds", "interval 30 days"
"""How long log entries are kept: no time while they are deleted, else as Delta Lake's default says."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a store: the file (or folder) it concerns, and what it is."""

    path: str
    what: str


def describe(path: str | Path) -> dict[str, Any]:
    """Say what a store holds, as plain values for JSON.

    Raises:
        InputError: there is no store.

    """
    store = Store.open(path)
    files = store.files()
    crowded = files.filter(_crowded()).select(PARTITION).unique()
    return {
        "store": str(path),
        "version": store.table().version(),
        "requests": int(files["rows"].sum()),
        "bytes": int(files["bytes"].sum()),
        "files": files.height,
        "first_day": _text(files["day"].min()),
        "last_day": _text(files["day"].max()),
        "buckets": store.buckets,
        "ids": "kept" if store.keep_ids else "pseudonyms",
        "fingerprints": store.fingerprints().height,
        "partitions_to_compact": crowded.height,
        "quarantined": dict(sorted(store.rejected()["reason"].value_counts().iter_rows())),
    }


def _text(day: Any) -> str | None:
    return None if day is None else str(day)


def verify(path: str | Path, progress: Progress | None = None) -> list[Fault]:
    """Read a whole store and list what is wrong with it.

    Every file of the newest version is there, whole, sorted, in the right partition and
    counted rightly; no request stands in a partition twice; every header fingerprint is
    known; no other file lies between them.

    Raises:
        InputError: there is no store.

    """
    store = Store.open(path)
    files = store.files()
    known = store.fingerprints().get_column("fingerprint")
    faults = [Fault(name, "is not part of the store") for name in sorted(_orphans(store, set(files["path"])))]
    total, done = int(files["rows"].sum()), 0
    for (day, bucket), part in files.group_by(PARTITION, maintain_order=True):
        if progress:
            progress("verifying", done, total)
        done += int(part["rows"].sum())
        requests: list[pl.Series] = []
        for file in part.iter_rows(named=True):
            try:
                rows = pl.read_parquet(store.path / file["path"], hive_partitioning=False, glob=False)
            except (OSError, pl.exceptions.PolarsError) as error:
                faults.append(Fault(file["path"], f"cannot be read ({str(error).splitlines()[0]})"))
                continue
            requests.append(rows.get_column("request").drop_nulls())
            faults += [Fault(file["path"], what) for what in _faults(rows, file, store.buckets, known)]
        if requests and pl.concat(requests).is_duplicated().any():
            faults.append(Fault(f"day={day}/bucket={bucket}", "holds a request twice"))
    return faults


def _faults(rows: pl.DataFrame, file: dict[str, Any], buckets: int, known: pl.Series) -> Iterator[str]:
    if missing := set(STORED) - set(PARTITION) - set(rows.columns):
        yield f"lacks columns {sorted(missing)}"
        return
    if rows.height != file["rows"]:
        yield f"holds {rows.height} requests, not {file['rows']}"
    order = rows.select("account_id", "timestamp")
    if not order.equals(order.sort("account_id", "timestamp")):
        yield "is not sorted by account and time"
    place = rows.select(bucket_of("account_id", buckets), day=pl.col("timestamp").dt.date())
    if not place.select(((pl.col("bucket") == file["bucket"]) & (pl.col("day") == file["day"])).all()).item():
        yield "holds requests of another day or bucket"
    if not rows.get_column("fingerprint").is_in(known.implode()).all():
        yield "names header fingerprints that are not known"


def _orphans(store: Store, active: set[str]) -> set[str]:
    """Return data files that no version of the log still kept names."""
    there = {file.relative_to(store.path).as_posix() for file in store.path.glob("day=*/bucket=*/*")}
    history = store.table().vacuum(retention_hours=0, dry_run=True, enforce_retention_duration=False)
    return there - active - set(history)


def compact(path: str | Path, progress: Progress | None = None) -> tuple[int, int]:
    """Rewrite partitions of several files as one sorted file each, large ones as few.

    Files that no version of the last week needs are deleted.

    Returns:
        The number of files before and after.

    Raises:
        InputError: there is no store, or another program changed it meanwhile.

    """
    tell = progress or (lambda *_: None)
    tell("waiting for the store", 0, 1)
    store = Store.open(path)
    with locked(path), store.staged():
        files = store.files()
        old = files.filter(_crowded())
        runs = [_run(store, file) for file in old.iter_rows(named=True)]
        total, done = int(old["rows"].sum()), 0
        new: list[AddAction] = []
        for group in write_partitions(store, runs, f"compact-{store.table().version()}", files.clear()):
            new += group.files
            done += group.rows
            tell("compacting", done, total)
        if old.height:
            store.commit(new, _removed(old))
        store.table().vacuum(dry_run=False)
        return files.height, files.height - old.height + len(new)


def _crowded() -> pl.Expr:
    """Say of each file whether its partition has more of them than a large one is cut into."""
    return pl.len().over(PARTITION) > (pl.col("rows").sum().over(PARTITION) / MOST_ROWS).ceil()


def _run(store: Store, file: dict[str, Any]) -> Run:
    place = {name: file[name] for name in PARTITION}
    counts = pl.DataFrame(
        [{**place, "rows": file["rows"]}], schema={n: STORED.get(n, pl.Int64) for n in (*PARTITION, "rows")}
    )
    return Run(store.path / file["path"], counts, place)


def _removed(files: pl.DataFrame) -> list[RemoveAction]:
    now = int(time.time() * 1000)
    return [
        RemoveAction(
            path=file["path"],
            data_change=True,
            deletion_timestamp=now,
            size=file["bytes"],
            partition_values={name: str(file[name]) for name in PARTITION},
        )
        for file in files.iter_rows(named=True)
    ]


def prune(path: str | Path, before: date) -> int:
    """Delete the requests of all days before a day for good: also from old versions.

    Whoever reads an older version at that moment fails. Header facts that no request
    uses any more go too, and so do lists of rejected rows made before that day.

    Returns:
        The number of requests deleted.

    Raises:
        InputError: there is no store, or another program changed it meanwhile.

    """
    store = Store.open(path)
    with locked(path), store.staged():
        old = store.files().filter(pl.col("day") < before)
        if old.height:
            store.commit([], _removed(old))
        _forget(store.table())
        for folder in sorted(store.path.glob("day=*/bucket=*")) + sorted(store.path.glob("day=*")):
            if not any(folder.iterdir()):
                folder.rmdir()
        _drop_fingerprints(store)
        for listing in store.quarantine.glob("*.parquet"):
            if datetime.fromtimestamp(listing.stat().st_mtime, UTC).date() < before:
                listing.unlink()
    return int(old["rows"].sum())


def _forget(table: DeltaTable) -> None:
    """Delete all files and log entries that only older versions need."""
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    retention = table.metadata().configuration.get(_RETENTION, _NOTHING)
    table.alter.set_table_properties({_RETENTION: _NOTHING})
    table.create_checkpoint()
    table.cleanup_metadata()
    # A run that was killed before this line has left nothing to restore.
    table.alter.set_table_properties({_RETENTION: _MONTH if retention == _NOTHING else retention})


def _drop_fingerprints(store: Store) -> None:
    files = store.files()
    used = (
        pl.scan_parquet([store.path / path for path in files["path"]], glob=False, hive_partitioning=False)
        .select(pl.col("fingerprint").unique())
        .collect(engine="streaming")
        if files.height
        else pl.DataFrame(schema={"fingerprint": pl.Int64})
    )
    facts = store.fingerprints()
    kept = facts.join(used, on="fingerprint", how="semi").sort("fingerprint")
    if kept.height < facts.height:
        kept.write_delta(str(store.path / "_fingerprints"), mode="overwrite")
    # Also where nothing goes now: a run that was killed may have come as far as the line above.
    _forget(DeltaTable(store.path / "_fingerprints"))
