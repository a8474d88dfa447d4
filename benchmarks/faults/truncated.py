"""A source that is cut off: refused by name, or read to the cut; whole again, it adds the rest."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from benchmarks.faults.bench import Bench, Ended, Finding
from benchmarks.stored import log_contents, store_contents

__all__ = ["truncated"]

ROWS = 5_000
Writer = Callable[[pl.DataFrame, Path], object]
Cutter = Callable[[bytes], bytes]


def truncated(bench: Bench) -> Iterator[Finding]:
    """Cut a Parquet file and a packed NDJSON file in half, and the last line of an NDJSON file."""
    rows = pl.read_parquet(bench.second / "0000.parquet", n_rows=ROWS)
    yield _cut(bench, rows, "late.parquet", pl.DataFrame.write_parquet, _half)
    yield _cut(bench, rows, "late.ndjson.gz", _write_gz, _half)
    yield _cut(bench, rows, "late.ndjson", pl.DataFrame.write_ndjson, _without_end)


def _cut(bench: Bench, rows: pl.DataFrame, name: str, write: Writer, cut: Cutter) -> Finding:
    """Add a cut file to a store, then the whole of it."""
    folder = bench.folder_of(f"with {name}", sorted(bench.first.iterdir()))
    late, same = folder / name, bench.scratch / f"{name}.parquet"
    write(rows, late)
    rows.write_parquet(same)
    after = log_contents([*bench.first.iterdir(), same])
    whole = late.read_bytes()
    late.write_bytes(cut(whole))
    with bench.store(bench.base) as store:
        end = bench.ingest([folder], store).ended()
        found = store_contents(store)
        failures = list(_complaints(end, name))
        if found.rows - bench.before.rows != (0 if end.code else rows.height - 1):
            failures.append(f"{found.rows - bench.before.rows} of {rows.height} late rows are stored")
        note = end.error.strip().replace(str(folder), "") or "all rows but the cut one are stored"
        late.write_bytes(whole)
        end = bench.ingest([folder], store).ended()
        wrong = [str(end)] if end.code else bench.complaints(store, after)
        failures += [f"whole again: {text}" for text in wrong]
    return Finding(f"{name} cut off", 1, tuple(failures), note)


def _complaints(end: Ended, name: str) -> Iterator[str]:
    """Check that a refusal names the file, and that only a log of lines is taken without its end."""
    if end.code == 0 and not name.endswith(".ndjson"):
        yield "half a file was taken for a whole one"
    if end.code and not end.refused:
        yield f"not one clear line: {end}"
    if end.code and name not in end.error:
        yield f"does not name the file: {end}"


def _half(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def _without_end(whole: bytes) -> bytes:
    return whole[: whole.rstrip(b"\n").rfind(b"\n") + 100]


def _write_gz(rows: pl.DataFrame, path: Path) -> None:
    path.write_bytes(gzip.compress(rows.write_ndjson().encode()))
