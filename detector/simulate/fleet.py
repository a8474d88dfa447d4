"""A whole fleet: accounts of every class, their log, and what each of them is."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from detector.errors import InputError
from detector.output import new_folder
from detector.simulate.assemble import assemble
from detector.simulate.casting import Planner, draw_shared, plan_name, planners
from detector.simulate.classes import CLASSES, DEFAULT_MIXTURE, label_of
from detector.simulate.drawing import draw_days
from detector.simulate.log import Log, hex_texts
from detector.simulate.plan import Book, Sittings

__all__ = ["Fleet", "FleetOptions", "simulate"]

BATCH = 250


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What to simulate.

    Attributes:
        accounts: number of accounts.
        days: length of the period (days).
        start: first day (UTC).
        seed: source of all chance; equal options give equal fleets.
        mixture: share of accounts by class name; need not add up to one.
        activity: factor on the requests of every account.

    """

    accounts: int = 1000
    days: int = 14
    start: date = date(2026, 11, 2)
    seed: int = 0
    mixture: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_MIXTURE))
    activity: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises:
            InputError: a number is out of range, or the mixture names an unknown class.

        """
        if self.accounts < 1 or self.days < 1 or not 0 < self.activity < math.inf:
            raise InputError("simulation: accounts, days and activity must be positive numbers")
        if self.seed < 0:
            raise InputError("simulation: the seed must not be negative")
        if self.start.toordinal() + self.days > date.max.toordinal():
            raise InputError("simulation: the period ends after the last day there is; start earlier")
        if not all(math.isfinite(share) for share in self.mixture.values()):
            raise InputError("simulation: the shares of the mixture must be finite numbers")
        if unknown := sorted(set(self.mixture) - set(DEFAULT_MIXTURE)):
            raise InputError(f"simulation: unknown classes {unknown}; choose among {sorted(DEFAULT_MIXTURE)}")
        if min(self.mixture.values(), default=0) < 0 or sum(self.mixture.values()) <= 0:
            raise InputError("simulation: the shares of the mixture must not be negative nor all zero")

    def counts(self) -> dict[str, int]:
        """Accounts of each class of the mixture: largest remainder, one at least where accounts allow.

        A class whose share is zero has none.
        """
        shares = {one.name: self.mixture.get(one.name, 0.0) for one in CLASSES}
        wanted = {name: share for name, share in shares.items() if share > 0}
        total = sum(wanted.values())
        least = 1 if self.accounts >= len(wanted) else 0
        exact = {name: share / total * self.accounts for name, share in wanted.items()}
        counts = {name: max(least, int(value)) for name, value in exact.items()}
        by_need = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
        step = 1 if sum(counts.values()) < self.accounts else -1
        while sum(counts.values()) != self.accounts:
            for name in by_need if step > 0 else reversed(by_need):
                if sum(counts.values()) != self.accounts and (step > 0 or counts[name] > least):
                    counts[name] += step
        return dict.fromkeys((name for name in shares if name in self.mixture), 0) | counts


@dataclass(frozen=True)
class Fleet:
    """A simulated fleet.

    Attributes:
        log: the native request log.
        accounts: ``account_id``, ``class``, ``label``, ``plan``.
        sessions: ``account_id``, ``session_id`` (null where none is declared), ``class``, ``label``.

    """

    log: Log
    accounts: pl.DataFrame
    sessions: pl.DataFrame

    @cached_property
    def requests(self) -> pl.DataFrame:
        """The log as one frame: columns of ``detector.schema.REQUEST``, by time."""
        return self.log.requests()

    def write(self, folder: Path) -> None:
        """Write ``logs/date=YYYY-MM-DD/part-0.parquet``, ``accounts.parquet`` and ``sessions.parquet``.

        Args:
            folder: a folder that does not exist yet, or is empty. It appears complete or not at all.

        Raises:
            InputError: ``folder`` is a file, holds anything, or cannot be written.

        """
        with new_folder(folder) as partial:
            self.log.write(partial / "logs")
            self.accounts.write_parquet(partial / "accounts.parquet", compression="zstd", statistics=True)
            self.sessions.write_parquet(partial / "sessions.parquet", compression="zstd", statistics=True)


def _plan(
    root: int, book: Book, names: list[str], cast: dict[str, Planner], plans: list[str]
) -> Iterator[tuple[np.random.Generator, Sittings]]:
    """Plan the accounts, a batch at a time: the source of chance for its rows, and its sittings."""
    for begin in range(0, len(names), BATCH):
        for account in range(begin, min(begin + BATCH, len(names))):
            rng = np.random.default_rng(np.random.SeedSequence(root, spawn_key=(1, account)))
            plans.append(plan_name(rng, names[account]))
            cast[names[account]](rng, book, account, plans[-1])
        yield np.random.default_rng(np.random.SeedSequence(root, spawn_key=(2, begin))), book.take()


def simulate(options: FleetOptions | None = None) -> Fleet:
    """Simulate a fleet.

    Args:
        options: what to simulate; the defaults if null.

    """
    options = options or FleetOptions()
    chance = np.random.default_rng(np.random.SeedSequence(options.seed, spawn_key=(0,)))
    counts = options.counts()
    names = chance.permutation(np.repeat(list(counts), list(counts.values()))).tolist()
    book = Book(
        days=options.days,
        weekday=options.start.weekday(),
        release=options.days * 86400.0 * float(chance.uniform(0.4, 0.6)),
        activity=options.activity,
    )
    shared = draw_shared(chance, book, names)
    plans: list[str] = []
    days, sittings = draw_days(book, _plan(options.seed, book, names, planners(shared), plans))
    accounts = pl.DataFrame(
        {
            "account_id": hex_texts(chance.bytes(len(names) * 8), 16),
            "class": pl.Series(names, dtype=pl.String),
            "label": pl.Series([label_of(name) for name in names], dtype=pl.String),
            "plan": pl.Series(plans, dtype=pl.String),
        }
    )
    log, sessions = assemble(chance, options.start, book, days, sittings, accounts=accounts)
    return Fleet(log, accounts.sort("account_id"), sessions)
