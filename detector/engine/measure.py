"""A log measured: sessions and streams with every feature, the fleet taken together.

Requests are summed up part by part, and sessions are measured slice by slice, so that
memory holds the summary of the whole log and the requests of a few parts.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from joblib import Parallel, delayed

from detector.engine.work import Work
from detector.features import fingerprint
from detector.features.describe import Headers, describe_sessions, judge_headers, seen
from detector.features.extract import Summary, identify, summarise
from detector.features.incident import Incident
from detector.features.operators import OPERATOR, count_operators
from detector.features.outage import find_losses
from detector.features.registry import FEATURES, available
from detector.features.rewrite import find_rewrites
from detector.features.streams import assign_streams, measure_sessions, measure_streams, when_used
from detector.features.telemetry import vouching
from detector.ingest import Log, Part, open_log, read_part
from detector.ingest.fingerprints import present_facts
from detector.schema import FAMILIES
from detector.settings import Settings

__all__ = ["Measured", "Progress", "measure_log"]

Progress = Callable[[str, int, int], None]
"""Told what is going on: the stage, how much is done, and how much there is."""

SLICE_SESSIONS = 40_000
"""Sessions measured at a time, about; accounts are never split."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A log with its features.

    Attributes:
        log: what was read.
        summary: what was kept of the requests: the tables of ``Summary`` by name.
        rejected: rows that were left out, by reason.
        accounts: ``account``, ``account_id``, ``requests``, ``first_seen``, ``last_seen``,
            ``plan``, ``sessions``, ``paid_sessions`` (out of scope).
        slices: every session with its features, in the order of accounts; ``stream``
            null out of scope.
        streams: every stream in scope with its features.
        used: result of ``streams.when_used``.
        population: fingerprints by client, counted in accounts of this log.
        families: by family, the features that this log cannot feed.
        incidents: telemetry that groups lost together, and headers that they changed together.

    """

    log: Log
    summary: dict[str, pl.LazyFrame]
    rejected: dict[str, int]
    accounts: pl.DataFrame
    slices: tuple[pl.LazyFrame, ...]
    streams: pl.DataFrame
    used: pl.DataFrame
    population: pl.DataFrame
    families: dict[str, list[str]]
    incidents: tuple[Incident, ...]

    @property
    def available(self) -> frozenset[str]:
        """Names of the features that this log can feed."""
        missing = {name for names in self.families.values() for name in names}
        return frozenset(record.name for record in FEATURES) - missing

    @property
    def sessions(self) -> pl.DataFrame:
        """All slices in memory."""
        return pl.concat(self.slices).collect()


def measure_log(
    source: str | Path,
    settings: Settings,
    work: Work,
    known: pl.DataFrame | None = None,
    progress: Progress | None = None,
    *,
    jobs: int = 1,
) -> Measured:
    """Read a log and measure every session and stream in it.

    Args:
        source: file, folder, Hive dataset or glob of native logs, or a store.
        settings: all settings.
        work: keeps what is done; the result can be used as long as it is there.
        known: fingerprint population of a model, beside that of the log itself.
        progress: told of the stages.
        jobs: parts taken at a time; they change no result.

    Raises:
        InputError: the log cannot be used.

    """
    tell = progress or (lambda *_: None)
    tell("reading", 0, 1)
    log = open_log(source, settings, work.folder, tell)
    facts = identify(log.fingerprints, settings)
    present, repeated = _summarise(log, facts, settings, work=work, tell=tell, jobs=jobs)
    summary = work.summary(log.parts)
    losses = find_losses(summary.sessions, summary.hours, facts, settings)
    rewrites = find_rewrites(summary.sessions, facts, settings)
    summary = replace(summary, sessions=vouching(losses.sessions, settings.decision.in_step))
    shown = facts.join(summary.marks, on="fingerprint", how="semi")
    population = fingerprint.population(fingerprint.describe(shown), seen(summary), settings.fingerprint)
    populations = [population] if known is None else [population, known]
    headers = judge_headers(summary, shown, populations, settings)
    given = log.fingerprints.join(summary.marks, on="fingerprint", how="semi")
    features = available(present | present_facts(given) | _kinds(summary))
    # What goes to disk as it is need not wait for the measuring.
    with ThreadPoolExecutor(1) as pool:
        whole = pool.submit(work.whole, summary)
        parts = _measure(summary, headers, features, settings, work=work, tell=tell, jobs=jobs)
        slices, streams, used = zip(*parts, strict=True)
    whole_fleet = pl.concat(streams)
    if OPERATOR in features:
        # Elsewhere the place is that of a network operator, behind which are many.
        whole_fleet = whole_fleet.with_columns(count_operators(whole_fleet, settings))
    counted = whole_fleet.lazy().select("stream", OPERATOR)
    missing = {
        family: [r.name for r in FEATURES if r.family == family and r.name not in features]
        for family in FAMILIES
    }
    return Measured(
        log=log,
        summary=whole.result(),
        rejected=log.rejected | ({"duplicate_request_id": repeated} if repeated else {}),
        accounts=_counted(summary),
        slices=tuple(part.drop(OPERATOR).join(counted, on="stream", how="left") for part in slices),
        streams=whole_fleet,
        used=pl.concat(used),
        population=population,
        families=missing,
        incidents=losses.incidents + rewrites,
    )


def _summarise(
    log: Log, facts: pl.DataFrame, settings: Settings, *, work: Work, tell: Progress, jobs: int
) -> tuple[frozenset[str], int]:
    """Sum up every part that is not done yet; return the columns with a value and the repeated rows."""

    def one(part: Part) -> tuple[int, frozenset[str], int]:
        done = work.done(part)
        if done is None:
            requests = read_part(part, settings.paths)
            summary = summarise(requests.rows, requests.accounts, facts, settings)
            done = work.keep(part, summary, requests.present, requests.repeated)
        return part.rows, *done

    total = sum(part.rows for part in log.parts)
    present: frozenset[str] = frozenset()
    read = repeated = 0
    tell("measuring", 0, total)
    # The largest first, so that no core waits long for the last one.
    parts = sorted(log.parts, key=lambda part: part.rows, reverse=True)
    for rows, filled, twice in Parallel(jobs, backend="threading", return_as="generator_unordered")(
        delayed(one)(part) for part in parts
    ):
        read, repeated, present = read + rows, repeated + twice, present | filled
        tell("measuring", read, total)
    return present, repeated


def _measure(
    summary: Summary,
    headers: Headers,
    features: frozenset[str],
    settings: Settings,
    *,
    work: Work,
    tell: Progress,
    jobs: int,
) -> Iterator[tuple[pl.LazyFrame, pl.DataFrame, pl.DataFrame]]:
    """Measure sessions and streams slice by slice, in the order of accounts."""

    def one(first: int, last: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        part = summary.between(first, last)
        described = describe_sessions(part, headers)
        sessions = measure_sessions(assign_streams(described, settings), features, settings)
        streams = measure_streams(sessions, part, features, settings)
        outside = measure_sessions(described.filter(~pl.col("in_scope")), features, settings)
        whole = [record.name for record in FEATURES if record.level == "stream"]
        sessions = sessions.join(streams.select("stream", *whole), on="stream", how="left")
        return pl.concat([sessions, outside], how="diagonal"), streams

    cuts = _cuts(summary)
    done = numbered = 0
    tell("comparing", 0, summary.sessions.height)
    for number, (sessions, streams) in enumerate(
        Parallel(jobs, backend="threading", return_as="generator")(
            delayed(one)(first, last) for first, last in cuts
        )
    ):
        shift = pl.col("stream") + pl.lit(numbered, pl.UInt32)
        numbered += streams.height
        kept = work.slice(number, sessions.with_columns(shift))
        yield kept, streams.with_columns(shift), when_used(sessions)
        done += sessions.height
        tell("comparing", done, summary.sessions.height)


def _cuts(summary: Summary) -> list[tuple[int, int]]:
    """Return the first and last account of each slice."""
    counts = _counted(summary).select("account", part=(pl.col("sessions").cum_sum() // SLICE_SESSIONS))
    slices = counts.group_by("part").agg(first=pl.col("account").min(), last=pl.col("account").max())
    return list(slices.sort("part").select("first", "last").iter_rows())


def _counted(summary: Summary) -> pl.DataFrame:
    """Return the accounts with the number of their sessions."""
    sums = (
        summary.sessions.select("account", "in_scope")
        .group_by("account")
        .agg(sessions=pl.len().cast(pl.Int64), paid_sessions=(~pl.col("in_scope")).sum().cast(pl.Int64))
    )
    counted = summary.accounts.join(sums, on="account", how="left").sort("account")
    return counted.with_columns(pl.col("sessions", "paid_sessions").fill_null(0))


def _kinds(summary: Summary) -> frozenset[str]:
    """Return which kinds of requests a log holds beside inference."""
    sums = summary.sessions.select(
        (pl.col("posts").sum() > 0).alias("telemetry posts"),
        (pl.col("probes").sum() > 0).alias("probes"),
        (pl.col("helpers").sum() > 0).alias("helper calls"),
    )
    return frozenset(name for name, on in sums.row(0, named=True).items() if on)
