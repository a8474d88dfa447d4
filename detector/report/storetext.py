"""What an ingestion did and what a store holds, in the lines that a terminal shows."""

import shlex
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from detector.ingest.ingestion import Ingested, Ingestion
from detector.ingest.store.upkeep import Fault
from detector.report.text import shown, table, visible

__all__ = ["fault_lines", "ingestion_text", "store_text"]

TOP = 10
"""Lines of a kind that are listed at most."""


def ingestion_text(done: Ingestion) -> str:
    """Return the summary of an ingestion."""
    lines = [
        f"{done.rows:,} records read, {done.added:,} added to {shown(done.store)} (version {done.version})",
        *_dialects([source for source in done.sources if not source.known]),
    ]
    if known := sum(source.known for source in done.sources):
        lines.append(f"{known:,} of {len(done.sources):,} sources were ingested before and left out")
    if done.duplicates:
        lines.append(f"{done.duplicates:,} requests were there already")
    if done.rejected:
        lines.append(f"{sum(done.rejected.values()):,} records cannot be used; they are in quarantine/")
        lines += table([(shown(reason), f"{n:,}") for reason, n in done.rejected.items()], frozenset({1}))
        worst = sorted(
            (source for source in done.sources if source.rejected), key=lambda s: -sum(s.rejected.values())
        )
        lines += [f"  in {shown(s.source)}: {sum(s.rejected.values()):,}" for s in worst[:TOP]]
    return "\n".join(
        [*lines, "", f"next: detector score {shlex.quote(visible(done.store))} --output verdicts"]
    )


def _dialects(sources: Sequence[Ingested]) -> list[str]:
    by = sorted(sources, key=lambda source: (source.dialect, source.why))
    lines = []
    for (dialect, why), group in groupby(by, key=lambda source: (source.dialect, source.why)):
        known = f", known by {shown(why.partition(': ')[2] or why)}" if why else ""
        lines.append(f"  {len(list(group)):,} of dialect {shown(dialect)}{known}")
    return lines


def store_text(found: Mapping[str, Any]) -> str:
    """Return what ``detector.ingest.store.upkeep.describe`` found."""
    span = f"{found['first_day']} to {found['last_day']}" if found["first_day"] else "no day yet"
    rows = [
        ("requests", f"{found['requests']:,}"),
        ("days", span),
        ("size", f"{found['bytes'] / 1e6:,.1f} MB in {found['files']:,} files"),
        ("version", str(found["version"])),
        ("buckets", str(found["buckets"])),
        ("ids", "as logged" if found["ids"] == "kept" else "pseudonyms"),
        ("header fingerprints", f"{found['fingerprints']:,}"),
        *((f"quarantined: {shown(reason)}", f"{n:,}") for reason, n in found["quarantined"].items()),
    ]
    lines = [shown(found["store"]), *table(rows)]
    if crowded := found["partitions_to_compact"]:
        place = shlex.quote(visible(found["store"]))
        lines += ["", f"next: detector store compact {place} ({crowded:,} parts have several files)"]
    return "\n".join(lines)


def fault_lines(faults: Sequence[Fault]) -> list[str]:
    """Return a line a fault."""
    return [f"{shown(fault.path)}: {shown(fault.what)}" for fault in faults]
