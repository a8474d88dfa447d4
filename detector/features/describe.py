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
            ``strange`` (past the benign range in what a proxy rewrites).
        middleboxes: ``network``, ``order`` and ``middlebox`` (true) where several accounts
            show the same strange order from one address: a proxy between them and the gateway.

    """

    judged: pl.DataFrame
    middleboxes: pl.DataFrame


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
    """Compare every fingerprint with those of its client, and find the middleboxes.

    Args:
        summary: of the whole fleet.
        facts: result of ``extract.identify``.
        populations: of this fleet and of a model; the kinder one counts.
        settings: all settings.

    """
    judged = fingerprint.judge(facts, populations, settings.fingerprint)
    judged = judged.join(facts.select("fingerprint", order=pl.col("names").list.join(",")), on="fingerprint")
    strange = pl.any_horizontal(pl.col(name) > feature(name).benign for name in fingerprint.BEHIND_PROXY)
    judged = judged.with_columns(strange=strange.fill_null(value=False))
    shown = (
        summary.marks.filter(pl.col("network").is_not_null())
        .join(judged.filter("strange").select("fingerprint", "order"), on="fingerprint")
        .join(summary.sessions.select("session", "account"), on="session")
    )
    many = pl.col("account").n_unique() >= settings.fingerprint.middlebox_accounts
    middleboxes = shown.group_by("network", "order").agg(middlebox=many).filter("middlebox")
    return Headers(judged, middleboxes)


def describe_sessions(summary: Summary, headers: Headers) -> pl.DataFrame:
    """Add to every session its cohort and how its fingerprints compare.

    Args:
        summary: of some accounts, all their sessions.
        headers: what the fleet tells of headers.

    Cohorts are populations with rhythms of their own: ``interactive`` (a person at
    the first-party client), ``headless`` (print mode, an SDK, CI), ``web`` (a
    browser) and ``unknown`` (no user agent was logged).

    Returns:
        ``summary.sessions`` with ``cohort``, ``proxied``, ``orders`` (distinct
        header orders) and the fingerprint features: means over the session's
        inference requests of what ``fingerprint.judge`` says of each, null where
        none was judged.

    """
    rows = summary.marks.join(headers.judged, on="fingerprint", how="left")
    rows = rows.join(headers.middleboxes, on=["network", "order"], how="left")
    middlebox = pl.col("strange") & pl.col("middlebox").fill_null(value=False)
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
