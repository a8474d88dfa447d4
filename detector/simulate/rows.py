"""From model requests to log rows: tokens, outcomes, helper calls and token counts.

Everything is a column of numbers here; text joins at the very end.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from detector.simulate.columns import NONE, SERVED, Kind, Tables, row_frame
from detector.simulate.plan import Book, Floats, Ints, Sittings
from detector.simulate.rhythm import Steps, Traits, draw_steps
from detector.simulate.telemetry import draw_invented_posts, draw_posts, draw_probes

__all__ = ["draw_rows"]

HELPER_PACE = 0.006
CACHE_S = 300.0
WINDOW = 165_000.0
IDLE_CONNECTION_S = 60.0
INTERRUPTED = 0.025
CUT_OFF = 0.008
COUNTED = 0.012


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
    variant = np.select(
        [tables.attempts[actor] == 1, tables.steps[actor] == 1],
        [np.minimum(steps.attempt, tables.variants[actor] - 1), np.where(steps.human, 1, 2)],
        (rng.random(size) * tables.variants[actor]).astype(np.int64),
    )
    fault = rng.random(size)
    status = np.select([served, fault < 0.35, fault < 0.8, fault < 0.95], [200, 429, 529, 500], 502)
    limited = status == 429
    ending = rng.random(size)
    # Some turns are cut off by a limit, some by the person while a tool is still wanted.
    stop = np.where(steps.last & (ending >= INTERRUPTED), np.where(ending > 1 - CUT_OFF, 2, 0), 1)
    stop[tables.chat[actor] == 1] = 0
    return row_frame(
        Kind.INFERENCE,
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
    return row_frame(
        Kind.HELPER,
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


def _counts(rng: np.random.Generator, steps: Steps, sittings: Sittings, tables: Tables) -> pl.DataFrame:
    """Token counts that the own CLI now and then asks for before a turn."""
    actor = sittings.actor[steps.sitting]
    row = np.flatnonzero(steps.human & (tables.helper[actor] > 0) & (rng.random(actor.size) < COUNTED))
    return row_frame(
        Kind.COUNT,
        steps.sitting[row],
        steps.start[row] + 0.01 + 0.2 * rng.random(row.size),
        rng.uniform(0.1, 0.4, row.size),
        wire=tables.wire[actor[row]],
        ja4=tables.ja4[actor[row]],
    )


def draw_rows(rng: np.random.Generator, book: Book, sittings: Sittings) -> pl.DataFrame:
    """Draw every log row of ``sittings``, columns of ``ROW``; null, negative and NaN all stand for null.

    Rows that follow from a sitting of the period may lie outside it.
    """
    if not sittings.actor.size:
        return row_frame(
            Kind.INFERENCE,
            sittings.actor,
            sittings.start,
            sittings.start,
            wire=sittings.actor,
            ja4=sittings.actor,
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
    needed = [part.select("sitting", "start", "duration", "status") for part in parts]
    served = pl.concat(needed).filter(pl.col("status") == SERVED)
    style = posts.gather(served["sitting"])
    parts.extend((draw_probes(rng, sittings, tables), _counts(rng, steps, sittings, tables)))
    if (genuine := served.filter(style == 1)).height:
        parts.append(draw_posts(rng, genuine, sittings, tables))
    if (invented := served.filter(style == 2)).height:
        parts.append(draw_invented_posts(rng, invented, sittings, tables))
    return pl.concat(parts)
