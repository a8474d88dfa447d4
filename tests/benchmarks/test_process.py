import subprocess
import sys

import pytest

from benchmarks.process import CommandError, Cost, _watch, measured, middle

MIB = 2**20


def test_memory_is_that_of_the_command_and_not_of_who_measures():
    here = bytearray(300 * MIB)
    small = measured([sys.executable, "-c", "pass"])
    large = measured([sys.executable, "-c", "x = bytearray(200 * 2**20)"])
    assert len(here) > small.peak
    assert 200 * MIB < large.peak < 300 * MIB
    assert small.wall > 0


class Once:
    """An event that is set after one look."""

    def __init__(self):
        self.waits = iter([False, True])

    def wait(self, _):
        return next(self.waits)


@pytest.fixture
def workers():
    """Three processes of 100 MiB each, started by a fourth."""
    worker = "x = bytearray(100 * 2**20); print(flush=True); input()"
    parent = (
        "import subprocess, sys\n"
        f"start = lambda: subprocess.Popen([sys.executable, '-c', {worker!r}], stdin=0, stdout=1)\n"
        "three = [start() for _ in range(3)]\n"
        "for one in three: one.wait()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", parent], **pipes) as process:
        for _ in range(3):
            process.stdout.readline()
        yield process.pid
        process.stdin.write(b"\n" * 3)
        process.stdin.close()


def test_memory_is_that_of_all_processes_together(workers):
    peaks = []
    _watch(workers, Once(), peaks)
    assert 300 * MIB < peaks[0] < 400 * MIB


def test_one_process_is_left_to_the_kernel():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as alone:
        peaks = []
        _watch(alone.pid, Once(), peaks)
        alone.communicate(b"\n")
    assert peaks == []


def test_variables_reach_the_command():
    check = "import os, sys; sys.exit(os.environ['STORE_AT'] != 'here')"
    measured([sys.executable, "-c", check], {"STORE_AT": "here"})


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; print('no room', file=sys.stderr); sys.exit(3)", "exit code 3: no room"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
    ],
)
def test_a_failed_command_is_not_measured(code, says):
    with pytest.raises(CommandError, match=says):
        measured([sys.executable, "-c", code])


def test_medians_are_taken_figure_by_figure():
    costs = [Cost(1.0, 9.0, 30), Cost(2.0, 7.0, 10), Cost(3.0, 8.0, 20)]
    assert middle(costs) == Cost(2.0, 8.0, 20)
