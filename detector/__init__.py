"""Find automated harness traffic riding on human LLM subscription accounts.

The functions behind the commands::

    import detector

    detector.ingest_logs(["gateway/*.ndjson"], "store")  # a log of any dialect; score reads the store
    detector.train("logs/week-1", "model")            # a bundle from unlabelled logs
    run = detector.score("logs/week-2", "verdicts", "model")
    run.accounts.filter(run.accounts["flagged"])      # a polars DataFrame
    detector.explain("verdicts", "account-1")         # one account's case file
    detector.cases("verdicts")                        # those of all flagged and watched accounts
    detector.evaluate("verdicts", "labels.parquet")   # figures against labels

Labelled traffic comes from its own package: ``from detector.simulate import FleetOptions,
simulate``. Heavy libraries are imported when a function is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detector.engine.local import Run, score, train
    from detector.errors import DetectorError
    from detector.ingest.ingestion import Ingestion, ingest_logs
    from detector.report.case import Case
    from detector.report.casefile import cases, explain
    from detector.verdict.evaluate import evaluate

__all__ = [
    "Case",
    "DetectorError",
    "Ingestion",
    "Run",
    "cases",
    "evaluate",
    "explain",
    "ingest_logs",
    "score",
    "train",
]

_HOMES = {
    "Case": "detector.report.case",
    "DetectorError": "detector.errors",
    "Ingestion": "detector.ingest.ingestion",
    "Run": "detector.engine.local",
    "cases": "detector.report.casefile",
    "evaluate": "detector.verdict.evaluate",
    "explain": "detector.report.casefile",
    "ingest_logs": "detector.ingest.ingestion",
    "score": "detector.engine.local",
    "train": "detector.engine.local",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'detector' has no attribute {name!r}")
