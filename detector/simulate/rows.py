"""From model requests to log rows: tokens, helper calls, probes, telemetry posts.

Everything is a column of numbers here; text joins at the very end.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from detector.simulate.plan import Actor, Book, Floats, Ints, Sittings
from detector.simulate.rhythm import Steps, Traits, draw_steps

__all__ = ["KINDS", "STOPS", "draw_rows"]

KINDS = ("inference", "helper", "probe", "telemetry")
STOPS = ("end_turn", "tool_use", "max_tokens")
HELPER_PACE = 0.006
CACHE_S = 300.0
WINDOW = 165_000.0
IDLE_CONNECTION_S = 60.0
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


def _frame(kind: int, sitting: Ints, start: Floats, duration: Floats, **columns: object) -> pl.DataFrame:
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


def _inference(rng: np.random.Generator, steps: Steps, sittings: Sittings, tables: Tables) -> pl.DataFrame:
    sitting, size = steps.sitting, steps.sitting.size
    actor = sittings.actor[sitting]
    opens = np.empty(size, dtype=bool)
    opens[0] = True
    # A sub-agent's rows follow each other too; its first request opens a context of its own.
    opens[1:] = (sitting[1:] != sitting[:-1]) | (steps.start[1:] < steps.start[:-1])
    if steps.child[0]:
        opens |= steps.human & (steps.attempt == 0)
    first = np.flatnonzero(opens)
    group = np.cumsum(opens) - 1

    grown = np.exp(np.log(650.0) + 1.15 * rng.standard_normal(size)) * tables.growth[actor]
    grown[steps.failed | opens] = 0.0
    total = np.cumsum(grown)
    total -= (total - grown)[first][group]
    base = tables.context[actor] * (0.85 + 0.3 * rng.random(first.size))[group]
    base *= 0.6 if steps.child[0] else 1.0
    context = base + total % np.maximum(WINDOW - base, 1000.0)
    before = np.maximum(context - grown, 0.0)
    gap = np.empty(size)
    gap[0] = 0.0
    gap[1:] = steps.start[1:] - steps.start[:-1]
    stale = (gap > CACHE_S) | (opens & (rng.random(size) < 0.3))
    read = np.where(stale, 0.0, np.where(opens, 0.6 * base, np.minimum(before, context)))
    uncached = np.minimum(np.exp(1.6 + 1.2 * rng.standard_normal(size)), context - read)
    caching = tables.caching[actor] == 1
    served = ~steps.failed

    def tokens(value: Floats) -> Ints:
        return np.where(served, value, NONE).astype(np.int64)

    busy = opens | (gap > IDLE_CONNECTION_S)
    lost = np.cumsum(busy) - np.cumsum(busy)[first][group] > 0
    variant = np.where(
        tables.counts[actor] == 1,
        np.minimum(steps.attempt, tables.variants[actor] - 1),
        (rng.random(size) * tables.variants[actor]).astype(np.int64),
    )
    fault = rng.random(size)
    status = np.select([served, fault < 0.35, fault < 0.8, fault < 0.95], [200, 429, 529, 500], 502)
    limited = status == 429
    stop = np.where(steps.last, np.where(rng.random(size) < 0.008, 2, 0), 1)
    stop[tables.chat[actor] == 1] = 0
    return _frame(
        0,
        sitting,
        steps.start,
        steps.duration,
        wire=tables.wire[actor] + variant,
        ja4=np.where(lost, tables.resumed[actor], tables.ja4[actor]),
        status=status,
        stop=np.where(served, stop, NONE),
        tool_result=~steps.human,
        retry_after_s=np.where(limited, np.ceil(1 + rng.exponential(4.0, size)), np.nan),
        input_tokens=tokens(np.where(caching, uncached, context)),
        cache_read_tokens=tokens(np.where(caching, read, 0.0)),
        cache_write_tokens=tokens(np.where(caching, context - read - uncached, 0.0)),
        output_tokens=np.where(served, steps.output, NONE),
    )


def _helpers(rng: np.random.Generator, steps: Steps, sittings: Sittings, tables: Tables) -> pl.DataFrame:
    """Small calls beside human turns: a title at the start, summaries now and then."""
    actor = sittings.actor[steps.sitting]
    opens = np.ones(actor.size, dtype=bool)
    opens[1:] = steps.sitting[1:] != steps.sitting[:-1]
    chance = np.where(opens & (tables.helper[actor] > 0), 0.92, tables.helper[actor])
    row = np.flatnonzero(steps.human & ~steps.failed & (rng.random(actor.size) < chance))
    actor = actor[row]
    output = np.clip(np.exp(3.0 + 0.5 * rng.standard_normal(row.size)), 4, 200).astype(np.int64)
    noise: Floats = np.exp(0.25 * rng.standard_normal(row.size))
    duration: Floats = (0.45 + HELPER_PACE * output.astype(np.float64)) * noise
    return _frame(
        1,
        steps.sitting[row],
        steps.start[row] + 0.02 + 0.3 * rng.random(row.size),
        duration,
        wire=tables.wire[actor],
        ja4=tables.ja4[actor],
        stop=np.zeros(row.size),
        tool_result=np.zeros(row.size, dtype=bool),
        input_tokens=np.exp(6.2 + 0.8 * rng.standard_normal(row.size)).astype(np.int64),
        cache_read_tokens=np.zeros(row.size, dtype=np.int64),
        cache_write_tokens=np.zeros(row.size, dtype=np.int64),
        output_tokens=output,
    )


def _probes(rng: np.random.Generator, sittings: Sittings, tables: Tables) -> pl.DataFrame:
    sitting = np.flatnonzero(tables.probe[sittings.actor] == 1)
    actor = sittings.actor[sitting]
    return _frame(
        2,
        sitting,
        sittings.start[sitting] - rng.uniform(0.3, 1.0, sitting.size),
        rng.uniform(0.02, 0.15, sitting.size),
        wire=tables.probe_wire[actor],
        ja4=tables.ja4[actor],
    )


def _posts(
    rng: np.random.Generator, served: pl.DataFrame, sittings: Sittings, tables: Tables
) -> pl.DataFrame:
    """Telemetry of own clients: batches some seconds after the requests they report, and a last one."""
    period = rng.uniform(12.0, 28.0, sittings.actor.size)
    lag = rng.uniform(2.0, 6.0, sittings.actor.size)
    batches = (
        served.lazy()
        .select(
            "sitting",
            batch=((pl.col("start") + pl.col("duration")) / pl.Series(period).gather(served["sitting"]))
            .floor()
            .cast(pl.Int64),
        )
        .group_by("sitting", "batch")
        .agg(requests=pl.len())
        .sort("sitting", "batch")
        .collect()
    )
    sitting = batches["sitting"].to_numpy().astype(np.int64)
    requests = batches["requests"].to_numpy().astype(np.int64)
    moment = (
        (batches["batch"].to_numpy() + 1) * period[sitting]
        + lag[sitting]
        + rng.exponential(1.0, sitting.size)
    )
    reported = rng.binomial(requests, 0.985)
    events = 3 * requests + rng.poisson(2.5 * requests)
    arrived = rng.random(sitting.size) > 0.006
    final = served.group_by("sitting").agg(end=(pl.col("start") + pl.col("duration")).max()).sort("sitting")
    last = final["sitting"].to_numpy().astype(np.int64)
    end = final["end"].to_numpy() + 28.0 + rng.uniform(4.0, 20.0, last.size)
    every = np.concatenate([sitting[arrived], last])
    actor = sittings.actor[every]
    return _frame(
        3,
        every,
        np.concatenate([moment[arrived], end]),
        rng.uniform(0.03, 0.2, every.size),
        wire=tables.telemetry_wire[actor],
        ja4=tables.telemetry_ja4[actor],
        telemetry_events=np.concatenate([events[arrived], 1 + rng.poisson(4.0, last.size)]),
        telemetry_requests=np.concatenate([reported[arrived], np.zeros(last.size, dtype=np.int64)]),
    )


def _made_up(
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
    return _frame(
        3,
        owner[row],
        spans["begin"].to_numpy()[row] + tick * timer[row] + 0.05 * rng.random(row.size),
        rng.uniform(0.03, 0.2, row.size),
        wire=tables.telemetry_wire[who],
        ja4=tables.telemetry_ja4[who],
        telemetry_events=(claims * constant)[row],
        telemetry_requests=claims[row],
    )


def draw_rows(rng: np.random.Generator, book: Book, sittings: Sittings) -> pl.DataFrame:
    """Draw every log row of ``sittings`` as numbers; negative and NaN stand for null."""
    if not sittings.actor.size:
        return _frame(
            0, sittings.actor, sittings.start, sittings.start, wire=sittings.actor, ja4=sittings.actor
        )
    first = int(sittings.actor.min())
    actors = book.actors[first : int(sittings.actor.max()) + 1]
    traits, tables = Traits.of(actors), Tables.of(actors)
    sittings = replace(sittings, actor=sittings.actor - first)
    steps, inner = draw_steps(rng, sittings, traits)
    parts = [_inference(rng, steps, sittings, tables)]
    if inner is not None and inner.sitting.size:
        parts.append(_inference(rng, inner, sittings, tables))
    parts.append(_helpers(rng, steps, sittings, tables))
    posts = pl.Series(tables.posts).gather(pl.Series(sittings.actor))
    served = pl.concat(parts).filter(pl.col("status") == 200).select("sitting", "start", "duration")
    style = posts.gather(served["sitting"])
    parts.append(_probes(rng, sittings, tables))
    if (genuine := served.filter(style == 1)).height:
        parts.append(_posts(rng, genuine, sittings, tables))
    if (invented := served.filter(style == 2)).height:
        parts.append(_made_up(rng, invented, sittings, tables))
    rows = pl.concat(parts)
    return rows.filter(pl.col("start").is_between(0.0, book.seconds, closed="left"))
