"""A command as a process of its own: how long it took, and how much memory and processor time.

The command is started by a small launcher, not by the benchmark itself: on Linux a process
inherits the peak memory of the one that started it, and a benchmark that has read a log is large.

Peak memory is that of all processes of the command together. For one process the kernel keeps the
exact figure. While there are more, the launcher adds up their proportional set sizes (PSS: a page
that several share counts once) every 20 ms; a peak between two samples is missed. A control group's
own figure was not used: it counts the page cache of every file that was read or written.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

__all__ = ["CommandError", "Cost", "detector", "measured", "middle"]

SAMPLE_S = 0.02
"""Seconds between two looks at the memory of a command with several processes."""


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Attributes:
        wall: seconds from start to end.
        cpu: seconds of processor time, all cores and all processes it waited for together.
        peak: largest resident memory (bytes) of the process, of the largest of its children
            or of all of them together, whichever was most; pages of mapped files count while
            they are resident.

    """

    wall: float
    cpu: float
    peak: int


class CommandError(RuntimeError):
    """A measured command did not end in exit code 0."""


def detector() -> str:
    """Return the ``detector`` command of this Python."""
    return str(Path(sys.executable).with_name("detector"))


def measured(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command and measure it; its output is thrown away.

    Args:
        command: program and arguments.
        environment: variables to add to this process's.

    Raises:
        CommandError: the exit code is not 0; the message holds the end of what it said.

    """
    with tempfile.TemporaryDirectory() as folder:
        report, said = Path(folder, "report.json"), Path(folder, "said.txt")
        with said.open("wb") as output:
            subprocess.run(  # noqa: S603  # the command is the benchmark's own
                [sys.executable, "-I", __file__, str(report), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                check=True,
            )
        code, wall, cpu, peak = json.loads(report.read_text("utf-8"))
        if code:
            raise CommandError(
                f"{' '.join(command)}: exit code {code}: {said.read_text('utf-8', 'replace')[-2000:]}"
            )
    return Cost(wall, cpu, peak)


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(
        median(cost.wall for cost in costs),
        median(cost.cpu for cost in costs),
        int(median(cost.peak for cost in costs)),
    )


def _launch(report: str, command: Sequence[str]) -> None:
    """Run a command and write its exit code (negative: the signal), seconds and peak bytes."""
    begin = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    ended, peaks = threading.Event(), [0]
    watch = threading.Thread(target=_watch, args=(child, ended, peaks))
    watch.start()
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    ended.set()
    watch.join()
    peak = max(usage.ru_maxrss * 1024, *peaks)
    figures = os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, peak
    Path(report).write_text(json.dumps(figures), "utf-8")


def _watch(child: int, ended: threading.Event, peaks: list[int]) -> None:
    """Append what a process and its descendants take together, as long as there are any of those."""
    pause = SAMPLE_S
    while not ended.wait(pause):
        family = list(_family(child))
        if len(family) > 1:
            begin = time.perf_counter()
            peaks.append(sum(map(_proportional, family)))
            # The kernel walks every page: a large command is not to be slowed down by looking at it.
            pause = max(SAMPLE_S, 10 * (time.perf_counter() - begin))


def _family(process: int) -> Iterator[int]:
    """Give the ids of a process and of all its descendants that there are now."""
    yield process
    for thread in Path("/proc", str(process), "task").glob("*"):
        for child in _read(thread / "children").split():
            yield from _family(int(child))


def _proportional(process: int) -> int:
    """Return the proportional set size of a process (bytes); 0 where it has ended."""
    lines = _read(Path("/proc", str(process), "smaps_rollup")).splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _read(path: Path) -> str:
    """Return a file of the kernel; nothing where its process has ended."""
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


if __name__ == "__main__":
    _launch(sys.argv[1], sys.argv[2:])
