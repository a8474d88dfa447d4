"""Columns of numbers that log rows are made of, before codes become text."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import polars as pl

from detector.simulate.plan import Actor, Floats, Ints

__all__ = ["COUNTS", "ROW", "STOPS", "Kind", "Tables", "row_frame"]

STOPS = ("end_turn", "tool_use", "max_tokens")
SERVED = 200
NONE = -1
COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "telemetry_events",
    "telemetry_requests",
)
ROW = pl.Schema(
    {
        "start": pl.Float64(),
        "sitting": pl.Int32(),
        "kind": pl.Int8(),
        "wire": pl.Int32(),
        "ja4": pl.Int32(),
        "duration": pl.Float64(),
        "status": pl.Int16(),
        "stop": pl.Int8(),
        "tool_result": pl.Boolean(),
        "retry_after_s": pl.Float32(),
    }
    | dict.fromkeys(COUNTS, pl.Int32())
)
"""Rows of numbers, as narrow as they can be: all of a log is held and sorted as such."""


class Kind(IntEnum):
    """Kinds of rows: model requests, the small calls beside them, probes, telemetry posts, token counts."""

    INFERENCE = 0
    HELPER = 1
    PROBE = 2
    TELEMETRY = 3
    COUNT = 4


@dataclass(frozen=True, slots=True)
class Tables:
    """Columns of the actors, by actor index."""

    wire: Ints
    variants: Ints
    attempts: Ints
    steps: Ints
    ja4: Ints
    resumed: Ints
    telemetry_wire: Ints
    telemetry_ja4: Ints
    second_wire: Ints
    probe_wire: Ints
    probe: Ints
    posts: Ints
    helper: Floats
    caching: Ints
    context: Floats
    growth: Floats
    chat: Ints

    @classmethod
    def of(cls, actors: list[Actor]) -> "Tables":
        """Collect the columns of ``actors``."""

        def whole(values: list[int]) -> Ints:
            return np.array(values, dtype=np.int64)

        return cls(
            wire=whole([one.client.inference for one in actors]),
            variants=whole([one.client.variants for one in actors]),
            attempts=whole([one.client.choice == "attempt" for one in actors]),
            steps=whole([one.client.choice == "step" for one in actors]),
            ja4=whole([one.client.ja4 for one in actors]),
            resumed=whole([one.client.resumed for one in actors]),
            telemetry_wire=whole([one.client.telemetry for one in actors]),
            telemetry_ja4=whole([one.client.telemetry_ja4 for one in actors]),
            second_wire=whole([one.client.second for one in actors]),
            probe_wire=whole([one.client.probe for one in actors]),
            probe=whole([one.probe for one in actors]),
            posts=whole([("none", "genuine", "made_up").index(one.telemetry) for one in actors]),
            helper=np.array([one.helper for one in actors]),
            caching=whole([one.caching for one in actors]),
            context=np.array([one.context for one in actors]),
            growth=np.array([one.growth for one in actors]),
            chat=whole([one.rhythm == "chat" for one in actors]),
        )


def row_frame(kind: Kind, sitting: Ints, start: Floats, duration: Floats, **columns: object) -> pl.DataFrame:
    """Rows of one kind, columns of ``ROW``; one that the kind has not is null, its status 200."""
    given = {"start": start, "sitting": sitting, "duration": duration} | columns
    same = {"kind": kind, "status": SERVED}
    return pl.DataFrame(given).select(
        (pl.col(name) if name in given else pl.lit(same.get(name))).cast(dtype).alias(name)
        for name, dtype in ROW.items()
    )
