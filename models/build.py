"""Build ``models/default``: simulate fleets, train on their logs, write the bundle and its card.

::

    python models/build.py            # rebuild models/default
    python models/build.py --check    # rebuild elsewhere and compare byte by byte

Takes a minute or two on 2 cores and less than 5 GiB. Equal versions of the dependencies give
equal bytes.
"""

import argparse
import filecmp
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import detector
from detector.simulate import FleetOptions, simulate

TARGET = Path(__file__).parent / "default"
OPTIONS = FleetOptions(accounts=1000, days=7, seed=20261102)
FLEETS = 4
"""Fleets of ``OPTIONS``, each with a seed of its own: one of all accounts takes twice the memory."""
SEED = 0


def build(folder: Path) -> None:
    """Write the bundle into a new folder; the simulated logs are removed again.

    Args:
        folder: must not exist.

    """
    with tempfile.TemporaryDirectory() as temporary:
        logs = Path(temporary, "logs")
        logs.mkdir()
        for number in range(FLEETS):
            fleet = Path(temporary, f"fleet-{number}")
            simulate(replace(OPTIONS, seed=OPTIONS.seed + number)).write(fleet)
            (fleet / "logs").rename(logs / fleet.name)
        detector.train(logs, folder, seed=SEED)
    card = folder / "CARD.md"
    classes = ", ".join(f"{name} {FLEETS * count:,}" for name, count in OPTIONS.counts().items() if count)
    card.write_text(
        card.read_text("utf-8")
        + f"""
## Origin

Trained on simulated traffic alone (`detector.simulate`), without labels: {FLEETS} fleets of
{OPTIONS.accounts:,} accounts over {OPTIONS.days} days from {OPTIONS.start}, simulation seeds
{OPTIONS.seed} to {OPTIONS.seed + FLEETS - 1}, training seed {SEED}. Rebuild it with
`python models/build.py`. A provider should train on its own logs: `detector train LOGS --output DIR`.

Accounts by class: {classes}.
""",
        "utf-8",
    )


def differences(built: Path, kept: Path) -> list[str]:
    """Return the names of files that only one of two folders has, or that differ."""
    names = {path.name for folder in (built, kept) if folder.is_dir() for path in folder.iterdir()}
    return sorted(
        name
        for name in names
        if not (built / name).is_file()
        or not (kept / name).is_file()
        or not filecmp.cmp(built / name, kept / name, shallow=False)
    )


def main() -> int:
    """Build, or check what was built; return the exit code."""
    parser = argparse.ArgumentParser(description="Build models/default.")
    parser.add_argument("--check", action="store_true", help="compare with what is there, change nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory(dir=TARGET.parent, prefix=".default.") as temporary:
        built = Path(temporary, "default")
        build(built)
        if check:
            odd = differences(built, TARGET)
            print(f"{TARGET}: {'differs in ' + ', '.join(odd) if odd else 'as built'}")
            return int(bool(odd))
        shutil.rmtree(TARGET, ignore_errors=True)
        built.rename(TARGET)
    sizes = ", ".join(f"{path.name} {path.stat().st_size:,} bytes" for path in sorted(TARGET.iterdir()))
    print(f"{TARGET}: {sizes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
