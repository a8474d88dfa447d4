import sys

import pytest

from benchmarks.process import CommandError, Cost, measured, middle

MIB = 2**20


def test_memory_is_that_of_the_command_and_not_of_who_measures():
    here = bytearray(300 * MIB)
    small = measured([sys.executable, "-c", "pass"])
    large = measured([sys.executable, "-c", "x = bytearray(200 * 2**20)"])
    assert len(here) > small.peak
    assert 200 * MIB < large.peak < 300 * MIB
    assert small.wall > 0


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
