"""What is kept of one ranking of one fleet: figures of accounts, classes and sessions."""

from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from benchmarks.fleets import Fleet
from detector.errors import InputError
from detector.verdict.evaluate import Figures, evaluate_frames

__all__ = ["DETECTOR", "LEFT_OUT", "Outcome", "Stability", "outcome", "ranked_by"]

DETECTOR = "detector"
"""The method that is reported."""

POSITIVE = "harness"
LEFT_OUT = ("declared_third_party", "permitted", "out_of_scope", "insufficient_data")
"""Labels and verdicts that stand outside the ranking (``detector.verdict.evaluate``)."""


@dataclass(frozen=True)
class Outcome:
    """One ranking of the accounts of one scored week.

    Attributes:
        source: of the fleet.
        seed: of the fleet.
        method: ``detector``, or who else ranked.
        accounts: figures of accounts.
        found: by harness class, ranked accounts found at 1 % false flags and ranked accounts.
        sessions: figures of sessions, where truth and the method know them.
        varied: what was varied, if anything.
        value: and to what.

    """

    source: str
    seed: int
    method: str
    accounts: Figures
    found: dict[str, tuple[int, int]] = field(default_factory=dict)
    sessions: Figures | None = None
    varied: str = ""
    value: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain dictionaries and lists, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Stability:
    """How much the flagged accounts depend on the seed of the forest.

    Attributes:
        source: of the fleet.
        seed: of the fleet.
        forest_seed: the other seed.
        flagged: accounts flagged with the first seed.
        changed: share of them: flagged with one seed and not with the other.
        jaccard: 1 - shared / flagged with either seed.

    """

    source: str
    seed: int
    forest_seed: int
    flagged: int
    changed: float
    jaccard: float


def outcome(
    fleet: Fleet,
    method: str,
    verdicts: pl.DataFrame,
    sessions: pl.DataFrame | None = None,
    *,
    varied: str = "",
    value: str = "",
) -> Outcome:
    """Compare verdicts with the labels of a fleet.

    Args:
        fleet: whose second week was scored.
        method: who scored.
        verdicts: ``account_id``, ``verdict``, ``flagged``, ``score``.
        sessions: ``account_id``, ``session``, ``flagged``, ``score``, where the method tells.
        varied: what was varied, if anything.
        value: and to what.

    """
    accounts = evaluate_frames(verdicts, fleet.accounts, unit="account", where=fleet.source)
    found = {}
    if accounts.at_false_flags:
        above = pl.col("score") > accounts.at_false_flags[0].threshold
        harnesses = _ranked(verdicts.join(fleet.accounts, on="account_id")).filter(
            pl.col("label") == POSITIVE
        )
        counts = harnesses.group_by("class").agg(above.sum(), pl.len()).sort("class")
        found = {name: (hits, total) for name, hits, total in counts.iter_rows()}
    told = None if sessions is None else _sessions(fleet, verdicts, sessions)
    return Outcome(fleet.source, fleet.seed, method, accounts, found, told, varied, value)


def ranked_by(scores: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Put the scores of a rival in the place of ours.

    A rival has no flags of its own: it flags as many of the ranked accounts as the
    detector called a harness, ties in the order of the (random) account ids.

    Args:
        scores: ``account_id``, ``score``; accounts without one stand last.
        verdicts: the detector's ``account_id``, ``verdict``, ``flagged``, ``score``.

    """
    least = scores["score"].min()
    table = verdicts.drop("score", "flagged").join(scores, on="account_id", how="left")
    had = verdicts.select("account_id", had=pl.col("score").is_not_null())
    table = table.join(had, on="account_id", how="left").with_columns(
        score=pl.when("had").then(pl.col("score").fill_null(least))
    )
    flags = verdicts.filter(pl.col("verdict") == POSITIVE).height
    eligible = ~pl.col("verdict").is_in(LEFT_OUT) & pl.col("score").is_not_null()
    worst = table.filter(eligible).sort("score", "account_id", descending=[True, False]).head(flags)
    flagged = pl.col("account_id").is_in(worst["account_id"].implode())
    return table.with_columns(flagged=flagged).drop("had")


def _ranked(table: pl.DataFrame) -> pl.DataFrame:
    """Leave out what ``evaluate`` leaves out of its ranking."""
    return table.filter(
        ~pl.col("verdict").is_in(LEFT_OUT), ~pl.col("label").is_in(LEFT_OUT), pl.col("score").is_not_null()
    )


def _sessions(fleet: Fleet, verdicts: pl.DataFrame, sessions: pl.DataFrame) -> Figures | None:
    known = sessions.select("account_id", pl.col("session").alias("session_id"), "flagged", "score")
    known = known.join(verdicts.select("account_id", "verdict"), on="account_id", how="left")
    try:
        return evaluate_frames(known, fleet.sessions, unit="session", where=fleet.source)
    except InputError:  # a small fleet may declare no session of one side
        return None
