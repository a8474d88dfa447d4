"""Finding the files and tables of a log.

A source is a file, a table, a folder (with or without Hive partitions) or a glob,
on disk or in an object store. Hidden files and folders, and those whose name
starts with an underscore, are skipped.
"""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from detector.errors import refusal
from detector.ingest.sources.formats import format_of, reading_fault, sniffed
from detector.ingest.sources.logfile import LogFile
from detector.ingest.sources.objects import is_object, kind, matches, names, walk
from detector.ingest.sources.tables import METADATA, delta, iceberg, newest_metadata

__all__ = ["find_all", "find_files"]

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
Tree = Iterator[tuple[str, list[str], list[str]]]
"""A walk over folders: path, names of folders, names of files."""

_DELTA, _ICEBERG = "_delta_log", "metadata"


def find_all(sources: Iterable[str | Path]) -> list[LogFile]:
    """List the files and tables of several sources, each once, by name.

    Raises:
        InputError: as ``find_files``.

    """
    files: dict[str, LogFile] = {}
    for source in sources:
        for file in find_files(source):
            files.setdefault(_real(file.path), file)
    return sorted(files.values(), key=lambda file: (file.name, file.path))


def find_files(source: str | Path) -> list[LogFile]:
    """List the files and tables of a file, a folder or a glob, by name.

    Args:
        source: a path or glob, or an address ``s3://``, ``gs://`` (``gcs://``) or ``az://``.

    Raises:
        InputError: nothing is there, nothing that looks like a log, or the store refuses.

    """
    typed = re.sub("^gcs://", "gs://", str(source))
    _check_spelling(typed)
    files = _find_objects(typed) if is_object(typed) else _find_local(typed)
    for file in files:
        _check_spelling(file.path)
    return files


def _check_spelling(path: str) -> None:
    """Refuse a name that no reader would take: bytes that are no UTF-8 come as lone surrogates."""
    if any("\ud800" <= letter <= "\udfff" for letter in path):
        raise refusal(ascii(path), "the name is not UTF-8", "rename it")


def _find_local(typed: str) -> list[LogFile]:
    path = Path(typed)
    if path.is_dir() and typed.strip():
        _outside_tables(path)
        return _folder(typed, os.walk(typed))
    if path.is_file():
        _outside_tables(path)
        return [_single(typed)]
    if not glob.has_magic(typed):
        raise refusal(typed, "no such file or folder", "check the path")
    fixed = _fixed(path.parts)
    files: list[LogFile] = []
    for found in sorted({Path(match) for match in glob.glob(typed, recursive=True)}):  # noqa: PTH207  # absolute too
        if any(_is_hidden(part) for part in found.parts[fixed:]):
            continue
        _outside_tables(found)
        if found.is_dir():
            files += _logs(os.walk(found.as_posix()), base="")
        elif known := format_of(found.name):
            shown = found.as_posix()
            files.append(LogFile(shown, shown, known, _partitions(found.parts[:-1])))
    return _matched(typed, files)


def _find_objects(typed: str) -> list[LogFile]:
    if "@" in typed.split("/")[2]:
        where = f"{typed.partition('/')[0]}//..."
        raise refusal(where, "an address must not hold credentials", "put them into the environment")
    try:
        found = kind(typed)
        if found == "folder":
            return _folder(typed, walk(typed))
        if found == "file":
            return [_single(typed)]
        if not glob.has_magic(typed):
            raise refusal(typed, "no such object or folder", "check the address")
        return _matched(typed, _matching_objects(typed.split("/")))
    except (OSError, ValueError) as error:
        raise reading_fault(typed, error) from error


def _matching_objects(parts: Sequence[str]) -> Iterator[LogFile]:
    fixed = _fixed(parts)
    for file in _logs(walk("/".join(parts[:fixed])), base=""):
        below = file.path.split("/")[fixed:]
        if any(matches(below[:depth], parts[fixed:]) for depth in range(1, len(below) + 1)):
            yield file


def _folder(typed: str, tree: Tree) -> list[LogFile]:
    files = list(_logs(tree, base=typed))
    if not files:
        raise refusal(
            typed,
            "the folder holds no log file",
            "give a folder with .parquet, .ndjson, .jsonl or .csv files",
        )
    return sorted(files, key=lambda file: file.name)


def _matched(typed: str, files: Iterable[LogFile]) -> list[LogFile]:
    found = {file.name: file for file in files}
    if not found:
        raise refusal(typed, "the pattern matches no log file", "check the pattern and the files' suffixes")
    return sorted(found.values(), key=lambda file: file.name)


def _logs(tree: Tree, base: str) -> Iterator[LogFile]:
    """Yield the tables and files of a tree, named relative to a base."""
    for parent, folders, inner in tree:
        if table := _table(parent, folders, _relative(parent, base)):
            folders.clear()
            yield table
            continue
        folders[:] = [name for name in folders if not _is_hidden(name)]
        for name in inner:
            if (known := format_of(name)) and not _is_hidden(name):
                path = f"{parent.rstrip('/')}/{name}"
                shown = _relative(path, base)
                yield LogFile(path, shown, known, _partitions(shown.split("/")[:-1]))


def _table(path: str, folders: list[str], name: str) -> LogFile | None:
    """Return the table that a folder is, if it is one."""
    if _DELTA in folders:
        table = delta(path)
        return LogFile(path, name, "store" if table.is_store else "delta", version=table.version)
    if _ICEBERG in folders:
        metadata = f"{path.rstrip('/')}/{_ICEBERG}"
        if newest := newest_metadata(path, names(metadata)):
            return _state(f"{metadata}/{newest}", name)
    return None


def _single(path: str) -> LogFile:
    if path.endswith(METADATA):
        return _state(path, path)
    with LogFile(path, path, "ndjson").reading():
        return LogFile(path, path, format_of(path) or sniffed(path))


def _state(metadata: str, name: str) -> LogFile:
    iceberg(metadata)
    return LogFile(metadata, name, "iceberg")


def _outside_tables(path: Path) -> None:
    """Refuse what lies in a Delta table: only the table knows which of its files still count."""
    for above in path.resolve().parents:
        if (above / _DELTA).is_dir():
            raise refusal(path, f"lies in the Delta table {above}", "give the table, which knows its files")


def _relative(path: str, base: str) -> str:
    return path.removeprefix(base).lstrip("/") or base if base else path


def _fixed(parts: Sequence[str]) -> int:
    """Return how many parts of a glob come before the first that is a pattern."""
    return next(number for number, part in enumerate(parts) if glob.has_magic(part))


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _real(path: str) -> str:
    return path if is_object(path) else os.path.realpath(path)


def _partitions(parts: Sequence[str]) -> dict[str, str | None]:
    pairs = (part.partition("=") for part in parts if "=" in part.strip("="))
    return {key: None if value == _HIVE_NULL else unquote(value) for key, _, value in pairs}
