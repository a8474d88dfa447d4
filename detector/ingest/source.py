"""Finding the files of a log and opening each as a lazy frame.

A source is a file, a folder (with or without Hive partitions) or a glob. Hidden
files and folders, and those whose name starts with an underscore, are skipped.
"""

import glob
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from detector.errors import InputError
from detector.schema import REQUEST

__all__ = ["LogFile", "find_files", "refusal"]

PARQUET_SUFFIXES = (".parquet", ".pq")
JSON_SUFFIXES = tuple(
    f"{name}{packed}" for name in (".ndjson", ".jsonl", ".json") for packed in ("", ".gz", ".zst")
)
_MAGIC = b"PAR1"
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def refusal(where: str | Path, what: str, advice: str) -> InputError:
    """Return an error of one line: where, what happened, what to do next."""
    return InputError(" ".join(f"{where}: {what}; {advice}".split()))


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of a log.

    Attributes:
        path: where it is.
        name: its path relative to the source's folder, or as the user typed it.
        partitions: Hive partition keys of the folders between the source and the file.

    """

    path: Path
    name: str
    partitions: dict[str, str | None] = field(default_factory=dict)

    @property
    def is_parquet(self) -> bool:
        """Whether the file is to be read as Parquet: by its suffix, else by its first bytes."""
        name = self.path.name.lower()
        if name.endswith(JSON_SUFFIXES):
            return False
        return name.endswith(PARQUET_SUFFIXES) or self._ends()[0] == _MAGIC

    def scan(self) -> tuple[pl.LazyFrame, pl.Schema]:
        """Open the file.

        Returns:
            A frame and the types that the file has, as found. In a frame from
            NDJSON the plain columns are text, because the types of one name may
            differ from line to line. A partition key that is a native column
            which the file itself lacks is added as text.

        Raises:
            InputError: the file is neither Parquet nor NDJSON, cut off or damaged.

        """
        try:
            frame, found = self._scan_parquet() if self.is_parquet else self._scan_ndjson()
        except OSError as error:
            raise refusal(
                str(self.path), f"cannot be read ({error.strerror or error})", "check the file"
            ) from error
        added = {key: value for key, value in self.partitions.items() if key in REQUEST and key not in found}
        frame = frame.with_columns(pl.lit(value, dtype=pl.String).alias(key) for key, value in added.items())
        return frame, pl.Schema({**found, **dict.fromkeys(added, pl.String())})

    def _ends(self) -> tuple[bytes, bytes]:
        with self.path.open("rb") as file:
            head = file.read(4)
            file.seek(max(0, self.path.stat().st_size - 4))
            return head, file.read(4)

    def _scan_parquet(self) -> tuple[pl.LazyFrame, pl.Schema]:
        head, tail = self._ends()
        if head != _MAGIC:
            raise refusal(self.path, "is not a Parquet file", "give Parquet or NDJSON")
        if tail != _MAGIC:
            raise refusal(self.path, "is a truncated Parquet file", "write or copy it again")
        frame = pl.scan_parquet(self.path, glob=False, hive_partitioning=False)
        return frame, frame.collect_schema()

    def _scan_ndjson(self) -> tuple[pl.LazyFrame, pl.Schema]:
        if not self.path.name.lower().endswith(JSON_SUFFIXES):
            raise refusal(
                str(self.path),
                "is neither Parquet nor NDJSON by its name",
                "give .parquet, .ndjson or .jsonl files",
            )
        if self.path.stat().st_size == 0:
            return pl.LazyFrame(schema=REQUEST), REQUEST
        path = glob.escape(str(self.path))
        found = pl.scan_ndjson(path, infer_schema_length=None).collect_schema()
        plain = {
            name: pl.String() for name, dtype in found.items() if name in REQUEST and not dtype.is_nested()
        }
        nested = {name for name in plain if REQUEST[name].is_nested() and found[name] != pl.Null}
        types = pl.Schema({**found, **{name: dtype for name, dtype in plain.items() if name not in nested}})
        return pl.scan_ndjson(path, schema=types), types


def find_files(source: str | Path) -> list[LogFile]:
    """List the log files of a file, a folder or a glob, by name.

    Raises:
        InputError: nothing is there, or nothing that looks like a log.

    """
    typed = str(source)
    path = Path(source)
    if path.is_dir() and typed.strip():
        files = _walk(path, base=path)
        if not files:
            raise refusal(
                typed, "the folder holds no log file", "give a folder with .parquet, .ndjson or .jsonl files"
            )
        return files
    if path.is_file():
        return [LogFile(path, typed)]
    if not glob.has_magic(typed):
        raise refusal(typed, "no such file or folder", "check the path")
    files = []
    for found in sorted({Path(match) for match in glob.glob(typed, recursive=True)}):  # noqa: PTH207  # absolute too
        fixed = next(number for number, part in enumerate(path.parts) if glob.has_magic(part))
        if any(part.startswith(("_", ".")) for part in found.parts[fixed:]):
            continue
        if found.is_dir():
            files += _walk(found, base=None)
        elif _is_log(found.name):
            files.append(LogFile(found, found.as_posix(), _partitions(found.parts[:-1])))
    if not files:
        raise refusal(typed, "the pattern matches no log file", "check the pattern and the files' suffixes")
    return list({file.name: file for file in files}.values())


def _walk(folder: Path, base: Path | None) -> list[LogFile]:
    """List the log files below a folder, named relative to a base or as they are."""
    files = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if _is_log(name):
                path = Path(parent, name)
                shown = path.relative_to(base) if base else path
                files.append(LogFile(path, shown.as_posix(), _partitions(shown.parts[:-1])))
    return sorted(files, key=lambda file: file.name)


def _is_log(name: str) -> bool:
    return not name.startswith((".", "_")) and name.lower().endswith((*PARQUET_SUFFIXES, *JSON_SUFFIXES))


def _partitions(parts: tuple[str, ...]) -> dict[str, str | None]:
    pairs = (part.partition("=") for part in parts if "=" in part.strip("="))
    return {key: None if value == _HIVE_NULL else unquote(value) for key, _, value in pairs}
