"""A log measured: sessions and streams with every feature, the fleet taken together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from detector.features import fingerprint
from detector.features.extract import Summary, describe_sessions, identify, seen, summarise
from detector.features.incident import Incident
from detector.features.outage import find_losses
from detector.features.registry import FEATURES, available
from detector.features.rewrite import find_rewrites
from detector.features.streams import assign_streams, measure_sessions, measure_streams
from detector.ingest import RequestLog, read_log
from detector.schema import FAMILIES
from detector.settings import Settings

__all__ = ["Measured", "Progress", "measure_log"]

Progress = Callable[[str, int, int], None]
"""Told what is going on: the stage, how much is done, and how much there is."""

BUCKET_ROWS = 1_000_000
"""Requests taken at a time; accounts are never split."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A log with its features.

    Attributes:
        log: what was read, without its requests.
        accounts: ``account``, ``account_id``, ``requests``, ``first_seen``,
            ``last_seen``, ``plan``.
        sessions: every session with its features; ``stream`` null out of scope.
        streams: every stream in scope with its features.
        population: fingerprints by client, counted in accounts of this log.
        families: by family, the features that this log cannot feed.
        incidents: telemetry that groups lost together, and headers that they changed together.

    """

    log: RequestLog
    accounts: pl.DataFrame
    sessions: pl.DataFrame
    streams: pl.DataFrame
    population: pl.DataFrame
    families: dict[str, list[str]]
    incidents: tuple[Incident, ...]


def measure_log(
    source: str | Path,
    settings: Settings,
    known: pl.DataFrame | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Read a log and measure every session and stream in it.

    Args:
        source: file, folder, Hive dataset or glob of native logs.
        settings: all settings.
        known: fingerprint population of a model, beside that of the log itself.
        progress: told of the stages.

    Raises:
        InputError: the log cannot be used.

    """
    tell = progress or (lambda *_: None)
    tell("reading", 0, 1)
    log = read_log(source, settings)
    facts = identify(log.fingerprints, settings)
    parts = []
    for done, bucket in _buckets(log.requests):
        tell("measuring", done, log.requests.height)
        parts.append(summarise(bucket, facts, settings))
    summary = Summary.concat(parts)
    tell("measuring", log.requests.height, log.requests.height)
    losses = find_losses(summary.sessions, summary.heard, facts, settings)
    rewrites = find_rewrites(summary.sessions, facts, settings)
    summary = replace(summary, sessions=losses.sessions)
    population = fingerprint.population(fingerprint.describe(facts), seen(summary), settings.fingerprint)
    populations = [population] if known is None else [population, known]
    features = available(log.present | _kinds(summary))
    described = describe_sessions(summary, facts, populations, settings)
    sessions = measure_sessions(assign_streams(described, settings), features, settings)
    streams = measure_streams(sessions, summary, features, settings)
    outside = measure_sessions(described.filter(~pl.col("in_scope")), features, settings)
    whole = [record.name for record in FEATURES if record.level == "stream"]
    sessions = sessions.join(streams.select("stream", *whole), on="stream", how="left")
    names = log.accounts.alias("account_id").to_frame().with_row_index("account")
    missing = {
        family: [r.name for r in FEATURES if r.family == family and r.name not in features]
        for family in FAMILIES
    }
    return Measured(
        log=replace(log, requests=log.requests.clear()),
        accounts=summary.accounts.join(names, on="account").sort("account"),
        sessions=pl.concat([sessions, outside], how="diagonal"),
        streams=streams,
        population=population,
        families=missing,
        incidents=losses.incidents + rewrites,
    )


def _buckets(requests: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """Cut requests sorted by account into slices that hold whole accounts."""
    start, total = 0, requests.height
    account = requests["account"]
    while start < total:
        end = min(start + BUCKET_ROWS, total)
        if end < total:
            end = int(account.search_sorted(account[end - 1], side="right"))
        yield start, requests[start:end]
        start = end


def _kinds(summary: Summary) -> frozenset[str]:
    """Return which kinds of requests a log holds beside inference."""
    sums = summary.sessions.select(
        (pl.col("posts").sum() > 0).alias("telemetry posts"),
        (pl.col("probes").sum() > 0).alias("probes"),
        (pl.col("helpers").sum() > 0).alias("helper calls"),
    )
    return frozenset(name for name, on in sums.row(0, named=True).items() if on)
