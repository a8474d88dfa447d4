from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from detector.simulate import FleetOptions, fleet, simulate
from detector.simulate.columns import ROW
from detector.simulate.drawing import draw_days
from detector.simulate.people import plan_person
from detector.simulate.plan import Book

OPTIONS = FleetOptions(accounts=40, days=3, seed=5)


@pytest.fixture
def planned():
    book = Book(days=3, weekday=0, release=1e5)
    batches = []
    for account in range(3):
        plan_person(np.random.default_rng(account), book, account, "pro")
        batches.append(book.take())
    return book, batches


def drawn(book, batches):
    return draw_days(book, ((np.random.default_rng(seed), batch) for seed, batch in enumerate(batches)))


@pytest.mark.parametrize("threads", [1, 5])
def test_threads_change_nothing(threads, monkeypatch):
    monkeypatch.setattr(fleet, "BATCH", 4)
    expected = simulate(OPTIONS)
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    found = simulate(OPTIONS)
    assert found.requests.equals(expected.requests)
    assert found.accounts.equals(expected.accounts)
    assert found.sessions.equals(expected.sessions)


def test_rows_lie_in_their_day_by_time(planned):
    days, _ = drawn(*planned)
    assert set(days) <= {0, 1, 2}
    assert list(days) == sorted(days)
    for day, rows in days.items():
        assert rows.schema == ROW
        assert rows["start"].is_sorted()
        assert rows["start"].is_between(day * 86400, (day + 1) * 86400, closed="left").all()


def test_sittings_count_through_the_batches(planned):
    book, batches = planned
    days, taken = drawn(book, batches)
    assert taken == batches
    first = np.cumsum([0, *(batch.actor.size for batch in batches)])
    rows = pl.concat(days.values())
    for number, (begin, end) in enumerate(pairwise(first)):
        alone, _ = draw_days(book, [(np.random.default_rng(number), batches[number])])
        own = rows.filter(pl.col("sitting").is_between(begin, end, closed="left"))
        assert own.with_columns(pl.col("sitting") - int(begin)).equals(pl.concat(alone.values()))


def test_rows_of_the_same_moment_stay_in_the_order_of_their_batches(planned):
    book, batches = planned
    same = replace(batches[0], network=np.full_like(batches[0].network, 7))
    days, _ = draw_days(book, [(np.random.default_rng(1), batch) for batch in (batches[0], same)])
    size = batches[0].actor.size
    for rows in days.values():
        batch = (rows["sitting"] >= size).cast(pl.Int64)
        assert batch.to_list() == [0, 1] * (rows.height // 2)
