import numpy as np
import pytest

from detector.simulate.reporting import Reporting, draw_reporting


@pytest.mark.parametrize(
    ("state", "telemetry", "probe", "helped"),
    [
        (Reporting.ON, "genuine", True, True),
        (Reporting.OFF, "none", False, False),
        (Reporting.BLOCKED, "none", False, True),
    ],
)
def test_what_a_state_means_for_an_actor(state, telemetry, probe, helped):
    traits = state.traits(np.random.default_rng(0))
    assert (traits["telemetry"], traits["probe"], traits["helper"] > 0) == (telemetry, probe, helped)


def test_states_are_drawn_by_their_shares():
    rng = np.random.default_rng(0)
    states = [draw_reporting(rng) for _ in range(2000)]
    shares = [states.count(state) / 2000 for state in Reporting]
    assert shares == pytest.approx([0.6, 0.25, 0.15], abs=0.03)
    assert {draw_reporting(rng, 0.5, 0.5) for _ in range(100)} == {Reporting.ON, Reporting.OFF}
