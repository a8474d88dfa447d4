"""One operator behind many accounts: weak in each account, plain across them.

A farm spreads its jobs, so that no account shows much. Together they show what no group of
people does: at one address several accounts that nobody is ever at work on, all silent, and
hardly anybody else. In a company most accounts are attended, whatever runs there at night.
"""

import polars as pl

from detector.settings import Settings

__all__ = ["OPERATOR", "count_operators"]

OPERATOR = "operator_accounts"
"""The feature that :func:`count_operators` measures."""


def count_operators(streams: pl.DataFrame, settings: Settings) -> pl.Series:
    """Count the accounts that one operator seems to run from the address of each stream.

    A stream is part of it where nobody is at work on it, it reports nothing, and it comes from one
    address; the accounts with such a stream must be most of those at the address.

    Args:
        streams: of the whole fleet, with ``account``, ``cohort``, ``attended``, ``reporting``,
            ``network`` (null where no address was logged, or several) and ``sessions``.
        settings: the sessions that show a habit.

    Returns:
        ``OPERATOR``, a number of accounts a row; 0 for streams that are no part, null where
        attendance or address is unknown, and in print mode.

    """
    part = (
        (~pl.col("attended"))
        & ~pl.col("reporting")
        & (pl.col("cohort") != "headless")
        & (pl.col("sessions") >= settings.floors.sessions)
    ).fill_null(value=False)
    alike = pl.col("account").filter(part).n_unique().over("network")
    most = alike > settings.incidents.shifted_share * pl.col("account").n_unique().over("network")
    known = pl.col("network").is_not_null() & pl.col("attended").is_not_null()
    counted = (
        pl.when(known & (pl.col("cohort") != "headless"))
        .then(pl.when(part & most).then(alike).otherwise(0))
        .cast(pl.Float64)
    )
    return streams.select(counted.alias(OPERATOR)).to_series()
