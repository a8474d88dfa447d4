"""What a log holds and what a store holds, in figures that are equal only if the rows are.

A store is a Delta table; the header facts of its rows stand in a second one, ``_fingerprints``.
Its account and request ids are pseudonyms, so those are counted, and the rest is hashed.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from detector.schema import REQUEST

__all__ = [
    "NOTHING",
    "Contents",
    "log_contents",
    "named_files",
    "store_contents",
    "strays",
    "superseded",
    "version_of",
]

TOKENS = [name for name in REQUEST if name.endswith("_tokens")]
FACTS = ["user_agent", "header_names", "ja4"]
"""Header facts that a store keeps as the log has them."""

PLAIN = [
    "timestamp",
    "path",
    "method",
    "status",
    "duration_ms",
    "auth",
    "plan",
    "asn",
    "country",
    "model",
    *TOKENS,
    "stop_reason",
    "tool_result",
    "stream",
    "retry_after_s",
    "telemetry_events",
    "telemetry_requests",
]
"""Columns that a store keeps as the log has them."""


@dataclass(frozen=True)
class Contents:
    """Rows in figures.

    Attributes:
        rows: number of rows.
        requests: distinct request ids, summed over days.
        accounts: distinct accounts.
        tokens: sum of all token columns.
        digest: sum over the rows of a hash of what is kept as logged, whatever their order;
            comparable within one process only.

    """

    rows: int
    requests: int
    accounts: int
    tokens: int
    digest: int

    def unlike(self, wanted: "Contents") -> str:
        """Say which figures are others than wanted; nothing if all are equal.

        >>> Contents(3, 2, 1, 0, 7).unlike(Contents(2, 2, 1, 0, 5))
        'rows 3 instead of 2, digest 7 instead of 5'
        """
        pairs = zip(fields(self), astuple(self), astuple(wanted), strict=True)
        return ", ".join(f"{one.name} {a:,} instead of {b:,}" for one, a, b in pairs if a != b)


NOTHING = Contents(0, 0, 0, 0, 0)


def log_contents(files: Iterable[Path]) -> Contents:
    """Return what native files hold, Parquet or NDJSON; no id may stand in two of them."""
    return _summed(_log(file) for file in files)


def store_contents(store: Path) -> Contents:
    """Return what the newest version of a store holds; nothing where there is no version yet.

    A row whose code stands twice among the header facts counts twice, as it would for a reader.
    """
    if version_of(store) is None:
        return NOTHING
    rows = pl.scan_delta(DeltaTable(store)).rename({"request": "request_id"})
    facts = pl.read_delta(str(store / "_fingerprints")).select("fingerprint", facts=pl.struct(FACTS).hash())
    days = rows.select(pl.col("day").unique().sort()).collect().to_series()
    return _summed(
        rows.filter(pl.col("day") == day).join(facts.lazy(), on="fingerprint", how="left") for day in days
    )


def version_of(store: Path) -> int | None:
    """Return the newest version of a store, or None where nothing was ever committed."""
    commits = [path for path in (store / "_delta_log").glob("*.json") if path.stem.isdigit()]
    return DeltaTable(store).version() if commits else None


def strays(store: Path) -> list[str]:
    """List the files in a store's folder that no version names: what a killed run left behind.

    The lock, the log of a table and the list of rejected rows belong to the store.
    """
    named = {file for table in _tables(store) for file in (*named_files(table), *_active(table))}
    return [name for name in _files(store) if store / name not in named]


def superseded(store: Path) -> list[str]:
    """List the files in a store's folder that the newest version does not name."""
    active = {file for table in _tables(store) for file in _active(table)}
    return [name for name in _files(store) if store / name not in active]


def named_files(table: Path) -> Iterator[Path]:
    """Give the data files that any version of a Delta table added, as far as its log goes back.

    From the ``add`` actions of the log, whose paths are URL-encoded (Delta Lake protocol).
    """
    for commit in sorted((table / "_delta_log").glob("*.json")):
        for line in commit.read_text("utf-8").splitlines():
            action = json.loads(line)
            if "add" in action:
                yield table / unquote(action["add"]["path"])


def _tables(store: Path) -> tuple[Path, Path]:
    return store, store / "_fingerprints"


def _active(table: Path) -> Iterator[Path]:
    """Give the data files of the newest version, if there is one."""
    if version_of(table) is not None:
        yield from map(Path, DeltaTable(table).file_uris())


def _files(store: Path) -> list[str]:
    """List the files in a store's folder but for the lock, the logs and the rejected rows."""
    return sorted(
        path.relative_to(store).as_posix()
        for path in store.rglob("*")
        if path.is_file() and path.name != "_lock" and path.parent.name != "quarantine" and not _of_log(path)
    )


def _of_log(path: Path) -> bool:
    """Say whether a file is an entry of a log, rather than what a killed commit left in its folder."""
    entry = path.suffix in {".json", ".parquet", ".crc"} or path.name == "_last_checkpoint"
    return path.parent.name == "_delta_log" and entry


def _log(file: Path) -> pl.LazyFrame:
    if file.suffix == ".parquet":
        rows = pl.scan_parquet(file, hive_partitioning=False)
    else:
        rows = pl.scan_ndjson(file, schema=REQUEST)
    return rows.with_columns(facts=pl.struct(FACTS).hash())


def _summed(parts: Iterable[pl.LazyFrame]) -> Contents:
    counts = [0, 0, 0, 0]
    accounts = pl.Series(dtype=pl.String)
    for part in parts:
        rows = part.with_columns(pl.col(name).cast(REQUEST[name]) for name in PLAIN)
        found, seen = pl.collect_all(
            [
                rows.select(
                    pl.len(),
                    pl.col("request_id").n_unique(),
                    pl.sum_horizontal(pl.col(TOKENS).sum()),
                    # Half of the hash: the sum of the whole would overflow.
                    (pl.struct(*PLAIN, "facts").hash() // 2**32).sum(),
                ),
                rows.select(pl.col("account_id").unique()),
            ],
            engine="streaming",
        )
        counts = [total + value for total, value in zip(counts, found.row(0), strict=True)]
        accounts = accounts.append(seen.to_series()).unique()
    rows_, requests, tokens, digest = counts
    return Contents(rows_, requests, len(accounts), tokens, digest)
