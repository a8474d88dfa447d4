"""A folder or file that is there as a whole or not at all: everything a run writes goes through it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.errors import InputError

__all__ = ["new_file", "new_folder"]


@contextmanager
def new_folder(target: str | Path, replaces: tuple[str, ...] = ()) -> Iterator[Path]:
    """Give a temporary folder that takes the target's name when all went well.

    Args:
        target: folder to make; its parents are made too.
        replaces: names of files that an earlier run may have left there.

    Raises:
        InputError: the target is a file, holds anything else, or cannot be written.

    """
    target = Path(target)
    place = target.resolve()
    try:
        if place.exists() and not place.is_dir():
            raise InputError(f"{target}: is a file; give a folder for the output")
        if place.is_dir() and {path.name for path in place.iterdir()} - set(replaces):
            raise InputError(
                f"{target}: folder holds other files; give an empty or a new folder for the output"
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        yield work
        work.chmod(0o755)
        _exchange(work, place)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def new_file(target: str | Path) -> Iterator[Path]:
    """Give a temporary file that takes the target's name, and another file's place, when all went well.

    Args:
        target: file to make; its folder is made too.

    Raises:
        InputError: the target is a folder, or cannot be written.

    """
    target = Path(target)
    if target.is_dir():
        raise InputError(f"{target}: is a folder; give a file for the output")
    try:
        place = target.resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as work:
            path = Path(work) / place.name
            yield path
            path.replace(place)
    except OSError as error:
        raise _unwritable(target, error) from error


def _exchange(work: Path, place: Path) -> None:
    """Give a folder its final place; what was there goes only when the new one stands."""
    old = work.with_name(f"{work.name}.old")
    taken = place.exists()
    if taken:
        place.rename(old)
    try:
        work.rename(place)
    except OSError:
        if taken:
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _unwritable(target: Path, error: OSError) -> InputError:
    return InputError(f"{target}: cannot write there ({error.strerror or error}); give another output")
