"""From requests to the table of sessions, in two steps.

:func:`summarise` looks at requests and knows only the accounts it was given, so
that accounts can be taken bucket by bucket. :func:`describe_sessions` needs the
populations of the whole fleet and works on the summary alone.
"""

from dataclasses import dataclass
from functools import reduce

import polars as pl

from detector.features import cadence, clients, fingerprint, telemetry, usage
from detector.features.registry import feature
from detector.features.sessions import ORDER, assign_sessions
from detector.settings import Settings

__all__ = ["COUNTERS", "Summary", "describe_sessions", "identify", "seen", "summarise"]

COUNTERS = (*cadence.COUNTERS, *telemetry.COUNTERS, *usage.COUNTERS, "unheard")
"""Session columns that add up over sessions; ``unheard`` are served requests whose telemetry
a whole group lost."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is kept of the requests of some accounts.

    Attributes:
        sessions: a row a session with its counters.
        activity: ``session``, ``hour``, ``requests``, ``human``, ``country``.
        heard: ``session``, ``hour``, ``served``, ``posts``, ``reports``, ``reported``:
            what telemetry told of each hour.
        marks: ``session``, ``fingerprint``, ``network`` (address, else operator),
            ``requests``: which fingerprints its inference requests showed, from where.
        tools: ``session``, ``tools_hash``: the tool sets it offered.
        accounts: a row an account: ``requests`` of any kind, ``first_seen``,
            ``last_seen``, ``plan`` (the last one seen).

    """

    sessions: pl.DataFrame
    activity: pl.DataFrame
    heard: pl.DataFrame
    marks: pl.DataFrame
    tools: pl.DataFrame
    accounts: pl.DataFrame

    @staticmethod
    def concat(parts: "list[Summary]") -> "Summary":
        """Join the summaries of disjoint sets of accounts, numbering sessions anew."""
        joined: dict[str, list[pl.DataFrame]] = {name: [] for name in Summary.__slots__}
        offset = 0
        for part in parts:
            for name, frames in joined.items():
                frame = getattr(part, name)
                if "session" in frame.columns:
                    frame = frame.with_columns(pl.col("session") + offset)
                frames.append(frame)
            offset += part.sessions.height
        return Summary(**{name: pl.concat(frames) for name, frames in joined.items()})


def identify(fingerprints: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Add to the table of fingerprints what each claims and how its headers compare.

    Returns:
        The columns of ``clients.claims`` and ``clients.headers``, ``http_version``,
        ``ja4`` and ``lineage``: one number for all fingerprints of one client,
        surface and set of header names, by content and so independent of order.

    """
    facts = fingerprints.with_columns([*clients.claims(settings.clients), *clients.headers(settings.clients)])
    same = pl.concat_str(["client", "surface", "core"], separator="\x1f", ignore_nulls=True)
    return facts.with_columns(lineage=same.rank("dense").cast(pl.UInt32)).drop(
        "header_names", "header_values"
    )


def summarise(requests: pl.DataFrame, facts: pl.DataFrame, settings: Settings) -> Summary:
    """Sum up the requests of some accounts, session by session.

    Args:
        requests: all rows of these accounts, as ``detector.ingest`` gives them.
        facts: result of :func:`identify`.
        settings: all settings.

    """
    accounts = requests.group_by("account").agg(
        requests=pl.len().cast(pl.Int64),
        first_seen=pl.col("timestamp").min(),
        last_seen=pl.col("timestamp").max(),
        plan=pl.col("plan").sort_by("timestamp", "plan").drop_nulls().last(),
    )
    rows, sessions = assign_sessions(requests, facts, settings.sessions)
    turns = cadence.turns(rows.filter(pl.col("kind") == "inference"), settings.cadence).sort(ORDER)
    steps = usage.steps(turns)
    key = pl.col("session")
    parts = [
        sessions,
        rows.filter(key.is_not_null()).group_by(key).agg(requests=pl.len().cast(pl.Int64)),
        turns.group_by(key).agg(
            *cadence.counters(settings.cadence),
            inference=pl.len().cast(pl.Int64),
            end=pl.max_horizontal("timestamp", "end").max(),
            device=pl.col("device").min(),
            web=(pl.col("auth") == "web").any(),
            subscribed=(pl.col("auth").is_not_null() | pl.col("plan").is_not_null()).any(),
            split=pl.col("tool_result").is_not_null().any(),
            asn=pl.col("asn").min(),
        ),
        steps.group_by(key).agg(usage.counters(settings.usage)),
        telemetry.posts(rows).group_by(key).agg(telemetry.counters()),
    ]
    table = reduce(lambda left, right: left.join(right, on="session", how="left"), parts)
    # Until ``outage.find_losses`` has seen the fleet, all silence is the account's own.
    table = table.with_columns(unheard=pl.lit(0), lost=pl.lit(value=False))
    table = table.with_columns(pl.col(COUNTERS).fill_null(0).cast(pl.Int64))
    table = table.with_columns(vouched=pl.col("posts") > 0)
    # Without an address the network operator is the next best place.
    place = pl.coalesce("network", pl.col("asn").cast(pl.UInt64, strict=False)).alias("network")
    marks = turns.group_by("session", "fingerprint", place).agg(requests=pl.len().cast(pl.Int64))
    dominant = marks.group_by("session", "fingerprint").agg(pl.col("requests").sum())
    dominant = dominant.sort("session", "requests", "fingerprint", descending=[False, True, False])
    dominant = dominant.unique("session", keep="first", maintain_order=True).join(
        facts, on="fingerprint", how="left"
    )
    table = table.join(
        dominant.select("session", "fingerprint", "client", "client_version", "surface", "headless"),
        on="session",
        how="left",
    )
    return Summary(
        sessions=table.sort("session").with_columns(pl.col("session").cast(pl.UInt32)),
        activity=cadence.activity(turns).sort("session", "hour"),
        heard=telemetry.hourly(rows).sort("session", "hour"),
        marks=marks.sort("session", "fingerprint", "network"),
        tools=turns.select("session", "tools_hash").drop_nulls().unique().sort("session", "tools_hash"),
        accounts=accounts.sort("account"),
    )


def seen(summary: Summary) -> pl.DataFrame:
    """Return which account showed which fingerprint how often, for ``fingerprint.population``.

    Args:
        summary: with sessions as ``outage.find_losses`` marks them.

    """
    scoped = summary.sessions.filter("in_scope").select("session", "account", backed="vouched")
    rows = summary.marks.join(scoped, on="session")
    return rows.group_by("account", "fingerprint").agg(
        pl.col("requests").sum(), vouched=pl.col("requests").filter("backed").sum()
    )


def describe_sessions(
    summary: Summary, facts: pl.DataFrame, populations: list[pl.DataFrame], settings: Settings
) -> pl.DataFrame:
    """Add to every session its cohort and how its fingerprints compare.

    Cohorts are populations with rhythms of their own: ``interactive`` (a person at
    the first-party client), ``headless`` (print mode, an SDK, CI), ``web`` (a
    browser) and ``unknown`` (no user agent was logged).

    Returns:
        ``summary.sessions`` with ``cohort``, ``proxied``, ``orders`` (distinct
        header orders) and the fingerprint features: means over the session's
        inference requests of what ``fingerprint.judge`` says of each, null where
        none was judged.

    """
    judged = fingerprint.judge(facts, populations, settings.fingerprint)
    facts = facts.with_columns(order=pl.col("names").list.join(","))
    rows = summary.marks.join(judged, on="fingerprint", how="left")
    rows = rows.join(facts.select("fingerprint", "order"), on="fingerprint", how="left")
    rows = rows.join(summary.sessions.select("session", "account"), on="session", how="left")
    strange = pl.any_horizontal(pl.col(name) > feature(name).benign for name in fingerprint.BEHIND_PROXY)
    strange = strange.fill_null(value=False)
    shared = (
        pl.when(strange & pl.col("network").is_not_null()).then(pl.col("account")).drop_nulls().n_unique()
    )
    middlebox = strange & (shared.over("network", "order") >= settings.fingerprint.middlebox_accounts)
    rows = rows.with_columns(proxied=pl.col("proxied") | middlebox)
    rows = rows.with_columns(
        pl.when(~pl.col("proxied")).then(name).alias(name) for name in fingerprint.BEHIND_PROXY
    )
    names = fingerprint.MEASURES
    weight = pl.col("requests")
    means = rows.group_by("session").agg(
        (pl.col("proxied").cast(pl.Int64) * weight).sum().mul(2).ge(weight.sum()).alias("proxied"),
        pl.col("order").drop_nulls().n_unique().alias("orders"),
        *((pl.col(name) * weight).sum() / weight.filter(pl.col(name).is_not_null()).sum() for name in names),
    )
    cohort = (
        pl.when(pl.col("web") | (pl.col("client") == "browser"))
        .then(pl.lit("web"))
        .when(pl.col("client").is_null())
        .then(pl.lit("unknown"))
        .when("headless")
        .then(pl.lit("headless"))
        .otherwise(pl.lit("interactive"))
    )
    return (
        summary.sessions.join(means, on="session", how="left")
        .with_columns(cohort=cohort, proxied=pl.col("proxied").fill_null(value=False))
        .with_columns(pl.col(names).fill_nan(None))
        .sort("session")
    )
