"""Reading a request log into one sorted frame, whatever files it lies in.

The rows of all files are joined, sorted, freed of duplicates and given small
codes for account, kind of path and header facts.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from detector.errors import refusal
from detector.ingest.fingerprints import FACTS_KEY, number_facts
from detector.ingest.paths import path_kinds
from detector.ingest.rows import HASHED, TEXTS, read_rows
from detector.ingest.sources.find import find_files
from detector.ingest.store.reading import read_buckets
from detector.ingest.store.table import Store
from detector.schema import LOG_COLUMNS
from detector.settings import Settings

__all__ = ["InputFile", "RequestLog", "read_log"]

COLUMNS = (
    "account",
    "timestamp",
    "kind",
    "status",
    "duration_ms",
    "auth",
    "plan",
    "session_id",
    "device",
    "network",
    "asn",
    "country",
    "fingerprint",
    "model",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "stop_reason",
    "tool_result",
    "tools_hash",
    "stream",
    "retry_after_s",
    "telemetry_events",
    "telemetry_requests",
)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read: its path as given or relative to the source, and its rows."""

    path: str
    rows: int


@dataclass(frozen=True, slots=True)
class RequestLog:
    """A request log in memory.

    Attributes:
        requests: a row an accepted request, sorted by account, time and content,
            so that neither row nor file order changes it. ``account`` and
            ``fingerprint`` index the two tables below. ``device``, ``network``
            and ``tools_hash`` are hashes of which only equality within one
            process matters. ``duration_ms`` is in milliseconds,
            ``retry_after_s`` in seconds. A null is always "not known".
        accounts: the name of each account code, sorted.
        fingerprints: the distinct combinations of header facts, sorted by
            content. ``header_values`` holds the harmless headers only.
        present: native columns that hold a value in at least one accepted row.
        unknown_columns: columns of the files that the log schema does not have, sorted.
        files: what was read, in order of path.
        rows: rows read; accepted and rejected rows add up to it.
        rejected: rows left out, by reason: ``null_account_id``, ``null_path``,
            ``bad_timestamp``, ``duplicate_request_id``.

    """

    requests: pl.DataFrame
    accounts: pl.Series
    fingerprints: pl.DataFrame
    present: frozenset[str]
    unknown_columns: tuple[str, ...]
    files: tuple[InputFile, ...]
    rows: int
    rejected: dict[str, int]


def read_log(source: str | Path, settings: Settings) -> RequestLog:
    """Read a native request log or a store.

    Args:
        source: a Parquet or NDJSON file, a folder of them (Hive partitions
            welcome), a glob pattern, or the folder of a store.
        settings: says what paths mean and which years are believable.

    Raises:
        InputError: nothing to read, a file that is damaged or not a log, a
            column of an impossible type, or no row that could be accepted.

    """
    categories = {name: pl.Categories.random() for name in TEXTS}
    parts: list[pl.DataFrame] = []
    facts: list[pl.DataFrame] = []
    files: list[InputFile] = []
    unknown: set[str] = set()
    rejected: Counter[str] = Counter()
    for name, read, fresh, odd in _parts(source, settings, categories):
        files.append(InputFile(name, read.height))
        facts.append(fresh)
        unknown |= odd
        rejected.update(read.get_column("reason").drop_nulls().to_list())
        parts.append(read.filter(pl.col("reason").is_null()).drop("reason"))
    total = sum(file.rows for file in files)
    if not total:
        raise refusal(source, "the log has no rows", "give a log with at least one request")
    if total == rejected.total():
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
        raise refusal(source, f"all {total} rows were rejected ({counts})", "check those columns")
    requests = pl.concat(parts, rechunk=False)
    del parts, read
    requests = requests.sort("account", "timestamp", "content")
    request = requests.get_column("request")
    first = request.is_first_distinct() | request.is_null()
    if repeated := int((~first).sum()):
        rejected["duplicate_request_id"] = repeated
        requests = requests.filter(first)
    shown = pl.concat(facts).join(requests.select(FACTS_KEY), on=FACTS_KEY, how="semi")
    fingerprints, codes = number_facts(shown)
    return RequestLog(
        requests=_coded(requests, codes, settings),
        accounts=requests.get_column("account").unique(maintain_order=True).cast(pl.String),
        fingerprints=fingerprints,
        present=_present(requests, shown),
        unknown_columns=tuple(sorted(unknown)),
        files=tuple(files),
        rows=total,
        rejected=dict(sorted(rejected.items())),
    )


def _parts(
    source: str | Path, settings: Settings, categories: dict[str, pl.Categories]
) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame, set[str]]]:
    """Give name, rows, header facts and unknown columns of every file of a log or bucket of a store."""
    known = pl.Series(dtype=pl.UInt64)
    for file in find_files(source):
        if file.format == "store":
            for name, rows, fresh in read_buckets(Store.open(file.path), categories):
                yield name, rows, fresh, set()
            continue
        rows, fresh, odd = read_rows(file, settings.read, categories, known)
        known = known.append(fresh.get_column(FACTS_KEY))
        yield file.name, rows, fresh, odd


def _coded(requests: pl.DataFrame, codes: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Put codes for accounts, paths and header facts, and plain text for categories."""
    paths = requests.get_column("path").unique()
    kinds = pl.DataFrame({"path": paths, "kind": path_kinds(paths.cast(pl.String), settings.paths)})
    return (
        requests.select(
            pl.col("account").rle_id(),
            *(pl.col(name) for name in COLUMNS if name not in {"account", "kind", "fingerprint"}),
            _looked_up(requests, "path", kinds),
            _looked_up(requests, FACTS_KEY, codes),
        )
        .select(COLUMNS)
        .cast({pl.Categorical: pl.String})
    )


def _looked_up(requests: pl.DataFrame, key: str, table: pl.DataFrame) -> pl.Series:
    """Return the other column of a two-column table for the key of every row."""
    return requests.select(key).join(table, on=key, how="left", maintain_order="left").to_series(1)


def _present(requests: pl.DataFrame, shown: pl.DataFrame) -> frozenset[str]:
    """Name the native columns that hold a value in some row."""
    native = {name: source for sources in (TEXTS, HASHED) for name, source in sources.items()}
    filled = {
        native.get(column.name, column.name)
        for column in (*requests.drop("method_known"), *shown)
        if column.null_count() < column.len()
    }
    if requests.get_column("method_known").any():
        filled.add("method")
    return frozenset(column.name for column in LOG_COLUMNS if column.name in filled)
