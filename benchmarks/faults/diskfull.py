"""A full disk: one clear line, the old version stays, and with room the next run succeeds.

The disk is a small file system in memory, which only root may mount. Elsewhere a limit on the
size of a file stands in for it: the same writes fail, with another message.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.bench import Bench, Ended, Finding
from benchmarks.faults.errands import Errand, adding, errands
from benchmarks.stored import store_contents

__all__ = ["disk_full", "limited", "mounted"]

GROWTH = (0.02, 0.3, 0.6, 0.9, 1.1, 1.2, 1.3, 1.4, 1.6, 2.0)
"""Room beside what the store holds, as a share of what it grows by in the end."""

LEAST_GROWTH = 1 << 16
"""Where a command makes a store smaller, the growth (bytes) that shares are taken of."""

LIMITS = (1 << 10, 1 << 14, 1 << 16, 1 << 18)
"""Largest files (bytes)."""

TEMPORARY = 1 << 16
AMPLE = 1 << 30


def disk_full(bench: Bench) -> Iterator[Finding]:
    """Fill the disk at several points of a run, under the store and under the temporary folder."""
    if _may_mount(bench.scratch):
        for errand in errands(bench):
            yield _store_full(bench, errand)
        yield _temporary_full(bench)
    else:
        yield limited(bench)


def _store_full(bench: Bench, errand: Errand) -> Finding:
    with mounted(bench.scratch, AMPLE) as disk, bench.store(errand.origin, parent=disk) as store:
        small = _used(disk)
        errand.start(store).ended()
        growth = max(_used(disk) - small, LEAST_GROWTH)
    failures, refused = [], 0
    for share in GROWTH:
        with mounted(bench.scratch, AMPLE) as disk, bench.store(errand.origin, parent=disk) as store:
            _resize(disk, _used(disk) + int(share * growth))
            wrong, was_refused = _tried(bench, errand, store, errand.start(store).ended())
            refused += was_refused
            _resize(disk, AMPLE)
            wrong += _completed(bench, errand, store)
            failures += [f"room for {share:.0%} of the growth: {text}" for text in wrong]
    note = f"{refused} refused, {len(GROWTH) - refused} had room"
    return Finding(f"disk full during {errand.what}", len(GROWTH), tuple(failures), note)


def _temporary_full(bench: Bench) -> Finding:
    errand = adding(bench)
    with mounted(bench.scratch, TEMPORARY) as disk, bench.store(errand.origin) as store:
        running = bench.ingest([bench.log.log], store, environment={"TMPDIR": str(disk)})
        wrong, refused = _tried(bench, errand, store, running.ended())
        wrong += _completed(bench, errand, store)
    note = "refused" if refused else "not needed"
    return Finding("disk full under the temporary folder", 1, tuple(wrong), note)


def limited(bench: Bench) -> Finding:
    """Let no file grow beyond some sizes."""
    errand = adding(bench)
    failures, refused = [], 0
    for limit in LIMITS:
        with bench.store(errand.origin) as store:
            running = bench.ingest([bench.log.log], store, file_limit=limit)
            wrong, was_refused = _tried(bench, errand, store, running.ended())
            refused += was_refused
            wrong += _completed(bench, errand, store)
            failures += [f"files of {limit} bytes: {text}" for text in wrong]
    return Finding("no file may grow", len(LIMITS), tuple(failures), f"{refused} refused")


def _tried(bench: Bench, errand: Errand, store: Path, end: Ended) -> tuple[list[str], bool]:
    """Say what is wrong after a run without room, and whether it was refused."""
    if end.code == 0:
        return errand.complaints(bench, store), False
    wrong = [] if end.refused else [f"not one clear line: {end}"]
    # What is deleted for good may have left the newest version before there was no room to go on.
    fine = (errand.before, errand.after) if errand.for_good else (errand.before,)
    if (found := store_contents(store)) not in fine:
        wrong.append(f"the old version is gone: {found.unlike(errand.before)}")
    return wrong, True


def _completed(bench: Bench, errand: Errand, store: Path) -> list[str]:
    """Run with room: what is wrong."""
    end = errand.start(store).ended()
    return [f"with room, {end}"] if end.code else errand.complaints(bench, store)


@contextmanager
def mounted(parent: Path, size: int) -> Iterator[Path]:
    """Give a disk of so many bytes."""
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder)
        try:
            yield Path(folder)
        finally:
            _run("umount", folder)


def _resize(disk: Path, size: int) -> None:
    _run("mount", "-o", f"remount,size={size}", str(disk))


def _may_mount(parent: Path) -> bool:
    try:
        with mounted(parent, 1 << 20):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # fixed programs


def _used(disk: Path) -> int:
    """Return the bytes that are taken on a disk."""
    state = os.statvfs(disk)
    return (state.f_blocks - state.f_bfree) * state.f_frsize
