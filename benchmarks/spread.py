"""The same requests on fewer or more accounts: how cost grows with accounts alone.

Merging takes that many accounts together, in order of their ids. Splitting deals the declared
sessions of an account, in order of their ids, to so many accounts; what declares none stays with
the first of them. Times, sessions and everything else remain, so both logs have as many rows.
"""

import json
from dataclasses import asdict
from typing import Literal

import polars as pl

from benchmarks.gateway import GatewayLog
from detector.output import new_folder

__all__ = ["spread"]

KEY = ["account_id", "session_id"]
ACCOUNT = pl.col("account_id")


def spread(log: GatewayLog, how: Literal["merged", "split"], by: int) -> GatewayLog:
    """Return a log of the same requests on other accounts, from the cache or made now.

    Args:
        log: the log; the copy lies beside it, without the hour that follows.
        how: ``merged`` into fewer accounts, or ``split`` into more.
        by: accounts that become one, or at most so many of each.

    """
    folder = log.folder.with_name(f"{log.folder.name}-{how}-{by}")
    if not folder.is_dir():
        sessions = pl.scan_parquet(log.log, hive_partitioning=False).select(KEY).unique().sort(KEY).collect()
        names = sessions.with_columns(name=_merged(by) if how == "merged" else _split(by))
        with new_folder(folder) as work:
            for file in sorted(log.log.rglob("*.parquet")):
                requests = pl.read_parquet(file, hive_partitioning=False)
                named = requests.join(names, on=KEY, how="left", nulls_equal=True, maintain_order="left")
                target = work / file.relative_to(log.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                named.with_columns(account_id="name").drop("name").write_parquet(target, compression="zstd")
            accounts = names["name"].n_unique()
            (work / "accounts.json").write_text(json.dumps(accounts), "utf-8")
    return GatewayLog(
        **asdict(log)
        | {
            "folder": folder,
            "bytes": sum(file.stat().st_size for file in (folder / "log").rglob("*.parquet")),
            "accounts": json.loads((folder / "accounts.json").read_text("utf-8")),
            "later_rows": 0,
        }
    )


def _merged(by: int) -> pl.Expr:
    """Name accounts after the first of their group."""
    return ACCOUNT.first().over((ACCOUNT.rank("dense") - 1) // by)


def _split(by: int) -> pl.Expr:
    """Name accounts after which share of the sessions they get."""
    dealt = (pl.col("session_id").rank("ordinal").over("account_id") - 1) % by
    return ACCOUNT + "-" + dealt.fill_null(0).cast(pl.String)
