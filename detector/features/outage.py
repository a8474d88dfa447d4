"""Telemetry that a group lost together, which is no silence of its members.

One account that falls silent may hide something; most accounts that fall silent at
once, with one version or behind one network operator do not. A version lost its telemetry
where most of its users who report with older ones never did with it; a stretch of time,
everywhere, with a version or behind an operator, where ``detector.features.silence`` finds
one. What was served then and not reported is nobody's silence, whenever its session began.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from detector.features.clients import release_ranks
from detector.features.incident import Incident
from detector.features.silence import lost_stretches, watched
from detector.settings import Settings

__all__ = ["Losses", "find_losses"]

OWN = ("client", "headless")
"""What every group shares: print mode seldom reports and bears no witness for people."""

VERSION = (*OWN, "client_version")

GROUPS: tuple[tuple[str, ...], ...] = (("everyone",), OWN, VERSION, (*OWN, "asn"))
"""What those who lost a stretch of time may share."""

GROUPED = ("session", "account", "device", *OWN, "client_version", "asn")
"""What is looked up for each hour of a session."""

CODED = pl.Schema({"client": pl.Categorical(), "client_version": pl.Categorical()})

HEARD = ("session", "hour", "served", "posts", "reports", "reported")
"""What is taken of each hour."""

PART_HOURS = 150_000
"""Hours of sessions in which witnesses are looked for at a time, about."""

EDGE = 1
"""Hours before and after a stretch that it may have begun or ended in."""

PLACE = ["client", "version", "asn"]
"""Where an incident was; null where it was everywhere."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Sessions with what happened to their telemetry, and the incidents.

    Attributes:
        sessions: the sessions given, with ``unheard`` (served requests that no telemetry
            reported, in a loss), ``lost`` (silent, and too few of its requests were
            served outside of a loss to tell anything)
            and ``vouched`` (reported, or lost by an account that otherwise reports
            and that left its old headers for these).
        incidents: one for each client, version and operator.

    """

    sessions: pl.DataFrame
    incidents: tuple[Incident, ...]


def find_losses(
    sessions: pl.DataFrame, hours: pl.DataFrame, facts: pl.DataFrame, settings: Settings
) -> Losses:
    """Tell telemetry that a group lost from telemetry that an account lacks.

    Args:
        sessions: ``Summary.sessions`` of the whole fleet.
        hours: ``Summary.hours`` of the whole fleet.
        facts: result of ``extract.identify``.
        settings: all settings.

    """
    rows = _rows(sessions, facts, settings)
    parts = max(1, hours.height // PART_HOURS)
    losses = _lost_hours([*_heard(hours, rows, parts)], _lost_versions(rows, parts, settings), settings)
    unheard, lost = _marks(sessions, pl.concat(losses), settings)
    replaced = _replaced(rows.join(sessions.select("session").filter(lost), on="session", how="semi"), rows)
    vouched = pl.col("vouched") | pl.col("session").is_in(replaced.implode())
    within = pl.col("hour").is_between("since", "until", closed="left")
    hits = [_accounts(loss.filter(within), settings) for loss in losses]
    return Losses(sessions.with_columns(unheard, lost, vouched=vouched), _incidents(hits))


def _rows(sessions: pl.DataFrame, facts: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Return the sessions that may lose telemetry, in the order of time, texts as numbers: there are many."""
    order = pl.col("raw_names").list.join(",").rank("dense")
    versions = sessions.select(pl.col("client_version").unique()).to_series()
    return (
        sessions.lazy()
        .filter(pl.col("in_scope") & pl.col("client").is_not_null())
        .select(*GROUPED, "start", "served", "posts", "fingerprint")
        .join(release_ranks(versions).lazy(), on="client_version", how="left", nulls_equal=True)
        .cast(CODED)
        .join(facts.lazy().select("fingerprint", order=order), on="fingerprint", how="left")
        .with_columns(
            told=pl.col("posts") > 0,
            mute=(pl.col("posts") == 0) & (pl.col("served") >= settings.floors.posts),
        )
        .sort("account", "start", "session")
        .collect()
    )


def _lost_hours(parts: list[pl.DataFrame], versions: pl.DataFrame, settings: Settings) -> list[pl.DataFrame]:
    """Return the hours of sessions that lie in a loss, with ``PLACE``, ``since`` and ``until`` of it.

    Parts, which are hours of disjoint sets of accounts, are not needed any more afterwards.
    """
    gone = pl.concat(part.join(versions, on=VERSION, how="semi") for part in parts).with_columns(
        since=pl.col("hour").min().over(VERSION), until=pl.col("hour").max().over(VERSION) + 1
    )
    losses = [_placed(gone, VERSION)]
    silent = gone.filter(pl.col("posts") == 0)
    # A silence that no report interrupts did not begin with the loss.
    reporting = (pl.col("posts") > 0).any().over("account")
    edge = pl.when(reporting).then(EDGE).otherwise(0).cast(pl.Int8)
    for number, part in enumerate(parts):
        rest = part.join(silent, on=["session", "hour"], how="anti") if silent.height else part
        parts[number] = watched(rest.with_columns(edge=edge, everyone=pl.lit(value=True)))
    for group in GROUPS:
        stretches = lost_stretches(parts, group, settings)
        near = [
            part.join(stretches, on=group).filter(
                pl.col("hour") >= pl.col("since") - pl.col("edge"),
                pl.col("hour") < pl.col("until") + pl.col("edge"),
            )
            for part in parts
        ]
        losses.append(_placed(pl.concat(near), group))
    return losses


def _by_account(rows: pl.DataFrame, parts: int) -> Iterator[pl.DataFrame]:
    """Give the sessions of a few accounts at a time."""
    account = pl.col("account").cast(pl.Int64)
    for part in range(parts):
        yield rows.filter(account * parts // (account.max() + 1) == part)


def _heard(hours: pl.DataFrame, rows: pl.DataFrame, parts: int) -> Iterator[pl.DataFrame]:
    """Give the hours of sessions with what is known of these, those of a few accounts at a time."""
    for own in _by_account(rows.select(GROUPED), parts):
        # Sessions are numbered by account: few others lie between these.
        near = pl.col("session").is_between(own["session"].min(), own["session"].max())
        yield hours.filter(near).select(HEARD).join(own, on="session")


def _placed(hours: pl.DataFrame, group: Sequence[str]) -> pl.DataFrame:
    return hours.select(
        *("session", "account", "hour", "served", "posts", "reports", "since", "until"),
        client=pl.col("client").cast(pl.String),
        version=pl.col("client_version").cast(pl.String)
        if "client_version" in group
        else pl.lit(None, pl.String),
        asn=pl.col("asn") if "asn" in group else pl.lit(None, pl.Int64),
    )


def _marks(sessions: pl.DataFrame, lost: pl.DataFrame, settings: Settings) -> tuple[pl.Series, pl.Series]:
    """Return ``unheard`` and ``lost`` of sessions from their hours in losses."""
    # Posts that give no number told of all requests.
    counted = (pl.col("posts") == 0) | (pl.col("reports") > 0)
    owed = (
        lost.unique(["session", "hour"]).group_by("session").agg(owed=pl.col("served").filter(counted).sum())
    )
    told = sessions.select("session", "served", "posts", "reports", "reported")
    told = told.join(owed, on="session", how="left", maintain_order="left")
    missing = pl.when(pl.col("reports") > 0).then(pl.col("served") - pl.col("reported")).otherwise("served")
    unheard = pl.min_horizontal(pl.col("owed").fill_null(0), missing.clip(lower_bound=0))
    few = pl.col("served") - unheard < settings.floors.posts
    marks = told.select(
        unheard=unheard.cast(sessions.schema["unheard"]),
        lost=pl.col("owed").is_not_null() & (pl.col("posts") == 0) & few,
    )
    return marks["unheard"], marks["lost"]


def _lost_versions(rows: pl.DataFrame, parts: int, settings: Settings) -> pl.DataFrame:
    """Return the versions with which accounts that report with older ones never did."""
    # Those who never reported are few among the users of a release, and most of a campaign.
    counts = pl.concat(map(_fallen, _by_account(rows, parts))).group_by(VERSION).agg(pl.all().sum())
    rules = settings.incidents
    return counts.drop_nulls("client_version").filter(
        (pl.col("fell") >= rules.witnesses) & (pl.col("fell") >= rules.lost_share * pl.col("witnesses"))
    )


def _fallen(rows: pl.DataFrame) -> pl.DataFrame:
    """Count by version the accounts that report or are silent, and those that fell silent with it."""
    mine = ["account", *OWN]
    rows = rows.with_columns(
        older=pl.col("rank").filter("told").max().over(mine), reports=pl.col("told").cum_sum().over(mine)
    )
    # A harness that rides on a person's account is silent between the person's reports.
    once = pl.col("reports").filter("mute").n_unique() == 1
    at = (
        rows.filter(pl.col("told") | pl.col("mute"))
        .group_by("account", *VERSION)
        .agg(
            told=pl.col("told").any(),
            moved=(pl.col("rank") > pl.col("older")).fill_null(value=False).all() & once,
        )
    )
    return at.group_by(VERSION).agg(fell=(~pl.col("told") & pl.col("moved")).sum(), witnesses=pl.len())


def _accounts(loss: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Return the accounts with requests in each part of a loss, and whether they fell silent."""
    silent = (pl.col("posts").sum() == 0) & (pl.col("served").sum() >= settings.floors.posts)
    place = [*PLACE, "since", "until", "account"]
    return loss.group_by(place).agg(mute=silent).sort(place)


def _incidents(hits: list[pl.DataFrame]) -> tuple[Incident, ...]:
    """Tell losses as incidents; what overlaps a loss of more accounts is part of it."""
    losses = [part for hit in hits for _, part in hit.group_by(*PLACE, "since", "until", maintain_order=True)]
    events: list[list[pl.DataFrame]] = []
    # A stable sort: the largest first, then in the order of the groups.
    for part in sorted(losses, key=lambda part: part.height, reverse=True):
        around = [event for event in events if _overlap(event[0], part)]
        if around:
            around[0].append(part)
        else:
            events.append([part])
    return tuple(
        sorted((_incident(event) for event in events), key=lambda one: (one.first_day, one.last_day))
    )


def _overlap(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return bool(one["since"][0] < other["until"][0] and other["since"][0] < one["until"][0])


def _incident(parts: list[pl.DataFrame]) -> Incident:
    """Tell one event by its largest part, which comes first.

    Its place is that of most of its accounts, else what all parts share.
    """
    rows = pl.concat(parts)
    fell, of = rows.filter("mute")["account"].n_unique(), rows["account"].n_unique()
    main = parts[0]
    first, last = (
        datetime.fromtimestamp(3600 * hour, UTC).date() for hour in (main["since"][0], main["until"][0] - 1)
    )
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
