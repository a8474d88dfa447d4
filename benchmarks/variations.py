"""Variations: what changes with prevalence, contamination, classes and columns that a log lacks.

One simulated fleet holds many harnesses of every class; a week of it leaves some of them out. So the
genuine accounts are the same in all variants and only what is varied differs.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree

import polars as pl

from benchmarks import trial
from benchmarks.contest import COLUMNS
from benchmarks.fleets import Fleet, Gaps, linked
from benchmarks.outcomes import DETECTOR, Outcome, outcome
from detector.model.train import Model
from detector.simulate import CLASSES, DEFAULT_MIXTURE

__all__ = [
    "CONTAMINATION",
    "MISSING",
    "POOL",
    "PREVALENCE",
    "contaminated",
    "incomplete",
    "pool_mixture",
    "variations",
]

PREVALENCE = (0.005, 0.01, 0.05, 0.1, 0.2)
CONTAMINATION = (0.0, 0.01, 0.05, 0.1, 0.2)
USUAL = 0.05
"""Share of harnesses where another thing is varied."""

POOL = 0.2
"""Share of harnesses in the fleet that the variants are taken from."""

MISSING = {
    "nothing": Gaps(),
    "start-up probes": Gaps(paths=("/api/hello",)),
    "device_id": Gaps(("device_id",)),
    "session_id": Gaps(("session_id",)),
    "tool_result": Gaps(("tool_result",)),
    "duration_ms": Gaps(("duration_ms",)),
    "client_ip, asn": Gaps(("client_ip", "asn")),
    "header_values, ja4": Gaps(("header_values", "ja4")),
    "header_names, header_values, ja4": Gaps(("header_names", "header_values", "ja4")),
    "user_agent": Gaps(("user_agent",)),
    "telemetry and probes": Gaps(paths=("/api/",)),
}
"""What a log may lack."""

OFTEN = 3
HARNESSES = tuple(one.name for one in CLASSES if one.label == "harness")


def pool_mixture() -> dict[str, float]:
    """Return the default mixture with harnesses at ``POOL``, their classes evenly."""
    rest = {name: share for name, share in DEFAULT_MIXTURE.items() if name not in HARNESSES}
    others = sum(rest.values())
    each = POOL / (1 - POOL) * others / len(HARNESSES)
    return rest | dict.fromkeys(HARNESSES, each)


@dataclass(frozen=True)
class Pool:
    """A fleet taken apart: the files of a week without harnesses, and one file a harness.

    Attributes:
        fleet: where it comes from.
        folder: for variants, which are removed again.
        order: ``account_id``, ``class`` and ``turn`` of the harnesses: their number within their class.

    """

    fleet: Fleet
    folder: Path
    order: pl.DataFrame

    def some(self, share: float, *, without: str = "", often: str = "") -> list[str]:
        """Return the harnesses that make up a share of the accounts of a week.

        Args:
            share: of all accounts, classes taking turns.
            without: a class to leave out of them.
            often: a class to take three times as often as the others.

        """
        others = self.fleet.accounts.height - self.order.height
        count = max(1, round(share / (1 - share) * others)) if share < POOL else self.order.height
        turn = pl.when(pl.col("class") == often).then(pl.col("turn") // OFTEN).otherwise("turn")
        kept = self.order.sort(turn, "account_id").head(count).filter(pl.col("class") != without)
        return kept["account_id"].to_list()

    def week(self, name: str, harnesses: Collection[str]) -> Path:
        """Return a folder of one week with some of the harnesses."""
        parts = self.folder / name
        kept = [parts / f"{account}.parquet" for account in harnesses]
        return linked(
            [*parts.glob("part-*.parquet"), *(file for file in kept if file.exists())],
            self.folder / "variant" / name,
        )


def take_apart(fleet: Fleet, folder: Path) -> Pool:
    """Write the harnesses of a fleet into files of their own."""
    harnesses = fleet.accounts.filter(pl.col("label") == "harness")
    ids = harnesses["account_id"].implode()
    for name, week in (("week1", fleet.train), ("week2", fleet.score)):
        target = folder / name
        target.mkdir(parents=True)
        for file in sorted(week.glob("part-*.parquet")):
            rows = pl.read_parquet(file)
            rows.filter(~pl.col("account_id").is_in(ids)).write_parquet(target / file.name)
            own = rows.filter(pl.col("account_id").is_in(ids))
            for (account,), part in own.group_by("account_id"):
                part.write_parquet(target / f"{account}.parquet")
    order = harnesses.with_columns(turn=pl.int_range(pl.len()).over("class"))
    return Pool(fleet, folder, order)


def variations(
    fleet: Fleet, folder: Path, *, levels: Sequence[int], classes: Sequence[str]
) -> Iterator[Outcome]:
    """Vary a simulated fleet of ``pool_mixture``.

    Args:
        fleet: the pool.
        folder: must not exist.
        levels: which of ``PREVALENCE`` and ``CONTAMINATION`` to take, by place.
        classes: harness classes to take three times as often, and to leave out of training.

    """
    pool = take_apart(fleet, folder)
    usual, everybody = pool.some(USUAL), pool.some(POOL)
    scored: dict[str, Sequence[str]] = {f"{PREVALENCE[i]:.1%}": pool.some(PREVALENCE[i]) for i in levels}
    model = _train(pool, usual)
    for value, harnesses in scored.items():
        yield _score(pool, model, harnesses, "prevalence in the scored week", value)
    yield _score(pool, model, everybody, "class left out of training", "none")
    for i in levels:
        share = CONTAMINATION[i]
        clean = _train(pool, pool.some(share) if share else [])
        yield _score(pool, clean, usual, "harnesses in the training week", f"{share:.0%}")
    for name in classes:
        more = pool.some(USUAL, often=name)
        yield _score(pool, _train(pool, more), more, "class three times as often", name)
        fewer = pool.some(USUAL, without=name)
        yield _score(pool, _train(pool, fewer), everybody, "class left out of training", name)


def contaminated(compose: Callable[..., Fleet], folder: Path, levels: Sequence[int]) -> Iterator[Outcome]:
    """Vary the share of harnesses in the training week of a composed fleet.

    Args:
        compose: composes the fleet into a ``folder``, ``trained`` on a share of harnesses.
        folder: for the fleets.
        levels: which of ``CONTAMINATION`` to take, by place.

    """
    for i in levels:
        share = CONTAMINATION[i]
        fleet = compose(folder=folder / f"{share}", trained=share)
        yield _decided(fleet, "harnesses in the training week", f"{share:.0%}")


def incomplete(compose: Callable[..., Fleet], folder: Path, kinds: Sequence[str]) -> Iterator[Outcome]:
    """Leave something out of both weeks of a composed fleet.

    Args:
        compose: composes the fleet into a ``folder``, with ``gaps``.
        folder: for the fleets.
        kinds: which of ``MISSING``, by name.

    """
    for kind in kinds:
        fleet = compose(folder=folder / kind.replace(" ", "-"), gaps=MISSING[kind])
        yield _decided(fleet, "missing from the log", kind)


def _decided(fleet: Fleet, varied: str, value: str) -> Outcome:
    model = trial.learn(trial.measure(fleet.train), fleet.seed)
    verdicts = trial.run(model, trial.measure(fleet.score, model)).accounts
    return outcome(fleet, DETECTOR, verdicts.select(COLUMNS), varied=varied, value=value)


def _train(pool: Pool, harnesses: Collection[str]) -> Model:
    week = pool.week("week1", harnesses)
    model = trial.learn(trial.measure(week), pool.fleet.seed)
    rmtree(week)
    return model


def _score(pool: Pool, model: Model, harnesses: Collection[str], varied: str, value: str) -> Outcome:
    week = pool.week("week2", harnesses)
    verdicts = trial.run(model, trial.measure(week, model)).accounts.select(COLUMNS)
    rmtree(week)
    left = pool.order.filter(~pl.col("account_id").is_in(list(harnesses)))
    labels = pool.fleet.accounts.join(left, on="account_id", how="anti")
    return outcome(replace(pool.fleet, accounts=labels), DETECTOR, verdicts, varied=varied, value=value)
