"""Build ``datasets/sample``: a small labelled log in which every class of traffic occurs.

::

    python datasets/build.py            # rebuild datasets/sample
    python datasets/build.py --check    # rebuild elsewhere and compare byte by byte

Takes a few seconds. Equal versions of the dependencies give equal bytes.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import polars as pl

from detector.schema import LOG_COLUMNS
from detector.simulate import CLASSES, FleetOptions, simulate

TARGET = Path(__file__).parent / "sample"

MIXTURE = {one.name: one.share for one in CLASSES} | {"interactive": 0.2, "riding": 0.05}
"""The default one, with fewer ordinary people and more accounts with a harness on them."""

OPTIONS = FleetOptions(accounts=60, days=5, seed=7, activity=0.4, mixture=MIXTURE)


def build(folder: Path) -> None:
    """Write log, labels and card into a new folder.

    Args:
        folder: must not exist. The labels lie in ``_labels``, which no reader of logs enters.

    """
    fleet = simulate(OPTIONS)
    fleet.write(folder)
    (folder / "_labels").mkdir()
    for name in ("accounts.parquet", "sessions.parquet"):
        (folder / name).rename(folder / "_labels" / name)
    files = sorted(path for path in folder.rglob("*.parquet"))
    listed = "\n".join(f"| `{path.relative_to(folder).as_posix()}` | {rows(path):,} |" for path in files)
    counts = OPTIONS.counts()
    classes = "\n".join(
        f"| `{one.name}` | {one.label} | {counts[one.name]} | {one.summary} |" for one in CLASSES
    )
    filled = fleet.requests.columns
    columns = "\n".join(
        f"| `{column.name}` | {column.meaning} |"
        for column in LOG_COLUMNS
        if column.name in filled and fleet.requests[column.name].null_count() < fleet.requests.height
    )
    (folder / "CARD.md").write_text(
        f"""# Data card: sample

A small request log of subscription accounts with labels, for trying the commands and for tests:
{fleet.requests.height:,} requests of {OPTIONS.accounts} accounts over {OPTIONS.days} days from
{OPTIONS.start}.

## How it was made

Simulated by `detector.simulate` with seed {OPTIONS.seed} and activity {OPTIONS.activity}; no row stems from
a real account. Rhythm, header names and token counts follow published captures and measured figures that
the simulator holds as its own data files. `python datasets/build.py` rebuilds it byte by byte,
`python datasets/build.py --check` compares.

## Files

| file | rows |
|---|---|
{listed}

`_labels` is skipped by everything that reads logs, so `detector score datasets/sample` reads the log alone.
`detector evaluate VERDICTS --labels datasets/sample/_labels/accounts.parquet` compares.

## Classes

| class | label | accounts | what it is |
|---|---|---|---|
{classes}

`_labels/accounts.parquet` holds `account_id`, `class`, `label`, `plan`; `_labels/sessions.parquet` holds
`account_id`, `session_id` (null where the client declares none), `class`, `label`.

## Columns of the log

| column | meaning |
|---|---|
{columns}

## Limits

Far too small to train on or to measure quality with. Harnesses are much more frequent than anywhere in
practice. The simulator knows the kinds of harness that it was told of, and no others.

## Licence

Apache-2.0, like the code.
""",
        "utf-8",
    )


def rows(path: Path) -> int:
    """Return the rows of a Parquet file."""
    return int(pl.scan_parquet(path, hive_partitioning=False).select(pl.len()).collect().item())


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a folder by its relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def main() -> int:
    """Build, or check what was built; return the exit code."""
    parser = argparse.ArgumentParser(description="Build datasets/sample.")
    parser.add_argument("--check", action="store_true", help="compare with what is there, change nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory(dir=TARGET.parent, prefix=".sample.") as temporary:
        built = Path(temporary, "sample")
        build(built)
        if check:
            ours, theirs = contents(built), contents(TARGET)
            odd = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
            print(f"{TARGET}: {'differs in ' + ', '.join(odd) if odd else 'as built'}")
            return int(bool(odd))
        shutil.rmtree(TARGET, ignore_errors=True)
        built.rename(TARGET)
    size = sum(len(data) for data in contents(TARGET).values())
    print(f"{TARGET}: {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
