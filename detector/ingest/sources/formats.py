"""Opening files of a known format as lazy frames, without a word about their columns.

Packed text (gzip, zstd) is recognised by its first bytes, whatever the name says.
"""

import glob
import os
import re
from collections.abc import Sequence
from typing import Any, Literal

import polars as pl

from detector.errors import InputError, refusal
from detector.ingest.sources.objects import is_object, located, opened, plain_reason
from detector.schema import REQUEST

__all__ = [
    "PACKED",
    "FileFormat",
    "columns",
    "format_of",
    "lines",
    "maps_as_lists",
    "native_json",
    "reading_fault",
    "records",
    "sniffed",
    "unnamed_columns",
]

FileFormat = Literal["parquet", "ndjson", "csv"]

PACKED = (".gz", ".zst")
_SUFFIXES: dict[FileFormat, tuple[str, ...]] = {
    "parquet": (".parquet", ".pq"),
    "ndjson": tuple(
        name + packed for name in (".ndjson", ".jsonl", ".json", ".log") for packed in ("", *PACKED)
    ),
    "csv": tuple(name + packed for name in (".csv", ".tsv") for packed in ("", *PACKED)),
}
_TABBED = tuple(".tsv" + packed for packed in ("", *PACKED))
_MAGIC = b"PAR1"
_CUT = re.compile("unexpected end of file|incomplete frame")
"""What the decoders of gzip and zstd say of data that stops short."""


def format_of(name: str) -> FileFormat | None:
    """Return the format that a file's name tells, or None."""
    return next((one for one, suffixes in _SUFFIXES.items() if name.lower().endswith(suffixes)), None)


def sniffed(path: str) -> FileFormat:
    """Return the format of a file whose name does not tell, from its first bytes.

    Raises:
        InputError: it is neither Parquet nor begins with an object of JSON.

    """
    if _ends(path)[0] == _MAGIC:
        return "parquet"
    first = lines(path).head(1).collect(engine="streaming").to_series().to_list()
    if first and first[0].lstrip().startswith("{"):
        return "ndjson"
    raise refusal(
        path, "is neither Parquet, NDJSON nor CSV by its name", "give .parquet, .ndjson, .jsonl or .csv files"
    )


def lines(path: str) -> pl.LazyFrame:
    """Return the lines of a text file, in one column ``line``, never null."""
    # A table of one column is the line reader that forgives bad UTF-8.
    return pl.scan_csv(
        located(path),
        glob=False,
        has_header=False,
        schema={"line": pl.String},
        separator="\0",
        quote_char=None,
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        empty_string_is_null=False,
        raise_if_empty=False,
    )


def columns(path: str, kind: FileFormat) -> pl.LazyFrame:
    """Return the columns of a Parquet or CSV file, as found; those of CSV are text.

    Raises:
        InputError: the file is not Parquet, or a truncated one.

    """
    if kind == "csv":
        return pl.scan_csv(
            located(path),
            glob=False,
            separator=_separator(path),
            infer_schema=False,
            encoding="utf8-lossy",
            raise_if_empty=False,
        )
    frame = pl.scan_parquet(located(path), glob=False, hive_partitioning=False)
    try:
        frame.collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        head, tail = _ends(path)
        if head != _MAGIC:
            raise refusal(path, "is not a Parquet file", "give Parquet or NDJSON") from error
        if tail != _MAGIC:
            raise refusal(path, "is a truncated Parquet file", "write or copy it again") from error
        raise
    return frame


def unnamed_columns(path: str, names: Sequence[str]) -> pl.LazyFrame:
    """Return the columns of a CSV file without a header row, as text, under names in their order."""
    return pl.scan_csv(
        located(path),
        glob=False,
        has_header=False,
        schema=dict.fromkeys(names, pl.String),
        separator=_separator(path),
        quote_char=None,
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        raise_if_empty=False,
    )


def _separator(path: str) -> str:
    return "\t" if path.lower().endswith(_TABBED) else ","


def maps_as_lists(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return a frame whose maps, at any depth, are lists of structs of ``key`` and ``value``."""
    found = frame.collect_schema()
    types = {name: _without_maps(dtype) for name, dtype in found.items()}
    return frame.cast({name: dtype for name, dtype in types.items() if dtype != found[name]})


def _without_maps(dtype: Any) -> Any:
    if isinstance(dtype, pl.Map):
        return pl.List(pl.Struct({"key": _without_maps(dtype.key), "value": _without_maps(dtype.value)}))
    if isinstance(dtype, pl.List):
        return pl.List(_without_maps(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: _without_maps(field.dtype) for field in dtype.fields})
    return dtype


def native_json(path: str) -> tuple[pl.LazyFrame, pl.Schema]:
    """Return an NDJSON file of native columns, plain ones as text, and the types used.

    Raises:
        InputError: an object with a pattern in its key, which polars would follow.

    """
    pattern = _verbatim(path)
    found = pl.scan_ndjson(pattern, infer_schema_length=None).collect_schema()
    plain = {
        name: pl.String()
        for name, dtype in found.items()
        if name in REQUEST and not dtype.is_nested() and not (REQUEST[name].is_nested() and dtype != pl.Null)
    }
    types = pl.Schema({**found, **plain})
    return pl.scan_ndjson(pattern, schema=types), types


def records(path: str, schema: pl.Schema) -> pl.LazyFrame:
    """Return the fields of a schema of every record of an NDJSON file.

    Raises:
        InputError: as ``native_json``.

    """
    return pl.scan_ndjson(_verbatim(path), schema=schema, ignore_errors=True)


def reading_fault(path: str, error: BaseException) -> InputError:
    """Return what to say where polars or the system failed to read a file."""
    reason = plain_reason(error)
    if _CUT.search(reason):
        return refusal(path, f"is truncated ({reason})", "write or copy it again")
    if is_object(path) and isinstance(error, OSError | ValueError):
        advice = "check the address and the credentials and endpoint in the environment"
        return refusal(path, f"cannot be read ({reason})", advice)
    if isinstance(error, FileNotFoundError) or getattr(error, "strerror", None):
        return refusal(path, f"cannot be read ({reason})", "check the file")
    return refusal(path, f"damaged or not a log ({reason})", "write or copy the file again")


def _verbatim(path: str) -> str:
    """Return a pattern that matches a path alone."""
    if is_object(path) and glob.has_magic(path):
        # polars takes the brackets that would quote such a key for a pattern again.
        raise refusal(path, "its key reads as a pattern", "rename the object")
    return glob.escape(located(path))


def _ends(path: str) -> tuple[bytes, bytes]:
    with opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 4))
        tail = file.read(4)
        file.seek(0)
        return file.read(4), tail
