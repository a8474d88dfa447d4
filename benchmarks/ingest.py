"""Ingestion beside its peers: DuckDB's sort of the same Parquet, polars' reading of the same NDJSON.

Run from the project's root, with ``detector`` installed beside this Python::

    python -m benchmarks.ingest --cache FOLDER --json figures.json
    python -m benchmarks.ingest --cache FOLDER --rows 1_000_000 10_000_000
    python -m benchmarks.ingest --cache FOLDER --rows 10_000_000 100_000_000 --contestants detector

Every contestant is a process of its own. All have read the log once before (the page cache is
warm) and take turns, the order reversed every other time; figures are medians. The store is
compared with the log afterwards: a benchmark of a wrong answer ends in an error. A Markdown
table goes to standard output, progress to standard error.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.bars import Bar, bar_table, table
from benchmarks.gateway import GatewayLog, as_ndjson, gateway_log
from benchmarks.machine import setting, warm
from benchmarks.process import Cost, detector, measured, middle
from benchmarks.stored import log_contents, store_contents

GIB, MIB = 2**30, 2**20
PACKAGES = ("harness-detector", "polars", "deltalake", "pyarrow", "duckdb")
DUCKDB, POLARS, OURS = "DuckDB sort", "polars NDJSON to Parquet", "detector ingest"
CONTESTANTS = {"duckdb": DUCKDB, "polars": POLARS, "detector": OURS}
NATIVE, NDJSON = "Parquet", "NDJSON"
HOUR, AGAIN = "one more hour", "the same hour again"


@dataclass(frozen=True)
class Line:
    """What one contestant took.

    Attributes:
        what: the contestant, or for the store what was added to it.
        log: format of the log.
        rows: in the log, or in what was added.
        cost: median over the runs.
        runs: how many.
        read: bytes of the log, or of what was added.
        written: bytes of the whole result.

    """

    what: str
    log: str
    rows: int
    cost: Cost
    runs: int
    read: int
    written: int

    @property
    def speed(self) -> float:
        """Rows a second."""
        return self.rows / self.cost.wall


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contests and print their table."""
    given = _parser().parse_args(arguments)
    names = [CONTESTANTS[name] for name in given.contestants]
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
        for rows in given.rows:
            log = gateway_log(rows, given.cache)
            chosen = [name for name in names if name != POLARS]
            lines += _contest(log, NATIVE, chosen, Path(folder), given)
        if given.ndjson_rows:
            log = as_ndjson(gateway_log(given.ndjson_rows, given.cache))
            chosen = [name for name in names if name != DUCKDB]
            lines += _contest(log, NDJSON, chosen, Path(folder), given)
    bars = kept(lines)
    print(report(lines, bars))
    if given.json:
        figures = {
            "measured": {**setting(PACKAGES), "duckdb_memory": given.duckdb_memory or "its own limit"},
            "lines": [{**asdict(line), "rows_per_second": line.speed} for line in lines],
            "bars": [{**asdict(bar), "holds": bar.holds} for bar in bars],
        }
        given.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def _contest(
    log: GatewayLog, form: str, names: Sequence[str], scratch: Path, given: argparse.Namespace
) -> list[Line]:
    """Let contestants take turns on one log, then add to the store and compare it with the log."""
    targets = {name: scratch / f"{form}-{log.rows}-{name.replace(' ', '-')}" for name in names}
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    warm(log.folder)
    for turn in range(given.repeat):
        for name in reversed(names) if turn % 2 else names:
            _remove(targets[name])
            costs[name].append(_measured(name, log.log, targets[name], given))
            _say(f"{form}, {log.rows:,} rows, {name}", costs[name][-1])
    lines = [
        Line(name, form, log.rows, middle(costs[name]), given.repeat, log.bytes, _bytes(targets[name]))
        for name in names
    ]
    if OURS in names:
        lines += _added(log, form, targets[OURS], given)
    for target in targets.values():
        _remove(target)
    return lines


def _added(log: GatewayLog, form: str, store: Path, given: argparse.Namespace) -> list[Line]:
    """Add the hour that follows to a store, twice, and check what the store then holds."""
    lines = []
    for what in (HOUR, AGAIN):
        cost = _measured(OURS, log.later, store, given)
        _say(f"{form}, {log.rows:,} rows, {what}", cost)
        lines.append(Line(what, form, log.later_rows, cost, 1, _bytes(log.later), _bytes(store)))
    verify([log.log, log.later], store)
    return lines


def verify(folders: Sequence[Path], store: Path) -> None:
    """Refuse a store that does not hold exactly the rows of these logs.

    Raises:
        SystemExit: it does not; the message holds the figures that differ.

    """
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    wanted, found = log_contents(files), store_contents(store)
    if wanted != found:
        raise SystemExit(f"{store}: holds other rows than the log: {found.unlike(wanted)}")


def _measured(name: str, log: Path, target: Path, given: argparse.Namespace) -> Cost:
    """Run one contestant, after what others wrote has reached the disk."""
    os.sync()
    command = {
        DUCKDB: [sys.executable, "-m", "benchmarks.peers", "duckdb", str(log), str(target)],
        POLARS: [sys.executable, "-m", "benchmarks.peers", "polars", str(log), str(target)],
        OURS: [detector(), "ingest", str(log), "--store", str(target), "--quiet"],
    }[name]
    limit = [given.duckdb_memory] if name == DUCKDB and given.duckdb_memory else []
    return measured([*command, *limit], {"TMPDIR": str(target.parent)})


def kept(lines: Sequence[Line]) -> list[Bar]:
    """Compare our figures with the limits, as far as they were measured."""
    found = {(line.what, line.log, line.rows): line for line in lines}
    ours = [line for line in lines if line.what == OURS]
    bars = []
    for line in ours:
        on = f"{line.log}, {line.rows:,} rows"
        bars.append(Bar(f"peak memory, GiB ({on})", line.cost.peak / GIB, 1.5, most=True))
        if line.log == NATIVE:
            bars.append(Bar(f"store / log, bytes ({on})", line.written / line.read, 0.6, most=True))
        if peer := found.get((DUCKDB, line.log, line.rows)):
            bars.append(Bar(f"rows/s / {DUCKDB} ({on})", line.speed / peer.speed, 0.5, most=False))
            bars.append(Bar(f"memory / {DUCKDB} ({on})", line.cost.peak / peer.cost.peak, 0.5, most=True))
        if peer := found.get((POLARS, line.log, line.rows)):
            bars.append(Bar(f"rows/s / {POLARS} ({on})", line.speed / peer.speed, 0.7, most=False))
    native = sorted((line for line in ours if line.log == NATIVE), key=lambda line: line.rows)
    for small, large in pairwise(native):
        share = large.speed / small.speed
        bars.append(Bar(f"rows/s, {large.rows:,} / {small.rows:,} rows", share, 0.9, most=False))
    return bars


def report(lines: Sequence[Line], bars: Sequence[Bar]) -> str:
    """Return both tables in Markdown."""
    rows = [
        [
            line.log,
            line.what,
            f"{line.rows:,}",
            f"{line.cost.wall:.2f}",
            f"{line.speed:,.0f}",
            f"{line.cost.cpu:.2f}",
            f"{line.cost.peak / MIB:,.0f}",
            f"{line.read / MIB:,.1f}",
            f"{line.written / MIB:,.1f}",
            str(line.runs),
        ]
        for line in lines
    ]
    heads = ("log", "what", "rows", "s", "rows/s", "CPU s", "peak MiB", "read MiB", "result MiB", "runs")
    tables = [table(heads, rows)]
    if bars:
        tables.append(bar_table(bars))
    return "\n\n".join(tables) + "\n"


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _remove(target: Path) -> None:
    """Remove a result with what belongs to it: a spill folder, a key file."""
    for path in target.parent.glob(f"{target.name}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _say(what: str, cost: Cost) -> None:
    print(f"{what}: {cost.wall:.1f} s, peak {cost.peak / GIB:.2f} GiB", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Speed, memory and size of ingestion, beside its peers.")
    add = parser.add_argument
    add("--cache", type=Path, required=True, help="folder for the logs, made once; outside the project")
    add("--scratch", type=Path, help="folder for results while they are measured (default: temporary)")
    add("--rows", type=int, nargs="+", default=[1_000_000], help="rows of native logs (default 1_000_000)")
    add("--ndjson-rows", type=int, default=1_000_000, help="rows of the NDJSON log (default 1_000_000)")
    add("--repeat", type=int, default=3, help="runs of each contestant (default 3)")
    add("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS), help="default all")
    add("--duckdb-memory", metavar="SIZE", help="limit DuckDB, such as 4GB (default: its own, 80 %% of all)")
    add("--json", type=Path, help="also write every figure here")
    return parser


if __name__ == "__main__":
    main()
