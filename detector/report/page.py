"""A run as one page: a single HTML file that loads nothing, sends nothing and needs nothing else.

Whatever came from a log is made harmless twice: letters that act or hide are shown as escapes
(``detector.report.text``), and the template engine escapes what HTML knows. No text of a log
becomes an address, an id or a script, and the page's own content security policy forbids
every request and every style and script but its own.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import date

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from detector.report.casedata import CaseData
from detector.report.pagedata import RunData
from detector.report.text import LONGEST, shown

__all__ = ["render_page"]


def render_page(run: RunData, cases: Sequence[CaseData], left_out: int = 0) -> str:
    """Return a run as HTML; the same run gives the same bytes.

    Args:
        run: the run as a whole.
        cases: of its accounts, in the order of the page.
        left_out: flagged and watched accounts that have no case here.

    """
    env = _environment()
    style, script = (_source(env, name) for name in ("page.css", "page.js"))
    return env.get_template("page.html").render(
        run=run,
        cases=cases,
        left_out=left_out,
        windows=sorted({one.days for one in cases if one.days}),
        telemetry=any(one.telemetry for one in cases),
        style=Markup(style),  # noqa: S704 the package's own file
        script=Markup(script),  # noqa: S704 likewise
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("detector.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"log": _logged, "count": _count, "percent": _percent, "number": _number, "day": _day}
    return env


def _source(env: Environment, name: str) -> str:
    if env.loader is None:
        raise TypeError("no loader")
    return env.loader.get_source(env, name)[0]


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


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
