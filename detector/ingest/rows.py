"""Reading one file of a log into rows without lists.

The streaming engine reads repeated text as categories and everything of which
only equality matters as a hash, so a row takes about 150 bytes. The header facts
of a row are a hash too; the facts themselves are read once a distinct hash.
"""

import polars as pl

from detector.errors import refusal
from detector.ingest.coerce import coerced
from detector.ingest.fingerprints import FACTS, FACTS_KEY, facts_key
from detector.ingest.paths import bare_path
from detector.ingest.sources.logfile import LogFile
from detector.schema import LOG_COLUMNS, REQUEST
from detector.settings import ReadSettings

__all__ = ["HASHED", "PLAIN", "REASONS", "TEXTS", "read_rows"]

TEXTS = {
    "account": "account_id",
    "path": "path",
    "auth": "auth",
    "plan": "plan",
    "session_id": "session_id",
    "country": "country",
    "model": "model",
    "stop_reason": "stop_reason",
}
"""Columns of text that repeats, and the native columns they come from."""

HASHED = {"device": "device_id", "network": "client_ip", "tools_hash": "tools_hash", "request": "request_id"}
"""Columns of which only equality matters, and the native columns they are a hash of."""

PLAIN = (
    "timestamp",
    "status",
    "duration_ms",
    "asn",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "tool_result",
    "stream",
    "retry_after_s",
    "telemetry_events",
    "telemetry_requests",
)

REASONS = pl.Enum(["null_account_id", "null_path", "bad_timestamp"])


def read_rows(
    file: LogFile, years: ReadSettings, categories: dict[str, pl.Categories], known: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame, set[str]]:
    """Read one file.

    Args:
        file: the file.
        years: the years in which a timestamp is believed.
        categories: a mapping of text to numbers for each of ``TEXTS``, shared by all files.
        known: hashes whose header facts were read from an earlier file.

    Returns:
        - a row a request: ``TEXTS``, ``HASHED``, ``PLAIN``, ``method_known``,
          the hash of the header facts, the hash ``content`` of the whole row and
          the ``reason`` to reject it (null if there is none);
        - the header facts of every hash of an accepted row that was not known;
        - the names of columns that the log schema does not have.

    Raises:
        InputError: the file is damaged, lacks a required column or has a column
            of an impossible type.

    """
    with file.reading():
        scanned, found = file.scan()
        numbered = scanned.select(name for name in found if name in REQUEST).with_row_index("row")
        native = _native(file, found)
        rows = (
            numbered.select("row", *native)
            .with_columns(facts_key())
            .select("row", *_row(years, categories))
            .collect(engine="streaming")
        )
        fresh = (
            rows.lazy()
            .filter(pl.col("reason").is_null())
            .group_by(FACTS_KEY)
            .agg(pl.col("row").min())
            .filter(~pl.col(FACTS_KEY).is_in(known.implode()))
            .collect()
        )
        # A filter on the row number spares the decoding of almost all lists.
        facts = (
            numbered.filter(pl.col("row").is_in(fresh.get_column("row").implode()))
            .select(native)
            .select(*FACTS, facts_key())
            .collect(engine="streaming")
            if fresh.height
            else pl.DataFrame(schema={**{name: REQUEST[name] for name in FACTS}, FACTS_KEY: pl.UInt64})
        )
    return rows.drop("row"), facts, set(found) - set(REQUEST) - set(file.partitions)


def _native(file: LogFile, found: pl.Schema) -> list[pl.Expr]:
    """Return the expressions that read every native column; those that a file lacks are null."""
    expressions = []
    for column in LOG_COLUMNS:
        if column.name in found:
            expression = coerced(column.name, found[column.name])
            if expression is None:
                what = f"column {column.name} has type {found[column.name]}, not {column.dtype}"
                raise refusal(file.path, what, "convert or drop the column")
            expressions.append(expression)
        elif column.required:
            raise refusal(file.path, f"required column {column.name} is missing", "add or rename the column")
        else:
            expressions.append(pl.lit(None, dtype=column.dtype).alias(column.name))
    return expressions


def _row(years: ReadSettings, categories: dict[str, pl.Categories]) -> list[pl.Expr | str]:
    """Return the expressions of a row without its lists, from native columns and the hash of the facts."""
    texts = {name: pl.col(native) for name, native in TEXTS.items()}
    texts["path"] = bare_path(texts["path"])
    texts["auth"] = texts["auth"].str.to_lowercase()
    believable = pl.col("timestamp").dt.year().is_between(years.earliest_year, years.latest_year)
    return [
        *PLAIN,
        *(text.cast(pl.Categorical(categories[name])).alias(name) for name, text in texts.items()),
        *(
            pl.when(pl.col(native).is_not_null()).then(pl.col(native).hash()).alias(name)
            for name, native in HASHED.items()
        ),
        pl.col("method").is_not_null().alias("method_known"),
        FACTS_KEY,
        pl.struct(FACTS_KEY, *(name for name in REQUEST if name not in FACTS)).hash().alias("content"),
        pl.when(pl.col("account_id").is_null())
        .then(pl.lit("null_account_id", dtype=REASONS))
        .when(pl.col("path").is_null())
        .then(pl.lit("null_path", dtype=REASONS))
        .when(believable.not_().fill_null(value=True))
        .then(pl.lit("bad_timestamp", dtype=REASONS))
        .alias("reason"),
    ]
