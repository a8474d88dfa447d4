"""Commands that read verdicts: ``evaluate`` and ``explain``."""

import click

import detector
from detector.cli.shell import json_option, to_json

__all__ = ["evaluate", "explain"]


@click.command()
@click.argument("verdicts")
@click.option(
    "--labels",
    required=True,
    metavar="FILE",
    help="Parquet, CSV or NDJSON with account_id, label and optionally class; "
    "with session_id, labels of sessions.",
)
@json_option
def evaluate(verdicts: str, labels: str, *, as_json: bool) -> None:
    """Compare VERDICTS, a folder that score wrote, with labels.

    The label harness is positive, any other negative. Prints average precision,
    recall at 1 % and 0.1 % false flags, and the flag rate of every class.
    """
    from detector.report.summary import figures_text

    figures = detector.evaluate(verdicts, labels)
    click.echo(to_json(figures.to_dict()) if as_json else figures_text(figures))


@click.command(short_help="Print one account's case file.")
@click.argument("verdicts")
@click.argument("account")
@json_option
def explain(verdicts: str, account: str, *, as_json: bool) -> None:
    """Print the case file of one ACCOUNT from VERDICTS, a folder that score wrote.

    ACCOUNT is the id as logged, or as score printed it. The file holds the verdict,
    the reasons, what does not count against the account, its sessions, and what to do
    next.
    """
    from detector.report.casetext import render_text

    case = detector.explain(verdicts, account)
    click.echo(to_json(case.to_dict()) if as_json else render_text(case))
