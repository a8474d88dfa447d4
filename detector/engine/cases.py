"""What a run keeps of the flagged and watched accounts, so that a case can be opened without the logs."""

from collections.abc import Mapping

import polars as pl

from detector.engine.measure import Measured
from detector.features.extract import Summary
from detector.features.fingerprint import MEASURES
from detector.features.registry import FEATURES
from detector.model.train import Model
from detector.schema import PLANS
from detector.verdict.clearing import Scored, clearing
from detector.verdict.decide import Decision
from detector.verdict.policy import Policy
from detector.verdict.related import related
from detector.verdict.traces import activity, headers

__all__ = ["case_tables"]


def case_tables(
    measured: Measured, streams: pl.DataFrame, decision: Decision, model: Model, policy: Policy
) -> dict[str, pl.DataFrame]:
    """Return the tables about flagged and watched accounts, by name (``verdict.write.TABLES``).

    Args:
        measured: the log.
        streams: as they were assessed.
        decision: on them.
        model: that assessed.
        policy: that decided.

    """
    chosen = decision.accounts.filter(pl.col("flagged") | (pl.col("verdict") == "watch"))
    asked = measured.accounts.join(chosen.select("account_id"), on="account_id", how="semi")
    sessions = _sessions(measured, asked)
    summary = _of(measured.summary, sessions, asked)
    marked = sessions.join(decision.streams.select("stream", "flagged"), on="stream", how="left")
    marked = marked.with_columns(pl.col("flagged").fill_null(value=False))
    told = marked.join(asked.select("account", "account_id"), on="account")
    told = told.select("session", "account_id", "flagged")
    # What a person shares has nothing to do with what rides on the account.
    part = marked.filter(pl.col("flagged") | ~pl.col("flagged").any().over("account"))
    part = part.filter(pl.col("stream").is_not_null()).select("session", "account")
    flags = decision.accounts.select("account_id", "flagged")
    everyone = measured.accounts.select("account", "account_id").join(flags, on="account_id")
    scored = Scored(
        model=model,
        policy=policy,
        decision=decision,
        measured=measured.streams,
        streams=streams,
        accounts=measured.accounts,
        sessions=sessions.filter(pl.col("stream").is_not_null()),
        summary=summary,
        available=measured.available,
    )
    populations = [measured.population, model.population]
    plans = asked.filter(pl.col("plan").is_not_null()).select(*PLANS).sort("account_id")
    return {
        "activity": activity(told, summary.hours),
        "against": decision.against,
        "clearing": clearing(scored),
        "headers": headers(told, summary.marks, measured.log.fingerprints, populations, model.settings),
        "plans": plans.cast(PLANS),
        "related": related(part, measured.summary, measured.log.fingerprints, everyone, model.settings),
    }


def _sessions(measured: Measured, asked: pl.DataFrame) -> pl.DataFrame:
    """Return the measured sessions of some accounts, without what is derived from their counters."""
    derived = [record.name for record in FEATURES if record.name not in MEASURES]
    rows = pl.concat(measured.slices).drop(derived)
    return rows.filter(pl.col("account").is_in(asked["account"].implode())).collect().sort("session")


def _of(summary: Mapping[str, pl.LazyFrame], sessions: pl.DataFrame, asked: pl.DataFrame) -> Summary:
    """Return what was kept of some accounts."""
    own = {
        name: pl.col("session").is_in(sessions["session"].implode())
        for name in ("sessions", "hours", "marks", "tools")
    }
    own["accounts"] = pl.col("account").is_in(asked["account"].implode())
    return Summary(
        **{name: summary[name].filter(mine).collect(engine="in-memory") for name, mine in own.items()}
    )
