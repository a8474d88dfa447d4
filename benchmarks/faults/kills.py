"""A writer killed at any moment: the store is whole, and the next run brings in the rest.

Half of the kills fall at a moment of the clock, spread evenly over the time that a run takes;
the other half when the folders of the store change, so that the short moments around the commit
are met as well. A killed writer is started again; one in three is killed three times in a row.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.bench import Bench, Finding, Running
from benchmarks.stored import NOTHING, Contents, store_contents, strays

__all__ = ["Course", "Moment", "kills", "phase"]

POLL_S = 0.001
EMPTY_SHARE = 4
"""One store in so many is killed while it is made."""


@dataclass(frozen=True)
class Course:
    """How a run goes that nobody kills: its seconds, and how often the store's folders change."""

    seconds: float
    changes: int


@dataclass(frozen=True)
class Moment:
    """When to kill: after some seconds, or at the n-th change of the store's folders."""

    seconds: float | None = None
    change: int | None = None


def kills(bench: Bench, count: int, seed: int) -> Iterator[Finding]:
    """Kill ``count`` writers, and say what became of the stores.

    A store must hold either what it held before or all of the log, and after a
    last run all of the log, each row once, and no file that no version names.
    """
    chance = random.Random(seed)  # noqa: S311  # moments, not secrets
    courses = {of_first: course(bench, of_first=of_first) for of_first in (True, False)}
    places = [(number + chance.random()) / count for number in range(count)]
    chance.shuffle(places)
    phases: Counter[str] = Counter()
    torn, unfinished = [], []
    chain = 0
    while places:
        chain += 1
        of_first = chain % EMPTY_SHARE != 0
        with bench.store(of_first=of_first) as store:
            for _ in range(min(1 + chain % 3, len(places))):
                moment = moment_at(places.pop(), courses[of_first], by_clock=len(places) % 2 == 0)
                killed = kill(bench.ingest([bench.log.log], store), store, moment)
                what, complaint = phase(store, bench.before if of_first else NOTHING, bench.after)
                phases[what if killed else "at the end"] += 1
                torn += [f"{moment}: {complaint}"] if complaint else []
            end = bench.ingest([bench.log.log], store).ended()
            wrong = [str(end)] if end.code else bench.complaints(store, bench.after)
            unfinished += [f"after a kill {what}: {text}" for text in wrong]
    met = ", ".join(f"{number} {what}" for what, number in phases.most_common())
    run = f"a run of {courses[True].seconds:.1f} s"
    yield Finding("kill -9: a whole version is seen", count, tuple(torn), f"{run}; {met}")
    yield Finding("kill -9: the next run completes it", chain, tuple(unfinished))


def course(bench: Bench, *, of_first: bool) -> Course:
    """Watch a run that nobody kills."""
    with bench.store(of_first=of_first) as store:
        begin = time.perf_counter()
        running = bench.ingest([bench.log.log], store)
        changes = sum(1 for _ in _changes(running, store))
        running.ended()
        return Course(time.perf_counter() - begin, changes)


def moment_at(place: float, run: Course, *, by_clock: bool) -> Moment:
    """Return a moment at a place, in [0, 1), of a run."""
    if by_clock:
        return Moment(seconds=place * run.seconds)
    return Moment(change=1 + int(place * run.changes))


def kill(running: Running, store: Path, moment: Moment) -> bool:
    """Kill a writer and all its children at a moment; say whether it had not ended before."""
    begin = time.perf_counter()
    if moment.seconds is not None:
        while running.process.poll() is None and time.perf_counter() - begin < moment.seconds:
            time.sleep(POLL_S)
    else:
        for number, _ in enumerate(_changes(running, store), start=1):
            if number == moment.change:
                break
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
    return running.ended().code == -signal.SIGKILL


def phase(store: Path, before: Contents, after: Contents) -> tuple[str, str]:
    """Say how far a killed writer came, and what is wrong with what it left; nothing if all is well."""
    try:
        found = store_contents(store)
    except Exception as error:  # noqa: BLE001  # whatever it is, the store cannot be read
        return "unreadable", f"cannot be read ({error})"
    left = strays(store) if store.exists() else []
    if found == after:
        return ("after the commit, before the end" if left else "after the commit"), ""
    if found == before:
        moved = any(not name.startswith("_staging/") for name in left)
        return ("with files in place" if moved else "with rows staged" if left else "before any row"), ""
    return "between", f"before, {found.unlike(before)}; after, {found.unlike(after)}"


def _changes(running: Running, store: Path) -> Iterator[None]:
    """Give a sign at every change of the store's folders that is seen while the writer runs."""
    last = _look(store)
    while running.process.poll() is None:
        if (now := _look(store)) != last:
            last = now
            yield
        time.sleep(POLL_S)


def _look(store: Path) -> list[tuple[str, int]]:
    """Return the folders of a store with the time of their last change; staging is one folder."""
    found = []
    for folder, folders, _ in os.walk(store):
        try:
            found.append((folder, Path(folder).stat().st_mtime_ns))
        except FileNotFoundError:
            continue
        if Path(folder).name == "_staging":
            folders.clear()
    return sorted(found)
