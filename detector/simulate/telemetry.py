"""What own clients send beside model requests: start-up probes and telemetry; and what harnesses make up."""

import numpy as np
import polars as pl

from detector.simulate.columns import Kind, Tables, row_frame
from detector.simulate.plan import Sittings

__all__ = ["draw_invented_posts", "draw_posts", "draw_probes"]

BATCH_BITS = 32
START_EVENTS = 3


def draw_probes(rng: np.random.Generator, sittings: Sittings, tables: Tables) -> pl.DataFrame:
    """Draw the start-up probe, 0.3-1 s before the first request of a sitting."""
    sitting = np.flatnonzero(tables.probe[sittings.actor] == 1)
    actor = sittings.actor[sitting]
    return row_frame(
        Kind.PROBE,
        sitting,
        sittings.start[sitting] - rng.uniform(0.3, 1.0, sitting.size),
        rng.uniform(0.02, 0.15, sitting.size),
        wire=tables.probe_wire[actor],
        ja4=tables.ja4[actor],
    )


def draw_posts(
    rng: np.random.Generator, served: pl.DataFrame, sittings: Sittings, tables: Tables
) -> pl.DataFrame:
    """Telemetry of own clients: batches some seconds after the requests they report, and a last one."""
    period = rng.uniform(12.0, 28.0, sittings.actor.size)
    lag = rng.uniform(2.0, 6.0, sittings.actor.size)
    owner = served["sitting"].to_numpy().astype(np.int64)
    batch = ((served["start"] + served["duration"]).to_numpy() / period[owner]).astype(np.int64)
    # Both numbers in one key: sorting that is much faster than grouping by two columns.
    key, requests = np.unique(owner << BATCH_BITS | batch, return_counts=True)
    sitting, batch = key >> BATCH_BITS, key & ((1 << BATCH_BITS) - 1)
    moment = (batch + 1) * period[sitting] + lag[sitting] + rng.exponential(1.0, sitting.size)
    reported = rng.binomial(requests, 0.985)
    events = 3 * requests + rng.poisson(2.5 * requests)
    arrived = rng.random(sitting.size) > 0.006
    final = (
        served.group_by("sitting")
        .agg(begin=pl.col("start").min(), end=(pl.col("start") + pl.col("duration")).max())
        .sort("sitting")
    )
    last = final["sitting"].to_numpy().astype(np.int64)
    end = final["end"].to_numpy() + 28.0 + rng.uniform(4.0, 20.0, last.size)
    # Where a client has a second sender, that one tells of the start.
    opened = np.flatnonzero(tables.second_wire[sittings.actor[last]] >= 0)
    begin = final["begin"].to_numpy()[opened] + rng.uniform(3.0, 9.0, opened.size)
    every = np.concatenate([sitting[arrived], last, last[opened]])
    actor = sittings.actor[every]
    wire = tables.telemetry_wire[actor]
    wire[every.size - opened.size :] = tables.second_wire[actor[every.size - opened.size :]]
    none = np.zeros(last.size + opened.size, dtype=np.int64)
    return row_frame(
        Kind.TELEMETRY,
        every,
        np.concatenate([moment[arrived], end, begin]),
        rng.uniform(0.03, 0.2, every.size),
        wire=wire,
        ja4=tables.telemetry_ja4[actor],
        telemetry_events=np.concatenate(
            [events[arrived], 1 + rng.poisson(4.0, last.size), np.full(opened.size, START_EVENTS)]
        ),
        telemetry_requests=np.concatenate([reported[arrived], none]),
    )


def draw_invented_posts(
    rng: np.random.Generator, served: pl.DataFrame, sittings: Sittings, tables: Tables
) -> pl.DataFrame:
    """Draw posts that a harness makes up: an even timer, constant events, counts that do not match."""
    spans = (
        served.group_by("sitting")
        .agg(begin=pl.col("start").min(), end=pl.col("start").max(), n=pl.len())
        .sort("sitting")
    )
    owner = spans["sitting"].to_numpy().astype(np.int64)
    # Timer, events and claim belong to the harness, so they hang on its number.
    style = rng.random((3, tables.wire.size))
    actor = sittings.actor[owner]
    timer = np.array([10.0, 30.0, 60.0])[(style[0][actor] * 3).astype(np.int64)]
    count = np.ceil((spans["end"].to_numpy() - spans["begin"].to_numpy()) / timer).astype(np.int64) + 1
    row = np.repeat(np.arange(owner.size), count)
    tick = np.arange(row.size) - (np.cumsum(count) - count)[row] + 1
    claims = np.maximum(np.rint(timer / 6.0 * (0.5 + 1.1 * style[1][actor])), 1).astype(np.int64)
    constant = 2 + (style[2][actor] * 6).astype(np.int64)
    who = actor[row]
    return row_frame(
        Kind.TELEMETRY,
        owner[row],
        spans["begin"].to_numpy()[row] + tick * timer[row] + 0.05 * rng.random(row.size),
        rng.uniform(0.03, 0.2, row.size),
        wire=tables.telemetry_wire[who],
        ja4=tables.telemetry_ja4[who],
        telemetry_events=(claims * constant)[row],
        telemetry_requests=claims[row],
    )
