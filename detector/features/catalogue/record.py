"""What is said of a feature, and the expressions that several features share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from detector.features.cadence import MICRO
from detector.features.units import Unit
from detector.settings import FloorSettings

__all__ = ["Counts", "Direction", "Expression", "Feature", "column", "counted", "ratio", "spread"]

Direction = Literal["high", "low", "context"]
Level = Literal["session", "stream"]
Expression = Callable[[FloorSettings], pl.Expr]
Counts = Callable[[Mapping[str, int]], tuple[int, int] | None]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    Attributes:
        name: column name in ``sessions.parquet`` and in the model.
        family: the unit of independent evidence it belongs to.
        cause: what would explain it; features of one cause are one piece of evidence,
            within a family and across families.
        level: ``session`` features exist for sessions and streams alike, ``stream``
            features only for all of an account's sessions of one kind.
        definition: one line, with the unit.
        null: when it is null; a null never counts against anybody.
        direction: which tail is suspicious; ``context`` is shown and never scored.
        benign: values up to this one (down to it where ``low`` is suspicious) are what
            real people show, and never count however rare they are in a reference.
        source: where the statistic or the idea comes from.
        text: sentence for support staff; ``{value}``, ``{baseline}``, ``{part}`` and ``{whole}``
            are filled in, and what follows ``; normally`` goes where no baseline is known.
        unit: of the value, as ``units.measured`` writes it.
        counts: gives {part} and {whole} of the sentence from a stream's counters; None where
            nothing was counted.
        ordinary: the sentence where the value is what real people show, if another one.
        expr: builds the expression over counters; None for measured columns.
        print_mode: whether it also counts against the first-party client in print
            mode or under an SDK, where automation, silence and long hours are normal.
        prevalence: whether its reference is everybody rather than those who report
            telemetry (telemetry itself).
        decisive: a value past which it makes its family strong by itself.
        habit: whether a stream shows it only over many sessions
            (``floors.habit_sessions``); a few long tasks prove nothing.
        needs: log columns without which it is null everywhere, and kinds of requests
            (``telemetry posts``, ``probes``, ``helper calls``) that the log must hold.

    """

    name: str
    family: str
    cause: str
    level: Level
    definition: str
    null: str
    direction: Direction
    benign: float
    source: str
    text: str
    unit: Unit = ""
    counts: Counts | None = None
    ordinary: str = ""
    expr: Expression | None = None
    print_mode: bool = False
    prevalence: bool = False
    decisive: float | None = None
    habit: bool = False
    needs: tuple[str, ...] = ()

    def is_benign(self, value: float) -> bool:
        """Return whether real people show a value; of context features, up to the benign one."""
        return value >= self.benign if self.direction == "low" else value <= self.benign

    def counts_in(self, cohort: str) -> bool:
        """Return whether the feature can count against a cohort."""
        return self.print_mode or cohort != "headless"


def column(name: str) -> Expression:
    """Return the feature of a column that is already there."""
    return lambda _: pl.col(name)


def counted(part: str, *whole: str) -> Counts:
    """Return the counts of a part and of its whole, which is a sum of counters."""
    return lambda row: (row[part], sum(row[name] for name in whole))


def ratio(part: str, whole: str, floor: str) -> Expression:
    """Return part / whole, null below the named floor of the settings."""

    def build(floors: FloorSettings) -> pl.Expr:
        return pl.when(pl.col(whole) >= getattr(floors, floor)).then(pl.col(part) / pl.col(whole))

    return build


def spread(count: str, total: str, squares: str, floor: str) -> Expression:
    """Return the standard deviation from a count, a sum and a sum of squares."""

    def build(floors: FloorSettings) -> pl.Expr:
        mean = pl.col(total) / MICRO / pl.col(count)
        variance = (pl.col(squares) / MICRO / pl.col(count) - mean * mean).clip(lower_bound=0)
        return pl.when(pl.col(count) >= getattr(floors, floor)).then(variance.sqrt())

    return build
