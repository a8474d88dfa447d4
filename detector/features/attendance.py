"""Attendance: whether a person is at work on a stream, and how long without rest.

A *follow-up* is a prompt in a conversation that goes on; it is a *reply* where it comes after the
time that reading and typing take, and within half a day. People reply: 790 real sessions of theirs
hold 1 to 9 replies each on average, 576 automated ones none at all, because a job that runs by
itself starts a conversation and never comes back to it; and a script that makes up further turns
sends them at once. So a stream with replies has a person at it, and what else runs there by itself
is that person's own: a scheduler, a loop, a queue of tasks.
"""

import polars as pl

from detector.settings import AttendanceSettings, Settings

__all__ = ["attended", "follow_ups", "places", "restless_days"]

DAY_H = 24


def follow_ups(settings: AttendanceSettings) -> list[pl.Expr]:
    """Return whether a request is a follow-up (``follow_ups``), and whether it is a reply (``replies``).

    For the rows of ``usage.steps``. False where the log does not say whether a request carries
    a tool result. A conversation that starts anew (its input is shorter than that of the request
    before) is not followed up; where no tokens were logged that cannot be told and counts as one.
    What follows a request that failed is another attempt. Helper calls in between, which are short
    and the client's own, belong to no conversation.
    """
    # A prompt with a gap has a request before it in its session that is no helper call.
    place = pl.when(~pl.col("helper")).then(pl.int_range(pl.len())).forward_fill().shift(1)
    status, context = pl.col("status").gather(place), pl.col("context").gather(place)
    answered = status.is_null() | status.is_between(200, 299)
    goes_on = (pl.col("context") >= context).fill_null(value=True)
    follows = pl.col("human") & answered & goes_on & (pl.col("gap") <= settings.longest_reply_s)
    read = pl.col("gap") >= settings.shortest_reply_s
    return [
        follows.fill_null(value=False).alias("follow_ups"),
        (follows & read).fill_null(value=False).alias("replies"),
    ]


def attended(hours: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Tell the streams on which a person is at work.

    Args:
        hours: ``stream``, ``hour``, ``follow_ups``, ``replies``, a row a session and hour.
        settings: the replies that show a person (``floors.replies``, and
            ``attendance.reading_share`` of the follow-ups), and the follow-ups that show a habit
            (``floors.human_gaps``).

    Returns:
        ``stream``, ``days`` (with a request), ``attended_days`` (with a reply), ``reading_share``
        (replies among the follow-ups; null for few) and ``attended``.

    """
    day = pl.col("hour") // DAY_H
    sums = hours.group_by("stream").agg(
        pl.col("follow_ups", "replies").cast(pl.Int64).sum(),
        days=day.n_unique().cast(pl.Int64),
        attended_days=day.filter(pl.col("replies") > 0).n_unique().cast(pl.Float64),
    )
    share = pl.col("replies") / pl.col("follow_ups")
    enough = (pl.col("replies") >= settings.floors.replies) & (share >= settings.attendance.reading_share)
    return sums.select(
        "stream",
        "days",
        "attended_days",
        reading_share=pl.when(pl.col("follow_ups") >= settings.floors.human_gaps).then(share),
        attended=enough.fill_null(value=False),
    )


def restless_days(hours: pl.DataFrame, key: str, rest_hours: int) -> pl.DataFrame:
    """Count whole days and nights without a rest.

    One long stretch is one event: it counts for as many days as it has whole days of 24 hours,
    and those of all stretches are added up.

    Args:
        hours: ``key`` and ``hour`` (hours since the epoch), a row an active hour or several.
        key: column whose values are told apart.
        rest_hours: hours without a request that are a rest.

    Returns:
        ``key``, ``restless`` (days) and ``stretch`` (the longest stretch, h).

    """
    rows = hours.select(key, "hour").unique().sort(key, "hour")
    rest = (pl.col("hour").diff() > rest_hours).fill_null(value=False)
    rows = rows.with_columns(run=rest.cum_sum().over(key))
    stretches = rows.group_by(key, "run").agg(length=pl.col("hour").max() - pl.col("hour").min() + 1)
    return stretches.group_by(key).agg(
        restless=(pl.col("length") // DAY_H).sum().cast(pl.Float64),
        stretch=pl.col("length").max().cast(pl.Float64),
    )


def places(marks: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Return the share of each stream's requests that come from its most frequent address.

    Args:
        marks: ``extract.Summary.marks``.
        sessions: ``session`` and ``stream``.

    Returns:
        ``stream``, ``network`` (the address) and ``main_place`` (its share); no row where no
        address was logged.

    """
    rows = marks.drop_nulls("network").join(sessions.select("session", "stream"), on="session")
    sums = rows.group_by("stream", "network").agg(pl.col("requests").sum())
    ranked = sums.sort("stream", "requests", "network", descending=[False, True, False])
    return ranked.group_by("stream", maintain_order=True).agg(
        pl.col("network").first(), main_place=pl.col("requests").first() / pl.col("requests").sum()
    )
