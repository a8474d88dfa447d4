"""Candidates of the rhythm: gaps, turns, hours, periods."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.candidates.record import Candidate, Measure, Traffic, by_stream, entropy, iqr

__all__ = ["CANDIDATES"]

SHORTEST_S = 0.5
LN_GAP = pl.col("gap").clip(lower_bound=SHORTEST_S).log()
HUMAN_GAP = pl.col("gap").filter(pl.col("human"))
TOOL_GAP = pl.col("gap").filter(pl.col("tool_result") & ~pl.col("helper"))
SHUFFLES = 20


def enough(values: pl.Expr, least: int, value: pl.Expr) -> pl.Expr:
    """Return the value where at least so many values are known."""
    return pl.when(values.count() >= least).then(value)


def rita(gap: pl.Expr) -> pl.Expr:
    """Return the dispersion score of RITA without its guards: 1 for a metronome."""
    low, middle, high = (gap.quantile(q, "linear") for q in (0.25, 0.5, 0.75))
    bowley = (low + high - 2 * middle) / (high - low)
    spread = (1 - (gap - middle).abs().median() / middle).clip(lower_bound=0)
    return (1 - bowley.fill_nan(0).abs() + spread) / 2


def gap_entropy(traffic: Traffic) -> pl.DataFrame:
    """Shannon entropy of gaps in bins of a tenth of a decade, over the bins used (40 at most)."""
    gaps = traffic.turns.filter(pl.col("gap").is_not_null())
    told = entropy(gaps, "stream", (10 * pl.col("gap").clip(lower_bound=SHORTEST_S).log10()).floor())
    most = pl.col("distinct").clip(2, 40).log(2)
    return told.filter(pl.col("total") >= 30).select("stream", value=pl.col("bits") / most)


def mode_share(traffic: Traffic) -> pl.DataFrame:
    """Largest share of gaps in one bin of 10 % width, on two grids half a bin apart.

    Gaps under half a second are any fast tool's, and no mode.
    """
    gaps = traffic.turns.filter(pl.col("gap").is_not_null())
    parts = []
    for offset in (0.0, 0.5):
        counts = gaps.group_by("stream", bin=(LN_GAP / 0.1 + offset).floor()).agg(
            count=pl.len(), timed=(pl.col("gap") >= SHORTEST_S).sum()
        )
        parts.append(counts.group_by("stream").agg(top=pl.col("timed").max(), total=pl.col("count").sum()))
    told = pl.concat(parts).group_by("stream").agg(pl.col("top").max(), pl.col("total").first())
    return told.filter(pl.col("total") >= 20).select("stream", value=pl.col("top") / pl.col("total"))


def prompts_by_minute(least: int, measure: "type[Spectrum | Echo]") -> Measure:
    """Measure the minutes of prompts of each stream that has enough of them."""

    def build(traffic: Traffic) -> pl.DataFrame:
        prompts = traffic.turns.filter("human").select(
            "stream", minute=pl.col("timestamp").dt.epoch("s") / 60
        )
        found = []
        for (stream,), part in prompts.sort("stream", "minute").group_by("stream", maintain_order=True):
            minutes = part["minute"].to_numpy()
            if len(minutes) >= least and minutes[-1] - minutes[0] >= 60:
                found.append((stream, measure.of(minutes - minutes[0])))
        schema = {"stream": traffic.turns.schema["stream"], "value": pl.Float64}
        return pl.DataFrame(found, schema=schema, orient="row")

    return build


class Spectrum:
    """The strongest period of events against the same minutes in another order."""

    @staticmethod
    def of(minutes: NDArray[np.float64]) -> float:
        """Return the ln of the largest periodogram power over its mean in shuffles of the minutes.

        Shuffled gaps, which the catalogue names, would keep the period of an exact timer.
        """
        rng = np.random.default_rng(len(minutes))
        counts = np.bincount(minutes.astype(int)).astype(float)
        counts -= counts.mean()
        orders = np.array([counts, *(rng.permutation(counts) for _ in range(SHUFFLES))])
        # At least six periods within the span.
        top = (np.abs(np.fft.rfft(orders, axis=1)) ** 2)[:, 6:].max(axis=1)
        return float(np.log((top[0] + 1) / (top[1:].mean() + 1)))


class Echo:
    """The strongest repetition of counts by minute."""

    @staticmethod
    def of(minutes: NDArray[np.float64]) -> float:
        """Return the largest mean autocorrelation at a lag, twice and three times it."""
        counts = np.bincount(minutes.astype(int)).astype(float)
        counts -= counts.mean()
        spectrum = np.fft.rfft(counts, 2 * len(counts))
        acf = np.fft.irfft(np.abs(spectrum) ** 2)[: len(counts)]
        lags = np.arange(5, max(6, min(1440, len(counts) // 6)))
        if acf[0] <= 0 or 3 * lags[-1] >= len(counts):
            return float("nan")
        return float(np.mean([acf[m * lags] for m in (1, 2, 3)], axis=0).max() / acf[0])


def loops(traffic: Traffic) -> pl.DataFrame:
    """Lengths of runs of tool steps, from one prompt to the next."""
    main = traffic.turns.filter(~pl.col("helper") & pl.col("tool_result").is_not_null())
    runs = main.with_columns(run=pl.col("human").cum_sum().over("session"))
    runs = runs.group_by("stream", "session", "run").agg(steps=pl.col("tool_result").sum())
    return runs.group_by("stream").agg(value=enough(pl.col("steps"), 5, pl.col("steps").quantile(0.95)))


def busy(traffic: Traffic) -> pl.DataFrame:
    """Rows that tell when a person is there: prompts, or requests where nothing tells prompts apart."""
    rows = traffic.turns.filter(pl.col("cohort") != "headless")
    return rows.filter(
        pl.when(pl.col("human").any().over("account")).then("human").otherwise(~pl.col("helper"))
    )


def hours_a_day(traffic: Traffic) -> pl.DataFrame:
    """Distinct hours with a prompt, a day of activity."""
    when = pl.col("timestamp")
    days = busy(traffic).group_by("account", when.dt.date().alias("day")).agg(hours=when.dt.hour().n_unique())
    return days.group_by("account").agg(value=enough(pl.col("hours"), 5, pl.col("hours").mean()))


def hour_entropy(traffic: Traffic) -> pl.DataFrame:
    """Entropy over the 168 hours of the week."""
    hour = pl.col("timestamp").dt.weekday() * 24 + pl.col("timestamp").dt.hour()
    rows = traffic.turns.filter((pl.col("cohort") != "headless") & ~pl.col("helper"))
    told = entropy(rows, "account", hour)
    return told.filter(pl.col("total") >= 100).select("account", value=pl.col("bits") / np.log2(168))


def inflight(traffic: Traffic) -> pl.DataFrame:
    """95th percentile, over requests, of the account's requests that are open."""
    rows = traffic.turns.filter(
        (pl.col("cohort") != "headless") & ~pl.col("helper") & pl.col("duration_ms").is_not_null()
    )
    events = pl.concat(
        [
            rows.select("account", when="timestamp", step=pl.lit(1)),
            rows.select("account", when="end", step=pl.lit(-1)),
        ]
    ).sort("account", "when", "step")
    events = events.with_columns(open=pl.col("step").cum_sum().over("account")).filter(pl.col("step") == 1)
    return events.group_by("account").agg(value=enough(pl.col("open"), 20, pl.col("open").quantile(0.95)))


def reading(traffic: Traffic) -> pl.DataFrame:
    """Rank correlation of the length of an answer with the pause before the next prompt."""
    main = traffic.turns.filter(~pl.col("helper"))
    main = main.with_columns(spoken=pl.col("output_tokens").shift(1).over("session"))
    pairs = main.filter("human", pl.col("spoken").is_not_null(), pl.col("gap").is_not_null())
    rho = pl.corr(pl.col("spoken").rank(), pl.col("gap").rank())
    return pairs.group_by("stream").agg(value=enough(pl.col("gap"), 12, rho))


CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "C03",
        "gap_log_iqr",
        "cadence",
        "low",
        "interquartile range of ln(gap in s)",
        "fewer than 20 gaps",
        by_stream(enough(pl.col("gap"), 20, iqr(LN_GAP))),
        habit=True,
    ),
    Candidate(
        "C05",
        "rita_human",
        "cadence",
        "high",
        "RITA dispersion score of gaps before human turns, in [0, 1]",
        "fewer than 8 human gaps",
        by_stream(enough(HUMAN_GAP, 8, rita(HUMAN_GAP))),
        habit=True,
    ),
    Candidate(
        "C06",
        "rita_tool",
        "cadence",
        "either",
        "RITA dispersion score of gaps before tool steps, in [0, 1]",
        "fewer than 20 tool gaps",
        by_stream(enough(TOOL_GAP, 20, rita(TOOL_GAP))),
        habit=True,
    ),
    Candidate(
        "C07",
        "gap_entropy",
        "cadence",
        "low",
        "entropy of gaps in 10 bins a decade / log2(bins used, at most 40)",
        "fewer than 30 gaps",
        gap_entropy,
        habit=True,
    ),
    Candidate(
        "C08",
        "gap_mode_share",
        "cadence",
        "high",
        "largest share of gaps within 5 % of one value of at least 0.5 s",
        "fewer than 20 gaps",
        mode_share,
        habit=True,
    ),
    Candidate(
        "C09",
        "prompt_period",
        "cadence",
        "high",
        "ln(largest periodogram power of prompts by minute / its mean over 20 shuffles of the minutes)",
        "fewer than 64 prompts",
        prompts_by_minute(64, Spectrum),
    ),
    Candidate(
        "C10",
        "prompt_echo",
        "cadence",
        "high",
        "largest mean autocorrelation of prompts by minute at a lag, twice and three times it",
        "fewer than 64 prompts, or a span under 6 periods",
        prompts_by_minute(64, Echo),
    ),
    Candidate(
        "C14",
        "reading_rho",
        "cadence",
        "low",
        "Spearman correlation of an answer's output tokens with the pause before the next prompt",
        "fewer than 12 pairs",
        reading,
        habit=True,
    ),
    Candidate(
        "C15",
        "tool_gap_median",
        "cadence",
        "either",
        "median ln(gap in s) before tool steps",
        "fewer than 20 tool gaps",
        by_stream(enough(TOOL_GAP, 20, TOOL_GAP.median().clip(lower_bound=0.05).log())),
        habit=True,
    ),
    Candidate(
        "C16",
        "tool_gap_log_iqr",
        "cadence",
        "either",
        "interquartile range of ln(gap in s) before tool steps",
        "fewer than 20 tool gaps",
        by_stream(enough(TOOL_GAP, 20, iqr(TOOL_GAP.clip(lower_bound=0.05).log()))),
        habit=True,
    ),
    Candidate(
        "C17",
        "loop_p95",
        "cadence",
        "high",
        "95th percentile of tool steps from one prompt to the next",
        "fewer than 5 runs",
        loops,
        habit=True,
    ),
    Candidate(
        "C19",
        "inflight_p95",
        "account",
        "high",
        "95th percentile of the account's open requests, at the start of each",
        "durations not logged, or fewer than 20 requests",
        inflight,
    ),
    Candidate(
        "C20",
        "hours_a_day",
        "cadence",
        "high",
        "mean number of distinct hours with a prompt, a day of activity",
        "fewer than 5 active days",
        hours_a_day,
    ),
    Candidate(
        "C22",
        "hour_entropy",
        "cadence",
        "high",
        "entropy of the 168 hours of the week / log2(168)",
        "fewer than 100 requests",
        hour_entropy,
    ),
)
