"""The Delta table a store is: its properties, its files and its commits."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from detector.errors import InputError
from detector.ingest.sources.tables import STORE_MARK
from detector.ingest.store.layout import FINGERPRINT, PARTITION, STORED

__all__ = ["Store", "active_files", "is_store"]

_BUCKETS = "harness-detector.buckets"
_KEY = "harness-detector.key"
_IDS = "harness-detector.ids"
_FORMAT = "1"


def is_store(path: str | Path) -> bool:
    """Say whether a folder is a store of this package, rather than any other Delta table."""
    return _properties(Path(path)).get(STORE_MARK) is not None


def _properties(path: Path) -> Mapping[str, str]:
    if not (path / "_delta_log").is_dir():
        return {}
    try:
        return DeltaTable(path).metadata().configuration
    except DeltaError:
        return {}


@dataclass(frozen=True, slots=True)
class Store:
    """A store on a local disk.

    Attributes:
        path: its folder.
        buckets: number of buckets, fixed when it is made.
        keep_ids: whether it holds ids as logged.
        key_check: tells whether a key is the one its pseudonyms were made with.

    """

    path: Path
    buckets: int
    keep_ids: bool
    key_check: str

    @classmethod
    def open(cls, path: str | Path) -> "Store":
        """Open a store.

        Raises:
            InputError: there is none, or it was made by another version of the format.

        """
        found = _properties(Path(path))
        if found.get(STORE_MARK) is None:
            raise InputError(f"{path}: is not a store; make one with `detector ingest LOGS --store {path}`")
        if found[STORE_MARK] != _FORMAT:
            raise InputError(
                f"{path}: is a store of format {found[STORE_MARK]}, this version reads {_FORMAT}; "
                "ingest the logs again"
            )
        return cls(Path(path), int(found[_BUCKETS]), found[_IDS] == "kept", found[_KEY])

    @classmethod
    def create(cls, path: str | Path, buckets: int, key_check: str, *, keep_ids: bool) -> "Store":
        """Make an empty store in a folder that is there; only for who holds ``locked``.

        Raises:
            InputError: the folder holds something else.

        """
        place = Path(path)
        # A process that was killed while it made the store may have left these.
        left = {"_lock", "_staging", "_fingerprints"}
        if not list(place.glob("_delta_log/*.json")):
            left.add("_delta_log")
        if {path.name for path in place.iterdir()} - left:
            raise InputError(f"{path}: holds something that is not a store; give an empty or a new folder")
        for name in left - {"_lock"}:
            shutil.rmtree(place / name, ignore_errors=True)
        properties: dict[str, str | None] = {
            STORE_MARK: _FORMAT,
            _BUCKETS: str(buckets),
            _KEY: key_check,
            _IDS: "kept" if keep_ids else "pseudonyms",
        }
        _make(place / "_fingerprints", FINGERPRINT, [], {})
        _make(place, STORED, PARTITION, properties)
        return cls(place, buckets, keep_ids, key_check)

    @property
    def staging(self) -> Path:
        """Where a run keeps its files until it commits."""
        return self.path / "_staging"

    @property
    def quarantine(self) -> Path:
        """Where rejected rows are listed."""
        return self.path / "quarantine"

    def table(self) -> DeltaTable:
        """Return the table at its newest version."""
        return DeltaTable(self.path)

    def files(self) -> pl.DataFrame:
        """List the files of the newest version.

        Returns:
            ``path`` (relative), ``day``, ``bucket``, ``rows``, ``bytes``, sorted by partition and path.

        """
        return active_files(self.table())

    def fingerprints(self) -> pl.DataFrame:
        """Return every known combination of header facts with its code."""
        return pl.read_delta(str(self.path / "_fingerprints")).select(list(FINGERPRINT))

    def recover(self) -> None:
        """Remove what a killed writer left: staged files, and files in place but never committed."""
        if not self.staging.exists():
            return
        moved = self.staging / "moved"
        if moved.exists():
            active = set(self.files()["path"])
            for path in moved.read_text("utf-8").split("\n"):
                if path and path not in active:
                    (self.path / path).unlink(missing_ok=True)
        facts = self.path / "_fingerprints"
        known = {Path(uri).name for uri in DeltaTable(facts).file_uris()}
        for file in facts.glob("*.parquet*"):
            if file.name not in known:
                file.unlink()
        shutil.rmtree(self.staging, ignore_errors=True)

    @contextmanager
    def staged(self) -> Iterator[Path]:
        """Give a clean staging folder; only for who holds ``locked``.

        Raises:
            InputError: the disk is full or cannot be written.

        """
        self.recover()
        try:
            self.staging.mkdir()
            yield self.staging
        except (OSError, pl.exceptions.PolarsError, DeltaError) as error:
            reason = str(error).strip().partition("\n")[0][:200]
            free = shutil.disk_usage(self.path).free / 1e6
            raise InputError(
                f"{self.path}: cannot be read or written, {free:,.0f} MB are free ({reason}); "
                "the store is whole, the run is not done; check permissions and free space, and run again"
            ) from error
        finally:
            self.recover()

    def rejected(self) -> pl.DataFrame:
        """Return all quarantined records: ``source``, ``row``, ``reason``."""
        schema = {"source": pl.String, "row": pl.Int64, "reason": pl.String}
        listings = sorted(self.quarantine.glob("*.parquet"))
        return pl.concat([pl.DataFrame(schema=schema), *map(pl.read_parquet, listings)])

    def commit(
        self,
        added: Sequence[AddAction],
        removed: Sequence[RemoveAction] = (),
        sources: Sequence[str] = (),
    ) -> int:
        """Move staged files into place and make them, and what they replace, one new version.

        Args:
            added: files that lie in the staging folder under the path they will have.
            removed: files that leave the table.
            sources: identities of the logs that were read: each counts once.

        Returns:
            The new version.

        Raises:
            InputError: another program changed the table meanwhile.

        """
        # Named before they are moved: if this process dies, the next one knows what to remove.
        named = self.staging / "named"
        named.write_text("\n".join(action.path for action in added), "utf-8")
        named.rename(self.staging / "moved")
        for action in added:
            place = self.path / action.path
            place.parent.mkdir(parents=True, exist_ok=True)
            (self.staging / action.path).rename(place)
        table = self.table()
        try:
            table.create_write_transaction(
                [*added, *removed],
                mode="append",
                schema=_delta_schema(STORED),
                partition_by=PARTITION,
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(source, 1) for source in sources]
                ),
            )
        except DeltaError as error:
            raise InputError(
                f"{self.path}: another program changed the store meanwhile ({error}); run again"
            ) from error
        return self.table().version()

    def knows(self, sources: Sequence[str]) -> set[str]:
        """Return those of the sources that were committed before."""
        table = self.table()
        return {source for source in sources if table.transaction_version(source) is not None}

    def add_fingerprints(self, facts: pl.DataFrame) -> None:
        """Add header facts whose codes are not known yet; harmless if nothing comes to use them."""
        known = pl.scan_delta(str(self.path / "_fingerprints")).select("fingerprint").collect()
        new = facts.unique("fingerprint").join(known, on="fingerprint", how="anti").sort("fingerprint")
        if new.height:
            new.write_delta(str(self.path / "_fingerprints"), mode="append")

    def set_aside(self, identity: str, name: str, rejected: pl.DataFrame) -> None:
        """List the rejected records of a source in the quarantine; done twice it is done once."""
        self.quarantine.mkdir(exist_ok=True)
        staged = self.staging / f"{identity}.parquet"
        rejected.sort("row").select(pl.lit(name).alias("source"), pl.all()).write_parquet(staged)
        staged.rename(self.quarantine / staged.name)


def active_files(table: DeltaTable) -> pl.DataFrame:
    """List the files of a version.

    Returns:
        ``path``, ``day``, ``bucket``, ``rows``, ``bytes``, and ``first`` and ``last`` of its accounts,
        null where the transaction log does not tell.

    """
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    if actions.is_empty():
        return _FILES.to_frame()
    edges = {"first": "min.account_id", "last": "max.account_id"}
    return (
        actions.select(
            "path",
            day="partition.day",
            bucket="partition.bucket",
            rows="num_records",
            bytes="size_bytes",
            **{name: told if told in actions.columns else pl.lit(None) for name, told in edges.items()},
        )
        .cast(_FILES)
        .sort("day", "bucket", "path")
    )


_FILES = pl.Schema(
    {
        "path": pl.String(),
        "day": pl.Date(),
        "bucket": pl.Int32(),
        "rows": pl.Int64(),
        "bytes": pl.Int64(),
        "first": pl.String(),
        "last": pl.String(),
    }
)


def _delta_schema(schema: pl.Schema) -> Schema:
    return Schema.from_arrow(pl.DataFrame(schema=schema).to_arrow().schema)


def _make(path: Path, schema: pl.Schema, partition: list[str], properties: dict[str, str | None]) -> None:
    DeltaTable.create(
        path,
        schema=_delta_schema(schema),
        partition_by=partition,
        configuration=properties,
        raise_if_key_not_exists=False,
    )
