"""Finding the files of a log.

A source is a file, a folder (with or without Hive partitions) or a glob. Hidden
files and folders, and those whose name starts with an underscore, are skipped.
"""

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from detector.ingest.formats import format_of, refusal, sniffed
from detector.ingest.logfile import LogFile

__all__ = ["find_all", "find_files", "refusal"]

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def find_all(sources: Iterable[str | Path]) -> list[LogFile]:
    """List the log files of several sources, each once, by name.

    Raises:
        InputError: as ``find_files``.

    """
    files = {os.path.realpath(file.path): file for source in sources for file in find_files(source)}
    return sorted(files.values(), key=lambda file: (file.name, file.path))


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
                typed,
                "the folder holds no log file",
                "give a folder with .parquet, .ndjson, .jsonl or .csv files",
            )
        return files
    if path.is_file():
        return [LogFile(str(path), typed, format_of(path.name) or sniffed(str(path)))]
    if not glob.has_magic(typed):
        raise refusal(typed, "no such file or folder", "check the path")
    files = []
    for found in sorted({Path(match) for match in glob.glob(typed, recursive=True)}):  # noqa: PTH207  # absolute too
        fixed = next(number for number, part in enumerate(path.parts) if glob.has_magic(part))
        if any(part.startswith(("_", ".")) for part in found.parts[fixed:]):
            continue
        if found.is_dir():
            files += _walk(found, base=None)
        elif kind := format_of(found.name):
            files.append(LogFile(str(found), found.as_posix(), kind, _partitions(found.parts[:-1])))
    if not files:
        raise refusal(typed, "the pattern matches no log file", "check the pattern and the files' suffixes")
    return list({file.name: file for file in files}.values())


def _walk(folder: Path, base: Path | None) -> list[LogFile]:
    """List the log files below a folder, named relative to a base or as they are."""
    files = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            kind = format_of(name)
            if kind and not name.startswith((".", "_")):
                path = Path(parent, name)
                shown = path.relative_to(base) if base else path
                files.append(LogFile(str(path), shown.as_posix(), kind, _partitions(shown.parts[:-1])))
    return sorted(files, key=lambda file: file.name)


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _partitions(parts: tuple[str, ...]) -> dict[str, str | None]:
    pairs = (part.partition("=") for part in parts if "=" in part.strip("="))
    return {key: None if value == _HIVE_NULL else unquote(value) for key, _, value in pairs}
