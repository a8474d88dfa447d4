"""Quality: train on one week without labels, score another, and compare with rivals.

Run from the project's root::

    python -m benchmarks.quality --data DATA --seeds 5 --json figures.json
    python -m benchmarks.quality --sources simulated varied --fleet-accounts 5000
    python -m benchmarks.quality --sources incomplete --data DATA --folds C
    python -m benchmarks.quality --quick

Markdown tables go to standard output, progress to standard error.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import trial
from benchmarks.compose import Options
from benchmarks.contest import Contest, bound, contest
from benchmarks.figures import report
from benchmarks.fleets import FOLDS, Fleet, composed, simulated
from benchmarks.outcomes import Outcome, Stability
from benchmarks.variations import (
    CONTAMINATION,
    HARNESSES,
    MISSING,
    contaminated,
    incomplete,
    pool_mixture,
    variations,
)
from detector.simulate import FleetOptions

SOURCES = ("simulated", "composed", "varied", "incomplete")
CUTS = (20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Size:
    """How much is run.

    Attributes:
        fleet: options of a simulated fleet.
        varied: options of the simulated fleet that is varied.
        week: options of a composed week.
        cuts: first requests after which to decide.
        forest_seeds: further seeds to train with.
        levels: which levels of prevalence and contamination, by place.
        classes: harness classes to vary.
        missing: what to leave out of logs, by name.

    """

    fleet: FleetOptions
    varied: FleetOptions
    week: Options
    cuts: Sequence[int] = CUTS
    forest_seeds: int = 5
    levels: Sequence[int] = tuple(range(len(CONTAMINATION)))
    classes: Sequence[str] = HARNESSES
    missing: Sequence[str] = tuple(MISSING)

    def quick(self) -> "Size":
        """Return a size that shows that everything runs, and no figure worth quoting."""
        return replace(
            self,
            fleet=replace(self.fleet, accounts=150, activity=0.2),
            varied=replace(self.varied, accounts=100, activity=0.2),
            week=replace(self.week, accounts=100),
            cuts=(50,),
            forest_seeds=1,
            levels=(0, 4),
            classes=("imitation",),
            missing=("user_agent",),
        )


@dataclass
class Book:
    """What was found so far."""

    outcomes: list[Outcome] = field(default_factory=list)
    stability: list[Stability] = field(default_factory=list)

    def enter(self, contests: Sequence[Contest]) -> None:
        """Add the contests of one source, and the supervised bound over all of them."""
        for each in contests:
            self.outcomes += each.outcomes
            self.stability += each.stability
        self.outcomes += bound(contests, seed=contests[0].fleet.seed)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain dictionaries and lists, ready for JSON."""
        return {
            "outcomes": [one.to_dict() for one in self.outcomes],
            "stability": [asdict(one) for one in self.stability],
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the sources and print their tables."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.data is None and {"composed", "incomplete"}.intersection(given.sources) and not given.quick:
        parser.error("--data is needed for composed fleets")
    if given.model and {"varied", "incomplete"}.intersection(given.sources):
        parser.error("--model trains nothing, so nothing can be varied; leave these --sources out")
    fleet = FleetOptions(accounts=given.fleet_accounts)
    pool = FleetOptions(accounts=given.varied_accounts, mixture=pool_mixture())
    size = Size(fleet, pool, Options(accounts=given.accounts, harness_share=given.harness_share))
    size = size.quick() if given.quick else size
    book = Book()
    for source in given.sources:
        run = {"simulated": _simulated, "composed": _composed, "varied": _varied, "incomplete": _incomplete}[
            source
        ]
        run(book, size, given)
    print(report(book.outcomes, book.stability))
    if given.json:
        given.json.write_text(json.dumps(book.to_dict(), indent=1) + "\n", encoding="utf-8")


def _simulated(book: Book, size: Size, given: argparse.Namespace) -> None:
    contests = []
    for seed in _seeds(given.first_fleet_seed, given):
        with _stage(f"simulated, seed {seed}") as folder:
            fleet = simulated(replace(size.fleet, seed=seed), folder / "fleet")
            contests.append(_contest(fleet, size, folder, given))
    book.enter(contests)


def _composed(book: Book, size: Size, given: argparse.Namespace) -> None:
    for name in given.folds if given.data else "":
        contests = []
        for seed in _seeds(given.first_seed, given):
            with _stage(f"composed, fold {name}, seed {seed}") as folder:
                compose = partial(composed, FOLDS[name], given.data, size.week, seed)
                fleet = compose(folder=folder / "fleet", trained=size.week.harness_share)
                contests.append(_contest(fleet, size, folder, given))
        book.enter(contests)


def _varied(book: Book, size: Size, given: argparse.Namespace) -> None:
    for seed in _seeds(given.first_fleet_seed, given):
        with _stage(f"varied, simulated, seed {seed}") as folder:
            fleet = simulated(replace(size.varied, seed=seed), folder / "fleet")
            book.outcomes += variations(fleet, folder / "pool", levels=size.levels, classes=size.classes)
    for name in given.folds if given.data else "":
        for seed in _seeds(given.first_seed, given):
            with _stage(f"varied, composed, fold {name}, seed {seed}") as folder:
                compose = partial(composed, FOLDS[name], given.data, size.week, seed)
                book.outcomes += contaminated(compose, folder, size.levels)


def _incomplete(book: Book, size: Size, given: argparse.Namespace) -> None:
    for name in given.folds if given.data else "":
        for seed in _seeds(given.first_seed, given):
            with _stage(f"incomplete, composed, fold {name}, seed {seed}") as folder:
                share = size.week.harness_share
                compose = partial(composed, FOLDS[name], given.data, size.week, seed, trained=share)
                book.outcomes += incomplete(compose, folder, size.missing)


def _contest(fleet: Fleet, size: Size, folder: Path, given: argparse.Namespace) -> Contest:
    model = trial.bundled(given.model) if given.model else None
    return contest(fleet, model, folder, cuts=size.cuts, forest_seeds=size.forest_seeds)


def _seeds(first: int, given: argparse.Namespace) -> range:
    return range(first, first + (1 if given.quick else given.seeds))


@contextmanager
def _stage(name: str) -> Iterator[Path]:
    """Give a temporary folder, and say how long its use took."""
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name}: {time.perf_counter() - begin:.0f} s, peak {peak:.1f} GiB", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Quality of the detector and its rivals.")
    add = parser.add_argument
    add("--sources", nargs="+", choices=SOURCES, default=list(SOURCES), help="fleets to run (default all)")
    add(
        "--data",
        type=Path,
        help="folder with cadence/ and captures.jsonl; without, no composed fleet is varied",
    )
    add("--folds", default="ABC", help="folds of composed fleets (default ABC)")
    add("--seeds", type=int, default=3, help="seeds of each fleet (default 3)")
    add("--first-seed", type=int, default=100, help="first seed of composed fleets (default 100)")
    add("--first-fleet-seed", type=int, default=700, help="first seed of simulated fleets (default 700)")
    add("--accounts", type=int, default=400, help="accounts of a composed week (default 400)")
    add("--fleet-accounts", type=int, default=5000, help="accounts of a simulated fleet (default 5000)")
    add("--varied-accounts", type=int, default=1000, help="accounts of a varied fleet (default 1000)")
    add("--harness-share", type=float, default=0.05, help="harnesses of a composed week (default 0.05)")
    add("--model", type=Path, help="score with this bundle instead of training on week 1")
    add("--json", type=Path, help="also write every figure here")
    add("--quick", action="store_true", help="one seed of a few hundred accounts: does it run?")
    return parser


if __name__ == "__main__":
    main()
