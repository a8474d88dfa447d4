"""The part of an account that a stream is, in words: how many sessions of which client, at what hours."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from detector.verdict.reasons import plain

__all__ = ["LONGEST_NAME", "attested", "busy_hours"]

LONGEST_NAME = 40
"""Letters of a client's name in a sentence."""

MOST_HOURS = 8
"""Hours of the day in a row that are named where they hold most of a part's requests."""

MOST = 0.8
"""Share of the requests that is most of them."""


def attested(parts: Sequence[Mapping[str, Any]]) -> str:
    """Say that the sessions of some streams are attested.

    Args:
        parts: of each stream ``sessions`` (their number), ``client``, and ``from_hour`` and
            ``to_hour``, null where no hours stand out.

    """
    said = []
    for part in parts:
        client = plain(part["client"] or "no named client")
        name = client if len(client) <= LONGEST_NAME else f"{client[:LONGEST_NAME]}..."
        count = "one session" if part["sessions"] == 1 else f"{part['sessions']:,} sessions"
        said.append(f"the {count} of {name}")
        if part["from_hour"] is not None:
            said[-1] += f", most requests from {part['from_hour']:02}:00 to {part['to_hour']:02}:00 UTC,"
    verb = "is" if [part["sessions"] for part in parts] == [1] else "are"
    return f"{' and '.join(said)} {verb} attested as permitted use"


def busy_hours(streams: pl.DataFrame, sessions: pl.DataFrame, hours: pl.DataFrame) -> pl.DataFrame:
    """Return the fewest hours of the day that hold most requests of each stream.

    Args:
        streams: ``stream``.
        sessions: ``session`` and ``stream``.
        hours: result of ``hours.hourly``.

    Returns:
        ``stream``, ``from_hour`` and ``to_hour`` (UTC); no row where it takes more than
        ``MOST_HOURS``.

    """
    own = sessions.join(streams.select("stream"), on="stream", how="semi")
    rows = hours.join(own.select("session", "stream"), on="session")
    day = rows.group_by("stream", of_day=pl.col("hour") % 24).agg(pl.col("requests").sum())
    grid = streams.select("stream").join(
        pl.DataFrame({"place": range(2 * 24)}, {"place": pl.Int32}), how="cross"
    )
    grid = grid.with_columns(of_day=pl.col("place") % 24).join(day, on=["stream", "of_day"], how="left")
    grid = grid.sort("stream", "place").with_columns(pl.col("requests").fill_null(0))
    total = pl.col("requests").filter(pl.col("place") < 24).sum().over("stream")
    windows = pl.concat(
        grid.select(
            "stream",
            "place",
            size=pl.lit(size, pl.Int32),
            held=pl.col("requests").rolling_sum(size).over("stream"),
            total=total,
        )
        for size in range(1, MOST_HOURS + 1)
    )
    best = (
        windows.filter((pl.col("place") >= 24) & (pl.col("held") >= MOST * pl.col("total")))
        .sort("stream", "size", "held", "place", descending=[False, False, True, False])
        .unique("stream", keep="first", maintain_order=True)
    )
    return best.select(
        "stream",
        from_hour=(pl.col("place") - pl.col("size") + 1) % 24,
        to_hour=(pl.col("place") + 1) % 24,
    )
