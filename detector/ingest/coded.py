"""Rows of a native log as a part holds them: coerced, without lists, header facts as codes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from detector.errors import refusal
from detector.ingest.coerce import coerced
from detector.ingest.fingerprints import FACTS, FACTS_KEY, facts_code, normalised
from detector.ingest.found import Found, open_found
from detector.ingest.packed import Packed
from detector.ingest.parts import ROW
from detector.ingest.paths import bare_path
from detector.ingest.sources.logfile import LogFile
from detector.ingest.store.layout import FINGERPRINT
from detector.schema import LOG_COLUMNS, REQUEST
from detector.settings import ReadSettings

__all__ = ["Coded", "KnownFacts", "open_coded"]

_HASHED = {"device": "device_id", "network": "client_ip", "tools_hash": "tools_hash", "request": "request_id"}
"""Columns of which only equality matters, and the native columns they are a hash of."""

_MOST_KNOWN = 100_000
"""Keys of facts remembered; a log in which every user agent is new has millions."""

NUMBER = "number"

_NO_CODES = pl.DataFrame(schema={FACTS_KEY: pl.UInt64(), "fingerprint": pl.Int64()})


@dataclass(frozen=True, slots=True)
class Coded:
    """Some rows of a log.

    Attributes:
        rows: the accepted ones, schema ``ROW``, its texts packed.
        fingerprints: header facts that occur in them, schema ``FINGERPRINT``; those
            that were known before may be left out.
        rejected: rows left out, by reason: ``null_account_id``, ``null_path``, ``bad_timestamp``.
        read: how many rows there are of both.

    """

    rows: Packed
    fingerprints: pl.DataFrame
    rejected: Counter[str]
    read: int


class KnownFacts:
    """Codes of header facts that were read, by key, so that no file reads them again."""

    def __init__(self) -> None:
        """Know none."""
        self._codes: dict[str, pl.DataFrame] = {}

    def of(self, kind: str) -> pl.DataFrame:
        """Return the codes of keys that are comparable: ``FACTS_KEY`` and ``fingerprint``."""
        return self._codes.get(kind, _NO_CODES)

    def keep(self, kind: str, codes: pl.DataFrame) -> None:
        """Keep codes in place of those that were kept before."""
        self._codes[kind] = codes


def open_coded(
    file: LogFile, years: ReadSettings, known: KnownFacts
) -> tuple[frozenset[str], list[Iterator[Coded]]]:
    """Open a file or table of native columns.

    Args:
        file: the file or table.
        years: those that are believable.
        known: facts that were read of other files; those that are read here are added.

    Returns:
        - the names of its columns that the log schema does not have;
        - iterators over parts of its rows, which may run side by side.

    Raises:
        InputError: the file is damaged, lacks a required column or has a column
            of an impossible type; the iterators raise it too.

    """
    types, parts = open_found(file)
    columns = _columns(file, types)
    kind = repr((file.format, [(name, types[name]) for name in FACTS if name in types]))
    unknown = frozenset(types) - frozenset(REQUEST) - file.partitions.keys()
    return unknown, [_coded(file, part, columns, years, known=known, kind=kind) for part in parts]


def _coded(
    file: LogFile,
    part: Iterator[Found],
    columns: dict[str, tuple[str, pl.Expr]],
    years: ReadSettings,
    *,
    known: KnownFacts,
    kind: str,
) -> Iterator[Coded]:
    for found in part:
        with file.reading():
            packed = found.packed.select(columns)
            reason = _reason(packed, years)
            keys = found.keys.to_frame().with_row_index(NUMBER)
            rows = packed.rows
            if reason.null_count() < reason.len():
                rows, keys = rows.filter(reason.is_null()), keys.filter(reason.is_null())
            codes = known.of(kind)
            code = _codes(keys, codes)
            fresh = _read_facts(file, found, keys.filter(code.is_null()))
            if fresh.height:
                if codes.height > _MOST_KNOWN:
                    codes = codes.join(keys, on=FACTS_KEY, how="semi")
                codes = pl.concat([codes, fresh.select(codes.columns)])
                known.keep(kind, codes)
                code = _codes(keys, codes)
        yield Coded(
            rows=Packed(rows.with_columns(code).select(ROW.names()), packed.texts),
            fingerprints=fresh.select(FINGERPRINT.names()).unique("fingerprint"),
            rejected=Counter(reason.drop_nulls().to_list()),
            read=found.packed.rows.height,
        )


def _codes(keys: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """Return the code of each key; null where it is not known."""
    codes = keys.select(FACTS_KEY).join(known, on=FACTS_KEY, how="left", maintain_order="left")
    return codes.get_column("fingerprint")


def _read_facts(file: LogFile, found: Found, keys: pl.DataFrame) -> pl.DataFrame:
    """Read the facts of keys: ``FACTS_KEY`` and schema ``FINGERPRINT``, a row a distinct key."""
    if keys.is_empty():
        return pl.DataFrame(schema={FACTS_KEY: pl.UInt64(), **FINGERPRINT})
    first = keys.group_by(FACTS_KEY).agg(pl.col(NUMBER).min())
    whole = found.whole(first.get_column(NUMBER)).with_columns(first.get_column(FACTS_KEY))
    facts = whole.select(FACTS_KEY, *(_read(file, name, whole.schema) for name in FACTS))
    return facts.with_columns(*normalised()).with_columns(facts_code())


def _columns(file: LogFile, types: pl.Schema) -> dict[str, tuple[str, pl.Expr]]:
    """Return how the columns of ``ROW`` but the code of the facts are made, each of one native column."""
    native = {column.name: _read(file, column.name, types) for column in LOG_COLUMNS}
    changed = {
        "account": native["account_id"],
        "path": bare_path(native["path"]),
        "auth": native["auth"].str.to_lowercase(),
        **{
            name: pl.when(native[source].is_not_null()).then(native[source].hash())
            for name, source in _HASHED.items()
        },
    }
    read = {**native, **changed}
    sources = {"account": "account_id", **_HASHED}
    return {name: (sources.get(name, name), read[name]) for name in ROW if name != "fingerprint"}


def _reason(packed: Packed, years: ReadSettings) -> pl.Series:
    """Say by row why it is rejected; null where it is not."""
    earliest = datetime(years.earliest_year, 1, 1, tzinfo=UTC)
    latest = datetime(years.latest_year, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    believable = pl.col("timestamp").is_between(earliest, latest)
    there = packed.rows.select("timestamp", **{name: packed.known(name) for name in ("account", "path")})
    return there.select(
        pl.when(pl.col("account").not_())
        .then(pl.lit("null_account_id"))
        .when(pl.col("path").not_())
        .then(pl.lit("null_path"))
        .when(believable.not_().fill_null(value=True))
        .then(pl.lit("bad_timestamp"))
        .alias("reason")
    ).to_series()


def _read(file: LogFile, name: str, types: pl.Schema) -> pl.Expr:
    """Return the expression that reads a native column; null where the file lacks it."""
    if name in types:
        read = coerced(name, types[name])
        if read is None:
            what = f"column {name} has type {types[name]}, not {REQUEST[name]}"
            raise refusal(file.path, what, "convert or drop the column")
        return read
    if name in _REQUIRED:
        raise refusal(file.path, f"required column {name} is missing", "add or rename the column")
    return pl.lit(None, dtype=REQUEST[name]).alias(name)


_REQUIRED = frozenset(column.name for column in LOG_COLUMNS if column.required)
