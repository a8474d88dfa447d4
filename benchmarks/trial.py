"""A trial: the detector trained without labels on one week and run on another.

The same steps as ``detector.train`` and ``detector.score``, taken apart so that a
measured week can be fitted with several seeds and shown to rivals.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from joblib import cpu_count

from detector.engine.measure import Measured, measure_log
from detector.engine.work import passing_work
from detector.model import bundle
from detector.model.evidence import family_sums
from detector.model.shift import set_aside
from detector.model.train import Assessment, Model, assess, fit
from detector.schema import FAMILIES
from detector.settings import Settings, default_settings
from detector.verdict.decide import decide, list_sessions
from detector.verdict.policy import load_policy

__all__ = ["Trial", "bundled", "evidence", "in_memory", "learn", "measure", "run"]


@dataclass(frozen=True)
class Trial:
    """A week scored by a model.

    Attributes:
        model: that scored.
        measured: the week's sessions and streams, without what incidents set aside.
        assessment: of ``measured.streams``, row by row.
        accounts: the verdicts.
        sessions: the listing of sessions.

    """

    model: Model
    measured: Measured
    assessment: Assessment
    accounts: pl.DataFrame
    sessions: pl.DataFrame


def measure(week: Path, model: Model | None = None) -> Measured:
    """Measure a week: for a model that is to score it, or to train one."""
    if model is None:
        return in_memory(week, default_settings())
    return in_memory(week, model.settings, model.population)


def in_memory(week: Path, settings: Settings, known: pl.DataFrame | None = None) -> Measured:
    """Measure a week and hold all of its sessions."""
    with passing_work() as work:
        found = measure_log(week, settings, work, known, jobs=cpu_count())
        return replace(found, slices=(found.sessions.lazy(),))


def learn(measured: Measured, seed: int) -> Model:
    """Fit a model to a measured week, as ``detector.train`` does."""
    settings = default_settings()
    enough = pl.col("served") >= settings.floors.served
    usable = measured.streams.filter(enough & ~load_policy().declared())
    return fit(usable, measured.population, settings, seed)


def bundled(folder: Path | None = None) -> Model:
    """Load a bundle; the one that travels with the package where none is given."""
    return bundle.load(folder or bundle.default_bundle())


def run(model: Model, measured: Measured) -> Trial:
    """Decide on a measured week, as ``detector.score`` does."""
    streams, _ = set_aside(measured.streams, measured.used, model.reference, model.population, model.settings)
    measured = replace(measured, streams=streams)
    assessment = assess(model, measured.streams)
    decision = decide(
        model,
        assessment,
        measured.streams,
        accounts=measured.accounts,
        policy=load_policy(),
    )
    sessions = list_sessions(measured.sessions, decision, measured.accounts)
    return Trial(model, measured, assessment, decision.accounts, sessions)


def evidence(trial: Trial) -> pl.DataFrame:
    """Return what the detector knows of each account, for a supervised bound.

    Returns:
        ``account_id``, our ``score``, and by account the largest value over its streams of
        each oriented feature (``oriented_*``), of each family's sum (``sum_*``) and of the
        total, and each feature as measured on the stream that scored highest (``raw_*``).

    """
    features = trial.model.reference.features
    oriented, streams = trial.assessment.oriented, trial.measured.streams
    sums = family_sums(oriented, features)
    columns = {f"oriented_{record.name}": oriented[:, i] for i, record in enumerate(features)}
    columns |= {f"sum_{family}": sums[:, i] for i, family in enumerate(FAMILIES)}
    columns |= {"total": oriented.sum(axis=1)}
    own = [record.name for record in features if record.name in streams.columns]
    table = streams.select("account", pl.col(own).name.prefix("raw_")).with_columns(
        stream_score=pl.Series(trial.assessment.score), **{k: pl.Series(v) for k, v in columns.items()}
    )
    by_account = table.group_by("account").agg(
        pl.col(list(columns)).max(), pl.col("^raw_.*$").sort_by("stream_score").last()
    )
    names = trial.measured.accounts.select("account", "account_id")
    scores = trial.accounts.select("account_id", "score")
    return names.join(by_account, on="account").drop("account").join(scores, on="account_id")
