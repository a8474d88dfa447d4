"""Candidates of the account as a whole: places, devices, overlap, change."""

import numpy as np
import polars as pl

from benchmarks.candidates.cadence import LN_GAP, busy
from benchmarks.candidates.record import Candidate, Traffic, by_account

__all__ = ["CANDIDATES"]


def thin_fanout(traffic: Traffic) -> pl.DataFrame:
    """Share of addresses with three requests at most, times log2 of the addresses."""
    rows = traffic.turns.filter((pl.col("cohort") != "headless") & pl.col("network").is_not_null())
    places = rows.group_by("account", "network").agg(count=pl.len())
    thin = (pl.col("count") <= 3).mean() * pl.len().cast(pl.Float64).log(2)
    enough = (pl.col("count").sum() >= 500) & (pl.len() >= 3)
    return places.group_by("account").agg(value=pl.when(enough).then(thin))


def hour_clusters(traffic: Traffic) -> pl.DataFrame:
    """Count groups of hours of the day that a valley of half their height parts."""
    hours = busy(traffic).group_by("account", hour=pl.col("timestamp").dt.hour()).agg(count=pl.len())
    found = []
    for (account,), part in hours.sort("account").group_by("account", maintain_order=True):
        day = np.zeros(24)
        day[part["hour"].to_numpy()] = part["count"].to_numpy()
        if day.sum() >= 200:
            smooth = (np.roll(day, 1) + day + np.roll(day, -1)) / 3
            found.append((account, _peaks(smooth)))
    return pl.DataFrame(
        found, {"account": traffic.turns.schema["account"], "value": pl.Float64}, orient="row"
    )


def _peaks(day: np.ndarray) -> float:
    """Count peaks of at least a fifth of the highest, each parted from the last by half its height."""
    around = np.roll(day, -int(day.argmin()))
    peaks, low, high = 0, around[0], 0.0
    for level in around:
        if high == 0.0 and level >= max(2 * low, 0.2 * around.max()):
            peaks, high = peaks + 1, level
        elif high > 0.0:
            high = max(high, level)
            if level <= high / 2:
                low, high = level, 0.0
        low = min(low, level)
    return float(peaks)


def parallel_marks(traffic: Traffic) -> pl.DataFrame:
    """Share of active minutes with two fingerprints."""
    rows = traffic.turns.filter(pl.col("cohort") != "headless")
    minutes = rows.group_by("account", minute=pl.col("timestamp").dt.truncate("1m")).agg(
        several=pl.col("mark").n_unique() >= 2
    )
    return minutes.group_by("account").agg(value=pl.when(pl.len() >= 60).then(pl.col("several").mean()))


def own_shift(traffic: Traffic) -> pl.DataFrame:
    """Jensen-Shannon divergence of the gaps of the first and the second half of the log."""
    rows = traffic.turns.filter((pl.col("cohort") != "headless") & pl.col("gap").is_not_null())
    middle = rows["timestamp"].min() + (rows["timestamp"].max() - rows["timestamp"].min()) / 2
    rows = rows.select("account", bin=LN_GAP.floor(), late=pl.col("timestamp") >= middle)
    bins = rows.group_by("account", "bin").agg(a=(~pl.col("late")).sum(), b=pl.col("late").sum())
    first, second = (pl.col(side) / pl.col(side).sum() for side in "ab")
    both = (first + second) / 2

    def towards(side: pl.Expr) -> pl.Expr:
        return pl.when(side > 0).then(side * (side / both).log(2)).otherwise(0).sum()

    enough = pl.min_horizontal(pl.col("a").sum(), pl.col("b").sum()) >= 100
    return bins.group_by("account").agg(value=pl.when(enough).then((towards(first) + towards(second)) / 2))


CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "A05",
        "devices",
        "account",
        "high",
        "distinct devices of the account (count)",
        "no device id logged",
        by_account(
            pl.when(pl.col("device").is_not_null().any()).then(pl.col("device").drop_nulls().n_unique())
        ),
    ),
    Candidate(
        "A06",
        "thin_fanout",
        "account",
        "high",
        "share of addresses with at most 3 requests x log2(addresses)",
        "fewer than 500 requests or 3 addresses",
        thin_fanout,
    ),
    Candidate(
        "A07",
        "hour_clusters",
        "account",
        "high",
        "groups of hours of the day that a valley of half their height parts (count)",
        "fewer than 200 prompts",
        hour_clusters,
    ),
    Candidate(
        "A08",
        "parallel_fingerprints",
        "account",
        "high",
        "share of active minutes with two fingerprints (client, version, header order)",
        "fewer than 60 active minutes",
        parallel_marks,
    ),
    Candidate(
        "A09",
        "own_shift",
        "account",
        "high",
        "Jensen-Shannon divergence of ln(gap), first against second half of the log (bits)",
        "fewer than 100 gaps in a half",
        own_shift,
    ),
)
