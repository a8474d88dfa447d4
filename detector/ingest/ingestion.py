"""Ingestion: request logs of any dialect into a store, once each."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from detector.errors import InputError
from detector.ingest.batches import REJECTED, Batch, read_batches
from detector.ingest.dialects import load_dialect, recognise
from detector.ingest.privacy import Pseudonyms, load_key
from detector.ingest.source import find_all
from detector.ingest.store.sorting import Run, write_run
from detector.ingest.store.table import BUCKETS, FINGERPRINT, Store, is_store, locked
from detector.ingest.store.writing import write_partitions
from detector.settings import Settings, default_settings

__all__ = ["Ingested", "Ingestion", "ingest_logs"]

Progress = Callable[[str, int, int], None]

RUN_ROWS = 500_000
"""Requests sorted in one go while reading."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """One source and what came of it.

    Attributes:
        source: its path as given or relative to the folder given.
        dialect: the dialect it was read in; empty if it was known already.
        why: how the dialect was recognised; empty if it was named.
        known: it was ingested before and changed nothing.
        rows: records read.
        accepted: requests in them that can be used, duplicates included.
        rejected: records left out, by reason.

    """

    source: str
    dialect: str = ""
    why: str = ""
    known: bool = False
    rows: int = 0
    accepted: int = 0
    rejected: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What an ingestion did.

    Attributes:
        store: folder of the store.
        version: version of the store that holds it.
        sources: the sources, by name.
        rows: records read.
        added: requests that the store did not hold before.
        duplicates: requests left out because their id was there already.
        rejected: records left out, by reason; listed in the store's ``quarantine/``.

    """

    store: str
    version: int
    sources: tuple[Ingested, ...]
    rows: int
    added: int
    duplicates: int
    rejected: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "store": self.store,
            "version": self.version,
            "rows": self.rows,
            "added": self.added,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "sources": [
                {name: getattr(source, name) for name in Ingested.__slots__} for source in self.sources
            ],
        }


def ingest_logs(
    sources: Iterable[str | Path],
    store: str | Path,
    *,
    dialect: str = "auto",
    key_file: str | Path | None = None,
    keep_ids: bool = False,
    max_rejects: float | None = None,
    buckets: int = BUCKETS,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Ingestion:
    """Add logs to a store, which is made if there is none.

    All sources become one new version of the store, or none of them does. A source that
    was ingested before changes nothing, and neither does a request whose id the store
    holds for the same account and day.

    Args:
        sources: files, folders, globs, object store addresses and tables.
        store: folder of the store, on a local disk.
        dialect: name of a dialect, a TOML file with one, or ``auto``: each source's own.
        key_file: file with the key of the pseudonyms; see ``detector.ingest.privacy``.
        keep_ids: keep ids as logged; addresses become pseudonyms nevertheless.
        max_rejects: greatest share of records, 0 to 1, that may be rejected; more is an
            error and changes nothing. Any share where left out.
        buckets: parts that a new store has by account; changes no result.
        settings: thresholds; the package's own where left out.
        progress: told of the stages, in records.

    Raises:
        InputError: a source, the dialect, the key or the store cannot be used, or too
            many records were rejected.

    """
    settings = settings or default_settings()
    tell = progress or (lambda *_: None)
    named = None if dialect == "auto" else load_dialect(dialect)
    files = find_all(sources)
    place = Path(store)
    tell("waiting for the store", 0, 1)
    with locked(store):
        home, pseudonyms = _opened(Path(store), buckets, key_file, keep_ids=keep_ids)
        with home.staged() as staging:
            identities = [file.identity() for file in files]
            known = home.knows(identities)
            intake = Intake(staging, sum(file.rows() or 0 for file in files), tell)
            report: list[Ingested] = []
            for file, identity in zip(files, identities, strict=True):
                if identity in known:
                    report.append(Ingested(file.name, known=True))
                    continue
                known.add(identity)
                used, why = (named, "") if named else recognise(file.fields())
                for batch in read_batches(file, used, pseudonyms, home.buckets, settings.read):
                    intake.add(identity, batch)
                report.append(intake.summary(identity, file.name, used.name, why))
            _tolerable(report, max_rejects)
            added, duplicates, version = _written(home, intake, tell)
    return Ingestion(
        store=str(store),
        version=version,
        sources=tuple(report),
        rows=sum(source.rows for source in report),
        added=added,
        duplicates=duplicates,
        rejected=dict(sorted(sum((Counter(source.rejected) for source in report), Counter()).items())),
    )


class Intake:
    """Records on their way into a store: sorted runs, header facts and rejected rows.

    Attributes:
        runs: sorted runs in the staging folder.
        fingerprints: header facts of all records, each code once.
        rejected: rejected records by the identity of their source.
        counts: records by the identity of their source.
        names: the sources' names by identity.

    """

    def __init__(self, staging: Path, expected: int, tell: Progress) -> None:
        """Begin with nothing; ``expected`` records are likely to come."""
        self.staging = staging
        self.expected = expected
        self.tell = tell
        self.rows = 0
        self.runs: list[Run] = []
        self.fingerprints = FINGERPRINT.to_frame()
        self.rejected: dict[str, pl.DataFrame] = {}
        self.counts: Counter[str] = Counter()
        self.names: dict[str, str] = {}
        self._waiting: list[pl.DataFrame] = []

    def add(self, identity: str, batch: Batch) -> None:
        """Take a batch of a source."""
        self.rows += batch.rows
        self.counts[identity] += batch.rows
        self.fingerprints = pl.concat([self.fingerprints, batch.fingerprints]).unique("fingerprint")
        if identity not in self.rejected or batch.rejected.height:
            earlier = self.rejected.get(identity, REJECTED.to_frame())
            self.rejected[identity] = pl.concat([earlier, batch.rejected])
        self._waiting.append(batch.requests)
        if sum(frame.height for frame in self._waiting) >= RUN_ROWS:
            self.flush()
        self.tell("reading", self.rows, max(self.expected, self.rows))

    def flush(self) -> None:
        """Sort what waits and write it as a run."""
        if waiting := [frame for frame in self._waiting if frame.height]:
            self.runs.append(write_run(pl.concat(waiting), self.staging / f"run-{len(self.runs)}.parquet"))
        self._waiting.clear()

    def summary(self, identity: str, name: str, dialect: str, why: str) -> Ingested:
        """Say what came of a source that was read to its end."""
        self.names[identity] = name
        reasons = self.rejected.get(identity, REJECTED.to_frame())["reason"]
        return Ingested(
            source=name,
            dialect=dialect,
            why=why,
            rows=self.counts[identity],
            accepted=self.counts[identity] - len(reasons),
            rejected=dict(sorted(Counter(reasons).items())),
        )


def _opened(
    path: Path, buckets: int, key_file: str | Path | None, *, keep_ids: bool
) -> tuple[Store, Pseudonyms]:
    """Open or make the store, with the key that its pseudonyms were made with."""
    beside = path.resolve().with_name(f"{path.resolve().name}.key")
    if is_store(path):
        store = Store.open(path)
        if keep_ids != store.keep_ids:
            raise InputError(
                f"{path}: the store holds {'ids as logged' if store.keep_ids else 'pseudonyms'}; "
                f"{'add' if store.keep_ids else 'leave out'} --keep-ids, or give another store"
            )
        pseudonyms = Pseudonyms(load_key(Path(key_file) if key_file else None, beside), keep_ids)
        if pseudonyms.check != store.key_check:
            raise InputError(
                f"{path}: its pseudonyms were made with another key; give that key, or another store"
            )
        return store, pseudonyms
    pseudonyms = Pseudonyms(load_key(Path(key_file) if key_file else None, beside), keep_ids)
    return Store.create(path, buckets, pseudonyms.check, keep_ids=keep_ids), pseudonyms


def _tolerable(report: Sequence[Ingested], most: float | None) -> None:
    rows, rejected = sum(source.rows for source in report), sum(
        (Counter(source.rejected) for source in report), Counter()
    )
    if most is not None and rejected.total() > most * rows:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
        worst = max(report, key=lambda source: sum(source.rejected.values()))
        raise InputError(
            f"{worst.source}: {rejected.total()} of {rows} records in all were rejected ({counts}), more than "
            f"{most:.3g} of them; nothing was ingested; mend the log or the dialect, or raise --max-rejects"
        )


def _written(store: Store, intake: Intake, tell: Progress) -> tuple[int, int, int]:
    """Merge what was read into the store; return requests added, duplicates and the version."""
    intake.flush()
    added, duplicates, files = 0, 0, []
    total = sum(int(run.counts["rows"].sum()) for run in intake.runs)
    name = hashlib.sha256("".join(sorted(intake.counts)).encode()).hexdigest()[:16]
    for group in write_partitions(store, intake.runs, name, store.files()):
        files += group.files
        added += group.rows
        duplicates += group.duplicates
        tell("sorting", added + duplicates, total)
    if not intake.counts:
        return added, duplicates, store.table().version()
    store.add_fingerprints(intake.fingerprints)
    for identity, rejected in intake.rejected.items():
        if rejected.height:
            store.set_aside(identity, intake.names[identity], rejected)
    return added, duplicates, store.commit(files, sources=sorted(intake.counts))
