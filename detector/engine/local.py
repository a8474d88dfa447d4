"""Training and scoring on one machine: what ``detector train`` and ``detector score`` run."""

import hashlib
import platform
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl
from joblib import cpu_count

from detector.engine.cases import case_tables
from detector.engine.measure import Measured, Progress, measure_log
from detector.engine.work import kept_work, passing_work
from detector.errors import InputError, TrainingError
from detector.features.incident import once
from detector.features.registry import SCORED
from detector.ingest import log_state
from detector.model import bundle
from detector.model.card import card
from detector.model.shift import set_aside
from detector.model.train import Model, assess, fit
from detector.output import new_folder
from detector.schema import FAMILIES
from detector.settings import Settings, default_settings
from detector.verdict.decide import decide, list_sessions
from detector.verdict.formats import FILES, PARQUET
from detector.verdict.names import launches, names_record
from detector.verdict.policy import load_policy
from detector.verdict.write import ANY_FILES, write_sessions, write_verdicts

__all__ = ["Run", "score", "train"]

PACKAGES = ("harness-detector", "numpy", "polars", "scikit-learn")
"""Packages whose versions a run records."""

SPARE = 1
"""Parts taken at a time beyond one a core: each waits now and then, for Python's lock or for its file."""

IDENTITY = ("account_id", "verdict", "score", "sessions", "requests", "first_seen", "last_seen")
"""What tells the accounts of one run from those of any other."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a scoring run found.

    Attributes:
        accounts: a row an account, schema ``detector.schema.ACCOUNT_VERDICT``.
        listing: a row a session, schema ``SESSION_VERDICT`` and every feature; read from
            the output folder where there is one.
        record: what ``run.json`` holds.

    """

    accounts: pl.DataFrame
    listing: pl.LazyFrame
    record: Mapping[str, Any]

    @property
    def sessions(self) -> pl.DataFrame:
        """The listing in memory."""
        return self.listing.collect()


def train(
    logs: str | Path,
    output: str | Path,
    *,
    policy: str | Path | None = None,
    seed: int = 0,
    settings: Settings | None = None,
    progress: Progress | None = None,
    jobs: int | None = None,
) -> Model:
    """Train a model on unlabelled logs and write its bundle.

    A run that is stopped leaves what it has done beside ``output``, and the same call goes on from there.

    Args:
        logs: file, folder, Hive dataset or glob of native logs, or a store.
        output: folder for the bundle; must not exist or be empty.
        policy: name or file of the policy; clients it knows as third-party are not
            trained on.
        seed: decides the trees and draws.
        settings: thresholds; the package's own where left out.
        progress: told of the stages.
        jobs: parts of the log taken at a time; one more than there are cores where left out.

    Returns:
        The model; ``output`` holds its bundle.

    Raises:
        DetectorError: the log cannot be used, holds nothing in scope, or the output
            folder is taken.

    """
    if not 0 <= seed < 2**32:
        raise TrainingError(f"training: seed {seed} is out of range; give one from 0 to 2^32 - 1")
    settings = settings or default_settings()
    rules = load_policy(policy)
    with new_folder(output) as folder, kept_work(output, log_state(logs), settings) as work:
        # Growing trees needs scikit-learn, which takes over a second to import: meanwhile the log is read.
        Thread(target=import_module, args=("sklearn.ensemble",)).start()
        measured = measure_log(logs, settings, work, progress=progress, jobs=jobs or cpu_count() + SPARE)
        usable = measured.streams.filter((pl.col("served") >= settings.floors.served) & ~rules.declared())
        if usable.is_empty():
            raise TrainingError(
                f"{logs}: nothing in scope to train on: no subscription account has {settings.floors.served} "
                "answered requests of a client that the policy leaves to the model; give other logs"
            )
        if progress:
            progress("fitting", 0, 1)
        model = fit(usable, measured.population, settings, seed)
        bundle.save(model, folder)
        (folder / "CARD.md").write_text(card(model, _families(measured)), "utf-8")
    return model


def score(
    logs: str | Path,
    output: str | Path | None = None,
    model: str | Path | None = None,
    *,
    policy: str | Path | None = None,
    form: str = PARQUET,
    progress: Progress | None = None,
    jobs: int | None = None,
) -> Run:
    """Score logs and, where an output folder is given, write the verdicts.

    A run that is stopped leaves what it has done beside ``output``, and the same call goes on from there.

    Args:
        logs: file, folder, Hive dataset or glob of native logs, or a store.
        output: folder for ``accounts.parquet``, ``sessions.parquet``, ``run.json`` and the
            tables that case files are made from; must not exist, be empty or hold an
            earlier run.
        model: folder of a bundle; the one that travels with the package where left out.
        policy: name or file of the policy.
        form: ``ndjson``, ``csv`` or ``ocsf`` writes the verdicts in that form too, beside the
            Parquet tables.
        progress: told of the stages.
        jobs: parts of the log taken at a time; one more than there are cores where left out.

    Raises:
        DetectorError: the log, the bundle, the policy or the output folder cannot be used, or
            there is no such form.

    """
    if form not in FILES:
        raise InputError(f"no form {form!r} of verdicts; give one of {', '.join(FILES)}")
    folder = Path(model) if model is not None else bundle.default_bundle()
    loaded, rules = bundle.load(folder), load_policy(policy)
    with ExitStack() as stack:
        # The output folder is claimed before the work, so that nobody waits in vain for it.
        target = None if output is None else stack.enter_context(new_folder(output, ANY_FILES))
        work = stack.enter_context(
            passing_work() if output is None else kept_work(output, log_state(logs), loaded.settings)
        )
        clock = [time.perf_counter()]
        measured = measure_log(
            logs, loaded.settings, work, loaded.population, progress, jobs=jobs or cpu_count() + SPARE
        )
        clock.append(time.perf_counter())
        if progress:
            progress("scoring", 0, 1)
        streams, shifts = set_aside(
            measured.streams, measured.used, loaded.reference, loaded.population, loaded.settings
        )
        decision = decide(loaded, assess(loaded, streams), streams, accounts=measured.accounts, policy=rules)
        new = launches(decision.names, measured.used)
        listed = (list_sessions(part.collect(), decision, measured.accounts) for part in measured.slices)
        clock.append(time.perf_counter())
        record = {
            "run": _run_id(bundle.model_id(folder), rules.name, decision.accounts),
            "model": {"id": bundle.model_id(folder), "facts": loaded.facts},
            "policy": rules.name,
            "rule": rules.title,
            "input": {"source": str(logs), **_input(measured)},
            "families": _families(measured),
            "incidents": [one.to_dict() for one in once((*measured.incidents, *shifts, *new))],
            **names_record(decision.names),
            "print_mode": _print_mode(streams, measured.accounts, decision.accounts),
            "verdicts": dict(sorted(decision.accounts["verdict"].value_counts().iter_rows())),
            "false_discovery_rate": loaded.settings.decision.fdr,
            "warnings": _warnings(decision.accounts, loaded),
            "versions": {
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in PACKAGES},
            },
            "seconds": {"measure": round(clock[1] - clock[0], 3), "score": round(clock[2] - clock[1], 3)},
        }
        if target is None:
            return Run(decision.accounts, pl.concat(listed).lazy(), record)
        with ThreadPoolExecutor(1) as pool:
            listing = pool.submit(write_sessions, target, listed)
            tables = case_tables(measured, streams, decision, loaded, rules)
            listing.result()
        write_verdicts(target, decision.accounts, tables, record, form=form)
    return Run(decision.accounts, pl.scan_parquet(Path(str(output)) / "sessions.parquet"), record)


def _run_id(model: str, policy: str, accounts: pl.DataFrame) -> str:
    """Name a run by what was given and found: the same log, model and policy give the same id."""
    told = accounts.select(*IDENTITY).write_csv()
    return hashlib.sha256(f"{model}\n{policy}\n{told}".encode()).hexdigest()[:16]


def _input(measured: Measured) -> dict[str, Any]:
    """Return what was read, for ``run.json``."""
    log = measured.log
    return {
        "files": [{"path": file.path, "rows": file.rows} for file in log.files],
        "rows": log.rows,
        "accepted": log.rows - sum(measured.rejected.values()),
        "rejected": dict(sorted(measured.rejected.items())),
        "unknown_columns": list(log.unknown_columns),
    }


def _families(measured: Measured) -> dict[str, dict[str, Any]]:
    """Return, by family, whether the log can feed it and which features it cannot."""
    scored = {family: {r.name for r in SCORED if r.family == family} for family in FAMILIES}
    return {
        family: {"available": bool(scored[family] - set(missing)), "features_not_available": missing}
        for family, missing in measured.families.items()
    }


def _print_mode(streams: pl.DataFrame, names: pl.DataFrame, verdicts: pl.DataFrame) -> dict[str, int]:
    """Count who claims print mode, and who claims it with headers that are not the client's.

    Automation is normal in print mode, so harnesses claim it: those with odd headers
    are told apart here, flagged or not.
    """
    claims = streams.filter(pl.col("cohort") == "headless").join(
        names.select("account", "account_id"), on="account"
    )
    odd = claims.filter("odd")["account_id"].unique()
    return {
        "accounts": claims["account_id"].n_unique(),
        "odd_headers": len(odd),
        "flagged": verdicts.filter(pl.col("account_id").is_in(odd.implode()) & pl.col("flagged")).height,
    }


def _warnings(accounts: pl.DataFrame, model: Model) -> list[str]:
    warnings = []
    if accounts.filter(pl.col("verdict") != "out_of_scope").is_empty():
        warnings.append("no account is in scope: all traffic pays per use")
    fewest = len(model.calibration)
    scored = accounts["p_value"].count()
    needed = round(scored / (model.settings.decision.fdr * max(1, int(accounts["flagged"].sum()))))
    if scored and fewest < needed:
        warnings.append(
            f"false discovery rate not claimed: {fewest} calibration accounts, about {needed} are needed "
            f"to bound it at {model.settings.decision.fdr:.0%}; flags rest on the two-family rule"
        )
    return warnings
