"""The commands that change a store, each with the store before and after it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.faults.bench import Bench, Running
from benchmarks.stored import NOTHING, Contents, superseded

__all__ = ["Errand", "adding", "errands"]


@dataclass(frozen=True)
class Errand:
    """A command that changes a store.

    Attributes:
        what: what it does.
        start: starts it on a store.
        origin: the store to begin with; None where it is made.
        before: what that holds.
        after: what the store holds in the end.
        for_good: whether nothing but the newest version may be left in the end.

    """

    what: str
    start: Callable[[Path], Running]
    origin: Path | None
    before: Contents
    after: Contents
    for_good: bool = False

    def complaints(self, bench: Bench, store: Path) -> list[str]:
        """Say what is wrong with a store after a run that ended well."""
        wrong = bench.complaints(store, self.after)
        if self.for_good and (old := superseded(store)):
            wrong.append(f"{len(old)} files of older versions, such as {old[0]}")
        return wrong


def adding(bench: Bench) -> Errand:
    """Return the errand of adding the rest of the log to a store."""
    return Errand("ingest", partial(bench.ingest, [bench.log.log]), bench.base, bench.before, bench.after)


def errands(bench: Bench) -> list[Errand]:
    """Return what is tried."""
    add = adding(bench)
    return [
        add,
        Errand("ingest into a new store", add.start, None, NOTHING, bench.after),
        Errand("store compact", bench.compact, bench.crowded, bench.after, bench.after),
        Errand("store prune", bench.prune, bench.crowded, bench.after, bench.recent, for_good=True),
    ]
