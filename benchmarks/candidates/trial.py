"""A candidate among the features of a model: its column, its record, what it changes."""

import numpy as np
import polars as pl

from benchmarks.candidates.record import Candidate, Traffic
from benchmarks.weeks import Pair
from detector.features.registry import Feature
from detector.model.reference import trusted

__all__ = ["NOISE", "added", "control"]

BENIGN = 0.975
"""Share of trusted streams of the training week that lie on the benign side."""

NOISE = "(noise)"
"""The candidate that knows nothing: what it changes is chance."""


def added(
    pair: Pair, candidate: Candidate, values: tuple[pl.DataFrame, pl.DataFrame]
) -> tuple[Pair, Feature]:
    """Return the pair with a candidate's column in both weeks, and its record."""
    name = f"candidate_{candidate.name}"
    first, second = (
        _column(week.streams, found, name)
        for week, found in zip((pair.train, pair.score), values, strict=True)
    )
    if candidate.habit:
        often = pl.col("sessions") >= pair.settings.floors.habit_sessions
        first, second = (week.with_columns(pl.when(often).then(name).alias(name)) for week in (first, second))
    honest = trusted(first.filter(pair.judged))
    if not candidate.print_mode:
        honest = honest.filter(pl.col("cohort") != "headless")
    if candidate.direction == "either":
        first, second, honest = (_apart(week, honest, name) for week in (first, second, honest))
    direction = "low" if candidate.direction == "low" else "high"
    edge = 1 - BENIGN if direction == "low" else BENIGN
    benign = honest[name].quantile(edge, "lower" if direction == "low" else "higher")
    record = Feature(
        name=name,
        family=candidate.family,
        cause=name,
        level="stream",
        definition=candidate.definition,
        null=candidate.null,
        direction=direction,
        benign=0.0 if benign is None else benign,
        source="feature catalogue",
        text="{value:.2f}; normally {baseline:.2f}",
        print_mode=candidate.print_mode,
        habit=candidate.habit,
    )
    return pair.with_streams(first, second), record


def control(seed: int) -> Candidate:
    """Return the candidate that is uniform noise."""

    def draw(traffic: Traffic) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        return traffic.streams.select("stream", value=pl.Series(rng.random(traffic.streams.height)))

    return Candidate("", NOISE, "usage", "high", "uniform noise", "never", draw, print_mode=True)


def _column(streams: pl.DataFrame, values: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add the values of streams or accounts as a column."""
    key = "stream" if "stream" in values.columns else "account"
    value = pl.col("value").cast(pl.Float64).fill_nan(None).round_sig_figs(9)
    return streams.join(values.select(key, value.alias(name)), on=key, how="left", maintain_order="left")


def _apart(streams: pl.DataFrame, honest: pl.DataFrame, name: str) -> pl.DataFrame:
    """Replace the values by their distance from the median of trusted streams of their cohort."""
    middles = honest.group_by("cohort").agg(middle=pl.col(name).median())
    joined = streams.join(middles, on="cohort", how="left", maintain_order="left")
    middle = pl.col("middle").fill_null(pl.lit(honest[name].median(), pl.Float64))
    return joined.with_columns((pl.col(name) - middle).abs().alias(name)).drop("middle")
