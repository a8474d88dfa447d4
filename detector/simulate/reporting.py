"""Whether an own client reports what it does: by default, opted out, or blocked on its way."""

from enum import Enum
from typing import Any

import numpy as np

from detector.simulate.chance import choose

__all__ = ["Reporting", "draw_reporting"]


class Reporting(Enum):
    """What becomes of telemetry, start-up probes and helper calls of an own client.

    ``ON``: all of them are there. ``OFF``: the person opted out, none is sent. ``BLOCKED``: a firewall
    or name server swallows telemetry and probes; helper calls go to the model's own address and arrive.
    """

    ON = "on"
    OFF = "off"
    BLOCKED = "blocked"

    def traits(self, rng: np.random.Generator) -> dict[str, Any]:
        """Fields of ``Actor`` that follow from it."""
        on, helped = self is Reporting.ON, self is not Reporting.OFF
        return {
            "telemetry": "genuine" if on else "none",
            "probe": on,
            "helper": float(rng.uniform(0.05, 0.3)) if helped else 0.0,
        }


def draw_reporting(rng: np.random.Generator, on: float = 0.6, off: float = 0.25) -> Reporting:
    """Draw a state: ``on`` and ``off`` are its shares, the rest is blocked."""
    return choose(rng, tuple(Reporting), (on, off, max(1.0 - on - off, 0.0)))
