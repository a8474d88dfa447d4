"""What is said of a feature, and the expressions that several features share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from detector.features.cadence import MICRO
from detector.settings import FloorSettings

__all__ = ["Direction", "Expression", "Feature", "column", "ratio", "spread"]

Direction = Literal["high", "low", "context"]
Level = Literal["session", "stream"]
Expression = Callable[[FloorSettings], pl.Expr]


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
        text: sentence for support staff; ``{value}`` and ``{baseline}`` are filled in.
        unit: of the value, for people: ``share`` (of 1, shown in percent), ``h``, ``min``, ``s``,
            ``bits``, ``ln`` (a natural logarithm), ``-log10 p``, or what is counted; empty for
            a bare number.
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
    unit: str = ""
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
