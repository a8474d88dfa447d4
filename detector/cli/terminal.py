"""What stdout can show: how wide it is, and whether it takes colour."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from detector.report.text import Style

__all__ = ["coloured", "print_file", "say", "style", "width"]


def coloured() -> bool:
    """Return whether to write colours: on a terminal, unless ``NO_COLOR`` or a dumb one forbids it.

    ``FORCE_COLOR`` asks for them without a terminal; empty variables say nothing.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def style() -> "Style":
    """Return what gives text a colour here."""
    from detector.report.text import unstyled

    if coloured():
        return click.style
    return unstyled


def width() -> int | None:
    """Return the columns of the terminal; null where stdout is none and nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def say(text: str) -> None:
    """Print text that may hold colours."""
    click.echo(text, color=coloured())


def print_file(path: Path) -> None:
    """Print a file as it is; on a terminal with what would act there as escapes."""
    if sys.stdout.isatty():
        with path.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                say("".join(one if one.isprintable() else ascii(one)[1:-1] for one in line.rstrip("\n")))
        return
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
