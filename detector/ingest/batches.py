"""Reading a log of any dialect in batches, as rows of a store.

Memory is bounded by the batch. Header facts are hashed as they were found and read
once a distinct hash, because a log repeats the same few header lists endlessly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
import polars_hash as plh

from detector.errors import refusal
from detector.ingest.coerce import coerced
from detector.ingest.dialects.dialect import Dialect
from detector.ingest.fingerprints import FACTS, FACTS_KEY, facts_code, normalised
from detector.ingest.paths import bare_path
from detector.ingest.privacy import Pseudonyms
from detector.ingest.sources.logfile import LogFile
from detector.ingest.sources.ndjson import read_records
from detector.ingest.store.layout import FINGERPRINT, STORED, bucket_of
from detector.schema import LOG_COLUMNS, REQUEST
from detector.settings import ReadSettings

__all__ = ["REJECTED", "Batch", "Terms", "read_batches"]

BATCH_ROWS = 50_000
"""Rows of Parquet taken at a time."""

STREAM_ROWS = 10_000
"""Records taken at a time where polars reads ahead: more make it slower and hold more memory."""

REJECTED = pl.Schema({"row": pl.Int64(), "reason": pl.String()})
"""A rejected record: its number in the source, from 1, and why it cannot be used."""

ROW = "row"


@dataclass(frozen=True, slots=True)
class Terms:
    """What rows have to be to enter a store.

    Attributes:
        pseudonyms: what ids become.
        buckets: number of buckets of the store.
        years: the years in which a timestamp is believed.

    """

    pseudonyms: Pseudonyms
    buckets: int
    years: ReadSettings


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a log.

    Attributes:
        requests: the accepted ones, schema ``STORED``.
        fingerprints: their header facts, schema ``FINGERPRINT``.
        rejected: the others, schema ``REJECTED``: ``unreadable``, ``null_account_id``,
            ``null_path``, ``bad_timestamp``.
        rows: how many there are of both.

    """

    requests: pl.DataFrame
    fingerprints: pl.DataFrame
    rejected: pl.DataFrame
    rows: int


def read_batches(file: LogFile, dialect: Dialect, terms: Terms) -> Iterator[Batch]:
    """Read a file or table in batches.

    Args:
        file: what to read.
        dialect: how its fields map onto the native columns.
        terms: what the rows have to be.

    Raises:
        InputError: the file is damaged, lacks a required column or has a column
            of an impossible type.

    """
    with file.reading():
        for found, unreadable in _frames(file, dialect):
            native = dialect.to_native(found.lazy()).collect()
            yield _batch(file, native, unreadable, terms)


def _frames(file: LogFile, dialect: Dialect) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    """Give the records as found, numbered, and the numbers of those that cannot be read at all."""
    if file.format == "ndjson":
        yield from read_records(file.lines(), file.records(dialect.schema), dialect.schema, STREAM_ROWS)
        return
    none = pl.Series(ROW, [], dtype=pl.Int64)
    if file.format == "parquet":
        # Slices hold memory down where batches of a scan would decode whole row groups ahead.
        for start in range(0, file.rows() or 0, BATCH_ROWS):
            frame = file.frame().slice(start, BATCH_ROWS).collect()
            yield frame.with_row_index(ROW, offset=start + 1), none
        return
    numbered = file.frame(dialect.order).with_row_index(ROW, offset=1)
    for frame in numbered.collect_batches(chunk_size=STREAM_ROWS, engine="streaming"):
        yield frame, none


def _batch(file: LogFile, native: pl.DataFrame, unreadable: pl.Series, terms: Terms) -> Batch:
    rows = native.select(ROW, *_columns(file, native.schema, terms), _found_facts(native.schema))
    rejected = rows.filter(pl.col("reason").is_not_null()).select(REJECTED.names()).cast(REJECTED)
    lost = pl.DataFrame({ROW: unreadable, "reason": "unreadable"}, schema=REJECTED)
    accepted = rows.get_column("reason").is_null()
    facts = _facts(file, native, rows.get_column(FACTS_KEY), accepted)
    rows = rows.filter(accepted)
    for column in terms.pseudonyms.columns:
        distinct = rows.select(column).unique()
        names = distinct.with_columns(terms.pseudonyms.pseudonym(column).alias("pseudonym"))
        joined = rows.select(column).join(names, on=column, how="left", maintain_order="left")
        rows = rows.with_columns(joined.get_column("pseudonym").alias(column))
    requests = (
        rows.join(facts.select(FACTS_KEY, "fingerprint"), on=FACTS_KEY, how="left")
        .with_columns(bucket_of("account_id", terms.buckets), day=pl.col("timestamp").dt.date())
        .select(STORED.names())
    )
    return Batch(
        requests=requests,
        fingerprints=facts.select(FINGERPRINT.names()).unique("fingerprint"),
        rejected=pl.concat([rejected, lost]),
        rows=native.height + lost.height,
    )


def _found_facts(found: pl.Schema) -> pl.Expr:
    """Return a hash of the header facts as they were found; good within one batch only."""
    there = [pl.col(name).hash() for name in FACTS if name in found]
    return (pl.struct(there).hash() if there else pl.lit(0, dtype=pl.UInt64)).alias(FACTS_KEY)


def _facts(file: LogFile, native: pl.DataFrame, keys: pl.Series, accepted: pl.Series) -> pl.DataFrame:
    """Read the distinct header facts of the accepted rows: ``FACTS_KEY`` and schema ``FINGERPRINT``."""
    first = pl.select(pl.when(accepted).then(keys).is_first_distinct() & accepted).to_series()
    return (
        native.filter(first)
        .select(
            keys.filter(first),
            *(_coerced(file, name, native.schema) for name in FACTS),
        )
        .with_columns(*normalised())
        .with_columns(facts_code())
    )


def _columns(file: LogFile, found: pl.Schema, terms: Terms) -> Iterator[pl.Expr]:
    """Give the expressions of a stored row before its codes, and of the ``reason`` to reject it."""
    for column in LOG_COLUMNS:
        if column.name in FACTS:
            continue
        if column.required and column.name not in found:
            raise refusal(
                file.path,
                f"required column {column.name} is missing",
                "add or rename the column, or map it in a dialect file",
            )
        read = _coerced(file, column.name, found)
        if column.name == "path":
            read = bare_path(read)
        elif column.name == "auth":
            read = read.str.to_lowercase()
        elif column.name == "request_id":
            read = plh.concat_str(read).nchash.xxh3_64(seed=terms.pseudonyms.seed)
            read = read.reinterpret(signed=True).alias("request")
        yield read
    account, path, time = (_coerced(file, name, found) for name in ("account_id", "path", "timestamp"))
    believable = time.dt.year().is_between(terms.years.earliest_year, terms.years.latest_year)
    yield (
        pl.when(account.is_null())
        .then(pl.lit("null_account_id"))
        .when(path.is_null())
        .then(pl.lit("null_path"))
        .when(believable.not_().fill_null(value=True))
        .then(pl.lit("bad_timestamp"))
        .alias("reason")
    )


def _coerced(file: LogFile, name: str, found: pl.Schema) -> pl.Expr:
    """Return the expression that reads a native column; null where the file lacks it."""
    if name not in found:
        return pl.lit(None, dtype=REQUEST[name]).alias(name)
    read = coerced(name, found[name])
    if read is None:
        what = f"column {name} has type {found[name]}, not {REQUEST[name]}"
        raise refusal(file.path, what, "convert or drop the column, or map it in a dialect file")
    return read
