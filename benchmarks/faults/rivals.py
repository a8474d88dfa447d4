"""Writers beside writers and readers: nobody's rows are lost or doubled, nobody sees half of them."""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.faults.bench import Bench, Finding, Running

__all__ = ["reader_beside_writer", "two_writers"]

DELAYS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
"""When the other starts, as a share of the time that a writer takes."""


def two_writers(bench: Bench) -> Iterator[Finding]:
    """Start two writers at once: on a new store, on an existing one, and with the same log."""
    yield _two(bench, "two writers make a store", [bench.first, bench.second], of_first=False)
    yield _two(bench, "two writers make a store of the same log", [bench.log.log] * 2, of_first=False)
    yield _two(bench, "two writers add the same log to a store", [bench.log.log] * 2, of_first=True)


def _two(bench: Bench, fault: str, sources: Sequence[Path], *, of_first: bool) -> Finding:
    failures, refused = [], 0
    for delay in DELAYS:
        with bench.store(of_first=of_first) as store:
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
    """Score a store while another run adds to it."""
    failures, seen = [], {bench.before.rows: 0, bench.after.rows: 0}
    for share in DELAYS:
        for writer_first in (True, False):
            with bench.store(of_first=True) as store:
                one = bench.ingest([bench.log.log], store) if writer_first else _score(bench, store)
                time.sleep(share * bench.seconds)
                other = _score(bench, store) if writer_first else bench.ingest([bench.log.log], store)
                reader, writer = (other, one) if writer_first else (one, other)
                read, written = reader.ended(), writer.ended()
                failures += [f"writer: {written}"] if written.code else bench.complaints(store, bench.after)
                if read.code:
                    failures.append(f"reader: {read}")
                    continue
                rows = json.loads(read.output)["input"]["accepted"]
                if rows in seen:
                    seen[rows] += 1
                else:
                    failures.append(f"reader: saw {rows} rows, neither {' nor '.join(map(str, seen))}")
    note = f"{seen[bench.before.rows]} saw the old version, {seen[bench.after.rows]} the new"
    yield Finding("a reader beside a writer", 2 * len(DELAYS), tuple(failures), note)


def _score(bench: Bench, store: Path) -> Running:
    output = Path(tempfile.mkdtemp(dir=bench.scratch)) / "verdicts"
    return bench.start("score", str(store), "--output", str(output), "--json")
