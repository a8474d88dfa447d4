"""Telemetry that a group lost together, which is no silence of its members.

One account that falls silent may hide something; most accounts that fall silent on
one day, with one version or behind one network operator do not. So sessions are
laid out in cells, a day, a version or an operator each, and the witnesses of a cell
are the accounts with sessions in it that report outside of it. A cell lost its
telemetry where most of its witnesses fell silent, and a witness fell silent only
where its silent sessions are one run: a harness that rides on a person's account is
silent between the person's reports.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from detector.features.clients import release_ranks
from detector.features.incident import Incident
from detector.settings import Settings

__all__ = ["Losses", "find_losses"]

CELLS: tuple[tuple[str, ...], ...] = (
    ("client_version",),
    ("day",),
    ("client_version", "day"),
    ("asn", "day"),
)
"""What the sessions of a cell share beside client and print mode, in the order in which they
are tried; what one explains is left out of the next."""

OWN = ("client", "headless")
"""What every cell shares: print mode seldom reports and bears no witness for people."""

PLACE = ["client", "version", "asn"]
"""Where an incident was; null where it was everywhere."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Sessions with what happened to their telemetry, and the incidents.

    Attributes:
        sessions: the sessions given, with ``lost`` (silent in a cell that lost its
            telemetry), ``unheard`` (served requests that no telemetry reported, in such
            a cell)
            and ``vouched`` (reported, or lost by an account that otherwise reports
            and that left its old headers for these).
        incidents: one for each client, version and operator.

    """

    sessions: pl.DataFrame
    incidents: tuple[Incident, ...]


def find_losses(sessions: pl.DataFrame, facts: pl.DataFrame, settings: Settings) -> Losses:
    """Tell telemetry that a group lost from telemetry that an account lacks.

    Args:
        sessions: ``Summary.sessions`` of the whole fleet.
        facts: result of ``extract.identify``.
        settings: all settings.

    """
    orders = facts.select("fingerprint", order=pl.col("raw_names").list.join(","))
    known = sessions.filter(pl.col("in_scope") & pl.col("client").is_not_null())
    rows = (
        known.select(
            *("session", "account", *OWN, "client_version", "asn", "start", "end", "served", "posts"),
            "fingerprint",
        )
        .join(orders, on="fingerprint", how="left")
        .join(release_ranks(known["client_version"]), on="client_version", how="left", nulls_equal=True)
        .with_columns(
            day=pl.col("start").dt.date(),
            told=pl.col("posts") > 0,
            mute=(pl.col("posts") == 0) & (pl.col("served") >= settings.floors.posts),
            seen=(pl.col("posts") > 0) | (pl.col("served") >= settings.floors.posts),
        )
        .sort("account", "start", "session")
    )
    # A session that began before an outage, or ended after it, reports a part of its requests.
    ends = rows.filter("told").with_columns(day=pl.col("end").dt.date())
    lost, partly = rows.clear().select("session"), rows.clear().select("session")
    hits = []
    for cell in CELLS:
        rest = rows.join(lost, on="session", how="anti", maintain_order="left")
        cells = _lost_cells(rest, cell, settings)
        hit, late = (part.join(cells, on=[*OWN, *cell], how="semi") for part in (rest, ends))
        hits.append(
            hit.select(
                "client",
                version=pl.col("client_version") if "client_version" in cell else pl.lit(None, pl.String),
                asn=pl.col("asn") if "asn" in cell else pl.lit(None, pl.Int64),
                day="day",
                account="account",
                mute="mute",
            )
        )
        lost = pl.concat([lost, hit.filter(~pl.col("told")).select("session")])
        partly = pl.concat([partly, hit.filter("told").select("session"), late.select("session")])
    replaced = _replaced(rows.join(lost, on="session", how="semi"), rows)
    marked = sessions.with_columns(
        lost=pl.col("session").is_in(lost["session"].implode()),
        vouched=pl.col("vouched") | pl.col("session").is_in(replaced.implode()),
    )
    some = pl.col("session").is_in(partly["session"].implode()) & (pl.col("reports") > 0)
    missing = (pl.col("served") - pl.col("reported")).clip(lower_bound=0)
    unheard = pl.when("lost").then("served").when(some).then(missing).otherwise(0)
    return Losses(marked.with_columns(unheard=unheard.cast(pl.Int64)), _incidents(hits))


def _lost_cells(rows: pl.DataFrame, cell: tuple[str, ...], settings: Settings) -> pl.DataFrame:
    """Return the cells whose witnesses fell silent."""
    # A witness of a day reports on another one with the same version or operator; a witness
    # of a version reports with an older one, and never yet with this.
    home = [*OWN, *(name for name in cell if name != "day")] if "day" in cell else [*OWN]
    mine = ["account", *home]
    rows = rows.with_columns(
        reports=pl.col("told").cum_sum().over(mine),
        older=pl.col("rank").filter("told").max().over(mine),
    )
    mute = pl.col("mute")
    at = (
        rows.filter("seen")
        .group_by("account", *OWN, *cell)
        .agg(
            told=pl.col("told").sum(),
            mute=mute.any(),
            interleaved=(pl.col("reports").filter(mute).max() > pl.col("reports").filter(mute).min()),
            newer=(pl.col("rank") > pl.col("older")).fill_null(value=False).all(),
        )
    )
    elsewhere = pl.col("told").sum().over(mine) > pl.col("told")
    fell = elsewhere & pl.col("mute") & ~pl.col("interleaved")
    if "day" not in cell:
        # Those who never reported are few among the users of a release, and most of a campaign.
        fell, elsewhere = fell & pl.col("newer") & (pl.col("told") == 0), pl.lit(value=True)
    counts = (
        at.with_columns(fell=fell.fill_null(value=False), elsewhere=elsewhere)
        .group_by(*OWN, *cell)
        .agg(pl.col("fell").sum(), witnesses=pl.col("elsewhere").sum())
    )
    rules = settings.incidents
    return counts.filter(
        pl.all_horizontal(pl.col(name).is_not_null() for name in cell)
        & (pl.col("fell") >= rules.witnesses)
        & (pl.col("fell") >= rules.lost_share * pl.col("witnesses"))
    )


def _incidents(hits: list[pl.DataFrame]) -> tuple[Incident, ...]:
    """Tell the sessions in lost cells as incidents; what lies within the days of another is part of it."""
    spans = [
        (*part.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0), part)
        for hit in hits
        for _, part in hit.sort(PLACE).group_by(PLACE, maintain_order=True)
    ]
    events: list[tuple[date, date, list[pl.DataFrame]]] = []
    # A stable sort: the longest first, then in the order of the cells.
    for first, last, part in sorted(spans, key=lambda span: span[0] - span[1]):
        around = [rows for start, end, rows in events if start <= first and last <= end]
        if around:
            around[0].append(part)
        else:
            events.append((first, last, [part]))
    events.sort(key=lambda event: event[:2])
    return tuple(_incident(*event) for event in events)


def _incident(first: date, last: date, parts: list[pl.DataFrame]) -> Incident:
    """Tell one event; its place is that of most of its accounts, else what all parts share."""
    rows = pl.concat(parts)
    fell, of = rows.filter("mute")["account"].n_unique(), rows["account"].n_unique()
    main = max(parts, key=lambda part: part["account"].n_unique())
    named = main if 2 * main["account"].n_unique() > of else rows
    client, version, asn = (place.item(0) if place.n_unique() == 1 else None for place in named[PLACE])
    return Incident("telemetry_lost", first, last, ("silence",), fell, of, client, version, asn)


def _replaced(lost: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """Return the lost sessions whose headers the account shows in one run, and that otherwise reports."""
    mine = ["account", *OWN]
    shown = pl.struct("client_version", "order")
    runs = rows.with_columns(shown=shown.rle_id().over(mine), reports=pl.col("told").any().over(mine))
    once = pl.col("shown").n_unique().over(*mine, "client_version", "order") == 1
    kept = runs.filter(once & pl.col("reports")).select("session")
    return lost.join(kept, on="session", how="semi")["session"]
