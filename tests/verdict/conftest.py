from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from detector.features.extract import COUNTERS
from detector.features.fingerprint import POPULATION
from detector.features.registry import FEATURES, SCORED
from detector.model.reference import Reference
from detector.model.rule import Grounds
from detector.model.train import Assessment
from detector.schema import FAMILIES
from detector.settings import default_settings
from detector.verdict.decide import decide, list_sessions
from detector.verdict.policy import load_policy


class Decided(NamedTuple):
    """The verdict tables, and what speaks for the flagged and watched."""

    accounts: pl.DataFrame
    sessions: pl.DataFrame
    against: pl.DataFrame


START = datetime(2026, 11, 2, 9, tzinfo=UTC)

NOBODY = pl.DataFrame(schema=POPULATION)
"""The fingerprints that a model knows which has seen none."""


@pytest.fixture(scope="session")
def settings():
    """Decision settings with round numbers: flag at 0.05, watch at 0.01, 20 requests for a judgement."""
    given = default_settings()
    decision = replace(given.decision, counting=1.0, flag_p=0.05, watch_p=0.01, reasons=6)
    return replace(given, decision=decision, floors=replace(given.floors, served=20))


@pytest.fixture(scope="session")
def reference():
    """Thirty people whose features all have the value 0.25."""
    table = {record.name: [0.25] * 30 for record in SCORED}
    base = {
        "account": range(30),
        "cohort": ["interactive"] * 30,
        "odd": [False] * 30,
        "reporting": [True] * 30,
    }
    return Reference.fit(pl.DataFrame({**base, "weight": [1.0] * 30, **table}), SCORED, fewest=1)


@pytest.fixture(scope="session")
def verdicts(settings, reference):
    """Decide on streams described by a few words each; every stream has two sessions.

    A stream is a mapping: ``account`` is required, everything else has an innocent
    default. Keyword ``paid`` names accounts that have a session out of scope, ``population`` is
    what the model knows of fingerprints.
    """

    def ask(*streams, policy=None, paid=(), silent=(), population=None):
        rows, sessions = [], []
        for number, given in enumerate(streams):
            stream = {
                "client": "claude-cli",
                "served": 100,
                "plan": "max",
                "score": 0.3,
                "p": 0.5,
                "subscribed": True,
                "reporting": False,
                "coverage": None,
                "requests": 121,
            } | given
            rows.append(stream)
            sessions += [
                session(stream["account"], f"s{number}-{part}", number, stream["client"], part)
                | {"requests": (stream["requests"] + part) // 2}
                for part in range(2)
            ]
        sessions += [session(account, f"paid-{account}", None, "sdk", 0) for account in paid]
        accounts = sorted({row["account"] for row in rows} | set(paid) | set(silent))
        return run(rows, sessions, accounts, policy, NOBODY if population is None else population)

    def session(account, name, stream, client, part):
        start = START + timedelta(hours=part)
        return {
            "stream": stream,
            "account": account,
            "name": name,
            "in_scope": stream is not None,
            "start": start,
            "end": start + timedelta(minutes=9),
            "requests": 60,
            "tokens": 1000 + part,
            "client": client,
            "client_version": "1.2",
        }

    def run(rows, sessions, accounts, policy, population):
        nothing = {record.name: None for record in FEATURES}
        oriented = np.array([[row.get("oriented", {}).get(r.name, 0.0) for r in SCORED] for row in rows])
        table = [
            {name: row[name] for name in ("account", "client", "served", "subscribed", "reporting")}
            | {"stream": number, "cohort": "interactive"}
            | {name: row.get("oriented", {}).get(name) for name in nothing}
            | {"telemetry_coverage": row["coverage"]}
            for number, row in enumerate(rows)
        ]
        told = Assessment(
            oriented.reshape(-1, len(SCORED)),
            np.array([row["score"] for row in rows], dtype=float),
            np.array([row["p"] for row in rows], dtype=float),
            Grounds(
                _marks(rows, "counting"),
                np.array([row.get("strong", False) for row in rows], dtype=bool),
                np.array([row.get("conclusive", False) for row in rows], dtype=bool),
                np.array([row.get("telling", True) for row in rows], dtype=bool),
            ),
        )
        plans = {row["account"]: row["plan"] for row in rows}
        codes = {account: code for code, account in enumerate(accounts)}
        known = pl.DataFrame(
            {
                "account": list(codes.values()),
                "account_id": accounts,
                "requests": [500] * len(accounts),
                "first_seen": [START] * len(accounts),
                "last_seen": [START + timedelta(days=1)] * len(accounts),
                "plan": [plans.get(account) for account in accounts],
            },
            schema_overrides={"account": pl.UInt32, "plan": pl.String},
        )
        types = dict.fromkeys(nothing, pl.Float64) | {"stream": pl.UInt32, "account": pl.UInt32}
        streams = pl.DataFrame(
            [{**row, "account": codes[row["account"]]} for row in table],
            schema={"account": pl.UInt32, "client": pl.String, "served": pl.Int64, "subscribed": pl.Boolean}
            | {"reporting": pl.Boolean, "stream": pl.UInt32, "cohort": pl.String}
            | types,
        )
        counters = [name for name in COUNTERS if name not in {"served", "tokens"}]
        streams = streams.with_columns(pl.lit(50).alias(name) for name in counters)
        listed = pl.DataFrame(
            [{**row, "account": codes[row["account"]], **nothing} for row in sessions],
            schema_overrides=types,
        )
        model = SimpleNamespace(settings=settings, reference=reference, population=population)
        sums = (
            listed.filter(pl.col("stream").is_not_null())
            .group_by("stream")
            .agg(pl.len().cast(pl.Int64).alias("sessions"), pl.col("requests", "tokens").sum())
        )
        streams = streams.join(sums, on="stream", how="left", maintain_order="left")
        paid = (~pl.col("in_scope")).sum().cast(pl.Int64)
        counts = listed.group_by("account").agg(sessions=pl.len().cast(pl.Int64), paid_sessions=paid)
        known = known.join(counts, on="account", how="left").with_columns(
            pl.col("sessions", "paid_sessions").fill_null(0)
        )
        decision = decide(model, told, streams, accounts=known.reverse(), policy=load_policy(policy))
        return Decided(decision.accounts, list_sessions(listed, decision, known), decision.against)

    return ask


def _marks(rows, what):
    marks = [[family in row.get(what, ()) for family in FAMILIES] for row in rows]
    return np.array(marks, dtype=bool).reshape(len(rows), len(FAMILIES))
