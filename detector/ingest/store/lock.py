"""One writer of a store at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.errors import InputError

__all__ = ["locked"]


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Be the only writer of a store, made or to be made; others wait their turn.

    The lock goes with the process, however that ends.

    Raises:
        InputError: the folder is not on a local disk, or cannot be made or written.

    """
    folder, advice = Path(path), "give a folder on a local disk"
    if "://" in str(path):
        raise InputError(f"{path}: cannot be used as a store; {advice}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "_lock").open("w")
    except OSError as error:
        raise InputError(f"{path}: cannot be used as a store ({error.strerror}); {advice}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
