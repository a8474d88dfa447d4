"""Reading a request log into one sorted frame.

File by file, the plain columns are read in the streaming engine with repeated
text as categories and the header facts as one hash; the files' rows are then
joined, sorted, freed of duplicates and given small codes.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from detector.ingest.coerce import coerced
from detector.ingest.fingerprints import FACTS, FACTS_KEY, facts_key, number_facts
from detector.ingest.paths import bare_path, path_kinds
from detector.ingest.source import LogFile, find_files, refusal
from detector.schema import LOG_COLUMNS, REQUEST
from detector.settings import Settings

__all__ = ["InputFile", "RequestLog", "read_log"]

HASHED = {"device": "device_id", "network": "client_ip", "tools_hash": "tools_hash", "request": "request_id"}
"""Columns of which only equality matters, and the native columns they are a hash of."""

TEXTS = ("account", "path", "auth", "plan", "session_id", "country", "model", "stop_reason")

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
_SOURCES = HASHED | {"account": "account_id", "kind": "path", "method_known": "method"}
_REASONS = pl.Enum(["null_account_id", "null_path", "bad_timestamp"])


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
        fingerprints: the distinct combinations of header facts, sorted by content.
        present: native columns that hold a value in at least one accepted row.
        unknown_columns: columns of the files that the log schema does not have.
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
    """Read a native request log.

    Args:
        source: a Parquet or NDJSON file, a folder of them (Hive partitions
            welcome) or a glob pattern.
        settings: says what paths mean and which years are believable.

    Raises:
        InputError: nothing to read, a file that is damaged or not a log, a
            column of an impossible type, or no row that could be accepted.

    """
    files = find_files(source)
    categories = {name: pl.Categories.random() for name in TEXTS}
    parts, facts, read, unknown = [], [], [], set[str]()
    rejected: Counter[str] = Counter()
    for file in files:
        rows, file_facts, odd = _read_file(file, settings, categories)
        read.append(InputFile(file.name, rows.height))
        unknown |= odd
        reasons = rows.get_column("reason")
        rejected.update(reasons.drop_nulls().to_list())
        if reasons.null_count() < rows.height:
            rows = rows.filter(pl.col("reason").is_null())
        parts.append(rows.drop("reason"))
        facts.append(file_facts)
    total = sum(file.rows for file in read)
    if not total:
        raise refusal(str(source), "the log has no rows", "give a log with at least one request")
    requests = pl.concat(parts, rechunk=False)
    del parts, rows
    if requests.is_empty():
        found = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
        raise refusal(str(source), f"all {total} rows were rejected ({found})", "check those columns")
    requests = requests.sort("account", "timestamp", "content").drop("content")
    kept = requests.select(pl.col("request").is_null() | pl.col("request").is_first_distinct()).to_series()
    if repeated := requests.height - int(kept.sum()):
        rejected["duplicate_request_id"] = repeated
        requests = requests.filter(kept)
    return _finish(
        requests=requests,
        facts=pl.concat(facts),
        settings=settings,
        unknown=tuple(sorted(unknown)),
        files=tuple(read),
        total=total,
        rejected=rejected,
    )


def _read_file(
    file: LogFile, settings: Settings, categories: dict[str, pl.Categories]
) -> tuple[pl.DataFrame, pl.DataFrame, set[str]]:
    """Read one file's rows, the facts of their hashes, and the names of its unknown columns."""
    try:
        scanned, found = file.scan()
        native = scanned.select(_native(file, found))
        return (
            native.select(_row(settings, categories)).collect(engine="streaming"),
            native.select(FACTS)
            .with_columns(facts_key())
            .unique(FACTS_KEY, keep="any")
            .collect(engine="streaming"),
            set(found) - set(REQUEST) - set(file.partitions),
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise refusal(
            str(file.path), f"damaged or not a log ({reason})", "write or copy the file again"
        ) from error


def _native(file: LogFile, found: pl.Schema) -> list[pl.Expr]:
    """Return the expressions that read every native column; those that a file lacks are null."""
    expressions = []
    for column in LOG_COLUMNS:
        if column.name in found:
            expression = coerced(column.name, found[column.name])
            if expression is None:
                raise refusal(
                    str(file.path),
                    f"column {column.name} has type {found[column.name]}, which cannot be read as {column.dtype}",
                    "convert or drop the column",
                )
            expressions.append(expression)
        elif column.required:
            raise refusal(
                str(file.path), f"required column {column.name} is missing", "add or rename the column"
            )
        else:
            expressions.append(pl.lit(None, dtype=column.dtype).alias(column.name))
    return expressions


def _row(settings: Settings, categories: dict[str, pl.Categories]) -> list[pl.Expr]:
    """Return the expressions of a row without its lists, from native columns."""
    years = settings.read
    believable = (
        pl.col("timestamp").dt.year().is_between(years.earliest_year, years.latest_year).fill_null(False)
    )
    path = bare_path(pl.col("path"))
    texts = {name: pl.col(name) for name in TEXTS} | {
        "account": pl.col("account_id"),
        "path": path,
        "auth": pl.col("auth").str.strip_chars().str.to_lowercase(),
    }
    plain = [name for name in COLUMNS if name in REQUEST and name not in TEXTS and name not in HASHED]
    return [
        *plain,
        *(text.cast(pl.Categorical(categories[name])).alias(name) for name, text in texts.items()),
        *(
            pl.when(pl.col(native).is_not_null()).then(pl.col(native).hash()).alias(name)
            for name, native in HASHED.items()
        ),
        pl.col("method").is_not_null().alias("method_known"),
        facts_key(),
        pl.struct(*REQUEST).hash().alias("content"),
        pl.when(pl.col("account_id").is_null())
        .then(pl.lit("null_account_id", dtype=_REASONS))
        .when(pl.col("path").is_null())
        .then(pl.lit("null_path", dtype=_REASONS))
        .when(~believable)
        .then(pl.lit("bad_timestamp", dtype=_REASONS))
        .alias("reason"),
    ]


def _finish(
    *,
    requests: pl.DataFrame,
    facts: pl.DataFrame,
    settings: Settings,
    unknown: tuple[str, ...],
    files: tuple[InputFile, ...],
    total: int,
    rejected: dict[str, int],
) -> RequestLog:
    """Give accounts, header facts and kinds their codes; say what the log holds."""
    facts = facts.join(requests.select(FACTS_KEY).unique(), on=FACTS_KEY, how="semi")
    fingerprints, codes = number_facts(facts)
    paths = requests.get_column("path").unique()
    kinds = pl.DataFrame({"path": paths, "kind": path_kinds(paths.cast(pl.String), settings.paths)})
    accounts = requests.get_column("account").unique(maintain_order=True).cast(pl.String)
    requests = requests.with_columns(
        pl.col("account").rle_id(),
        requests.select("path").join(kinds, on="path", how="left", maintain_order="left").get_column("kind"),
        requests.select(FACTS_KEY)
        .join(codes, on=FACTS_KEY, how="left", maintain_order="left")
        .get_column("fingerprint"),
    )
    values = {
        _SOURCES.get(name, name): requests.get_column(name).null_count() < requests.height for name in COLUMNS
    }
    values |= {name: facts.get_column(name).null_count() < facts.height for name in FACTS}
    values["request_id"] = requests.get_column("request").null_count() < requests.height
    values["method"] = bool(requests.get_column("method_known").any())
    return RequestLog(
        requests=requests.select(COLUMNS).cast({pl.Categorical: pl.String}),
        accounts=accounts,
        fingerprints=fingerprints,
        present=frozenset(column.name for column in LOG_COLUMNS if values.get(column.name)),
        unknown_columns=unknown,
        files=files,
        rows=total,
        rejected=dict(sorted(rejected.items())),
    )
