"""Reading NDJSON in batches: at full speed while every line can be read, line by line around the others."""

from collections.abc import Iterator

import polars as pl

__all__ = ["read_records"]

LINES = 50_000
"""Lines parsed at a time once a file has shown a bad one."""


def read_records(
    lines: pl.LazyFrame, whole: pl.LazyFrame, schema: pl.Schema, rows: int
) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    """Read the records of a file.

    Args:
        lines: the file as text, one column ``line``.
        whole: the file as polars parses it with ``schema``.
        schema: types of the wanted fields; others are not read.
        rows: records a batch.

    Yields:
        A frame of ``schema`` with the number ``row`` of each record, counted from 1 with
        blank lines left aside; and the numbers of records that are no JSON objects.

    """
    done = 0
    none = pl.Series("row", [], dtype=pl.Int64)
    try:
        numbered = whole.with_row_index("row", offset=1)
        for frame in numbered.collect_batches(chunk_size=rows, engine="streaming"):
            yield frame, none
            done += frame.height
    except pl.exceptions.ComputeError:
        # One bad line fails the whole parse: from here on, find out which.
        yield from _around(lines, schema, done)


def _around(lines: pl.LazyFrame, schema: pl.Schema, done: int) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
    text = pl.col("line").str.strip_chars()
    filled = lines.filter(text != "").with_row_index("row", offset=1).filter(pl.col("row") > done)
    for batch in filled.collect_batches(chunk_size=LINES, engine="streaming"):
        braced = batch.select(text.str.starts_with("{") & text.str.ends_with("}")).to_series()
        frames = [schema.to_frame().insert_column(0, pl.Series("row", [], dtype=pl.get_index_type()))]
        unreadable = [batch.filter(~braced).get_column("row")]
        for piece, records in _parsed(batch.filter(braced), schema):
            if records is None:
                unreadable.append(piece.get_column("row"))
            else:
                frames.append(records.insert_column(0, piece.get_column("row")))
        yield pl.concat(frames), pl.concat(unreadable).cast(pl.Int64)


def _parsed(batch: pl.DataFrame, schema: pl.Schema) -> Iterator[tuple[pl.DataFrame, pl.DataFrame | None]]:
    """Parse lines together, and where that fails each half of them; None for a line that cannot be read."""
    if batch.is_empty():
        return
    text = "\n".join(batch.get_column("line").to_list()).encode()
    try:
        records = pl.scan_ndjson(text, schema=schema, ignore_errors=True).collect()
    except pl.exceptions.ComputeError:
        records = None
    if records is not None and records.height == batch.height:
        yield batch, records
    elif batch.height == 1:
        yield batch, None
    else:
        half = batch.height // 2
        for piece in (batch.head(half), batch.tail(-half)):
            yield from _parsed(piece, schema)
