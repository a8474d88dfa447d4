"""Records on their way from logs into a store."""

from collections.abc import Callable, Iterable

import polars as pl

from detector.ingest.batches import REJECTED, Batch
from detector.ingest.store.layout import FINGERPRINT
from detector.ingest.store.sorting import Run, write_run
from detector.ingest.store.table import Store

__all__ = ["Intake", "Progress"]

Progress = Callable[[str, int, int], None]

RUN_ROWS = 250_000
"""Requests sorted in one go while reading."""

MOST_FACTS = 100_000
"""Distinct header facts held in memory; a log in which every user agent is new has millions."""


class Intake:
    """Records on their way into a store: sorted runs, header facts and rejected rows.

    Attributes:
        runs: sorted runs in the staging folder.
        fingerprints: header facts that the store may not know yet, each code once.
        rows: records of the sources, by identity.
        rejected: those that cannot be used, by identity; schema ``REJECTED``.

    """

    def __init__(self, store: Store, expected: int, tell: Progress) -> None:
        """Begin with nothing; about ``expected`` records are to come."""
        self.store = store
        self.expected = expected
        self.tell = tell
        self.runs: list[Run] = []
        self.fingerprints = FINGERPRINT.to_frame()
        self.rows: dict[str, int] = {}
        self.rejected: dict[str, pl.DataFrame] = {}
        self._waiting: list[pl.DataFrame] = []

    def take(self, identity: str, batches: Iterable[Batch]) -> None:
        """Take all records of one source."""
        self.rows[identity] = 0
        rejected = [REJECTED.to_frame()]
        for batch in batches:
            self.rows[identity] += batch.rows
            rejected.append(batch.rejected)
            self.fingerprints = pl.concat([self.fingerprints, batch.fingerprints]).unique("fingerprint")
            if self.fingerprints.height > MOST_FACTS:
                self.add_fingerprints()
            self._waiting.append(batch.requests)
            if sum(frame.height for frame in self._waiting) >= RUN_ROWS:
                self.flush()
            done = sum(self.rows.values())
            self.tell("reading", done, max(self.expected, done))
        self.rejected[identity] = pl.concat(rejected).sort("row")

    def flush(self) -> None:
        """Sort what waits and write it as a run."""
        if waiting := [frame for frame in self._waiting if frame.height]:
            path = self.store.staging / f"run-{len(self.runs)}.parquet"
            self.runs.append(write_run(pl.concat(waiting), path))
        self._waiting.clear()

    def add_fingerprints(self) -> None:
        """Make the header facts known to the store, where they do no harm if the run fails."""
        self.store.add_fingerprints(self.fingerprints)
        self.fingerprints = self.fingerprints.clear()
