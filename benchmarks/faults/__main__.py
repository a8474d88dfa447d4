"""Try faults on ``detector ingest``, and report what became of the store.

Run from the project's root, with ``detector`` installed beside this Python::

    python -m benchmarks.faults --cache FOLDER --kills 100
    python -m benchmarks.faults --cache FOLDER --faults disk truncated

A Markdown table goes to standard output, failures to standard error; the exit code is 1 if any
trial failed. A kill leaves the page cache to the kernel: what a power cut does is not tried.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from benchmarks.faults.bench import Bench, Finding
from benchmarks.faults.diskfull import disk_full
from benchmarks.faults.kills import kills
from benchmarks.faults.rivals import reader_beside_writer, two_writers
from benchmarks.faults.truncated import truncated
from benchmarks.gateway import gateway_log
from benchmarks.process import detector

SHOWN = 20
"""Failures shown of each kind."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the faults, print their table and return the exit code."""
    given = _parser().parse_args(arguments)
    tried: dict[str, Callable[[Bench], Iterator[Finding]]] = {
        "kills": partial(kills, count=given.kills, seed=given.seed),
        "disk": disk_full,
        "truncated": truncated,
        "writers": two_writers,
        "reader": reader_beside_writer,
    }
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
        command = tuple(shlex.split(given.command)) if given.command else (detector(),)
        bench = Bench(command, gateway_log(given.rows, given.cache), Path(folder))
        findings = []
        for finding in chain.from_iterable(tried[name](bench) for name in given.faults):
            findings.append(finding)
            for failure in finding.failures[:SHOWN]:
                print(f"{finding.fault}: {failure}", file=sys.stderr, flush=True)
    print(report(findings))
    return int(any(finding.failures for finding in findings))


def report(findings: Sequence[Finding]) -> str:
    """Return the table in Markdown."""
    rows = [
        (one.fault, str(one.trials), f"**{len(one.failures)}**" if one.failures else "0", one.note)
        for one in findings
    ]
    heads = ("fault", "trials", "failures", "met")
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rows))


def _parser() -> argparse.ArgumentParser:
    names = ("kills", "disk", "truncated", "writers", "reader")
    parser = argparse.ArgumentParser(description="Faults while a store is written.")
    add = parser.add_argument
    add("--cache", type=Path, required=True, help="folder for the log, made once; outside the project")
    add("--scratch", type=Path, help="folder for stores (default: temporary)")
    add("--rows", type=int, default=400_000, help="rows of the log (default 400_000)")
    add("--faults", nargs="+", choices=names, default=list(names), help="default all")
    add("--kills", type=int, default=100, help="how many writers to kill (default 100)")
    add("--seed", type=int, default=0, help="of the moments (default 0)")
    add("--command", help="command under test (default: detector beside this Python)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
