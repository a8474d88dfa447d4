"""The log of a gateway, as large as wanted: simulated fleets, merged into one stream by time.

A gateway writes what arrives, in order of time, the accounts mixed. So fleets of distinct
accounts are merged hour by hour into native Parquet, Hive by date. One busy hour of the last
day is kept apart, for a small ingest later on. Logs are cached: the same size is the same log.

Simulation is slow, so a log beyond ``MOST_SIMULATED`` rows is made of copies of one of that size.
A copy is a stream of files of its own, as of one more gateway node, in a folder ``node=N``. Its
account, session, device and request ids end in ``-N``, so that no two copies share any; times,
paths, header facts and addresses are the same in all.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from json import dumps, loads
from pathlib import Path

import polars as pl

from detector.output import new_folder
from detector.simulate import FleetOptions, simulate

__all__ = ["GatewayLog", "as_ndjson", "gateway_log"]

START = datetime(2026, 11, 2, tzinfo=UTC)
DAYS = 14
LATER = START + timedelta(days=DAYS - 1, hours=15)
"""The hour that is kept apart begins here, and the log ends."""

FLEET = 250
"""Accounts simulated at a time, so that memory stays small."""

FIRST_SEED = 9000
ACCOUNT_ROWS = 2_900
"""What an account makes in ``DAYS`` days, about: the first guess of how many accounts are needed."""

FILE_ROWS = 300_000
"""Rows a file, about, at which a gateway starts the next."""

MOST_SIMULATED = 10_000_000
"""Rows of the largest log that is simulated as a whole."""

IDS = ("account_id", "session_id", "device_id", "request_id")
"""What tells one copy of a log from another."""


@dataclass(frozen=True)
class GatewayLog:
    """A log on disk.

    Attributes:
        folder: holds ``log``, and ``later`` with the hour that follows it.
        rows: of ``log``.
        bytes: of the files of ``log``.
        files: of ``log``.
        accounts: that were simulated, those of each copy counted.
        later_rows: of ``later``.

    """

    folder: Path
    rows: int
    bytes: int
    files: int
    accounts: int
    later_rows: int

    @property
    def log(self) -> Path:
        """The folder of the log."""
        return self.folder / "log"

    @property
    def later(self) -> Path:
        """The folder of the hour that follows."""
        return self.folder / "later"


def gateway_log(rows: int, cache: Path) -> GatewayLog:
    """Return a log of about so many rows, from the cache or made now.

    Args:
        rows: wanted at least; an account more than needed may be in it.
        cache: folder of logs, each in a folder named by its size.

    """
    folder = cache / f"rows-{rows}"
    if not folder.is_dir():
        with new_folder(folder) as work:
            if rows > MOST_SIMULATED:
                accounts = _copied(rows, gateway_log(MOST_SIMULATED, cache), work)
            else:
                accounts = _simulated(rows, work / "fleets")
                _merged(work / "fleets", work)
            (work / "accounts.json").write_text(dumps(accounts), "utf-8")
    return _described(folder)


def as_ndjson(log: GatewayLog) -> GatewayLog:
    """Return the same log as NDJSON, a file for each file, from the cache or made now."""
    folder = log.folder.with_name(f"{log.folder.name}-ndjson")
    if not folder.is_dir():
        with new_folder(folder) as work:
            for file in sorted(log.folder.glob("*/**/*.parquet")):
                target = work / file.relative_to(log.folder).with_suffix(".ndjson")
                target.parent.mkdir(parents=True, exist_ok=True)
                pl.scan_parquet(file, hive_partitioning=False).sink_ndjson(target)
            (work / "accounts.json").write_text(dumps(log.accounts), "utf-8")
    return GatewayLog(**asdict(log) | {"folder": folder, "bytes": _bytes(folder / "log")})


def _simulated(rows: int, folder: Path) -> int:
    """Simulate fleets until there are rows enough, a file a fleet and day; return the accounts."""
    made = accounts = 0
    for seed in count(FIRST_SEED):
        if made >= rows:
            break
        each = made / accounts if accounts else ACCOUNT_ROWS
        wanted = min(FLEET, math.ceil((rows - made) / each))
        requests = simulate(
            FleetOptions(accounts=wanted, days=DAYS, start=START.date(), seed=seed)
        ).requests.filter(pl.col("timestamp") < LATER + timedelta(hours=1))
        for (day,), part in requests.group_by(pl.col("timestamp").dt.date(), maintain_order=True):
            target = folder / f"date={day}" / f"{seed}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            part.write_parquet(target)
        made += requests.filter(pl.col("timestamp") < LATER).height
        accounts += wanted
    return accounts


def _copied(rows: int, log: GatewayLog, folder: Path) -> int:
    """Copy a log and its later hour under other ids until there are rows enough; return the accounts."""
    nodes = math.ceil(rows / log.rows)
    for node in range(nodes):
        for file in sorted(log.folder.glob("*/**/*.parquet")):
            part, *place = file.relative_to(log.folder).parts
            target = folder / part / f"node={node}" / Path(*place)
            target.parent.mkdir(parents=True, exist_ok=True)
            renamed = pl.read_parquet(file, hive_partitioning=False).with_columns(pl.col(IDS) + f"-{node}")
            renamed.write_parquet(target, compression="zstd")
    return nodes * log.accounts


def _merged(fleets: Path, folder: Path) -> None:
    """Merge the fleets by time into files of about ``FILE_ROWS``, and drop their own files."""
    days = sorted(fleets.iterdir())
    total = pl.scan_parquet(fleets, hive_partitioning=False).select(pl.len()).collect().item()
    hours = next(
        (hours for hours in (24, 12, 8, 6, 4, 3, 2) if total / len(days) * hours / 24 <= FILE_ROWS), 1
    )
    for day in days:
        date = datetime.strptime(day.name, "date=%Y-%m-%d").replace(tzinfo=UTC)
        rows = pl.scan_parquet(day, hive_partitioning=False)
        for begin, end, target in _spans(date, hours):
            part = rows.filter(pl.col("timestamp").is_between(begin, end, closed="left"))
            merged = part.collect().sort("timestamp", maintain_order=True)
            file = folder / target / day.name / f"{begin:%H}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            merged.write_parquet(file, compression="zstd")
        for file in day.iterdir():
            file.unlink()
        day.rmdir()
    fleets.rmdir()


def _spans(date: datetime, hours: int) -> Iterator[tuple[datetime, datetime, str]]:
    """Cut a day into the times of its files, and say whether each is of the log or later."""
    for hour in range(0, 24, hours):
        begin, end = date + timedelta(hours=hour), date + timedelta(hours=hour + hours)
        if begin < LATER:
            yield begin, min(end, LATER), "log"
    if date <= LATER < date + timedelta(days=1):
        yield LATER, LATER + timedelta(hours=1), "later"


def _described(folder: Path) -> GatewayLog:
    files = list((folder / "log").rglob("*.parquet"))
    return GatewayLog(
        folder,
        rows=_rows(folder / "log"),
        bytes=_bytes(folder / "log"),
        files=len(files),
        accounts=loads((folder / "accounts.json").read_text("utf-8")),
        later_rows=_rows(folder / "later"),
    )


def _rows(folder: Path) -> int:
    return int(pl.scan_parquet(folder, hive_partitioning=False).select(pl.len()).collect().item())


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
