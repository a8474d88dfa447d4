"""What a flagged or watched account left in the log: its hours, and the headers it sent."""

import polars as pl

from detector.features.expected import expected_orders
from detector.features.extract import identify
from detector.features.fingerprint import common_lists
from detector.features.libraries import library_names
from detector.features.resemblance import resembled_clients
from detector.schema import ACTIVITY, HEADERS
from detector.settings import FingerprintSettings, Settings

__all__ = ["activity", "headers"]

MOST_LISTS = 20
"""Header lists kept of an account; a rotating client may send thousands."""


def activity(told: pl.DataFrame, hours: pl.DataFrame) -> pl.DataFrame:
    """Count what accounts asked, and what telemetry reported of it, hour by hour.

    Args:
        told: ``session``, ``account_id`` and ``flagged``.
        hours: result of ``hours.hourly``.

    Returns:
        Schema ``ACTIVITY``, sorted by account and hour.

    """
    rows = hours.lazy().join(told.lazy(), on="session")
    flagged = {
        f"flagged_{name}": pl.col(name).filter("flagged").sum() for name in ("requests", "served", "reported")
    }
    hour = pl.from_epoch(pl.col("hour").cast(pl.Int64) * 3600, "s").dt.cast_time_unit("us")
    sums = rows.group_by("account_id", "hour").agg(pl.col("requests", "served", "reported").sum(), **flagged)
    sums = sums.with_columns(hour.dt.replace_time_zone("UTC"))
    return sums.select(*ACTIVITY).cast(ACTIVITY).sort("account_id", "hour").collect()


def headers(
    told: pl.DataFrame,
    marks: pl.DataFrame,
    fingerprints: pl.DataFrame,
    populations: list[pl.DataFrame],
    settings: Settings,
) -> pl.DataFrame:
    """List the header lists that accounts sent, what is expected of the client, and what they look like.

    Args:
        told: ``session``, ``account_id`` and ``flagged``.
        marks: ``extract.Summary.marks``: which fingerprints each session showed how often.
        fingerprints: header facts by ``fingerprint``, as logged.
        populations: of ``fingerprint.population`` that the model judged by.
        settings: all settings.

    Returns:
        Schema ``HEADERS``: the most frequent lists of each account, flagged ones first.

    """
    shown = marks.join(told, on="session")
    own = fingerprints.join(shown, on="fingerprint", how="semi").filter(pl.col("header_names").list.len() > 0)
    facts = identify(own, settings).select(
        "fingerprint", "client", "client_version", "raw_names", "core", "accept_encoding"
    )
    facts = facts.join(own.select("fingerprint", "header_names"), on="fingerprint")
    # Lists are numbered by content, so that what they are does not depend on who else sent them.
    facts = facts.with_columns(
        text=pl.col("header_names").list.join("\n"), raw=pl.col("raw_names").list.join("\n")
    )
    key = ("account_id", "client", "client_version", "text")
    sums = (
        shown.join(facts.select("fingerprint", "client", "client_version", "text"), on="fingerprint")
        .group_by(key)
        .agg(
            pl.col("requests").sum(),
            flagged_requests=pl.col("requests").filter("flagged").sum(),
            fingerprint=pl.col("fingerprint").min(),
        )
        .sort(
            "account_id",
            "flagged_requests",
            "requests",
            "text",
            "client",
            "client_version",
            descending=[False, True, True, False, False, False],
        )
    )
    kept = sums.group_by("account_id", maintain_order=True).head(MOST_LISTS)
    kept = kept.join(
        facts.select("fingerprint", "raw", "accept_encoding", seen="header_names"),
        on="fingerprint",
        how="left",
        maintain_order="left",
    )
    form = ["client", "raw", "accept_encoding"]
    lists = facts.join(kept, on=form, how="semi", nulls_equal=True).unique(form)
    compared = lists.select(
        *form,
        expected_orders(lists, populations, settings.fingerprint),
        _libraries(lists, populations, settings.fingerprint),
        resembled_clients(lists, populations, settings.fingerprint),
    )
    kept = kept.join(compared, on=form, how="left", nulls_equal=True, maintain_order="left")
    return kept.select(*HEADERS).cast(HEADERS)


def _libraries(
    lists: pl.DataFrame, populations: list[pl.DataFrame], settings: FingerprintSettings
) -> pl.Series:
    """Return the libraries that may have written each list; null where the list is cut."""
    orders = common_lists(populations, "order", settings)
    encoding = pl.col("accept_encoding").str.strip_prefix("accept-encoding=")
    found = [
        None if names is None else library_names(names, value, orders.get(client, ()))
        for client, names, value in lists.select("client", "raw_names", encoding).iter_rows()
    ]
    return pl.Series("library", found, dtype=pl.String)
