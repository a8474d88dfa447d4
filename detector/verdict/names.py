"""The names that clients go by in a log, and how the policy takes each.

Who is first-party is exact data: the names in the policy, and no others. Any other name
declares itself. But a name that nobody has seen before and that many accounts show at once
is a launch that the policy does not know yet, and not the doing of those accounts.
"""

from typing import Any

import polars as pl

from detector.features.incident import Incident
from detector.settings import Settings
from detector.verdict.policy import Policy

__all__ = ["NAMES", "TREATMENTS", "client_names", "launches", "names_record"]

NAMES = pl.Schema(
    {
        "client": pl.String,
        "accounts": pl.Int64,
        "requests": pl.Int64,
        "reporting": pl.Int64,
        "listed": pl.Boolean,
        "treatment": pl.String,
    }
)
"""A row a client name: accounts, requests of any kind in their sessions, accounts whose telemetry
reports them in step, whether the policy lists the name, and how it is taken: ``first_party``,
``declared`` (it names itself), ``launched`` (new, and vouched for by telemetry) or ``new`` (new on
many accounts, and vouched for by nobody)."""


TREATMENTS = {
    "first_party": "the provider's own",
    "declared": "names itself",
    "launched": "new, telemetry vouches for it",
    "new": "new, watched",
}
"""How the policy takes a client name, in words."""

MOST_NAMES = 1000
"""Names that a record holds; a log may have as many as it has requests."""


def client_names(
    streams: pl.DataFrame, known: pl.DataFrame, policy: Policy, settings: Settings
) -> pl.DataFrame:
    """Count the client names of a log and say how each is taken.

    A name on no list is a launch where the telemetry of at least ``incidents.witnesses`` accounts,
    and of a quarter of all its accounts, reports it in step; in this log or in the model's. It is new
    where at least ``incidents.cohort_accounts`` accounts show it and the model knows none.

    Args:
        streams: result of ``features.measure_streams``; streams without a user agent are left out.
        known: the model's ``fingerprint.population``.
        policy: what the provider permits.
        settings: all settings.

    Returns:
        Schema ``NAMES``, sorted by client.

    """
    rules = settings.incidents
    in_step = pl.col("reporting") & (pl.col("telemetry_coverage") >= settings.decision.in_step)
    own = (
        streams.filter(pl.col("client").is_not_null())
        .group_by("client")
        .agg(
            accounts=pl.col("account").n_unique().cast(pl.Int64),
            requests=pl.col("requests").sum().cast(pl.Int64),
            reporting=pl.col("account").filter(in_step).n_unique().cast(pl.Int64),
        )
    )
    earlier = (
        known.filter((pl.col("version") == "*") & (pl.col("aspect") == "name"))
        .group_by("client")
        .agg(pl.col("accounts", "vouched").sum().name.prefix("earlier_"))
    )
    listed = policy.listed()

    def backed(word: str, of: str) -> pl.Expr:
        return (pl.col(word) >= rules.witnesses) & (4 * pl.col(word) >= pl.col(of))

    seen = pl.col("earlier_accounts").fill_null(0) >= settings.fingerprint.common_accounts
    launched = backed("reporting", "accounts") | backed("earlier_vouched", "earlier_accounts").fill_null(
        value=False
    )
    treatment = (
        pl.when(policy.own())
        .then(pl.lit("first_party"))
        .when(~listed & launched)
        .then(pl.lit("launched"))
        .when(~listed & ~seen & (pl.col("accounts") >= rules.cohort_accounts))
        .then(pl.lit("new"))
        .otherwise(pl.lit("declared"))
    )
    names = own.join(earlier, on="client", how="left").with_columns(listed=listed, treatment=treatment)
    return names.select(*NAMES).cast(NAMES).sort("client")


def launches(names: pl.DataFrame, used: pl.DataFrame) -> tuple[Incident, ...]:
    """Return one incident for each name that many accounts show and the policy does not know.

    Args:
        names: result of :func:`client_names`.
        used: result of ``streams.when_used``.

    """
    fresh = names.filter(pl.col("treatment").is_in(["launched", "new"]))
    days = used.group_by("client").agg(pl.col("first").min().dt.date(), pl.col("last").max().dt.date())
    total = used["account"].n_unique()
    rows = fresh.join(days, on="client").select("client", "first", "last", "accounts").sort("client")
    return tuple(
        Incident("new_client", first, last, (), accounts, total, client)
        for client, first, last, accounts in rows.iter_rows()
    )


def names_record(names: pl.DataFrame) -> dict[str, Any]:
    """Return the names as ``run.json`` holds them: those with most requests, and how many there are.

    Args:
        names: result of :func:`client_names`.

    """
    ranked = names.sort("requests", "client", descending=[True, False])
    return {"names": ranked.height, "clients": ranked.head(MOST_NAMES).to_dicts()}
