"""A command killed at any moment: the store is whole, and the next run completes the work.

Of ten kills four fall at a moment of the clock, spread evenly over the time that a run takes;
three when the folders of the store change; and three in the short time from the first file
moved into place to the end, which the others hardly meet: it begins when ``_staging/moved``
appears. A killed command is started again; one in three is killed three times in a row.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.bench import Bench, Finding, Running
from benchmarks.faults.errands import Errand, errands
from benchmarks.stored import store_contents, strays, superseded, version_of

__all__ = ["Course", "Moment", "kill", "kills", "moment_at", "phase"]

POLL_S = 0.001
BY_CLOCK, BY_CHANGE, WHILE_MOVING = range(3)
KINDS = (*[BY_CLOCK] * 4, *[BY_CHANGE] * 3, *[WHILE_MOVING] * 3)
"""How moments are chosen: the next kill has the next kind."""

SHARES = (0.75, 0.25, 0.25, 0.25)
"""Kills of each errand, as a share of those asked for."""


@dataclass(frozen=True)
class Course:
    """How a run goes that nobody kills.

    Attributes:
        seconds: from start to end.
        changes: how often the store's folders change.
        moving: seconds from the first file moved to the end.

    """

    seconds: float
    changes: int
    moving: float


@dataclass(frozen=True)
class Moment:
    """When to kill.

    Attributes:
        seconds: after the start, or after the first file was moved.
        change: at the n-th change of the store's folders instead.
        moving: whether seconds count from the first file moved.

    """

    seconds: float = 0.0
    change: int | None = None
    moving: bool = False


def kills(bench: Bench, count: int, seed: int) -> Iterator[Finding]:
    """Kill commands of each errand, and say what became of the stores.

    A store must hold either what it held before or all that it should hold, and after
    a last run the latter, each row once, and no file that no version names.
    """
    for errand, share in zip(errands(bench), SHARES, strict=True):
        yield _killed(bench, errand, max(1, round(count * share)), seed)


def _killed(bench: Bench, errand: Errand, count: int, seed: int) -> Finding:
    chance = random.Random(seed)  # noqa: S311  # moments, not secrets
    run = course(bench, errand)
    places = [(number + chance.random()) / count for number in range(count)]
    chance.shuffle(places)
    phases: Counter[str] = Counter()
    failures = []
    chain = 0
    while places:
        chain += 1
        with bench.store(errand.origin) as store:
            what = ""
            for _ in range(min(1 + chain % 3, len(places))):
                moment = moment_at(places.pop(), run, KINDS[len(places) % len(KINDS)])
                killed = kill(errand.start, store, moment)
                what, complaint = phase(store, errand)
                phases[what if killed else "at the end"] += 1
                failures += [f"{moment}: {complaint}"] if complaint else []
            end = errand.start(store).ended()
            wrong = [str(end)] if end.code else errand.complaints(bench, store)
            failures += [f"after a kill {what}, the next run: {text}" for text in wrong]
    met = ", ".join(f"{number} {what}" for what, number in phases.most_common())
    note = f"a run of {run.seconds:.1f} s, {run.moving:.2f} s of it from the first file moved; {met}"
    return Finding(f"kill -9 during {errand.what}", count, tuple(failures), note)


def course(bench: Bench, errand: Errand) -> Course:
    """Watch a run that nobody kills, twice: looking for changes slows it down."""
    with bench.store(errand.origin) as store:
        running = errand.start(store)
        changes = sum(1 for _ in _changes(running, store))
        running.ended()
    with bench.store(errand.origin) as store:
        begin = time.perf_counter()
        running = errand.start(store)
        moved = _until_moved(running, store, None)
        running.ended()
        end = time.perf_counter()
    return Course(end - begin, changes, end - moved)


def moment_at(place: float, run: Course, kind: int) -> Moment:
    """Return a moment of a kind at a place, in [0, 1), of a run."""
    if kind == BY_CHANGE:
        return Moment(change=1 + int(place * run.changes))
    moving = kind == WHILE_MOVING
    return Moment(seconds=place * (run.moving if moving else run.seconds), moving=moving)


def kill(start: Callable[[Path], Running], store: Path, moment: Moment) -> bool:
    """Start a command and kill it with all its children; say whether it had not ended before."""
    stale = _moved(store)
    running = start(store)
    if moment.change is not None:
        for number, _ in enumerate(_changes(running, store), start=1):
            if number == moment.change:
                break
    else:
        begin = _until_moved(running, store, stale) if moment.moving else time.perf_counter()
        while running.process.poll() is None and time.perf_counter() - begin < moment.seconds:
            time.sleep(POLL_S / 10)
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
    return running.ended().code == -signal.SIGKILL


def phase(store: Path, errand: Errand) -> tuple[str, str]:
    """Say how far a killed command came, and what is wrong with what it left; nothing if all is well."""
    try:
        found = store_contents(store)
    except Exception as error:  # noqa: BLE001  # whatever it is, the store cannot be read
        return "unreadable", f"cannot be read ({error})"
    left = strays(store) if store.exists() else []
    same = errand.before == errand.after
    changed = not same or (errand.origin is not None and version_of(store) != version_of(errand.origin))
    if found == errand.after and changed:
        busy = left or (errand.for_good and superseded(store))
        return ("after the commit, before the end" if busy else "after the commit"), ""
    if found == errand.before:
        moved = any(not name.startswith("_staging/") for name in left)
        return ("with files in place" if moved else "with rows staged" if left else "before any row"), ""
    return "between", f"before, {found.unlike(errand.before)}; after, {found.unlike(errand.after)}"


def _until_moved(running: Running, store: Path, stale: int | None) -> float:
    """Wait until files are moved into place, or the end; return the time."""
    while running.process.poll() is None and _moved(store) in (None, stale):
        time.sleep(POLL_S / 10)
    return time.perf_counter()


def _moved(store: Path) -> int | None:
    """Return the time of the list of files to move, which one killed earlier may have left too."""
    try:
        return (store / "_staging" / "moved").stat().st_mtime_ns
    except FileNotFoundError:
        return None


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
