"""The bench on which faults are tried: a log in two parts, a store of the first, and a command."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from benchmarks.gateway import GatewayLog
from benchmarks.stored import Contents, log_contents, store_contents, strays

__all__ = ["Bench", "Ended", "Finding", "Running"]

PARTS = 3
"""Files of a partition, about, in a store that has been added to again and again."""

RECENT = 3
"""Days that are left of a store when its old days are deleted."""


@dataclass(frozen=True)
class Finding:
    """What became of one kind of fault.

    Attributes:
        fault: what was done.
        trials: how often.
        failures: what went wrong, a line each; none where all is well.
        note: what the trials met.

    """

    fault: str
    trials: int
    failures: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code (negative: the signal) and what it said."""

    code: int
    output: str
    error: str

    @property
    def refused(self) -> bool:
        """Whether it ended as a refusal does: exit code 1 and one line on stderr."""
        lines = self.error.strip().split("\n")
        return self.code == 1 and len(lines) == 1 and lines[0].startswith("detector: ")

    def __str__(self) -> str:
        """Give code and the end of the message in one line."""
        said = " / ".join(self.error.strip().splitlines())
        return f"exit code {self.code}: {said[-300:]!r}"


@dataclass(frozen=True)
class Running:
    """A command on its way, in a process group of its own."""

    process: subprocess.Popen[bytes]
    folder: Path

    def ended(self) -> Ended:
        """Wait for the end."""
        code = self.process.wait()
        said = [(self.folder / name).read_text("utf-8", "replace") for name in ("out", "err")]
        return Ended(code, *said)


@dataclass(frozen=True)
class Bench:
    """A log, the store of its first part, and the command under test.

    Attributes:
        command: the program with arguments that precede ``ingest``.
        log: native Parquet.
        scratch: folder for stores; the command's temporary files go to ``tmp`` in it.

    """

    command: tuple[str, ...]
    log: GatewayLog
    scratch: Path

    @cached_property
    def files(self) -> list[Path]:
        """The files of the log, in order of time."""
        return sorted(self.log.log.rglob("*.parquet"))

    @cached_property
    def first(self) -> Path:
        """A folder with the first half of the files."""
        return self.folder_of("first", self.files[: len(self.files) // 2])

    @cached_property
    def second(self) -> Path:
        """A folder with the other half."""
        return self.folder_of("second", self.files[len(self.files) // 2 :])

    @cached_property
    def before(self) -> Contents:
        """What the store of the first half holds."""
        return log_contents(self.first.iterdir())

    @cached_property
    def after(self) -> Contents:
        """What a store of the whole log holds."""
        return log_contents(self.files)

    @cached_property
    def days(self) -> list[str]:
        """The days of the log."""
        return sorted({file.parent.name.removeprefix("date=") for file in self.files})

    @cached_property
    def recent(self) -> Contents:
        """What a store of the last days holds."""
        kept = self.days[-RECENT:]
        return log_contents(file for file in self.files if file.parent.name.removeprefix("date=") in kept)

    @cached_property
    def base(self) -> Path:
        """A store of the first half; to be copied, not written to.

        Raises:
            RuntimeError: it cannot be made, or holds other rows: no fault can be tried.

        """
        return self._made("base", [self.first], self.before)

    @cached_property
    def crowded(self) -> Path:
        """A store of the whole log whose partitions have several files; to be copied, not written to.

        Raises:
            RuntimeError: it cannot be made, or holds other rows: no fault can be tried.

        """
        return self._made("crowded", [self._part(number) for number in range(PARTS)], self.after)

    def _made(self, name: str, sources: Sequence[Path], wanted: Contents) -> Path:
        """Make a store, an ingest for each source."""
        store = self.scratch / name / "store"
        store.parent.mkdir()
        for source in sources:
            if (end := self.ingest([source], store).ended()).code:
                raise RuntimeError(f"without any fault, {end}")
        if (found := store_contents(store)) != wanted:
            raise RuntimeError(f"without any fault, the store has {found.unlike(wanted)}")
        return store

    def _part(self, number: int) -> Path:
        """Make a source of every third row of every file."""
        folder = self.scratch / "sources" / f"part-{number}"
        folder.mkdir(parents=True)
        for place, file in enumerate(self.files):
            rows = pl.scan_parquet(file, hive_partitioning=False).gather_every(PARTS, number)
            rows.sink_parquet(folder / f"{place:04}.parquet")
        return folder

    @cached_property
    def seconds(self) -> float:
        """How long it takes to add the other half to the store of the first."""
        with self.store(self.base) as store:
            begin = time.perf_counter()
            self.ingest([self.log.log], store).ended()
            return time.perf_counter() - begin

    def folder_of(self, name: str, files: Sequence[Path]) -> Path:
        """Make a source of some files, without copying them."""
        folder = self.scratch / "sources" / name
        folder.mkdir(parents=True)
        for number, file in enumerate(files):
            (folder / f"{number:04}{file.suffix}").symlink_to(file)
        return folder

    @contextmanager
    def store(self, origin: Path | None, parent: Path | None = None) -> Iterator[Path]:
        """Give the place of a store, which holds what another does or nothing yet.

        Args:
            origin: the other; it is copied, with its key.
            parent: where, instead of the scratch folder.

        """
        with tempfile.TemporaryDirectory(dir=parent or self.scratch) as folder:
            if origin:
                shutil.copytree(origin.parent, folder, dirs_exist_ok=True)
            yield Path(folder) / "store"

    def ingest(self, sources: Sequence[Path], store: Path, **given: object) -> Running:
        """Start to ingest."""
        return self.start("ingest", *map(str, sources), "--store", str(store), "--quiet", **given)

    def compact(self, store: Path) -> Running:
        """Start to merge the small files of a store."""
        return self.start("store", "compact", str(store), "--quiet")

    def prune(self, store: Path) -> Running:
        """Start to delete all but the last days of a store."""
        return self.start("store", "prune", str(store), "--before", self.days[-RECENT], "--quiet")

    def verify(self, store: Path) -> Running:
        """Start to look for faults in a store."""
        return self.start("store", "verify", str(store), "--quiet")

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None, file_limit: int | None = None
    ) -> Running:
        """Start the command.

        Args:
            arguments: of the command.
            environment: variables to add.
            file_limit: largest file that it may write (bytes).

        """
        temporary = self.scratch / "tmp"
        temporary.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        limit = [] if file_limit is None else ["prlimit", f"--fsize={file_limit}"]
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(  # noqa: S603  # the command under test
                [*limit, *self.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "TMPDIR": str(temporary), **(environment or {})},
                start_new_session=True,
            )
        return Running(process, folder)

    def complaints(self, store: Path, wanted: Contents) -> list[str]:
        """Say what is wrong with a store after a run that ended well."""
        found, left = store_contents(store), strays(store)
        temporary = [path.name for path in (self.scratch / "tmp").glob("*")]
        verified = self.verify(store).ended()
        return [
            *([f"unsound: {verified}"] if verified.code else []),
            *([f"the store has {found.unlike(wanted)}"] if found != wanted else []),
            *([f"{len(left)} files that no version names, such as {left[0]}"] if left else []),
            *([f"{len(temporary)} temporary files, such as {temporary[0]}"] if temporary else []),
        ]
