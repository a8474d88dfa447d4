"""What of the figures of cells is left where the log lacks something, or has only begun.

Run from the project's root, on weeks that ``benchmarks.cells`` kept::

    python -m benchmarks.cellvariations --weeks WEEKS --seeds 2 --first-seed 200

Columns are left out of both weeks, for the trained model and the bundled one; first requests are
those of week 2 alone. Markdown tables go to standard output, progress to standard error.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shutil import copy

import polars as pl

from benchmarks.cells import LABELS, WEEKS, judged
from benchmarks.celltables import varied
from benchmarks.fleets import Gaps, first_requests, rewrite

__all__ = ["FIRST", "LACKING", "main"]

Change = Callable[[pl.LazyFrame], pl.LazyFrame]

TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
BODY = ("session_id", "device_id", "model", *TOKENS, "stop_reason", "tool_result", "tools_hash", "stream")
"""Columns that are read from bodies, which an edge does not see."""

LACKING = {
    "nothing": Gaps(),
    "header lists and values": Gaps(("header_names", "header_values")),
    "header values": Gaps(("header_values",)),
    "JA4": Gaps(("ja4",)),
    "tool results": Gaps(("tool_result",)),
    "session and device ids": Gaps(("session_id", "device_id")),
    "tokens": Gaps(TOKENS),
    "telemetry posts": Gaps(paths=("/api/event_logging",)),
    "user agents": Gaps(("user_agent",)),
    "addresses": Gaps(("client_ip", "asn")),
    "all but the edge's own columns": Gaps(BODY),
}
"""What a log may lack."""

FIRST = (10, 30, 50, 100, 300)
"""First requests of each account of week 2."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the kept weeks of each seed in every variation and print the tables."""
    given = _parser().parse_args(arguments)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    lacking: dict[str, Mapping[str, Change]] = {
        name: dict.fromkeys(WEEKS, _without(gaps)) for name, gaps in LACKING.items()
    }
    first: dict[str, Mapping[str, Change]] = {
        f"{count:,}": {WEEKS[1]: first_requests(count)} for count in FIRST
    }
    for title, changes in (("left out", lacking), ("first requests", first)):
        tables = {}
        for name, change in changes.items():
            tables[name] = pl.concat([_judged(given.weeks / str(seed), seed, change) for seed in seeds])
            print(f"{title}: {name}", file=sys.stderr, flush=True)
        print(varied(title, tables))


def _without(gaps: Gaps) -> Change:
    return lambda rows: gaps.leave_out(rows.collect()).lazy()


def _judged(folder: Path, seed: int, changes: Mapping[str, Change]) -> pl.DataFrame:
    """Judge a changed copy of the weeks of a seed, as ``cells.judged`` does."""
    with tempfile.TemporaryDirectory() as passing:
        copied = Path(passing)
        for week in WEEKS:
            rewrite(folder / week, copied / week, changes.get(week, lambda rows: rows))
        copy(folder / LABELS, copied / LABELS)
        return judged(copied, seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Verdicts on cells where the log lacks something.")
    add = parser.add_argument
    add("--weeks", type=Path, required=True, help="folder that `benchmarks.cells --keep` wrote")
    add("--seeds", type=int, default=2, help="seeds (default 2)")
    add("--first-seed", type=int, default=200, help="first seed (default 200)")
    return parser


if __name__ == "__main__":
    main()
