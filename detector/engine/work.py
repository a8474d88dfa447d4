"""The work folder of a run: what is done of it, so that a stopped run goes on where it was."""

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import polars as pl

from detector.errors import InputError
from detector.features.extract import Summary
from detector.ingest import Part
from detector.settings import Settings

__all__ = ["Work", "kept_work", "passing_work"]

TABLES = tuple(field.name for field in fields(Summary))
PACKAGES = ("harness-detector", "polars", "polars-hash")
"""Packages of whose versions hashes and summaries depend."""


@dataclass(frozen=True, slots=True)
class Work:
    """A folder with the summaries of parts and slices of measured sessions.

    Attributes:
        folder: where they lie.

    """

    folder: Path

    def done(self, part: Part) -> tuple[frozenset[str], int] | None:
        """Return what ``keep`` returned for a part, None where it is not done."""
        told = self._place(part) / "told.json"
        if not told.exists():
            return None
        found = json.loads(told.read_text("utf-8"))
        return frozenset(found["present"]), found["repeated"]

    def keep(
        self, part: Part, summary: Summary, present: frozenset[str], repeated: int
    ) -> tuple[frozenset[str], int]:
        """Keep the summary of a part, and what else its requests told."""
        place = self._place(part)
        fresh = place.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        for name in TABLES:
            summary.table(name).write_ipc(fresh / f"{name}.arrow")
        told = {"present": sorted(present), "repeated": repeated}
        (fresh / "told.json").write_text(json.dumps(told), "utf-8")
        fresh.rename(place)
        return present, repeated

    def summary(self, parts: Sequence[Part]) -> Summary:
        """Return the summary of all parts."""
        return Summary.concat([partial(_table, self._place(part)) for part in parts])

    def whole(self, summary: Summary) -> dict[str, pl.LazyFrame]:
        """Keep a summary and return its tables from there, by name."""
        tables = {name: self.folder / f"whole-{name}.arrow" for name in TABLES}
        for name, path in tables.items():
            summary.table(name).write_ipc(path)
        return {name: pl.scan_ipc(path) for name, path in tables.items()}

    def slice(self, number: int, sessions: pl.DataFrame) -> pl.LazyFrame:
        """Keep a slice of measured sessions and return it from there."""
        path = self.folder / f"slice-{number:06}.arrow"
        sessions.write_ipc(path)
        return pl.scan_ipc(path)

    def _place(self, part: Part) -> Path:
        return self.folder / f"part-{hashlib.sha256(part.name.encode()).hexdigest()[:32]}"


def _table(place: Path, name: str) -> pl.DataFrame:
    return pl.read_ipc(place / f"{name}.arrow")


@contextmanager
def passing_work() -> Iterator[Work]:
    """Give a folder that goes with the run."""
    with tempfile.TemporaryDirectory(prefix="detector-") as folder:
        yield Work(Path(folder))


@contextmanager
def kept_work(output: str | Path, inputs: Sequence[str], settings: Settings) -> Iterator[Work]:
    """Give the work folder of an output.

    It stands hidden beside the output and goes with the run, however that ends, unless it was
    stopped or killed: then the next run for the same output takes what is done from it,
    where log, settings and versions are the same.

    Args:
        output: folder that the run is to make.
        inputs: what tells the log's content from any other.
        settings: all settings.

    Raises:
        InputError: another run makes this output.

    """
    place = Path(output).resolve()
    folder = place.with_name(f".{place.name}.work")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{output}: another run makes this folder; wait for it or give another one"
            ) from error
        _reuse(folder, _key(inputs, settings))
        stopped = False
        try:
            yield Work(folder)
        except (KeyboardInterrupt, SystemExit):
            stopped = True
            raise
        finally:
            if not (stopped and any(folder.glob("part-*"))):
                shutil.rmtree(folder, ignore_errors=True)


def _key(inputs: Sequence[str], settings: Settings) -> str:
    versions = [metadata.version(name) for name in PACKAGES]
    facts: list[Any] = [list(inputs), repr(settings), versions]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _reuse(folder: Path, key: str) -> None:
    """Empty a work folder unless what it holds belongs to this run."""
    mark = folder / "key"
    if mark.exists() and mark.read_text("utf-8") == key:
        return
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()
    mark.write_text(key, "utf-8")
