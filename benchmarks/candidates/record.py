"""What is said of a candidate, and the rows that it is measured on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from detector.engine.measure import Measured
from detector.features import cadence, telemetry, usage
from detector.features.extract import identify
from detector.features.sessions import ORDER, assign_sessions, in_order
from detector.ingest import read_log
from detector.settings import Settings

__all__ = ["Candidate", "Measure", "Traffic", "by_account", "by_stream", "entropy", "iqr", "surprisal"]


@dataclass(frozen=True)
class Traffic:
    """The requests of one week in scope, each with its stream.

    Attributes:
        turns: inference requests, sorted by session and time: the columns of ``cadence.turns`` and
            ``usage.steps``, ``streaming`` (the logged flag), ``stream``, ``cohort`` and ``mark`` (client,
            version and header order).
        aside: telemetry posts with their stream; ``interval`` and ``lag`` in seconds.
        rest: other calls (token counts, unknown paths) with their stream.
        sessions: sessions in scope with their features.
        streams: streams in scope with their features.
        facts: a row a fingerprint: claims, header forms and ``header_values``.
        population: fingerprints by client of the week and of the training week.

    """

    turns: pl.DataFrame
    aside: pl.DataFrame
    rest: pl.DataFrame
    sessions: pl.DataFrame
    streams: pl.DataFrame
    facts: pl.DataFrame
    population: pl.DataFrame

    @classmethod
    def read(cls, log: Path, week: Measured, population: pl.DataFrame, settings: Settings) -> "Traffic":
        """Read a log again and give its requests the streams that were measured."""
        read = read_log(log, settings)
        facts = identify(read.fingerprints, settings).join(
            read.fingerprints.select("fingerprint", "header_values"), on="fingerprint"
        )
        session, named = assign_sessions(read.requests, facts, settings.sessions)
        rows = read.requests.with_columns(session)[in_order(read.requests, session)]
        del read
        sessions = week.sessions.filter("in_scope")
        key = ["account", "in_scope", "name"]
        home = named.join(sessions.select(*key, "stream", "cohort"), on=key).drop(key[1:], "account", "start")
        rows = rows.rename({"stream": "streaming"}).join(home, on="session", maintain_order="left")
        inference = rows.filter(pl.col("kind") == "inference")
        mark = pl.concat_str(
            ["client", "client_version", pl.col("names").list.join(",")], separator="|", ignore_nulls=True
        )
        turns = usage.steps(cadence.turns(inference, settings.cadence))
        turns = turns.join(
            facts.select("fingerprint", "client", "client_version", mark=mark.rank("dense")), on="fingerprint"
        ).sort(ORDER)
        aside = telemetry.posts(rows).filter(pl.col("kind") == "telemetry")
        rest = rows.filter(pl.col("kind").is_in(["count_tokens", "other"])).select("stream", "timestamp")
        both = pl.concat([week.population, population]).unique(["client", "version", "aspect", "value"])
        return cls(turns, aside, rest, sessions, week.streams, facts, both)


Measure = Callable[[Traffic], pl.DataFrame]
"""Returns ``stream`` or ``account``, and ``value``; rows that are missing are null."""


@dataclass(frozen=True)
class Candidate:
    """One entry of the catalogue, ready to be tried.

    Attributes:
        id: its id in the catalogue.
        name: what it is called here.
        family: the family it would belong to.
        direction: the suspicious tail; ``either`` measures how far a value lies from the median of
            trusted streams of its cohort.
        definition: one line, with the unit.
        null: when it is null.
        measure: gives its values.
        print_mode: whether it would count against print mode too.
        habit: whether it needs as many sessions as a habit does.

    """

    id: str
    name: str
    family: str
    direction: Literal["high", "low", "either"]
    definition: str
    null: str
    measure: Measure
    print_mode: bool = False
    habit: bool = False


def by_stream(value: pl.Expr, where: pl.Expr | None = None) -> Measure:
    """Measure the turns of each stream, of all or of those that a condition keeps."""
    kept = pl.lit(value=True) if where is None else where
    return lambda traffic: traffic.turns.filter(kept).group_by("stream").agg(value=value)


def by_account(value: pl.Expr, *, personal: bool = True) -> Measure:
    """Measure the turns of each account; ``personal`` leaves out print mode, as the registry does."""
    kept = pl.col("cohort") != "headless" if personal else pl.lit(value=True)
    return lambda traffic: traffic.turns.filter(kept).group_by("account").agg(value=value)


def iqr(value: pl.Expr) -> pl.Expr:
    """Return the interquartile range."""
    return value.quantile(0.75, "linear") - value.quantile(0.25, "linear")


def entropy(rows: pl.DataFrame, key: str, value: pl.Expr) -> pl.DataFrame:
    """Return, by key, ``bits`` (Shannon entropy of the values), ``distinct`` and ``total``."""
    counts = rows.group_by(key, value.alias("bin")).agg(count=pl.len())
    share = pl.col("count") / pl.col("count").sum()
    return counts.group_by(key).agg(
        bits=-(share * share.log(2)).sum(), distinct=pl.len(), total=pl.col("count").sum()
    )


def surprisal(rows: pl.DataFrame, given: list[str], value: str, least: int) -> pl.DataFrame:
    """Return ``-log2 P(value | given)`` by stream, counted in accounts and weighted by rows.

    Null where fewer than ``least`` accounts share what is given.
    """
    rows = rows.filter(pl.col(value).is_not_null())
    shown = rows.group_by(*given, value).agg(accounts=pl.col("account").n_unique())
    whole = rows.group_by(given).agg(whole=pl.col("account").n_unique())
    told = shown.join(whole, on=given, nulls_equal=True).filter(pl.col("whole") >= least)
    told = told.with_columns(bits=-((pl.col("accounts") + 0.5) / (pl.col("whole") + 1)).log(2))
    counted = rows.group_by("stream", *given, value).agg(count=pl.len())
    counted = counted.join(told, on=[*given, value], nulls_equal=True)
    weighted = (pl.col("bits") * pl.col("count")).sum() / pl.col("count").sum()
    return counted.group_by("stream").agg(value=weighted)
