"""The rhythm of requests and the hours of the day."""

import polars as pl

from detector.features.cadence import MICRO, SQUARE
from detector.features.catalogue.record import Feature, counted, ratio, spread
from detector.settings import FloorSettings

__all__ = ["FEATURES"]


def _human_turn_share(floors: FloorSettings) -> pl.Expr:
    steps = pl.col("human_turns") + pl.col("tool_steps")
    return pl.when(steps >= floors.gaps).then(pl.col("human_turns") / steps)


def _gap_variation(floors: FloorSettings) -> pl.Expr:
    mean = pl.col("gap_sum") / MICRO / pl.col("gaps")
    variance = (pl.col("gap_square_sum") / SQUARE / pl.col("gaps") - mean * mean).clip(lower_bound=0)
    return pl.when((pl.col("gaps") >= floors.gaps) & (mean > 0)).then(variance.sqrt() / mean)


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="human_turn_share",
        family="cadence",
        cause="turns",
        level="session",
        definition="human turns / (human turns + tool steps)",
        null="tool_result not logged, or fewer than 20 requests",
        direction="low",
        benign=0.04,
        source="human-turn / tool-step split of agent traffic, measured on 1,151 sessions of people",
        text=(
            "{part} of {whole} turns were prompts, the others results of tools ({value}); normally {baseline}"
        ),
        counts=counted("human_turns", "human_turns", "tool_steps"),
        unit="share",
        expr=_human_turn_share,
        needs=("tool_result",),
        habit=True,
    ),
    Feature(
        name="pause_share",
        family="cadence",
        cause="pauses",
        level="session",
        definition="share of gaps over 30 s",
        null="fewer than 20 gaps",
        direction="low",
        benign=0.03,
        source="gap quantiles of 1,151 human and 834 automated sessions",
        text=(
            "{part} of {whole} pauses between requests were longer than 30 seconds ({value}); "
            "normally {baseline}"
        ),
        counts=counted("gaps_long", "gaps"),
        unit="share",
        expr=ratio("gaps_long", "gaps", "gaps"),
        habit=True,
    ),
    Feature(
        name="away_share",
        family="cadence",
        cause="pauses",
        level="session",
        definition="share of gaps over 5 min",
        null="fewer than 50 gaps",
        direction="low",
        benign=0.003,
        source="gap quantiles of 1,151 human and 834 automated sessions",
        text=(
            "{part} of {whole} pauses between requests were longer than 5 minutes ({value}); "
            "normally {baseline}"
        ),
        counts=counted("gaps_away", "gaps"),
        unit="share",
        expr=ratio("gaps_away", "gaps", "away_gaps"),
        habit=True,
    ),
    Feature(
        name="gap_variation",
        family="cadence",
        cause="clock",
        level="session",
        definition="coefficient of variation of gaps",
        null="fewer than 20 gaps",
        direction="context",
        benign=0.0,
        source="Goh and Barabasi 2008, burstiness and memory in complex systems",
        text="the pauses between requests deviate by {value} of their mean; normally {baseline}",
        expr=_gap_variation,
        habit=True,
    ),
    Feature(
        name="human_gap_spread",
        family="cadence",
        cause="clock",
        level="session",
        definition="standard deviation of ln(gap in s) before human turns",
        null="fewer than 8 human gaps",
        direction="context",
        benign=0.0,
        source="robust form of the beacon dispersion score (RITA documentation)",
        text="the pauses before prompts typically differ by a factor of {value}; normally {baseline}",
        unit="ln",
        expr=spread("human_gaps", "human_log_sum", "human_log_square_sum", "human_gaps"),
        needs=("tool_result",),
        habit=True,
    ),
    Feature(
        name="human_instant_share",
        family="cadence",
        cause="instant",
        level="session",
        definition="share of human turns less than 1.5 s after the last answer",
        null="fewer than 8 human gaps",
        direction="context",
        benign=0.0,
        source="Tan and Kumar 2002, discovery of web robot sessions",
        text=(
            "{part} of {whole} prompts came within 1.5 seconds of the last answer ({value}); "
            "normally {baseline}"
        ),
        counts=counted("human_instant", "human_gaps"),
        unit="share",
        expr=ratio("human_instant", "human_gaps", "human_gaps"),
        needs=("tool_result",),
        habit=True,
    ),
    Feature(
        name="single_turn_share",
        family="cadence",
        cause="turns",
        level="stream",
        definition="share of sessions with one human turn at most",
        null="tool_result not logged, or fewer than 5 sessions",
        direction="high",
        benign=0.85,
        source="human turns a session, measured on 1,151 human and 834 automated sessions",
        text="{value} of the sessions hold one prompt at most; normally {baseline}",
        unit="share",
        needs=("tool_result",),
        habit=True,
    ),
    Feature(
        name="session_minutes",
        family="cadence",
        cause="turns",
        level="stream",
        definition="median session length (min)",
        null="fewer than 5 sessions",
        direction="context",
        benign=0.0,
        source="session lengths of 1,151 human and 834 automated sessions",
        text="half of the sessions last longer than {value}; normally {baseline}",
        unit="min",
    ),
    Feature(
        name="quiet_hours_share",
        family="cadence",
        cause="hours",
        level="stream",
        definition="share of prompts in the quietest 8 hours of the day",
        null="fewer than 3 active days or 30 prompts",
        direction="high",
        benign=1 / 6,
        source="hours of the day of real accounts: at most 2.9 % for people; an even spread gives a third",
        text="{value} of the activity falls into its quietest 8 hours of the day; normally {baseline}",
        unit="share",
    ),
    Feature(
        name="restless_days",
        family="cadence",
        cause="hours",
        level="stream",
        definition="whole days and nights without 6 h of rest, added up over the log (days)",
        null="never",
        direction="high",
        benign=2.0,
        source="no real person's active day lacked a 7-hour rest; one long stretch is one event",
        text="whole days and nights without a 6-hour rest: {value}; normally {baseline}",
        unit="days",
    ),
    Feature(
        name="stretch_h",
        family="cadence",
        cause="hours",
        level="stream",
        definition="longest activity without 6 h of rest (h)",
        null="never",
        direction="context",
        benign=20.0,
        source="no real person's active day lacked a 7-hour rest",
        text="the longest stretch without a 6-hour rest lasted {value}; normally {baseline}",
        unit="h",
    ),
    Feature(
        name="reading_share",
        family="cadence",
        cause="reading",
        level="stream",
        definition="share of follow-up prompts that came 10 s or later after the answer",
        null="tool_result not logged, or fewer than 8 follow-up prompts",
        direction="low",
        benign=0.3,
        source="pauses before 6,500 follow-up prompts of real people: 5 % are shorter than 6 s",
        text=(
            "{value} of the prompts that followed an answer came after the time that it takes to read it; "
            "normally {baseline}"
        ),
        unit="share",
        needs=("tool_result",),
    ),
    Feature(
        name="attended_days",
        family="cadence",
        cause="attendance",
        level="stream",
        definition="days on which an answer was followed by a prompt of the same conversation (days)",
        null="tool_result not logged",
        direction="context",
        benign=0.0,
        source="replies of 790 real sessions of people and 576 automated ones (1 to 9 a session, and none)",
        text="days on which somebody answered the model: {value}; normally {baseline}",
        unit="days",
        needs=("tool_result",),
    ),
    Feature(
        name="start_phase",
        family="cadence",
        cause="clock",
        level="stream",
        definition="-log10 p that session starts ignore the clock (5, 15, 60 min)",
        null="fewer than 12 sessions",
        direction="context",
        benign=3.0,
        source="Rayleigh test, Mardia and Jupp 2000, Directional Statistics, with Bonferroni correction",
        text="sessions start at the same minutes of the clock; by chance {value} would; normally {baseline}",
        unit="-log10 p",
    ),
    Feature(
        name="start_spread",
        family="cadence",
        cause="clock",
        level="stream",
        definition="standard deviation of ln(time between session starts)",
        null="fewer than 12 sessions",
        direction="context",
        benign=0.5,
        source="robust form of the beacon dispersion score (RITA documentation)",
        text="the times between session starts typically differ by a factor of {value}; normally {baseline}",
        unit="ln",
    ),
)
