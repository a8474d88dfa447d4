"""The accounts at the head of a run, in a table that fits its terminal."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import polars as pl

from detector.report.text import Style, columns, fitted, shown, table

__all__ = ["COLOURS", "LEAST", "TOP", "ranked", "top_accounts"]

TOP = {"harness": 7, "declared_third_party": 3}
"""Flagged accounts that are listed at most, by verdict."""

UUID = 36
"""Columns of an account id that are never cut."""

LEAST = 16
"""Columns below which a reason says nothing and goes."""

Row = tuple[str, str, str, str]

COLOURS = {"harness": "red", "declared_third_party": "magenta", "watch": "yellow"}
"""Of the verdicts that ask for somebody's eyes."""


def top_accounts(accounts: pl.DataFrame, width: int | None, style: Style) -> list[str]:
    """Return lines that list the flagged accounts with the highest scores, a group a verdict.

    Args:
        accounts: the account verdicts.
        width: columns that lines are fitted to; nothing is cut where left out.
        style: gives text its colours.

    """
    groups = [(name, ranked(accounts, name)) for name in TOP]
    groups = [(name, found) for name, found in groups if found.height]
    if not groups:
        return []
    picked = [found.head(TOP[name]) for name, found in groups]
    head = ("account", "score", "flagged", "strongest reason")
    rows = [head, *(_account(row) for part in picked for row in part.iter_rows(named=True))]
    if width:
        rows = _fit(rows, width)
    lines = iter(table(rows, right=frozenset({1, 2})))
    listed = [style(next(lines), dim=True)]
    for (name, found), part in zip(groups, picked, strict=True):
        more = f"{part.height:,} of {found.height:,}" if part.height < found.height else f"{found.height:,}"
        listed += [f"{style(name, fg=COLOURS[name], bold=True)} ({more})", *islice(lines, part.height)]
    return listed


def ranked(accounts: pl.DataFrame, verdict: str) -> pl.DataFrame:
    """Return the accounts of a verdict, highest scores first."""
    return accounts.filter(verdict=verdict).sort(
        "score", "account_id", descending=[True, False], nulls_last=True
    )


def _account(row: Mapping[str, Any]) -> Row:
    reason = row["reasons"][0]["text"] if row["reasons"] else ""
    part = f"{100 * row['flagged_requests'] // max(1, row['requests'])}%"
    return shown(row["account_id"], 64), f"{row['score']:.3f}", part, shown(reason)


def _fit(rows: Sequence[Row], width: int) -> list[Row]:
    """Cut reasons so that lines fit; ids only where they are longer than a UUID, for people copy them."""
    account = min(UUID, max(columns(row[0]) for row in rows))
    fixed = account + sum(max(columns(row[i]) for row in rows) for i in (1, 2))
    reason = width - fixed - len("  ") * len(rows[0])
    return [
        (fitted(row[0], account), row[1], row[2], fitted(row[3], reason) if reason >= LEAST else "")
        for row in rows
    ]
