"""Scoring and training beside their peers and their limit, and how their cost grows.

Run from the project's root, with ``detector`` installed beside this Python::

    python -m benchmarks.speed --cache FOLDER --json benchmarks/results/speed.json
    python -m benchmarks.speed --cache FOLDER --rows 1_000_000 10_000_000 100_000_000 --json figures.json
    python -m benchmarks.speed --cache FOLDER --contestants score-store duckdb --parts

Every contestant is a process of its own (:mod:`benchmarks.process`). All have read the log once
before (the page cache is warm) and take turns, the order reversed every other time; figures are
medians. Results must account for the requests of the log: a benchmark of a wrong answer ends in an
error. Logs, and the stores made of them, stay in the cache folder; remove a store when the layout
of stores changes. Tables go to standard output, progress to standard error.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import polars as pl

from benchmarks.bars import Bar, bar_table, table
from benchmarks.contestants import CONTESTANTS
from benchmarks.forests import Forests
from benchmarks.gateway import ACCOUNT_ROWS, gateway_log
from benchmarks.limits import Line, kept
from benchmarks.machine import setting
from benchmarks.process import detector, measured
from benchmarks.spread import spread
from benchmarks.turns import clear, contest, repeated, same_bytes

MIB = 2**20
PACKAGES = ("harness-detector", "polars", "deltalake", "pyarrow", "numpy", "scikit-learn", "duckdb", "pandas")
PARTS = ("accounts", "forest", "simulate", "start")
SCORING = ("score-store", "score")
SPREADS = (("merged", 10), ("split", 10))
MOST_SPREAD = 1_000_000
MOST_SIMULATED = 3_000_000
SAMPLE = Path(__file__).parents[1] / "datasets" / "sample"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the contests and print their tables."""
    given = _parser().parse_args(arguments)
    where = setting(PACKAGES) | {"runs": given.runs}
    keys, skipped = _possible(given.contestants)
    lines: list[Line] = []
    forests, same = None, None
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
        scratch = Path(folder)
        for rows in sorted(given.rows):
            chosen = [key for key in keys if rows <= (CONTESTANTS[key].most or rows)]
            lines += contest(gateway_log(rows, given.cache), chosen, scratch, given.runs)
            if {"jobs-1", "jobs-2"} <= {*chosen}:
                same = same_bytes(scratch / "jobs-1", scratch / "jobs-2") and same is not False
            clear(scratch)
        if "accounts" in given.parts:
            scoring = [key for key in SCORING if key in keys]
            size = max((rows for rows in given.rows if rows <= MOST_SPREAD), default=min(given.rows))
            base = gateway_log(size, given.cache)
            for how, by in SPREADS:
                lines += contest(spread(base, how, by), scoring, scratch, given.runs, f"{how} {by}")
                clear(scratch)
        if "simulate" in given.parts:
            lines.append(simulation(min(max(given.rows), MOST_SIMULATED), scratch, given.runs))
        if "start" in given.parts:
            lines += starts(scratch, given.runs)
        if "forest" in given.parts:
            forests = compared(scratch, given.runs)
    bars = kept(lines, forests)
    print(report(lines, forests, same, skipped, bars))
    if given.json:
        figures = {
            "measured": where,
            "lines": [asdict(line) for line in lines],
            "forests": forests and asdict(forests),
            "jobs_same_bytes": same,
            "skipped": skipped,
            "bars": [{**asdict(bar), "holds": bar.holds} for bar in bars],
        }
        given.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def simulation(rows: int, scratch: Path, runs: int) -> Line:
    """Measure ``detector simulate``, start and writing included, for about so many rows."""
    target, accounts = scratch / "simulated", max(1, rows // ACCOUNT_ROWS)
    arguments = ["simulate", "--accounts", str(accounts), "--output", str(target), "--quiet"]
    cost, walls = repeated(arguments, target, runs)
    made = pl.scan_parquet(target / "logs", hive_partitioning=False).select(pl.len()).collect().item()
    return Line("simulate", "`detector simulate`", "", made, accounts, cost, walls)


def starts(scratch: Path, runs: int) -> list[Line]:
    """Measure what is run by hand: the help, and scoring of the sample."""
    target = scratch / "sample"
    found = pl.scan_parquet(SAMPLE / "logs", hive_partitioning=False).select(
        pl.len().alias("rows"), pl.col("account_id").n_unique()
    )
    rows, accounts = found.collect().row(0)
    lines = []
    for what, name, arguments, size in (
        ("help", "`detector --help`", ["--help"], (0, 0)),
        (
            "sample",
            "`detector score datasets/sample`",
            ["score", str(SAMPLE), "--output", str(target)],
            (rows, accounts),
        ),
    ):
        cost, walls = repeated(arguments, target, max(runs, 5))
        lines.append(Line(what, name, "", *size, cost, walls))
    return lines


def compared(scratch: Path, runs: int) -> Forests:
    """Compare the forests, in a process of their own."""
    target = scratch / "forests.json"
    measured([sys.executable, "-m", "benchmarks.forests", str(target), str(runs)])
    return Forests(**json.loads(target.read_text("utf-8")))


def report(
    lines: Sequence[Line],
    forests: Forests | None,
    same: bool | None,
    skipped: Sequence[str],
    bars: Sequence[Bar],
) -> str:
    """Return all figures in Markdown."""
    rows = [
        [
            line.name,
            line.reads,
            f"{line.rows:,}",
            f"{line.accounts:,}",
            f"{line.cost.wall:.2f}",
            f"{line.rows / line.cost.wall:,.0f}",
            f"{line.cost.cpu:.2f}",
            f"{line.cost.peak / MIB:,.0f}",
            str(len(line.walls)),
        ]
        for line in lines
    ]
    heads = ("what", "reads", "rows", "accounts", "s", "rows/s", "CPU s", "peak MiB", "runs")
    parts = [table(heads, rows)]
    if forests:
        parts.append(f"Forests: {asdict(forests)}")
    if same is not None:
        parts.append(f"One job and two write the same bytes: {'yes' if same else '**no**'}")
    if bars:
        parts.append(bar_table(bars))
    return "\n\n".join([*parts, *skipped]) + "\n"


def _possible(keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """Leave out what the installed command cannot do, and say so."""
    jobs = [key for key in keys if key.startswith("jobs")]
    told = subprocess.run([detector(), "score", "--help"], capture_output=True, check=True)  # noqa: S603
    if not jobs or b"--jobs" in told.stdout:
        return list(keys), []
    words = f"Not measured: {', '.join(jobs)}, for `detector score` has no option `--jobs`."
    return [key for key in keys if key not in jobs], [words]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Speed and memory of scoring and training, beside their peers."
    )
    add = parser.add_argument
    add(
        "--cache", type=Path, required=True, help="folder for logs and stores, made once; outside the project"
    )
    add("--scratch", type=Path, help="folder for results while they are measured (default: temporary)")
    add("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000], help="sizes (default 1 M and 10 M)")
    add("--runs", type=int, default=3, help="of each contestant (default 3)")
    add("--contestants", nargs="*", choices=CONTESTANTS, default=list(CONTESTANTS), help="default all")
    add("--parts", nargs="*", choices=PARTS, default=list(PARTS), help="what else is measured (default all)")
    add("--json", type=Path, help="also write every figure here")
    return parser


if __name__ == "__main__":
    main()
