"""What the fleet tells of each session: its cohort, and how its headers compare."""

from dataclasses import dataclass

import polars as pl

from detector.features import fingerprint
from detector.features.extract import Summary
from detector.features.registry import feature
from detector.settings import Settings

__all__ = ["Headers", "describe_sessions", "judge_headers", "seen"]


@dataclass(frozen=True, slots=True)
class Headers:
    """What a fleet tells of fingerprints.

    Attributes:
        judged: result of ``fingerprint.judge`` with ``order`` (names in wire order) and
            ``rewritten`` (past the benign range in what a proxy may write).
        proxies: ``network``, and ``vouched`` (whether an account with telemetry is among those
            behind it): addresses at which a proxy rewrites headers, by what the neighbours show.

    """

    judged: pl.DataFrame
    proxies: pl.DataFrame


def seen(summary: Summary) -> pl.DataFrame:
    """Return which account showed which fingerprint how often, for ``fingerprint.population``.

    Args:
        summary: with sessions as ``outage.find_losses`` marks them.

    """
    scoped = summary.sessions.lazy().filter("in_scope").select("session", "account", backed="vouched")
    rows = summary.marks.lazy().select("session", "fingerprint", "requests").join(scoped, on="session")
    backed = pl.col("requests").filter("backed").sum()
    sums = rows.group_by("account", "fingerprint").agg(pl.col("requests").sum(), vouched=backed)
    return sums.collect()


def judge_headers(
    summary: Summary, facts: pl.DataFrame, populations: list[pl.DataFrame], settings: Settings
) -> Headers:
    """Compare every fingerprint with those of its client, and find the proxies.

    A proxy is told by its neighbours: at one address several accounts, and most of those that
    are there, show rewritten headers. What a single account shows is its own, whatever hop
    headers it sends.

    Args:
        summary: of the whole fleet.
        facts: result of ``extract.identify``.
        populations: of this fleet and of a model; the kinder one counts.
        settings: all settings.

    """
    judged = fingerprint.judge(facts, populations, settings.fingerprint)
    judged = judged.join(facts.select("fingerprint", order=pl.col("names").list.join(",")), on="fingerprint")
    written = (*fingerprint.WIRE, *fingerprint.LIBRARY)
    rewritten = pl.any_horizontal(pl.col(name) > feature(name).benign for name in written)
    judged = judged.with_columns(rewritten=rewritten.fill_null(value=False))
    strange = judged.select("fingerprint", "rewritten")
    rules = settings.fingerprint
    proxies = (
        summary.marks.lazy()
        .filter(pl.col("network").is_not_null())
        .join(strange.lazy(), on="fingerprint")
        .join(summary.sessions.lazy().select("session", "account", "vouched"), on="session")
        .group_by("network", "account")
        .agg(pl.col("rewritten").any(), vouched=(pl.col("rewritten") & pl.col("vouched")).any())
        .group_by("network")
        .agg(pl.col("rewritten").sum(), pl.col("vouched").any(), accounts=pl.len())
        .filter(
            pl.col("rewritten") >= rules.neighbours,
            pl.col("rewritten") > rules.neighbours_share * pl.col("accounts"),
        )
        .select("network", "vouched")
        .collect()
    )
    return Headers(judged, proxies)


def describe_sessions(summary: Summary, headers: Headers) -> pl.DataFrame:
    """Add to every session its cohort and how its fingerprints compare.

    Args:
        summary: of some accounts, all their sessions.
        headers: what the fleet tells of headers.

    Cohorts are populations with rhythms of their own: ``interactive`` (a person at
    the first-party client), ``headless`` (print mode, an SDK, CI), ``web`` (a
    browser) and ``unknown`` (no user agent was logged).

    Returns:
        ``summary.sessions`` with ``cohort``, ``proxied`` (most requests came through a proxy
        that neighbours show), ``orders`` (distinct header orders) and the fingerprint features:
        means over the session's inference requests of what ``fingerprint.judge`` says of each,
        null where none was judged, and for what the proxy writes.

    """
    rows = summary.marks.join(headers.judged, on="fingerprint", how="left")
    rows = rows.join(headers.proxies, on="network", how="left")
    proxied = pl.col("vouched").is_not_null() & pl.col("rewritten").fill_null(value=False)
    rows = rows.with_columns(proxied=proxied)
    # Silent neighbours explain what any proxy writes, not that a program's own library did.
    explained = dict.fromkeys(fingerprint.WIRE, pl.col("proxied")) | dict.fromkeys(
        fingerprint.LIBRARY, pl.col("proxied") & (pl.col("vouched") | pl.col("shuffled"))
    )
    rows = rows.with_columns(pl.when(~at).then(name).alias(name) for name, at in explained.items())
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
