"""What moved a whole cohort, or came with a release, is no evidence about its members.

A majority cannot be the anomaly (the breakdown point of any estimate is one half):
where most accounts of a cohort show what the reference knows as rare, the world has
moved and not they. Neither can those on a version that just came out, with headers
and telemetry of its own: harnesses claim versions that exist, and those go stale. A version that
nobody with telemetry runs, and nobody came to from an older one, is no release.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from operator import or_

import polars as pl

from detector.features.clients import release_ranks
from detector.features.incident import Incident
from detector.features.registry import FEATURES, SCORED
from detector.model.reference import Reference
from detector.model.rule import SILENCE, weigh
from detector.settings import IncidentSettings, Settings

__all__ = ["set_aside"]

RELEASED = ("fingerprint", "telemetry")
"""Families that a release changes; rhythm and usage stay those of who runs it."""

SHOWN = ("usage", "account")
"""Families that telemetry excuses, and that an event moves for those without it all the same."""

RHYTHM = tuple(sorted({record.cause for record in SCORED if record.family == "cadence"}))
"""Causes that most people on a release do not show, and most accounts of a campaign do."""


@dataclass(frozen=True, slots=True)
class Group:
    """Streams that one event may have moved.

    Attributes:
        at: which streams.
        causes: the causes of evidence that it could have moved.
        fewest: accounts that must show a cause.
        incident: what is told of it; causes and accounts are still open.

    """

    at: pl.Series
    causes: tuple[str, ...]
    fewest: int
    incident: Incident


def set_aside(
    streams: pl.DataFrame,
    used: pl.DataFrame,
    reference: Reference,
    known: pl.DataFrame,
    settings: Settings,
) -> tuple[pl.DataFrame, tuple[Incident, ...]]:
    """Set to null what most accounts of a new release or of a cohort show.

    Args:
        streams: result of ``features.measure_streams``.
        used: result of ``features.streams.when_used``.
        reference: what a model knows of each cohort.
        known: the model's ``fingerprint.population``, for the versions that it knows.
        settings: all settings.

    Returns:
        The streams, features of the causes that were set aside null in the group
        concerned; and one incident for each release and each cohort that shifted.

    """
    told, shown = _evidence(streams, reference, settings)
    share = settings.incidents.shifted_share
    accounts, enough = streams["account"], streams["served"] >= settings.floors.served
    driven = reduce(or_, (shown[cause] for cause in RHYTHM))
    incidents = []
    # What a release explains is no shift of its cohort: one event, one incident.
    for group in (*_releases(streams, used, known, settings), *_cohorts(streams, used, settings)):
        if group.incident.kind == "release" and _most(accounts, group.at, driven, share):
            continue
        moved = []
        for cause in group.causes:
            many = accounts.filter(group.at & shown[cause]).n_unique() >= group.fewest
            # Few accounts have enough sessions in a day to show a habit, and those are no majority.
            spoken = _most(accounts, group.at & enough, told[cause], share)
            if many and spoken and _most(accounts, group.at & told[cause], shown[cause], share):
                moved.append(cause)
        incident = replace(group.incident, causes=tuple(moved))
        if incident.kind == "cohort_shift":
            at = reduce(or_, (shown[cause] for cause in moved), group.at & False)
            incident = replace(incident, accounts=accounts.filter(group.at & at).n_unique())
        if incident.accounts:
            incidents.append(incident)
        names = [one.name for one in FEATURES if one.cause in moved and one.name in streams.columns]
        streams = streams.with_columns(pl.when(~group.at).then(name).alias(name) for name in names)
        shown |= {cause: shown[cause] & ~group.at for cause in moved}
    return streams, tuple(incidents)


def _evidence(
    streams: pl.DataFrame, reference: Reference, settings: Settings
) -> tuple[dict[str, pl.Series], dict[str, pl.Series]]:
    """Return, by cause, the streams that could show it and those in which it counts."""
    # A majority shows what it shows, also where its telemetry excuses it: the others may be silent.
    raw = reference.orient(streams)
    oriented = weigh(reference, streams, settings)
    for column, record in enumerate(reference.features):
        if record.family in SHOWN:
            oriented[:, column] = raw[:, column]
    enough = streams["served"] >= settings.floors.served
    told: dict[str, pl.Series] = {}
    shown: dict[str, pl.Series] = {}
    for column, record in enumerate(reference.features):
        tail = pl.Series(oriented[:, column])
        counts = tail > 0 if record.cause == SILENCE else tail >= settings.decision.counting
        for of, at in ((told, streams[record.name].is_not_null()), (shown, counts)):
            of[record.cause] = (at & enough) | of.get(record.cause, at & False)
    return told, shown


def _most(accounts: pl.Series, at: pl.Series, shown: pl.Series, share: float) -> bool:
    """Tell whether more than a share of the accounts of some streams show a thing in one of them."""
    return accounts.filter(at & shown).n_unique() > share * accounts.filter(at).n_unique()


def _cohorts(streams: pl.DataFrame, used: pl.DataFrame, settings: Settings) -> Iterator[Group]:
    causes = tuple(sorted({record.cause for record in SCORED}))
    fewest = settings.incidents.cohort_accounts
    for (cohort,), part in used.sort("cohort").group_by("cohort", maintain_order=True):
        own = streams.filter(pl.col("cohort") == cohort)
        # As long as some report, those who do not have switched it off.
        reporting = own.filter("reporting")["account"].n_unique()
        still = reporting >= settings.incidents.reporting_share * own["account"].n_unique()
        first, last, of = _reach(part)
        incident = Incident("cohort_shift", first, last, (), 0, of, cohort=str(cohort))
        movable = tuple(cause for cause in causes if not (still and cause == SILENCE))
        yield Group(streams["cohort"] == cohort, movable, fewest, incident)


def _releases(
    streams: pl.DataFrame, used: pl.DataFrame, known: pl.DataFrame, settings: Settings
) -> Iterator[Group]:
    """Find versions that many accounts run and that are newer than any the model knows."""
    causes = tuple(sorted({record.cause for record in SCORED if record.family in RELEASED}))
    rules = settings.incidents
    scoped = used.filter(pl.col("client").is_not_null())
    common = pl.col("accounts") >= settings.fingerprint.common_accounts
    old = known.filter((pl.col("version") != "*") & common).select("client", client_version="version")
    ranks = release_ranks(pl.concat([old["client_version"], scoped["client_version"]]))
    newest = old.join(ranks, on="client_version").group_by("client").agg(newest=pl.col("rank").max())
    scoped = scoped.join(ranks, on="client_version", how="left")
    fresh = scoped.join(newest, on="client").filter(pl.col("rank") > pl.col("newest"))
    for (client, version), part in fresh.sort("client", "rank", "client_version").group_by(
        "client", "client_version", maintain_order=True
    ):
        first, last, accounts = _reach(part)
        of = scoped.filter(pl.col("client") == client)["account"].n_unique()
        many = accounts >= max(rules.cohort_accounts, rules.release_share * of)
        if many and _earned(part, scoped.filter(pl.col("client") == client), rules):
            at = (streams["client"] == client) & (streams["client_version"] == version)
            incident = Incident("release", first, last, (), accounts, of, str(client), str(version))
            yield Group(at.fill_null(value=False), causes, 1, incident)


def _earned(part: pl.DataFrame, everyone: pl.DataFrame, rules: IncidentSettings) -> bool:
    """Tell a release from a version that somebody made up: people with telemetry take a release, too.

    Where hardly anybody reports, most of those who run it must have come from an older version, or
    most of all accounts must run it: a log of one day shows nobody come from anywhere.
    """

    def share(rows: pl.DataFrame, at: pl.Expr) -> float:
        return rows.filter(at)["account"].n_unique() / max(1, rows["account"].n_unique())

    usual = share(everyone, pl.col("vouched"))
    if usual >= rules.reporting_share:
        return share(part, pl.col("vouched")) >= rules.shifted_share * usual
    if part["account"].n_unique() > rules.shifted_share * everyone["account"].n_unique():
        return True
    arrived = part.group_by("account").agg(arrived=pl.col("first").min())
    older = everyone.filter(pl.col("rank") < part["rank"].min())
    before = older.join(arrived, on="account").filter(pl.col("first") < pl.col("arrived"))
    return before["account"].n_unique() >= rules.shifted_share * part["account"].n_unique()


def _reach(part: pl.DataFrame) -> tuple[date, date, int]:
    """Return the first and last day and the number of accounts of what was used."""
    days = part.select(pl.col("first").min().dt.date(), pl.col("last").max().dt.date())
    first, last = days.row(0)
    return first, last, part["account"].n_unique()
