"""Splitting a native log into shards, each small enough for memory and with whole accounts in it.

The first half of a hash join that does not fit in memory (Kitsuregawa, Tanaka and
Moto-oka 1983, "Application of hash to data base machine and its architecture"): a hash
of the account picks the shard, so whatever is to be known of an account is in one shard.
"""

import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, repeat
from math import ceil
from pathlib import Path
from typing import Self, TypeVar

import polars as pl

from detector.ingest.coded import Coded, KnownFacts, open_coded
from detector.ingest.fingerprints import FACTS
from detector.ingest.parts import PART_ROWS, Part
from detector.ingest.pieces import ShardWriter, read_shard
from detector.ingest.sources.logfile import LogFile
from detector.ingest.store.layout import FINGERPRINT
from detector.settings import Settings

__all__ = ["InputFile", "Shards", "split_log"]

MOST_SHARDS = 512
"""All of them are open at once, and systems allow about a thousand open files."""

MOST_THREADS = 4
"""Each holds a batch of rows, about 100 MB with all that is made of it."""

PACKED_ROW = 100
"""Bytes that a row takes in packed text, about."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read: its path as given or relative to the source, and its rows."""

    path: str
    rows: int


@dataclass(frozen=True, slots=True)
class Shards:
    """A native log, split by account.

    Attributes:
        parts: the shards, none of them empty: files of pieces of Arrow IPC.
        fingerprints: schema ``FINGERPRINT``: the header facts of every code in the
            parts, each code once, sorted by content. ``header_values`` holds the
            harmless headers only.
        unknown_columns: columns of the files that the log schema does not have, sorted.
        files: what was read, in the order given.
        read: rows read, those that were rejected among them.
        rejected: rows that are in no part, by reason: ``null_account_id``,
            ``null_path``, ``bad_timestamp``. Rows with the same id are all there.

    """

    parts: tuple[Part, ...]
    fingerprints: pl.DataFrame
    unknown_columns: tuple[str, ...]
    files: tuple[InputFile, ...]
    read: int
    rejected: dict[str, int]

    def to_json(self) -> str:
        """Return all but the header facts, for who wants to find the shards again."""
        told = {
            "parts": [(part.name, part.rows) for part in self.parts],
            "unknown_columns": self.unknown_columns,
            "files": [(file.path, file.rows) for file in self.files],
            "read": self.read,
            "rejected": self.rejected,
        }
        return json.dumps(told)

    @classmethod
    def from_json(cls, text: str, fingerprints: pl.DataFrame, folder: Path) -> Self:
        """Find the shards of a folder again by what :meth:`to_json` told."""
        told = json.loads(text)
        return cls(
            parts=tuple(_part(folder, name, rows) for name, rows in told["parts"]),
            fingerprints=fingerprints,
            unknown_columns=tuple(told["unknown_columns"]),
            files=tuple(InputFile(path, rows) for path, rows in told["files"]),
            read=told["read"],
            rejected=told["rejected"],
        )


def _part(folder: Path, name: str, rows: int) -> Part:
    path = folder / f"{name}.arrow"
    return Part(name, rows, lambda: read_shard(path).lazy())


def split_log(
    files: Sequence[LogFile], settings: Settings, folder: Path, progress: Callable[[str, int, int], None]
) -> Shards:
    """Split a log into shards.

    Memory does not grow with the rows of the log, only with the distinct header facts in it.

    Args:
        files: files and tables of native columns.
        settings: says which years are believable.
        folder: an empty folder for the shards, which the caller removes.
        progress: told of the rows read and expected, from time to time.

    Raises:
        InputError: a file is damaged, lacks a required column or has a column of
            an impossible type.

    """
    expected = sum(_rows_about(file) for file in files)
    read = [0] * len(files)
    unknown: set[str] = set()
    rejected: Counter[str] = Counter()
    fingerprints = FINGERPRINT.to_frame()
    known = KnownFacts()

    def spans() -> Iterator[Iterator[tuple[int, Coded]]]:
        for number, file in enumerate(files):
            strange, iterators = open_coded(file, settings.read, known)
            unknown.update(strange)
            yield from (zip(repeat(number), iterator) for iterator in iterators)

    with ShardWriter(folder, min(max(ceil(expected / PART_ROWS), 1), MOST_SHARDS)) as writer:
        for number, coded in _side_by_side(spans(), min(os.cpu_count() or 1, MOST_THREADS)):
            read[number] += coded.read
            rejected += coded.rejected
            if coded.fingerprints.height:
                fingerprints = pl.concat([fingerprints, coded.fingerprints]).unique("fingerprint")
            writer.write(coded.rows)
            done = sum(read)
            progress("reading", done, max(expected, done))
    return Shards(
        parts=tuple(_part(folder, path.stem, rows) for path, rows in writer.rows().items()),
        fingerprints=fingerprints.sort(FACTS),
        unknown_columns=tuple(sorted(unknown)),
        files=tuple(InputFile(file.name, rows) for file, rows in zip(files, read, strict=True)),
        read=sum(read),
        rejected=dict(sorted(rejected.items())),
    )


def _rows_about(file: LogFile) -> int:
    rows = file.rows()
    return (file.bytes() or 0) // PACKED_ROW if rows is None else rows


def _side_by_side(parts: Iterable[Iterator[Item]], threads: int) -> Iterator[Item]:
    """Give the items of several iterators in turn, each made in a thread before it is asked for.

    As many iterators run at a time as there are threads, and each is at most one item ahead.
    """
    waiting = iter(parts)
    with ThreadPoolExecutor(threads) as pool:
        running = deque((part, pool.submit(next, part, None)) for part in islice(waiting, threads))
        while running:
            part, item = running.popleft()
            if (made := item.result()) is not None:
                running.append((part, pool.submit(next, part, None)))
                yield made
            elif (fresh := next(waiting, None)) is not None:
                running.append((fresh, pool.submit(next, fresh, None)))
