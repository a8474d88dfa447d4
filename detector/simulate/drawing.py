"""Rows of a whole fleet: drawn batch by batch while the next one is planned, apart by day, sorted by time."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from detector.simulate.plan import Book, Sittings
from detector.simulate.rows import draw_rows

__all__ = ["draw_days"]

DAY_US = 86_400_000_000


def draw_days(
    book: Book, batches: Iterable[tuple[np.random.Generator, Sittings]]
) -> tuple[dict[int, pl.DataFrame], list[Sittings]]:
    """Draw the rows of every batch of accounts, in as many threads as polars has.

    Each batch brings its own source of chance, so that no thread changes what another draws.

    Args:
        book: the vocabularies; may grow while batches are planned, of the batches taken nothing changes.
        batches: source of chance and sittings of each batch.

    Returns:
        Rows (columns of ``ROW``) by number of the day, those of a day by time and then by batch, and
        the sittings of each batch. ``sitting`` counts through all batches.

    """
    drawn, taken, first = [], [], 0
    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        for rng, sittings in batches:
            drawn.append(pool.submit(_by_day, rng, book, sittings, first))
            taken.append(sittings)
            first += sittings.actor.size
        parts = [one.result() for one in drawn]
        numbers = sorted(set[int]().union(*parts))
        # Popped, a batch's rows are freed as soon as their day is sorted.
        days = pool.map(_by_time, [[part.pop(day) for part in parts if day in part] for day in numbers])
        return dict(zip(numbers, days, strict=True)), taken


def _by_day(rng: np.random.Generator, book: Book, sittings: Sittings, first: int) -> dict[int, pl.DataFrame]:
    start = pl.col("start")
    moment_us = pl.when(start.is_between(0.0, book.seconds, closed="left")).then((start * 1e6).cast(pl.Int64))
    rows = draw_rows(rng, book, sittings).with_columns(pl.col("sitting") + first, day=moment_us // DAY_US)
    parts = rows.partition_by("day", as_dict=True, include_key=False)
    return {day: part for (day,), part in parts.items() if day is not None}


def _by_time(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).sort("start", maintain_order=True)
