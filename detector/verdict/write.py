"""Writing what a run found, so that a folder is there as a whole or not at all."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from detector.errors import InputError
from detector.verdict.decide import Decision

__all__ = ["RUN_FILES", "new_folder", "write_verdicts"]

RUN_FILES = ("accounts.parquet", "run.json", "sessions.parquet")
"""What a verdict folder holds."""


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
    try:
        if target.exists() and not target.is_dir():
            raise InputError(f"{target}: is a file; give a folder for the output")
        if target.is_dir() and {path.name for path in target.iterdir()} - set(replaces):
            raise InputError(
                f"{target}: folder holds other files; give an empty or a new folder for the output"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise InputError(
            f"{target}: cannot write there ({error.strerror}); give another output folder"
        ) from error
    try:
        yield work
        work.chmod(0o755)
        if target.is_dir():
            shutil.rmtree(target)
        work.rename(target)
    except OSError as error:
        raise InputError(
            f"{target}: cannot write there ({error.strerror}); give another output folder"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_verdicts(output: Path, decision: Decision, record: Mapping[str, Any]) -> None:
    """Write the verdict files; the same decision gives the same Parquet bytes.

    Raises:
        InputError: the folder holds other things or cannot be written.

    """
    with new_folder(output, RUN_FILES) as folder:
        decision.accounts.write_parquet(folder / "accounts.parquet", compression="zstd", statistics=True)
        decision.sessions.write_parquet(folder / "sessions.parquet", compression="zstd", statistics=True)
        (folder / "run.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
