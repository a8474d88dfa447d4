"""Write the golden verdicts of the sample: ``python tests/golden/update.py``.

Run it when a change of features, model or policy is meant to change verdicts, and
read the difference before it is committed.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

import detector

ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent / "sample_accounts.json"


def golden(accounts: pl.DataFrame) -> dict[str, Any]:
    """Return verdict and families of every account, by account."""
    chosen = accounts.select("account_id", "verdict", "families").sort("account_id")
    return {
        account: {"verdict": verdict, "families": families}
        for account, verdict, families in chosen.iter_rows()
    }


def main() -> None:
    """Score the sample with the default model and write what came out."""
    with tempfile.TemporaryDirectory() as folder:
        run = detector.score(
            ROOT / "datasets" / "sample", Path(folder, "verdicts"), ROOT / "models" / "default"
        )
    lines = (f" {json.dumps(account)}: {json.dumps(said)}" for account, said in golden(run.accounts).items())
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
