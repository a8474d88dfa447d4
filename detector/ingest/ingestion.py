"""Ingestion: request logs of any dialect into a store, once each."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.errors import InputError
from detector.ingest.batches import Terms, read_batches
from detector.ingest.dialects import Dialect, load_dialect, recognise
from detector.ingest.intake import Intake, Progress
from detector.ingest.privacy import Pseudonyms, load_key
from detector.ingest.sources.find import find_all
from detector.ingest.sources.logfile import LogFile
from detector.ingest.store.layout import BUCKETS
from detector.ingest.store.lock import locked
from detector.ingest.store.table import Store, is_store
from detector.ingest.store.writing import write_partitions
from detector.settings import Settings, default_settings

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

__all__ = ["Ingested", "Ingestion", "ingest_logs"]


@dataclass(frozen=True, slots=True)
class Ingested:
    """One source and what came of it.

    Attributes:
        source: its path as given or relative to the folder given.
        dialect: the dialect it was read in; empty if it was known already.
        why: how the dialect was recognised; empty if it was named.
        known: it was ingested before and changed nothing.
        rows: records read.
        rejected: records left out, by reason.

    """

    source: str
    dialect: str = ""
    why: str = ""
    known: bool = False
    rows: int = 0
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
    holds; one that comes again on another day is left out when the store is read.

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
    files = _logs(sources, Path(store))
    tell("waiting for the store", 0, 1)
    with locked(store):
        home, pseudonyms = _opened(Path(store), buckets, key_file, keep_ids=keep_ids)
        terms = Terms(pseudonyms, home.buckets, settings.read)
        with home.staged():
            tell("looking for new logs", 0, 1)
            identities = [file.identity() for file in files]
            known = home.knows(identities)
            fresh: dict[str, LogFile] = {}
            for identity, file in zip(identities, files, strict=True):
                if identity not in known:
                    fresh.setdefault(identity, file)
            intake = Intake(home, sum(file.rows() or 0 for file in fresh.values()), tell)
            report = [Ingested(file.name, known=True) for file in files if file not in fresh.values()]
            for identity, file in fresh.items():
                used, why = (named, "") if named else _recognised(file)
                intake.take(identity, read_batches(file, used, terms))
                counts = dict(sorted(intake.rejected[identity]["reason"].value_counts().iter_rows()))
                report.append(
                    Ingested(
                        file.name,
                        dialect=used.name,
                        why=why,
                        rows=intake.rows[identity],
                        rejected=counts,
                    )
                )
            _tolerable(report, max_rejects)
            names = {identity: file.name for identity, file in fresh.items()}
            added, duplicates, version = _written(home, intake, names, tell)
    return Ingestion(
        store=str(store),
        version=version,
        sources=tuple(sorted(report, key=lambda source: source.source)),
        rows=sum(source.rows for source in report),
        added=added,
        duplicates=duplicates,
        rejected=dict(sorted(_rejected(report).items())),
    )


def _logs(sources: Iterable[str | Path], store: Path) -> list[LogFile]:
    """List the files of the sources, without those of a store that lies among them."""
    home = store.resolve()
    files = [file for file in find_all(sources) if not Path(file.path).resolve().is_relative_to(home)]
    if stores := [file.path for file in files if file.format == "store"]:
        raise InputError(f"{stores[0]}: is a store already; score and train read it as it is")
    if not files:
        raise InputError(f"{store}: the sources hold nothing but the store itself; name the logs to ingest")
    return files


def _recognised(file: LogFile) -> tuple[Dialect, str]:
    """Return a file's dialect and how it is known; one without any field may be of any."""
    fields = file.fields()
    return recognise(fields, file.path) if fields else (load_dialect("native"), "")


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


def _rejected(report: Sequence[Ingested]) -> Counter[str]:
    return sum((Counter(source.rejected) for source in report), Counter())


def _tolerable(report: Sequence[Ingested], most: float | None) -> None:
    rows, rejected = sum(source.rows for source in report), _rejected(report)
    if most is not None and rejected.total() > most * rows:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
        worst = max(report, key=lambda source: sum(source.rejected.values()))
        raise InputError(
            f"{worst.source}: {rejected.total()} of {rows} records in all were rejected ({counts}), "
            f"more than {most:.3g} of them; nothing was ingested; mend the log or the dialect, "
            "or raise --max-rejects"
        )


def _written(store: Store, intake: Intake, names: dict[str, str], tell: Progress) -> tuple[int, int, int]:
    """Merge what was read into the store; return requests added, duplicates and the version.

    ``names`` says what the sources are called, by identity.
    """
    if not names:
        return 0, 0, store.table().version()
    intake.flush()
    added, duplicates = 0, 0
    files: list[AddAction] = []
    total = sum(int(run.counts["rows"].sum()) for run in intake.runs)
    prefix = hashlib.sha256("".join(sorted(names)).encode()).hexdigest()[:16]
    for group in write_partitions(store, intake.runs, prefix, store.files()):
        files += group.files
        added += group.rows
        duplicates += group.duplicates
        tell("sorting", added + duplicates, total)
    intake.add_fingerprints()
    for identity, rejected in intake.rejected.items():
        if rejected.height:
            store.set_aside(identity, names[identity], rejected)
    return added, duplicates, store.commit(files, sources=sorted(names))
