"""Scores into decisions: the verdict on every account, and what it says of sessions.

An account is ``harness`` where one of its streams has conclusive grounds (two
independent families, see ``detector.model.rule``) and its overall score is
rare among genuine accounts. Doubt ends in ``watch``, thin evidence in
``insufficient_data``, pay-per-use traffic in ``out_of_scope``, and what the policy
alone decides needs no model.
"""

from dataclasses import dataclass

import polars as pl

from detector.features.registry import FEATURES
from detector.model.calibration import q_values
from detector.model.train import Assessment, Model
from detector.schema import ACCOUNT_VERDICT, AGAINST, FAMILIES, SESSION_VERDICT
from detector.verdict.names import client_names
from detector.verdict.policy import Policy
from detector.verdict.reasons import (
    Reason,
    against,
    declared_reason,
    listed,
    new_name_reason,
    reasons,
    shared,
)

__all__ = ["Decision", "decide", "list_sessions"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided.

    Attributes:
        accounts: schema ``ACCOUNT_VERDICT``, sorted by account.
        against: schema ``AGAINST``, what speaks for the flagged and watched ones.
        streams: ``stream``, ``account``, ``score``, ``p_value``, ``flagged``, ``suspect`` (flagged,
            or cause of a watch), ``families``, ``reasons``.
        names: the client names of the log and how each was taken (``names.NAMES``).

    """

    accounts: pl.DataFrame
    against: pl.DataFrame
    streams: pl.DataFrame
    names: pl.DataFrame


def decide(
    model: Model,
    assessment: Assessment,
    streams: pl.DataFrame,
    *,
    accounts: pl.DataFrame,
    policy: Policy,
    names: pl.DataFrame | None = None,
) -> Decision:
    """Decide on every account and stream.

    Args:
        model: the model that assessed.
        assessment: of ``streams``, row by row.
        streams: all streams in scope, measured.
        accounts: a row an account: ``account``, ``account_id``, ``requests``,
            ``first_seen``, ``last_seen``, ``plan``, ``sessions``, ``paid_sessions``.
        policy: what the provider permits.
        names: result of ``names.client_names`` of the whole log; counted from ``streams`` where
            left out.

    """
    if names is None:
        names = client_names(streams, model.population, policy, model.settings)
    # The assessment goes row by row: no join may move a stream.
    planned = streams.join(
        accounts.select("account", "plan"), on="account", how="left", maintain_order="left"
    )
    judged = _judge(model, assessment, planned, policy, names)
    judged = judged.with_columns(flagged=pl.col("harness") | pl.col("banned"))
    judged = judged.with_columns(suspect=pl.col("flagged") | pl.col("watch"))
    table = _accounts(judged, accounts)
    return Decision(
        table.select(*ACCOUNT_VERDICT).cast(ACCOUNT_VERDICT).sort("account_id"),
        _against(table, planned, assessment, model),
        judged.select("stream", "account", "score", "p_value", "flagged", "suspect", "families", "reasons"),
        names,
    )


def list_sessions(sessions: pl.DataFrame, decision: Decision, accounts: pl.DataFrame) -> pl.DataFrame:
    """Say of sessions what was decided of their streams.

    Args:
        sessions: measured; ``stream`` is null out of scope.
        decision: on all streams.
        accounts: ``account`` and ``account_id``.

    Returns:
        Schema ``SESSION_VERDICT`` and a column a feature, sorted by account, start and session.

    """
    features = [record.name for record in FEATURES]
    listed = (
        sessions.join(decision.streams.drop("account"), on="stream", how="left")
        .join(accounts.select("account", "account_id"), on="account")
        .select(
            *(
                pl.col(name)
                for name in SESSION_VERDICT
                if name not in {"session", "flagged", "families", "reasons"}
            ),
            pl.col("name").alias("session"),
            pl.col("flagged").fill_null(value=False),
            *(pl.col(name).fill_null([]) for name in ("families", "reasons")),
            *features,
        )
    )
    listed = listed.select(*SESSION_VERDICT, *features).cast(SESSION_VERDICT)
    return listed.sort("account_id", "start", "session")


def _judge(
    model: Model, assessment: Assessment, streams: pl.DataFrame, policy: Policy, names: pl.DataFrame
) -> pl.DataFrame:
    """Add to every stream what is said of it: harness, banned, permitted, watch, families, reasons."""
    settings = model.settings
    rules = settings.decision
    counted = assessment.grounds
    users = names.select("client", "treatment", users="accounts")
    families = [[family for family, on in zip(FAMILIES, row, strict=True) if on] for row in counted.counting]
    table = streams.join(users, on="client", how="left", maintain_order="left").with_columns(
        score=pl.Series(assessment.score.round(9)),
        p_value=pl.Series(assessment.p_value.round(9)),
        conclusive=pl.Series(counted.conclusive),
        strong=pl.Series(counted.strong),
        telling=pl.Series(counted.telling),
        families=pl.Series(families, dtype=pl.List(pl.String)),
        reasons=listed(
            reasons(streams, assessment.oriented, model.reference, rules.reasons, counted.counting)
        ),
        shared=shared(streams),
        declared=policy.declared(),
        allowed=policy.permitted(),
    )
    total = pl.col("requests").sum().over("account")
    fresh = pl.col("treatment").is_in(["launched", "new"]).fill_null(value=False)
    named = pl.col("requests").sum().over("account", "client")
    table = table.with_columns(
        fresh=fresh,
        modelled=~pl.col("declared") & (pl.col("served") >= settings.floors.served),
        named_share=named / total,
    )
    # The provider's own telemetry speaks for a client that no list has yet.
    backed = pl.col("reporting") & (pl.col("telemetry_coverage").fill_null(1.0) >= rules.in_step)
    backed &= ~policy.listed()
    # Where the log names neither token nor plan, the tool may as well pay per use.
    foreign = pl.col("declared") & ~pl.col("fresh") & ~pl.col("allowed") & pl.col("subscribed")
    # A stranger's few requests on a stolen token say nothing of the account's owner; all names
    # together count, so that a tool hides in no number of them.
    others = pl.when(foreign).then("requests").otherwise(0).sum().over("account")
    weighty = (others >= settings.floors.named) & (others >= rules.least_share * total)
    table = table.with_columns(
        named=listed(_named(table, policy)),
        foreign=foreign,
        banned=foreign & weighty & ~backed,
        permitted=pl.col("declared")
        & (pl.col("allowed") | ~pl.col("subscribed") | (pl.col("treatment") == "launched")),
        # Whoever it is, it is permitted where any tool is.
        doubted=(pl.col("treatment") == "new").fill_null(value=False)
        & ~pl.col("allowed")
        & pl.col("subscribed"),
    )
    found = pl.col("modelled") & pl.col("conclusive") & (pl.col("p_value") <= rules.flag_p)
    part = pl.when(found).then("requests").otherwise(0).sum().over("account")
    # A few requests of another program judge nobody, but somebody should know of them.
    slight = pl.col("strong") & ~pl.col("declared") & pl.col("modelled").any().over("account")
    rare = (pl.col("p_value") <= rules.watch_p) & pl.col("telling")
    automated = pl.col("modelled") & pl.any_horizontal("conclusive", "strong", rare)
    table = table.with_columns(
        harness=found & (part >= rules.least_share * total),
        doubtful=automated | slight | pl.col("foreign") | pl.col("doubted"),
    ).with_columns(watch=pl.col("doubtful") | (pl.col("modelled") & pl.col("shared")))
    # Verdicts come first and the forest orders the rest: no account on watch ranks above a flagged one.
    # People who share an account are watched for that, and are no more like a program than others.
    tier = pl.when("harness").then(2).when("doubtful").then(1).otherwise(0)
    said = pl.col("foreign") | pl.col("doubted")
    return table.with_columns(
        score=pl.when("banned")
        .then(1.0)
        .when("permitted")
        .then(0.0)
        .otherwise(((tier + pl.col("score")) / 3).round(9)),
        p_value=pl.when("modelled").then("p_value"),
        families=pl.when(said).then(pl.lit(["fingerprint"])).when("permitted").then([]).otherwise("families"),
        reasons=pl.when(said).then("named").when("permitted").then([]).otherwise("reasons"),
    )


def _named(table: pl.DataFrame, policy: Policy) -> list[list[Reason]]:
    """Return the reason of every stream whose client names itself, none for others."""
    rows = table.select("client", "declared", "fresh", "users", "named_share").iter_rows(named=True)
    return [
        []
        if not row["declared"]
        else [new_name_reason(row["client"], row["users"])]
        if row["fresh"]
        else [declared_reason(row["client"], row["named_share"], policy.title)]
        for row in rows
    ]


def _accounts(judged: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Gather streams into a row an account."""
    # The stream that speaks for the account: the worst that is sure, else the worst.
    ranked = judged.sort(
        "account",
        "harness",
        "banned",
        "suspect",
        "modelled",
        "score",
        "stream",
        descending=[False, True, True, True, True, True, False],
    )
    spoken = ranked.unique("account", keep="first", maintain_order=True)
    anything = judged.group_by("account").agg(
        pl.col("harness").any(),
        pl.col("banned").any(),
        pl.col("watch").any(),
        score=pl.col("score").filter(pl.col("modelled") | pl.col("suspect")).max(),
        p_value=pl.col("p_value").filter(pl.col("modelled")).min(),
        settled=(pl.col("modelled") | pl.col("permitted") | (pl.col("fresh") & pl.col("watch"))).any(),
        **{
            f"flagged_{what}": pl.col(what).filter("flagged").sum()
            for what in ("sessions", "requests", "tokens")
        },
    )
    table = (
        accounts.join(anything, on="account", how="left")
        .join(
            spoken.select("account", "stream", "families", "reasons", spoken_score="score"),
            on="account",
            how="left",
        )
        .with_columns(score=pl.coalesce("score", "spoken_score"))
        .with_columns(pl.col("^flagged_.*$").fill_null(0))
    )
    verdict = (
        pl.when((pl.col("sessions") > 0) & (pl.col("sessions") == pl.col("paid_sessions")))
        .then(pl.lit("out_of_scope"))
        .when("harness")
        .then(pl.lit("harness"))
        .when("banned")
        .then(pl.lit("declared_third_party"))
        .when(~pl.col("settled").fill_null(value=False))
        .then(pl.lit("insufficient_data"))
        .when("watch")
        .then(pl.lit("watch"))
        .otherwise(pl.lit("clear"))
    )
    table = table.with_columns(verdict=verdict).with_columns(
        flagged=pl.col("verdict").is_in(["harness", "declared_third_party"]),
        q_value=pl.Series(q_values(table["p_value"].fill_null(float("nan")).to_numpy()).round(9)),
        families=pl.col("families").fill_null([]),
        reasons=pl.col("reasons").fill_null([]),
    )
    return table.with_columns(pl.col("q_value").fill_nan(None), pl.col("p_value").fill_nan(None))


def _against(
    accounts: pl.DataFrame, streams: pl.DataFrame, assessment: Assessment, model: Model
) -> pl.DataFrame:
    """Say what speaks for flagged and watched accounts, of the stream that speaks for each."""
    asked = accounts.filter(pl.col("verdict").is_in(["harness", "watch"])).sort("account_id")
    rows = streams.with_row_index("row").join(asked.select("account_id", "stream"), on="stream")
    rows = rows.sort("account_id")
    oriented = assessment.oriented[rows["row"].to_numpy()]
    told = against(rows, oriented, model.reference, model.settings.decision.reasons)
    table = rows.select("account_id", one=listed(told)).explode("one")
    return table.filter(pl.col("one").is_not_null()).unnest("one").select(*AGAINST).cast(AGAINST)
