"""Opening files of a known format as lazy frames, without a word about their columns.

Packed text (gzip, zstd) is recognised by its first bytes, whatever the name says.
"""

import glob
import re
from pathlib import Path
from typing import Literal

import polars as pl

from detector.errors import InputError
from detector.schema import REQUEST

__all__ = [
    "PACKED",
    "Format",
    "columns",
    "format_of",
    "lines",
    "native_json",
    "reading_fault",
    "records",
    "refusal",
]

Format = Literal["parquet", "ndjson", "csv"]

PACKED = (".gz", ".zst")
_SUFFIXES: dict[Format, tuple[str, ...]] = {
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


def refusal(where: str | Path, what: str, advice: str) -> InputError:
    """Return an error of one line: where, what happened, what to do next."""
    return InputError(" ".join(f"{where}: {what}; {advice}".split()))


def format_of(name: str) -> Format | None:
    """Return the format that a file's name tells, or None."""
    return next((one for one, suffixes in _SUFFIXES.items() if name.lower().endswith(suffixes)), None)


def sniffed(path: str) -> Format:
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
        _located(path),
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


def columns(path: str, kind: Format) -> pl.LazyFrame:
    """Return the columns of a Parquet or CSV file, as found; those of CSV are text.

    Raises:
        InputError: the file is not Parquet, or a truncated one.

    """
    if kind == "csv":
        return pl.scan_csv(
            _located(path),
            glob=False,
            separator="\t" if path.lower().endswith(_TABBED) else ",",
            infer_schema=False,
            encoding="utf8-lossy",
            raise_if_empty=False,
        )
    head, tail = _ends(path)
    if head != _MAGIC:
        raise refusal(path, "is not a Parquet file", "give Parquet or NDJSON")
    if tail != _MAGIC:
        raise refusal(path, "is a truncated Parquet file", "write or copy it again")
    return pl.scan_parquet(_located(path), glob=False, hive_partitioning=False)


def native_json(path: str) -> tuple[pl.LazyFrame, pl.Schema]:
    """Return an NDJSON file of native columns, plain ones as text, and the types used."""
    pattern = glob.escape(_located(path))
    found = pl.scan_ndjson(pattern, infer_schema_length=None).collect_schema()
    plain = {
        name: pl.String()
        for name, dtype in found.items()
        if name in REQUEST and not dtype.is_nested() and not (REQUEST[name].is_nested() and dtype != pl.Null)
    }
    types = pl.Schema({**found, **plain})
    return pl.scan_ndjson(pattern, schema=types), types


def records(path: str, schema: pl.Schema) -> pl.LazyFrame:
    """Return the fields of a schema of every record of an NDJSON file."""
    return pl.scan_ndjson(glob.escape(_located(path)), schema=schema, ignore_errors=True)


def reading_fault(path: str, error: BaseException) -> InputError:
    """Return what to say where polars or the system failed to read a file."""
    reason = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0][:200]
    if isinstance(error, FileNotFoundError) or getattr(error, "strerror", None):
        return refusal(path, f"cannot be read ({reason})", "check the file")
    if _CUT.search(reason):
        return refusal(path, f"is truncated ({reason})", "write or copy it again")
    return refusal(path, f"damaged or not a log ({reason})", "write or copy the file again")


def _located(path: str) -> str:
    # polars takes a leading ~ for the home folder.
    return str(Path(path).absolute())


def _ends(path: str) -> tuple[bytes, bytes]:
    with Path(path).open("rb") as file:
        head = file.read(4)
        file.seek(max(0, Path(path).stat().st_size - 4))
        return head, file.read(4)
