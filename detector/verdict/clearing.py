"""What would clear an account: its verdict again without some sessions or some evidence.

Nothing is guessed. Each answer is a counterfactual account: its sessions are measured
without those that are attested, or the features of the explained evidence are null, and
the same model and policy decide on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from detector.features.extract import Summary
from detector.features.operators import OPERATOR
from detector.features.registry import FEATURES, feature
from detector.features.streams import measure_streams
from detector.model.train import Model, assess
from detector.schema import CLEARING
from detector.verdict.decide import Decision, decide
from detector.verdict.parts import LONGEST_NAME, attested, busy_hours
from detector.verdict.policy import Policy
from detector.verdict.reasons import plain

__all__ = ["Scored", "clearing"]

MOST_PARTS = 4
"""Flagged parts of an account that are taken away one by one."""

FAMILY_WORDS = {
    "cadence": "rhythm and hours",
    "telemetry": "telemetry",
    "fingerprint": "headers and connection",
    "usage": "tokens, cache and helper calls",
    "account": "hours and terminals of the whole account",
}
"""What a family is about."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What was scored.

    Attributes:
        model: the model.
        policy: the policy.
        decision: what was decided.
        measured: streams as measured.
        streams: the same without what was set aside, as they were assessed.
        accounts: as ``decide`` takes them.
        sessions: result of ``streams.assign_streams`` of the accounts in question.
        summary: what was kept of their requests.
        available: features that the log can feed.

    """

    model: Model
    policy: Policy
    decision: Decision
    measured: pl.DataFrame
    streams: pl.DataFrame
    accounts: pl.DataFrame
    sessions: pl.DataFrame
    summary: Summary
    available: frozenset[str]


def clearing(scored: Scored) -> pl.DataFrame:
    """Judge every flagged or watched account again without parts of it.

    Taken away are its flagged (or watched) streams, one by one where there are several and
    all together; the evidence of each family that counts; that of each reason, where a family
    has several; and, where a client names itself, the policy's ban on it.

    Returns:
        Schema ``CLEARING``, sorted by account; sessions come before evidence.

    """
    chosen = scored.decision.accounts.filter(pl.col("flagged") | (pl.col("verdict") == "watch"))
    asked = chosen.join(scored.accounts.select("account_id", "account"), on="account_id")
    suspects = _suspects(asked, scored)
    variants = [*_attested(suspects, scored), *_explained(asked, scored)]
    verdicts = [_judged(variants, scored, scored.policy)]
    permitted = _permitted(suspects, scored)
    if permitted:
        verdicts.append(_judged(permitted, scored, replace(scored.policy, permitted_plans=("*",))))
    told = pl.concat(verdicts).join(asked.select("account", "account_id"), on="account")
    order = told.sort(
        "account_id", "rank", pl.col("sessions"), "what", descending=[False, False, True, False]
    )
    return order.select(*CLEARING).cast(CLEARING)


@dataclass(frozen=True, slots=True)
class Variants:
    """Accounts as they would be, at most one counterfactual an account.

    Attributes:
        rank: place of this kind among the answers.
        accounts: ``account``, ``what``, ``sessions``.
        streams: all their streams, as ``assess`` takes them.

    """

    rank: int
    accounts: pl.DataFrame
    streams: pl.DataFrame


def _suspects(asked: pl.DataFrame, scored: Scored) -> pl.DataFrame:
    """Return the streams for which accounts are flagged or watched, the largest first.

    ``account``, ``stream``, ``client``, ``sessions``, ``requests``, ``banned``, ``place``
    (among those of the account) and ``many`` (how many there are).
    """
    marks = scored.decision.streams.join(asked.select("account", verdict_flagged="flagged"), on="account")
    marks = marks.filter(pl.when("verdict_flagged").then("flagged").otherwise("suspect"))
    rows = scored.streams.join(marks.select("stream"), on="stream", how="semi")
    rows = rows.select("account", "stream", "client", "sessions", "requests", banned=scored.policy.declared())
    rows = rows.sort("account", "requests", "stream", descending=[False, True, False])
    return rows.with_columns(place=pl.int_range(pl.len()).over("account"), many=pl.len().over("account"))


def _attested(suspects: pl.DataFrame, scored: Scored) -> Iterator[Variants]:
    """Take away the sessions of suspect streams: all of an account's, then one stream after the other."""
    when = busy_hours(suspects, scored.sessions, scored.summary.hours)
    yield _without(0, suspects, scored, when)
    several = suspects.filter(pl.col("many") > 1)
    for place in several["place"].unique().sort().head(MOST_PARTS):
        yield _without(1, several.filter(pl.col("place") == place), scored, when)


def _without(rank: int, taken: pl.DataFrame, scored: Scored, when: pl.DataFrame) -> Variants:
    """Measure accounts again without some of their streams."""
    own = scored.sessions.join(taken.select("account").unique(), on="account", how="semi")
    kept = own.join(taken.select("stream"), on="stream", how="anti")
    streams = measure_streams(kept, scored.summary, scored.available, scored.model.settings)
    # Other accounts stay as they are.
    operators = scored.measured.select("stream", OPERATOR)
    streams = streams.drop(OPERATOR).join(operators, on="stream", how="left", maintain_order="left")
    # What a release or a shift of the cohort explains stays set aside.
    before = scored.measured.join(streams.select("stream"), on="stream", how="semi").sort("stream")
    after = scored.streams.join(streams.select("stream"), on="stream", how="semi").sort("stream")
    aside = {
        record.name: before[record.name].is_not_null() & after[record.name].is_null() for record in FEATURES
    }
    streams = streams.with_columns(
        pl.when(~gone).then(name).alias(name) for name, gone in aside.items() if gone.any()
    )
    told = taken.join(when, on="stream", how="left", maintain_order="left")
    parts: dict[int, list[dict[str, Any]]] = {}
    for row in told.iter_rows(named=True):
        parts.setdefault(row["account"], []).append(row)
    rows = [(account, sum(one["sessions"] for one in own), attested(own)) for account, own in parts.items()]
    accounts = pl.DataFrame(
        rows, {"account": pl.UInt32, "sessions": pl.Int64, "what": pl.String}, orient="row"
    )
    return Variants(rank, accounts, streams)


def _explained(asked: pl.DataFrame, scored: Scored) -> Iterator[Variants]:
    """Take away the evidence of each counting family, then that of each reason."""
    modelled = asked.filter(pl.col("verdict") != "declared_third_party")
    rows = [
        (
            row["account"],
            [reason for reason in row["reasons"] if reason["value"] is not None],
            row["families"],
        )
        for row in modelled.select("account", "reasons", "families").iter_rows(named=True)
    ]
    families: dict[str, list[int]] = {}
    causes: dict[str, list[tuple[int, str]]] = {}
    for account, reasons, counting in rows:
        of = [reason["family"] for reason in reasons]
        for family in dict.fromkeys([*counting, *of]):
            families.setdefault(family, []).append(account)
        for reason in reasons:
            if of.count(reason["family"]) > 1:
                causes.setdefault(feature(reason["feature"]).cause, []).append((account, reason["text"]))
    for family, accounts in sorted(families.items()):
        names = [record.name for record in FEATURES if record.family == family]
        what = f"the evidence from {FAMILY_WORDS[family]} is explained"
        yield _blank(2, [(account, what) for account in accounts], names, scored)
    for cause, told in sorted(causes.items()):
        names = [record.name for record in FEATURES if record.cause == cause]
        said = [(account, f'"{text.partition("; normally")[0]}" is explained') for account, text in told]
        yield _blank(3, said, names, scored)


def _blank(rank: int, told: list[tuple[int, str]], names: list[str], scored: Scored) -> Variants:
    accounts = pl.DataFrame(told, {"account": pl.UInt32, "what": pl.String}, orient="row")
    accounts = accounts.unique("account", keep="first", maintain_order=True)
    streams = scored.streams.join(accounts.select("account"), on="account", how="semi")
    streams = streams.with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)
    return Variants(rank, accounts.select("account", pl.lit(0).alias("sessions"), "what"), streams)


def _permitted(suspects: pl.DataFrame, scored: Scored) -> list[Variants]:
    """Take the accounts of clients that name themselves as they are."""
    own = (
        suspects.filter("banned")
        .group_by("account", maintain_order=True)
        .agg(client=pl.col("client").unique(maintain_order=True).str.slice(0, LONGEST_NAME).str.join(", "))
    )
    if own.is_empty():
        return []
    names = pl.Series([plain(client) for client in own["client"]])
    accounts = own.with_columns(name=names).select(
        "account", pl.lit(0).alias("sessions"), what=pl.format("the policy permits {} on this plan", "name")
    )
    return [Variants(0, accounts, scored.streams.join(accounts, on="account", how="semi"))]


def _judged(variants: list[Variants], scored: Scored, policy: Policy) -> pl.DataFrame:
    """Decide on all counterfactual accounts at once.

    Returns:
        ``account``, ``rank``, ``what``, ``sessions``, ``verdict``.

    """
    accounts = pl.concat(
        one.accounts.select(
            pl.col("account").cast(pl.UInt32),
            pl.col("sessions").cast(pl.Int64),
            "what",
            rank=pl.lit(one.rank),
            of=pl.lit(i),
        )
        for i, one in enumerate(variants)
    ).with_row_index("number")
    names = scored.streams.columns
    streams = pl.concat(
        (one.streams.select(names).with_columns(of=pl.lit(i)) for i, one in enumerate(variants)),
        how="vertical_relaxed",
    )
    streams = streams.join(
        accounts.select("account", "of", "number"), on=["account", "of"], maintain_order="left"
    )
    streams = streams.with_columns(
        account=pl.col("number"), stream=pl.int_range(pl.len(), dtype=pl.UInt32)
    ).drop("number", "of")
    known = accounts.join(scored.accounts, on="account", suffix="_seen").with_columns(
        account=pl.col("number"),
        account_id=pl.col("number").cast(pl.String),
        sessions=pl.col("sessions_seen") - pl.col("sessions"),
    )
    quiet = replace(
        scored.model,
        settings=replace(scored.model.settings, decision=replace(scored.model.settings.decision, reasons=0)),
    )
    decision = decide(
        quiet,
        assess(quiet, streams),
        streams,
        accounts=known.select(scored.accounts.columns),
        policy=policy,
        names=scored.decision.names,
    )
    verdicts = decision.accounts.select("verdict", number=pl.col("account_id").cast(pl.UInt32))
    return accounts.join(verdicts, on="number").select("account", "rank", "what", "sessions", "verdict")
