"""A command as a process of its own: how long it took, and how much memory and processor time.

The command is started by a small launcher, not by the benchmark itself: on Linux a process
inherits the peak memory of the one that started it, and a benchmark that has read a log is large.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

__all__ = ["CommandError", "Cost", "detector", "measured", "middle"]


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Attributes:
        wall: seconds from start to end.
        cpu: seconds of processor time, all cores together.
        peak: largest resident memory (bytes) of the process, or of the largest of its
            children if one was larger; pages of mapped files count while they are resident.

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
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    figures = os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
    Path(report).write_text(json.dumps(figures), "utf-8")


if __name__ == "__main__":
    _launch(sys.argv[1], sys.argv[2:])
