"""Quality of the bundled model on simulated fleets that it was not trained on.

Run from the project's root::

    python -m benchmarks.simulated --accounts 1500 --days 7 --seeds 601 602 603
"""

import argparse
import tempfile
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from statistics import fmean

import detector
from detector.simulate import FleetOptions, simulate
from detector.verdict.evaluate import Figures, evaluate

START = date(2026, 11, 9)
"""First day; the bundled model was trained on the week before."""


def run(options: FleetOptions, folder: Path) -> Figures:
    """Simulate a fleet, score it with the bundled model and compare with its labels."""
    simulate(options).write(folder / "fleet")
    detector.score(folder / "fleet" / "logs", folder / "verdicts")
    return evaluate(folder / "verdicts", folder / "fleet" / "accounts.parquet")


def main() -> None:
    """Print a line a fleet, their mean, and the verdicts of every class."""
    parser = argparse.ArgumentParser(description="Quality of the bundled model on simulated fleets.")
    parser.add_argument("--accounts", type=int, default=1500, help="accounts of a fleet (default 1500)")
    parser.add_argument("--days", type=int, default=7, help="days of a fleet (default 7)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[601, 602, 603], help="a fleet each")
    given = parser.parse_args()
    lines = []
    verdicts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    print("seed  AP  recall@1%  recall@0.1%  recall at own flags  false discovery")
    for seed in given.seeds:
        options = FleetOptions(accounts=given.accounts, days=given.days, start=START, seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            found = run(options, Path(folder))
        for one in found.classes:
            verdicts[one.name, one.label].update(one.verdicts)
        at = [point.recall for point in found.at_false_flags]
        lines.append((found.average_precision or 0.0, *at, found.recall, found.false_discovery or 0.0))
        print(seed, *(f"{value:.3f}" for value in lines[-1]))
    print("mean", *(f"{fmean(column):.3f}" for column in zip(*lines, strict=True)))
    for (name, label), counts in sorted(verdicts.items()):
        print(name, label, dict(counts.most_common()))


if __name__ == "__main__":
    main()
