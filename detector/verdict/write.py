"""The files of a verdict folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detector.verdict.decide import Decision

__all__ = ["RUN_FILES", "write_verdicts"]

RUN_FILES = ("accounts.parquet", "run.json", "sessions.parquet")
"""What a verdict folder holds."""


def write_verdicts(folder: Path, decision: Decision, record: Mapping[str, Any]) -> None:
    """Write the verdict files into a folder; the same decision gives the same Parquet bytes."""
    decision.accounts.write_parquet(folder / "accounts.parquet", compression="zstd", statistics=True)
    decision.sessions.write_parquet(folder / "sessions.parquet", compression="zstd", statistics=True)
    (folder / "run.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
