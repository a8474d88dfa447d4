"""Commands that read or make logs: ``score``, ``train`` and ``simulate``."""

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import click

import detector
from detector.cli.shell import Progress, output_options, to_json
from detector.cli.terminal import print_file, say, style, width
from detector.verdict.formats import FILES, PARQUET

__all__ = ["score", "simulate", "train"]


def _named(_ctx: click.Context, _param: click.Parameter, logs: str) -> str:
    """Refuse an empty name, such as an unset shell variable: it would mean this folder."""
    if not logs:
        raise click.BadParameter("is empty; name a file, a folder or a glob")
    return logs


def _believable(_ctx: click.Context, _param: click.Parameter, start: datetime | None) -> datetime | None:
    """Refuse a day whose rows no reader would believe."""
    if start and not 2015 <= start.year <= 2090:
        raise click.BadParameter("is not between 2015 and 2090")
    return start


logs_argument = click.argument("logs", callback=_named)
policy_option = click.option(
    "--policy",
    metavar="NAME|FILE",
    help="Which clients may use a plan: default, open, or a TOML file. [default: default]",
)


jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Parts of the log taken at a time, each in memory; no result changes. [default: cores + 1]",
)


SEED = click.IntRange(0, 2**32 - 1)
"""What every source of chance takes."""


class Share(click.ParamType[tuple[str, float]]):
    """A part of a mixture: ``class=share``."""

    name = "CLASS=SHARE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Split the text; a share that is no number is a usage error."""
        name, _, share = str(value).partition("=")
        try:
            number = float(share)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value!r} is not CLASS=SHARE, such as riding=0.1", param, ctx)
        return name, number


@click.command()
@logs_argument
@click.option("--model", metavar="DIR", help="Model bundle. [default: the one that comes with the package]")
@policy_option
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FILES)),
    default=PARQUET,
    show_default=True,
    help="Form in which the verdicts are written, beside Parquet, and printed.",
)
@jobs_option
@output_options("the verdicts; new, empty or of an earlier run")
def score(
    logs: str,
    model: str | None,
    policy: str | None,
    jobs: int | None,
    output: str,
    *,
    form: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Score LOGS and write a verdict on every account.

    LOGS is a store that ingest made, or a native log: a Parquet, NDJSON or CSV file, a
    folder of them (Hive partitions welcome), a glob in quotes, an s3:// or gs:// address,
    a Delta or an Iceberg table. Afterwards --output holds accounts.parquet,
    sessions.parquet, run.json and the tables that explain reads. A run that was stopped
    goes on where it was if the same command is given again.

    With --format ndjson or csv it also holds accounts and sessions in that form, and the
    accounts are printed, a line each, instead of the summary. With --format ocsf it holds
    findings.ocsf.ndjson, an OCSF Detection Finding for each flagged or watched account, and
    these are printed. --quiet prints neither.
    """
    from detector.report.summary import run_text

    with Progress(quiet=quiet) as progress:
        run = detector.score(logs, output, model, policy=policy, form=form, progress=progress, jobs=jobs)
    if as_json:
        click.echo(to_json(run.record))
    elif not quiet and form == PARQUET:
        say(run_text(run.accounts, run.record, output, width=width(), style=style()))
    elif not quiet:
        print_file(Path(output) / FILES[form][0])


@click.command()
@logs_argument
@policy_option
@click.option("--seed", type=SEED, metavar="N", default=0, show_default=True, help="Source of all chance.")
@jobs_option
@output_options("the model bundle; new or empty")
def train(
    logs: str, policy: str | None, seed: int, jobs: int | None, output: str, *, as_json: bool, quiet: bool
) -> None:
    """Train a model bundle on unlabelled LOGS.

    LOGS is what score reads. Accounts whose evidence is conclusive are left out of
    the calibration; pay-per-use traffic and declared third-party clients are not
    trained on. A run that was stopped goes on where it was if the same command is given again.
    """
    from detector.model.bundle import model_id
    from detector.report.summary import model_text

    with Progress(quiet=quiet) as progress:
        model = detector.train(logs, output, policy=policy, seed=seed, progress=progress, jobs=jobs)
    name = model_id(Path(output))
    if as_json:
        click.echo(to_json({"model": {"id": name, "facts": model.facts}, "output": output}))
    elif not quiet:
        click.echo(model_text(name, model.facts, logs, output))


@click.command()
@click.option("--accounts", type=click.IntRange(min=1), metavar="N", help="Accounts. [default: 1000]")
@click.option(
    "--days", type=click.IntRange(1, 3650), metavar="N", help="Length of the period in days. [default: 14]"
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    callback=_believable,
    help="First day. [default: 2026-11-02]",
)
@click.option("--seed", type=SEED, metavar="N", help="Source of all chance. [default: 0]")
@click.option(
    "--activity",
    type=click.FloatRange(0, 100, min_open=True),
    help="Factor on the requests of every account. [default: 1.0]",
)
@click.option(
    "--mixture",
    type=Share(),
    multiple=True,
    help="Share of one class of account; repeat it for each class wanted. "
    "[default: every class, few of them harnesses]",
)
@output_options("logs/, accounts.parquet and sessions.parquet (labels); new or empty")
def simulate(
    start: datetime | None,
    mixture: tuple[tuple[str, float], ...],
    output: str,
    *,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Simulate labelled logs of people, headless jobs and harnesses.

    The same options give the same bytes. Score the folder logs/ below --output; the
    labels are for evaluate.
    """
    from detector import simulate as simulation

    given = {name: value for name, value in options.items() if value is not None}
    if start:
        given["start"] = start.date()
    if mixture:
        given["mixture"] = dict(mixture)
    wanted = simulation.FleetOptions(**given)
    with Progress(quiet=quiet) as progress:
        progress("simulating", 0, 1)
        fleet = simulation.simulate(wanted)
        progress("writing", 0, 1)
        fleet.write(Path(output))
    classes = {name: count for name, count in wanted.counts().items() if count}
    rows = {
        "requests": fleet.log.height,
        "accounts": fleet.accounts.height,
        "sessions": fleet.sessions.height,
    }
    if as_json:
        click.echo(to_json({**rows, "classes": classes, "output": output}))
    elif not quiet:
        from detector.report.summary import fleet_text

        click.echo(fleet_text(rows, classes, output))
