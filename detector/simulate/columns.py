"""Columns of numbers that log rows are made of, before codes become text."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from detector.simulate.plan import Actor, Floats, Ints

__all__ = ["KINDS", "STOPS", "Tables", "row_frame"]

KINDS = ("inference", "helper", "probe", "telemetry", "count_tokens")
STOPS = ("end_turn", "tool_use", "max_tokens")
NONE = -1
INTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "telemetry_events",
    "telemetry_requests",
)


@dataclass(frozen=True, slots=True)
class Tables:
    """Columns of the actors, by actor index."""

    wire: Ints
    variants: Ints
    counts: Ints
    ja4: Ints
    resumed: Ints
    telemetry_wire: Ints
    telemetry_ja4: Ints
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
            counts=whole([one.client.counts_retries for one in actors]),
            ja4=whole([one.client.ja4 for one in actors]),
            resumed=whole([one.client.resumed for one in actors]),
            telemetry_wire=whole([one.client.telemetry for one in actors]),
            telemetry_ja4=whole([one.client.telemetry_ja4 for one in actors]),
            probe_wire=whole([one.client.probe for one in actors]),
            probe=whole([one.probe for one in actors]),
            posts=whole([("none", "genuine", "made_up").index(one.telemetry) for one in actors]),
            helper=np.array([one.helper for one in actors]),
            caching=whole([one.caching for one in actors]),
            context=np.array([one.context for one in actors]),
            growth=np.array([one.growth for one in actors]),
            chat=whole([one.rhythm == "chat" for one in actors]),
        )


def row_frame(kind: int, sitting: Ints, start: Floats, duration: Floats, **columns: object) -> pl.DataFrame:
    """Rows of one kind; a column that the kind has not is null."""
    size = sitting.size
    base: dict[str, object] = {
        "start": start,
        "sitting": sitting.astype(np.int32),
        "kind": np.full(size, kind, dtype=np.int8),
        "wire": columns.pop("wire"),
        "ja4": columns.pop("ja4"),
        "duration": duration,
        "status": columns.pop("status", np.full(size, 200)),
        "stop": columns.pop("stop", np.full(size, NONE)),
        "tool_result": columns.pop(
            "tool_result", pl.Series([None], dtype=pl.Boolean).new_from_index(0, size)
        ),
        "retry_after_s": columns.pop("retry_after_s", np.full(size, np.nan)),
    }
    base |= {name: columns.pop(name, np.full(size, NONE, dtype=np.int64)) for name in INTS}
    types: dict[str, pl.DataType | type[pl.DataType]] = {
        "wire": pl.Int32,
        "ja4": pl.Int32,
        "status": pl.Int32,
        "stop": pl.Int8,
    }
    return pl.DataFrame(base).cast(types)  # type: ignore[arg-type]
