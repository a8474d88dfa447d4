"""Objects in a store such as S3, looked at as files in folders.

Addresses are ``s3://bucket/key``, ``gs://bucket/key`` and ``az://container/key``;
the key stands as it is, nothing in it is written with percent signs. Credentials,
region and endpoint come from the environment variables that the stores' own tools
read (``AWS_ACCESS_KEY_ID``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``,
``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``,
``AZURE_STORAGE_ACCOUNT_KEY`` ...) or from the machine's role, never from an address.
"""

import os
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

__all__ = [
    "delta_options",
    "entity",
    "iceberg_options",
    "is_object",
    "kind",
    "located",
    "matches",
    "names",
    "opened",
    "plain_reason",
    "walk",
]

_PATIENCE = timedelta(seconds=30)
_SCHEMES = ("s3://", "gs://", "az://")


def is_object(path: str) -> bool:
    """Whether a path is an address in an object store."""
    return path.startswith(_SCHEMES)


def located(path: str) -> str:
    """Return an address as it is, and a path so that nothing in its name means anything to a reader."""
    return path if is_object(path) else str(Path(path).absolute())


def opened(path: str) -> IO[bytes]:
    """Open a file or an object to read its bytes.

    Raises:
        OSError: it is not there or cannot be read.

    """
    if not is_object(path):
        return Path(path).open("rb")
    store, inner = _store(path)
    file: IO[bytes] = store.open_input_file(inner)
    return file


def entity(address: str) -> tuple[int, str]:
    """Return the size of an object in bytes and its entity tag, or its time of change where it has none.

    Raises:
        OSError: it is not there or the store refuses.

    """
    store, inner = _store(address)
    with store.open_input_file(inner) as file:
        size, tag = file.size(), (file.metadata() or {}).get("ETag")
    return size, str(tag or store.get_file_info(inner).mtime_ns)


def kind(address: str) -> str | None:
    """Return ``file`` or ``folder``, None where nothing is there.

    Raises:
        OSError: the store does not answer or refuses.

    """
    store, inner = _store(address)
    return {"File": "file", "Directory": "folder"}.get(store.get_file_info(inner.rstrip("/")).type.name)


def names(folder: str) -> list[str]:
    """Return the names of what lies in a folder, of files or of objects.

    Raises:
        OSError: the folder cannot be listed.

    """
    if not is_object(folder):
        return [path.name for path in Path(folder).iterdir()]
    return [info.base_name for info in _listing(folder, recursive=False)]


def walk(address: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each folder below an address with the names of its folders and files, as ``os.walk`` does.

    Names taken out of the list of folders are not entered.

    Raises:
        OSError: the store does not answer or refuses.

    """
    scheme, _, inner = address.rstrip("/").partition("://")
    folders: dict[str, set[str]] = {}
    files: dict[str, list[str]] = {}
    for info in _listing(address, recursive=True):
        parts = info.path.removeprefix(inner).strip("/").split("/")
        for depth, part in enumerate(parts):
            parent = "/".join([inner, *parts[:depth]])
            if depth == len(parts) - 1 and info.is_file:
                files.setdefault(parent, []).append(part)
            else:
                folders.setdefault(parent, set()).add(part)
    waiting = [inner]
    while waiting:
        parent = waiting.pop()
        below = sorted(folders.get(parent, ()))
        yield f"{scheme}://{parent}", below, sorted(files.get(parent, ()))
        waiting += [f"{parent}/{name}" for name in below]


def matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a key match the parts of a glob; ``**`` stands for any number of parts."""
    if not parts or not pattern:
        return not parts and all(part == "**" for part in pattern)
    if pattern[0] == "**":
        return matches(parts, pattern[1:]) or matches(parts[1:], pattern)
    return fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])


def delta_options(path: str) -> dict[str, str]:
    """Return what the reader of Delta must be told of a store beyond the environment."""
    plain = path.startswith("s3://") and (_endpoint() or "").startswith("http://")
    return {"AWS_ALLOW_HTTP": "true"} if plain else {}


def iceberg_options(path: str) -> dict[str, str]:
    """Return what the reader of Iceberg must be told of a store beyond the environment."""
    known = {"s3.endpoint": _endpoint(), "s3.region": _region()} if path.startswith("s3://") else {}
    return {name: value for name, value in known.items() if value}


def plain_reason(error: BaseException) -> str:
    """Return the first line of what a library says, without the parts of a request that may hold secrets."""
    first = getattr(error, "strerror", None) or str(error).strip().partition("\n")[0]
    return re.sub(r"\?\S*|<.*", "", str(first)).strip(" :")[:200]


def _listing(address: str, *, recursive: bool) -> Any:
    from pyarrow import fs  # noqa: PLC0415  # slow to load, and local logs do without

    store, inner = _store(address)
    return store.get_file_info(fs.FileSelector(inner.rstrip("/"), recursive=recursive))


def _store(address: str) -> tuple[Any, str]:
    """Return the pyarrow file system of an address and the path within it."""
    scheme, _, inner = address.partition("://")
    return _connected(scheme, inner.partition("/")[0], _endpoint() if scheme == "s3" else None), inner


@lru_cache(maxsize=16)
def _connected(scheme: str, bucket: str, endpoint: str | None) -> Any:
    from pyarrow import fs  # noqa: PLC0415  # slow to load, and local logs do without

    if scheme == "gs":
        return fs.GcsFileSystem(retry_time_limit=_PATIENCE)
    if scheme == "az":
        name, key = (os.environ.get(f"AZURE_STORAGE_ACCOUNT_{what}") for what in ("NAME", "KEY"))
        return fs.AzureFileSystem(name or "", account_key=key)
    region = _region()
    if not region and not endpoint:
        region = fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(region=region, endpoint_override=endpoint)


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _region() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
