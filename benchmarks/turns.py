"""Contestants that take turns on a log, and commands that are repeated alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from filecmp import cmp
from pathlib import Path

import polars as pl

from benchmarks.contestants import CONTESTANTS, STORE, command, requests_of
from benchmarks.gateway import GatewayLog
from benchmarks.limits import Line
from benchmarks.machine import warm
from benchmarks.process import Cost, detector, measured, middle
from detector.output import new_folder

__all__ = ["clear", "contest", "repeated", "same_bytes", "store_of", "verify"]

MIB = 2**20
TABLES = ("accounts.parquet", "sessions.parquet")


def contest(log: GatewayLog, keys: Sequence[str], scratch: Path, runs: int, spread: str = "") -> list[Line]:
    """Let contestants take turns on one log; the last results stay in the scratch folder.

    Args:
        log: the log.
        keys: of the contestants.
        scratch: receives a result for each, under its key.
        runs: of each.
        spread: how the log's requests were spread over accounts; empty: as logged.

    Raises:
        SystemExit: a result does not account for the requests of the log.

    """
    sources = {key: store_of(log) if CONTESTANTS[key].reads == STORE else log.log for key in keys}
    for source in {*sources.values()}:
        warm(source)
    costs: dict[str, list[Cost]] = {key: [] for key in keys}
    for turn in range(runs):
        for key in reversed(keys) if turn % 2 else keys:
            _remove(scratch / key)
            costs[key].append(_taken(command(key, sources[key], scratch / key), scratch))
            _say(f"{log.folder.name}, {key}", costs[key][-1])
    verify({key: requests_of(key, scratch / key) for key in keys}, log.rows)
    accounts = _accounts(log)
    return [
        Line(
            what=key,
            name=CONTESTANTS[key].name,
            reads=CONTESTANTS[key].reads,
            rows=log.rows,
            accounts=accounts,
            cost=middle(costs[key]),
            walls=_walls(costs[key]),
            spread=spread,
        )
        for key in keys
    ]


def verify(requests: dict[str, int | None], rows: int) -> None:
    """Refuse results that do not account for all requests: of the log, or of each other.

    Args:
        requests: how many each result accounts for, by contestant; null where it does not say.
        rows: of the log.

    Raises:
        SystemExit: they differ.

    """
    said = {key: count for key, count in requests.items() if count is not None}
    basics = {key: count for key, count in said.items() if key.startswith(("duckdb", "pandas"))}
    if len({*basics.values()}) > 1 or any(count != rows for key, count in said.items() if key not in basics):
        raise SystemExit(f"results account for other requests than the {rows:,} of the log: {said}")


def store_of(log: GatewayLog) -> Path:
    """Return the store of a log, from the cache or made now."""
    folder = log.folder.with_name(f"{log.folder.name}-store")
    if not folder.is_dir():
        with new_folder(folder) as work:
            subprocess.run(  # noqa: S603  # the command is the benchmark's own
                [detector(), "ingest", str(log.log), "--store", str(work / "store"), "--quiet"], check=True
            )
    return folder / "store"


def same_bytes(one: Path, other: Path) -> bool:
    """Return whether two runs wrote the same tables, byte by byte."""
    return all(cmp(one / name, other / name, shallow=False) for name in TABLES)


def repeated(arguments: Sequence[str], target: Path, runs: int) -> tuple[Cost, tuple[float, ...]]:
    """Run a command of the detector again and again; return the medians, and seconds of every run.

    Args:
        arguments: of ``detector``.
        target: what it writes; removed before each run, the last stays.
        runs: how many.

    """
    costs = []
    for _ in range(runs):
        _remove(target)
        costs.append(_taken([detector(), *arguments], target.parent))
        _say(arguments[0], costs[-1])
    return middle(costs), _walls(costs)


def clear(scratch: Path) -> None:
    """Empty a folder."""
    for path in scratch.iterdir():
        _remove(path)


def _taken(arguments: Sequence[str], scratch: Path) -> Cost:
    """Measure a command, after what others wrote has reached the disk."""
    os.sync()
    return measured(arguments, {"TMPDIR": str(scratch)})


def _walls(costs: Sequence[Cost]) -> tuple[float, ...]:
    return tuple(round(cost.wall, 3) for cost in costs)


def _accounts(log: GatewayLog) -> int:
    """Count the accounts that a log holds; not all that were simulated made a request."""
    rows = pl.scan_parquet(log.log, hive_partitioning=False).select(pl.col("account_id").n_unique())
    return int(rows.collect(engine="streaming").item())


def _remove(target: Path) -> None:
    """Remove a result with what belongs to it: a spill folder."""
    for path in (target, target.with_name(f"{target.name}.spill")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _say(what: str, cost: Cost) -> None:
    print(
        f"{what}: {cost.wall:.2f} s, CPU {cost.cpu:.2f} s, peak {cost.peak / MIB:,.0f} MiB",
        file=sys.stderr,
        flush=True,
    )
