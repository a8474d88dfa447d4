"""Writers beside writers and readers: nobody's rows are lost or doubled, nobody sees half of them."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.faults.bench import Bench, Finding, Running
from benchmarks.stored import Contents

__all__ = ["reader_beside_writer", "two_writers"]

DELAYS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
"""When the other starts, as a share of the time that a writer takes."""


def two_writers(bench: Bench) -> Iterator[Finding]:
    """Start two writers at once: on a new store, on an existing one, and with the same log."""
    yield _two(bench, "two writers make a store", [bench.first, bench.second], None)
    yield _two(bench, "two writers make a store of the same log", [bench.log.log] * 2, None)
    yield _two(bench, "two writers add the same log to a store", [bench.log.log] * 2, bench.base)


def _two(bench: Bench, fault: str, sources: Sequence[Path], origin: Path | None) -> Finding:
    failures, refused = [], 0
    for delay in DELAYS:
        with bench.store(origin) as store:
            running = []
            for source in sources:
                running.append(bench.ingest([source], store))
                time.sleep(delay * bench.seconds if len(running) < len(sources) else 0)
            for source, end in zip(sources, [one.ended() for one in running], strict=True):
                if end.code:
                    refused += 1
                    failures += [] if end.refused else [f"not one clear line: {end}"]
                    again = bench.ingest([source], store).ended()
                    failures += [f"alone: {again}"] if again.code else []
            failures += bench.complaints(store, bench.after)
    return Finding(fault, len(DELAYS), tuple(failures), f"{refused} writers refused")


def reader_beside_writer(bench: Bench) -> Iterator[Finding]:
    """Score a store while another run adds to it, and while one merges its files."""
    adding = partial(bench.ingest, [bench.log.log])
    yield _beside(bench, "a reader beside a writer", adding, bench.base.parent, bench.before)
    yield _beside(bench, "a reader beside a compaction", bench.compact, bench.crowded.parent, bench.after)


def _beside(
    bench: Bench, fault: str, write: Callable[[Path], Running], origin: Path, before: Contents
) -> Finding:
    """Let a reader and a writer start one after the other, on copies of one store."""
    seen: dict[int, int] = dict.fromkeys([before.rows, bench.after.rows], 0)
    failures = []
    for share in DELAYS:
        for writer_first in (True, False):
            with tempfile.TemporaryDirectory(dir=bench.scratch) as folder:
                shutil.copytree(origin, folder, dirs_exist_ok=True)
                store = Path(folder) / "store"
                first, second = (write, partial(_score, bench))[:: 1 if writer_first else -1]
                running = [first(store)]
                time.sleep(share * bench.seconds)
                running.append(second(store))
                ends = [one.ended() for one in running]
                written, read = ends if writer_first else ends[::-1]
                failures += [f"writer: {written}"] if written.code else bench.complaints(store, bench.after)
            rows = json.loads(read.output)["input"]["accepted"] if read.code == 0 else None
            if rows in seen:
                seen[rows] += 1
            else:
                failures.append(f"reader: saw {rows:,} rows" if rows else f"reader: {read}")
    note = ", ".join(f"{count} saw {rows:,} rows" for rows, count in seen.items())
    return Finding(fault, 2 * len(DELAYS), tuple(failures), note)


def _score(bench: Bench, store: Path) -> Running:
    output = Path(tempfile.mkdtemp(dir=bench.scratch)) / "verdicts"
    return bench.start("score", str(store), "--output", str(output), "--json")
