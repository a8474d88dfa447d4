"""What all commands share: options, exit codes, progress and JSON."""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, NoReturn, Self, TypeVar

import click

from detector.errors import DetectorError

__all__ = ["Failure", "Progress", "Shell", "json_option", "output_options", "quiet_option", "to_json"]

Command = TypeVar("Command", bound=Callable[..., Any])

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""

TERMINATED = 143
"""Exit code after SIGTERM."""


class Failure(click.ClickException):
    """An error that ends a command: one line on stderr and exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message as one line in which nothing acts on the terminal."""
        line = " ".join(self.message.split())
        seen = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
        click.echo(f"detector: {seen}", file=file or sys.stderr)


class Shell(click.Group):
    """A group whose commands end in 0 (done), 1 (one line on stderr), 2 (usage) or 130 (Ctrl-C)."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for.

        Raises:
            Failure: an error on purpose, or of files and memory.

        """
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            with _cleaned_up_on_termination():
                return super().invoke(ctx)
        except DetectorError as error:
            raise Failure(str(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise Failure(
                f"{where}{error.strerror or error}; check the path, permissions and free space"
            ) from error
        except MemoryError as error:
            raise Failure("not enough memory; score the log in parts that hold whole accounts") from error
        except KeyboardInterrupt:
            click.echo("detector: interrupted", err=True)
            ctx.exit(INTERRUPTED)


@contextmanager
def _cleaned_up_on_termination() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that temporary folders go."""

    def stop(*_: object) -> NoReturn:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


class Progress:
    """The stage of a run on one line of a terminal, once it has taken a second."""

    def __init__(self, *, quiet: bool = False, stream: IO[str] | None = None, delay: float = 1.0) -> None:
        """Prepare to speak.

        Args:
            quiet: say nothing.
            stream: where to say it; stderr where left out. Nothing is said unless it is
                a terminal.
            delay: seconds before anything is said.

        """
        self.stream = stream or sys.stderr
        self.on = not quiet and self.stream.isatty()
        self.delay = delay
        self.began = time.monotonic()
        self.stage = ""
        self.share = ""
        self.started = (self.began, 0)
        self.width = 0
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        """Start the clock."""
        if self.on:
            self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe the line."""
        if self.on:
            self.done.set()
            self.thread.join()
            self._draw("")

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note of the stage and of how many of its rows are done."""
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.started = stage, (now, done)
        self.share = ""
        if 0 < done < total:
            since, before = self.started
            rate = (done - before) / max(now - since, 1e-9)
            self.share = f" {done / total:.0%}"
            if rate:
                self.share += f", {rate:,.0f} rows/s, {(total - done) / rate:.0f} s left"
        if self.on and time.monotonic() - self.began >= self.delay:
            self._draw(self._line())

    def _tick(self) -> None:
        wait = self.delay
        while not self.done.wait(wait):
            self._draw(self._line())
            wait = 0.5

    def _line(self) -> str:
        return f"{self.stage}{self.share} ({time.monotonic() - self.began:.0f} s)"

    def _draw(self, line: str) -> None:
        """Write over the last line with plain letters: no terminal is asked for more."""
        with self.lock:
            if line or self.width:
                wipe = " " * (self.width - len(line)) + "\b" * max(0, self.width - len(line))
                self.stream.write(f"\r{line}{wipe}" + ("" if line else "\r"))
                self.stream.flush()
            self.width = len(line)


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
quiet_option = click.option("--quiet", is_flag=True, help="No progress and no summary.")


def output_options(holds: str) -> Callable[[Command], Command]:
    """Give a command that writes a folder its options: ``--output``, ``--json``, ``--quiet``.

    Args:
        holds: what the folder will hold, for the help text.

    """

    def add(command: Command) -> Command:
        folder = click.option("--output", required=True, metavar="DIR", help=f"Folder for {holds}.")
        return folder(json_option(quiet_option(command)))

    return add


def to_json(value: Any) -> str:
    """Return a value as JSON in ASCII: nothing in it acts on a terminal."""
    return json.dumps(value, indent=2).replace("\x7f", "\\u007f")
