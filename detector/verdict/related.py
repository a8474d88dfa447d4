"""Which other accounts share what a flagged or watched account shows: one operator is one decision.

Only what is telling counts. An address of a whole company, the tools that a client has by
default and the headers that it always sends are shared by many who have nothing to do with
each other.
"""

from collections.abc import Mapping

import polars as pl

from detector.features.extract import identify
from detector.schema import RELATED
from detector.settings import Settings

__all__ = ["RELATED_MOST", "RELATED_SHARE", "related"]

RELATED_MOST = 50
"""Accounts that a value may have at most to say anything."""

RELATED_SHARE = 0.02
"""Share of the accounts that may show a tool set or a header list at most: more is a default."""

NAMED = 5
"""Other accounts that are named at most."""

LARGEST_OPERATOR = 2**32 - 1
"""Largest number of an autonomous system; hashes of addresses are numbers of 64 bits."""


def related(
    part: pl.DataFrame,
    summary: Mapping[str, pl.LazyFrame],
    fingerprints: pl.DataFrame,
    accounts: pl.DataFrame,
    settings: Settings,
) -> pl.DataFrame:
    """List who else shows an address, device, tool set or header list of some sessions.

    Args:
        part: ``session`` and ``account``: the sessions in question.
        summary: ``sessions`` (``session``, ``account``, ``device``), ``marks`` and ``tools`` of
            all accounts, as in ``extract.Summary``.
        fingerprints: header facts by ``fingerprint``, as logged.
        accounts: all accounts: ``account``, ``account_id`` and ``flagged``.
        settings: all settings.

    Returns:
        Schema ``RELATED``, sorted by account and in the order of ``address``, ``device``,
        ``tools``, ``headers``; no row where nobody else shows a telling value.

    """
    owners = summary["sessions"].select("session", "account")
    rare = min(RELATED_MOST, int(RELATED_SHARE * accounts.height))
    kinds = {
        "address": (_addresses(summary["marks"]), RELATED_MOST),
        "device": (summary["sessions"].select("session", value="device"), RELATED_MOST),
        "tools": (summary["tools"].select("session", value="tools_hash"), rare),
        "headers": (_lists(summary["marks"], fingerprints, settings), rare),
    }
    tables = [
        _sharers(shown.drop_nulls(), part.lazy(), owners, most)
        .join(accounts.lazy(), left_on="other", right_on="account")
        .sort("account", "flagged", "account_id", descending=[False, True, False])
        .group_by("account", maintain_order=True)
        .agg(
            by=pl.lit(by),
            place=pl.lit(place),
            accounts=pl.len(),
            flagged=pl.col("flagged").sum(),
            others=pl.col("account_id").head(NAMED),
        )
        .collect()
        for place, (by, (shown, most)) in enumerate(kinds.items())
    ]
    rows = pl.concat(tables).join(accounts.select("account", "account_id"), on="account")
    return rows.sort("account_id", "place").select(*RELATED).cast(RELATED)


def _sharers(shown: pl.LazyFrame, part: pl.LazyFrame, owners: pl.LazyFrame, most: int) -> pl.LazyFrame:
    """Return each ``account`` of the part with each ``other`` that shows a telling value of it.

    Args:
        shown: ``session`` and ``value`` of all accounts.
        part: ``session`` and ``account``.
        owners: the same of all sessions.
        most: accounts that may show a value.

    """
    own = shown.join(part, on="session").select("account", "value").unique().collect().lazy()
    # Few values are in question, so that nothing is counted of all others.
    rows = shown.join(own, on="value", how="semi").join(owners, on="session")
    everyone = rows.select("value", other="account").unique()
    telling = everyone.filter(pl.len().over("value").is_between(2, most))
    pairs = own.join(telling, on="value").filter(pl.col("account") != pl.col("other"))
    return pairs.select("account", "other").unique()


def _addresses(marks: pl.LazyFrame) -> pl.LazyFrame:
    """Return the addresses of each session; an operator that stands for an address is none."""
    return marks.filter(pl.col("network") > LARGEST_OPERATOR).select("session", value="network")


def _lists(marks: pl.LazyFrame, fingerprints: pl.DataFrame, settings: Settings) -> pl.LazyFrame:
    """Return the header lists of each session as numbers; null where the list is missing or cut.

    Names of proxies are left out, so that the way to the gateway changes no list.
    """
    given = fingerprints.with_columns(text=pl.col("header_names").list.join("\n"))
    # A client that rotates its user agent has many fingerprints and few lists.
    lists = identify(given.unique(["text", "headers_complete"]), settings).select(
        "text", "headers_complete", value=pl.col("raw_names").list.join("\n").rank("dense").cast(pl.UInt64)
    )
    numbered = given.select("fingerprint", "text", "headers_complete").join(
        lists, on=["text", "headers_complete"], nulls_equal=True
    )
    return marks.join(numbered.lazy(), on="fingerprint").select("session", "value")
