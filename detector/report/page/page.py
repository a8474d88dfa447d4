"""A run as one page: a single HTML file that loads nothing, sends nothing and needs nothing else.

Whatever came from a log is made harmless twice: letters that act or hide are shown as escapes
(``detector.report.text``), and the template engine escapes what HTML knows. No text of a log
becomes an address, an id or a script, and the page's own content security policy forbids
every request and every style and script but its own.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import date, datetime
from importlib import resources
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from detector.errors import refusal
from detector.output import new_file
from detector.report.casefile import cases
from detector.report.casehtml import templates
from detector.report.folder import open_verdicts
from detector.report.page.casedata import SIGNS, CaseData, case_data
from detector.report.page.rundata import RunData, listed_accounts, run_data
from detector.report.text import LONGEST, shown

__all__ = ["render_page", "report_page"]

SPARED = re.compile(r"</(?:dd|dt|li|td|th|tr)>\n?|(?<=>)\n+(?=<)")
"""End tags that HTML lets one leave out and line ends between tags: a tenth of a page of many cases."""


def report_page(verdicts: str | Path, output: str | Path, *, most: int = 1000) -> Path:
    """Write a run as one HTML page.

    Args:
        verdicts: a folder that ``score`` wrote.
        output: file of the page; an earlier page there is replaced.
        most: cases on the page at most, flagged accounts first, the highest scores first.

    Returns:
        The page's path.

    Raises:
        InputError: the folder is no verdict folder, or the file cannot be written.

    """
    opened = open_verdicts(verdicts)
    accounts = opened.collect(opened.tables["accounts"])
    try:
        run = run_data(accounts, opened.record)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise refusal(opened.folder / "run.json", "not the record of a run", "score again") from error
    listed = listed_accounts(accounts)
    telemetry = any(family.available for family in run.families if family.name == "telemetry")
    found = [
        case_data(case, run.overview.first_day, run.overview.last_day, telemetry=telemetry)
        for case in cases(verdicts, listed[:most])
    ]
    text = render_page(run, found, left_out=len(listed) - len(found), telemetry=telemetry)
    with new_file(output) as path:
        path.write_text(text, "utf-8")
    return Path(output)


def render_page(run: RunData, found: Sequence[CaseData], *, left_out: int, telemetry: bool) -> str:
    """Return a run as HTML; the same run gives the same bytes.

    Args:
        run: the run as a whole.
        found: cases of its accounts, in the order of the page.
        left_out: flagged and watched accounts that have no case here.
        telemetry: whether the pictures show telemetry.

    """
    env = _environment()
    # Accounts with one tool send one list: each comparison stands on the page once.
    compared = {one.lines: one.said for case in found for one in case.headers if one.lines}
    style, script = (_source(name) for name in ("page.css", "page.js"))
    text = env.get_template("page/page.html").render(
        run=run,
        cases=found,
        left_out=left_out,
        windows=sorted({one.days for one in found}),
        lists=compared,
        places={lines: place for place, lines in enumerate(compared, 1)},
        signs=SIGNS,
        telemetry=telemetry,
        style=Markup(style),  # noqa: S704 the package's own file
        script=Markup(script),  # noqa: S704 likewise
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return SPARED.sub("", text)


def _environment() -> Environment:
    env = templates().overlay()
    env.filters = env.filters | {
        "count": _count,
        "day": _day,
        "isoday": _isoday,
        "log": _logged,
        "number": _number,
        "percent": _percent,
        "text": shown,
    }
    return env


def _source(name: str) -> str:
    return resources.files("detector.report").joinpath("templates", "page", name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the hash by which a content security policy knows an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _logged(text: str, most: int = LONGEST) -> Markup:
    """Return text from a log, visible, cut, and kept from turning the direction of what is beside it."""
    return Markup("<bdi>{}</bdi>").format(shown(text, most))


def _count(number: int) -> str:
    return f"{number:,}"


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _isoday(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
