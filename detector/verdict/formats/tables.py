"""The verdict tables as NDJSON and as CSV, piece by piece.

NDJSON keeps every column as it is nested, in ASCII: what acts on a terminal, or is no ASCII, is a
JSON escape, so that the text comes back whole and nothing in it acts on the way.

CSV is flat and made for spreadsheets: a cell of text that one would take for a formula begins
with an apostrophe (OWASP, "CSV Injection"; ASVS 1.2.10). Numbers are numbers.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from detector.verdict.formats import FILES

__all__ = ["FORMULA", "REASONS", "ascii_json", "csv_lines", "ndjson_lines", "write_tables"]

PIECE = 20_000
"""Rows that are in memory at a time."""

REASONS = 3
"""Reasons of a row that CSV has a column for; strongest first."""

FORMULA = r"^'*[=+\-@\t\r\n\x00＝＋－＠]"  # noqa: RUF001  # the full-width signs are meant
"""Text that a spreadsheet may take for a formula; led by apostrophes too, so that ours can be taken off."""

UTC_TIME = "%Y-%m-%dT%H:%M:%S%.6fZ"
"""Times in CSV: ISO 8601."""

_ODD = re.compile(r"[^\n -~]")


def write_tables(folder: Path, form: str) -> None:
    """Write the tables of a verdict folder in another form, beside them.

    Args:
        folder: holds ``accounts.parquet`` and ``sessions.parquet``.
        form: ``ndjson`` or ``csv``.

    """
    lines: Callable[[pl.LazyFrame], Iterator[str]] = ndjson_lines if form == "ndjson" else csv_lines
    for name in FILES[form]:
        table = pl.scan_parquet((folder / name).with_suffix(".parquet"), glob=False)
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines(table))


def ndjson_lines(table: pl.LazyFrame) -> Iterator[str]:
    """Give a table as JSON, an object a row; null, and what is no finite number, is null."""
    for piece in table.collect_batches(chunk_size=PIECE, maintain_order=True):
        yield ascii_json(piece.write_ndjson())


def ascii_json(text: str) -> str:
    """Return JSON text with every letter that is not printable ASCII as a JSON escape."""
    return _ODD.sub(_escaped, text)


def csv_lines(table: pl.LazyFrame) -> Iterator[str]:
    """Give a table as CSV (RFC 4180, ended by line feeds): a header, then a line a row.

    Null is an empty cell, empty text a pair of quotes. ``families`` are joined by
    ``;``; of ``reasons`` the texts of the first are columns of their own.
    """
    flat = table.select(_flat(table.collect_schema()))
    header = pl.DataFrame(schema=flat.collect_schema())
    yield _csv(header, header=True)
    for piece in flat.collect_batches(chunk_size=PIECE, maintain_order=True):
        yield _csv(piece)


def _csv(piece: pl.DataFrame, *, header: bool = False) -> str:
    return piece.write_csv(include_header=header, quote_style="necessary", datetime_format=UTC_TIME)


def _flat(schema: pl.Schema) -> Iterator[pl.Expr]:
    """Give the cells of a table whose columns may be nested; other nested columns are left out."""
    for name, dtype in schema.items():
        column = pl.col(name)
        if name == "reasons":
            texts = (
                column.list.get(number, null_on_oob=True).struct.field("text") for number in range(REASONS)
            )
            yield from (_cell(text).alias(f"reason_{number}") for number, text in enumerate(texts, 1))
        elif dtype == pl.List(pl.String):
            yield _cell(column.list.join(";"))
        elif dtype == pl.String:
            yield _cell(column)
        elif not dtype.is_nested():
            yield column


def _cell(text: pl.Expr) -> pl.Expr:
    """Lead what a spreadsheet may take for a formula by an apostrophe."""
    return text.str.replace(FORMULA, "'${0}")


def _escaped(letter: re.Match[str]) -> str:
    """Return a letter as JSON escapes, one for each unit of UTF-16."""
    return re.sub("(....)", r"\\u\1", letter[0].encode("utf-16-be").hex())
