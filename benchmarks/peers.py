"""What others would do with a log: sort it, or turn it from NDJSON into Parquet.

Each peer runs as a process of its own::

    python -m benchmarks.peers duckdb LOG TARGET [MEMORY]
    python -m benchmarks.peers polars LOG TARGET

LOG is a folder; nothing is checked, made private or kept for a second run.
"""

import os
import sys
from pathlib import Path

from detector.schema import REQUEST

__all__ = ["duckdb_sort", "polars_convert"]


def duckdb_sort(log: Path, target: Path, memory: str | None = None) -> None:
    """Sort native Parquet by account and time into one Parquet file.

    DuckDB has a thread a core. What does not fit its memory goes to a folder beside the target.

    Args:
        log: folder of Parquet files.
        target: file to write.
        memory: limit, such as ``4GB``; where left out DuckDB's own, 80 % of the machine's memory.

    """
    import duckdb  # noqa: PLC0415  # so that no peer pays for another's import

    config = {"threads": os.cpu_count() or 1, "temp_directory": f"{target}.spill"}
    if memory:
        config["memory_limit"] = memory
    with duckdb.connect(config=config) as connection:
        connection.execute(
            f"COPY (SELECT {', '.join(REQUEST)} FROM read_parquet({_quoted(f'{log}/**/*.parquet')}) "  # noqa: S608
            f"ORDER BY account_id, timestamp) TO {_quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)"
        )


def polars_convert(log: Path, target: Path) -> None:
    """Read NDJSON with the native schema and write one Parquet file, in the same order."""
    import polars as pl  # noqa: PLC0415  # likewise

    files = sorted(log.rglob("*.ndjson"))
    pl.scan_ndjson(files, schema=REQUEST).sink_parquet(target, compression="zstd")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    peers = {"duckdb": duckdb_sort, "polars": polars_convert}
    peers[sys.argv[1]](*map(Path, sys.argv[2:4]), *sys.argv[4:])
