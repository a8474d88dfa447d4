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
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "md", "html", "json"]),
    default="terminal",
    show_default=True,
    help="What to print: html is one file that needs nothing else.",
)
@click.option(
    "--redact", is_flag=True, help="The version for the account's owner: no thresholds, scores or evidence."
)
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
def explain(verdicts: str, account: str, form: str, *, redact: bool) -> None:
    """Print the case file of one ACCOUNT from VERDICTS, a folder that score wrote.

    ACCOUNT is the id as logged, or as score printed it. The file holds the verdict,
    what counts against the account and where that lies among comparable accounts,
    what speaks for it, what would clear it, its telemetry, headers, hours and
    sessions, and what to do next.
    """
    from detector.report.casedocument import case_document
    from detector.report.ownerletter import owner_letter

    case = detector.explain(verdicts, account)
    page = owner_letter(case) if redact else case_document(case)
    if form == "json":
        click.echo(to_json(page.to_dict() if redact else case.to_dict()))
    elif form == "html":
        from detector.report.casehtml import document_html

        click.echo(document_html(page))
    elif form == "md":
        from detector.report.casemarkdown import document_markdown

        click.echo(document_markdown(page))
    else:
        from detector.report.casetext import document_text

        click.echo(document_text(page))
