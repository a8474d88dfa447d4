"""Commands that make stores and look after them: ``ingest`` and ``store``."""

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import click

import detector
from detector.cli.shell import Failure, Progress, json_option, quiet_option, to_json

__all__ = ["ingest", "store"]


class Share(click.ParamType[float]):
    """A part of a whole: ``1%`` or ``0.01``."""

    name = "SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the text; what is no share is a usage error."""
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = math.nan
        if not 0 <= share <= 1:
            self.fail(f"{value!r} is not a share, such as 1% or 0.01", param, ctx)
        return share


@click.command(short_help="Put logs of any dialect into a store.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--store", "folder", required=True, metavar="DIR", help="The store; made if there is none.")
@click.option(
    "--dialect",
    metavar="auto|NAME|FILE",
    default="auto",
    show_default=True,
    help="Format of the logs: a name, or a TOML file with your own field map.",
)
@click.option(
    "--key-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Key of the pseudonyms. [default: $DETECTOR_KEY, else DIR.key, made beside a new store]",
)
@click.option("--keep-ids", is_flag=True, help="Keep ids as logged instead of pseudonyms; never addresses.")
@click.option(
    "--max-rejects",
    type=Share(),
    help="Fail, and change nothing, if more of the records cannot be used, such as 1%.",
)
@click.option(
    "--buckets",
    type=click.IntRange(1, 4096),
    metavar="N",
    help="Parts of a new store, by account. [default: 16]",
)
@json_option
@quiet_option
def ingest(
    sources: tuple[str, ...], folder: str, *, as_json: bool, quiet: bool, buckets: int | None, **options: Any
) -> None:
    """Put logs into a store that train and score read as LOGS.

    Each SOURCE is a Parquet, NDJSON (also gz, zst) or CSV file, a folder of them, a glob
    in quotes, an s3:// or gs:// address, a Delta or an Iceberg table. Ids and addresses
    become keyed pseudonyms. What was ingested before is left out. Records that cannot be
    used go to DIR/quarantine.
    """
    from detector.report.storetext import ingestion_text

    if buckets is not None:
        options["buckets"] = buckets
    with Progress(quiet=quiet) as progress:
        done = detector.ingest_logs(sources, folder, progress=progress, **options)
    if as_json:
        click.echo(to_json(done.to_dict()))
    elif not quiet:
        click.echo(ingestion_text(done))


@click.group(short_help="Look after a store.")
def store() -> None:
    """Look after a store that ingest made."""


@store.command()
@click.argument("folder", metavar="DIR")
@json_option
def info(folder: str, *, as_json: bool) -> None:
    """Say what the store DIR holds."""
    from detector.ingest.store.upkeep import describe
    from detector.report.storetext import store_text

    found = describe(folder)
    click.echo(to_json(found) if as_json else store_text(found))


@store.command()
@click.argument("folder", metavar="DIR")
@quiet_option
def verify(folder: str, *, quiet: bool) -> None:
    """Read the whole store DIR and list what is wrong with it; exit 1 if anything is."""
    from detector.ingest.store.upkeep import verify as read_all
    from detector.report.storetext import fault_lines

    with Progress(quiet=quiet) as progress:
        faults = read_all(folder, progress)
    if faults:
        click.echo("\n".join(fault_lines(faults)))
        raise Failure(f"{folder}: {len(faults)} faults; restore the files named, or ingest the logs anew")
    if not quiet:
        click.echo("sound: every file is there, sorted, counted and known")


@store.command()
@click.argument("folder", metavar="DIR")
@quiet_option
def compact(folder: str, *, quiet: bool) -> None:
    """Merge the many small files of the store DIR; changes no result."""
    from detector.ingest.store.upkeep import compact as merge

    with Progress(quiet=quiet) as progress:
        before, after = merge(folder, progress)
    if not quiet:
        click.echo(f"{before:,} files before, {after:,} after")


@store.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--before",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="First day (UTC) that is kept.",
)
@quiet_option
def prune(folder: str, before: datetime, *, quiet: bool) -> None:
    """Delete old days of the store DIR for good, from its older versions too."""
    from detector.ingest.store.upkeep import prune as delete

    deleted = delete(folder, before.date())
    if not quiet:
        click.echo(f"{deleted:,} requests before {before:%Y-%m-%d} deleted")
