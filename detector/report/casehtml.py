"""A page as HTML that needs nothing beside itself; jinja2 escapes every text."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from detector.report.document import Document
from detector.report.text import shown

__all__ = ["document_html", "templates"]

LONGEST = 1000
"""Letters of a text that are shown at most."""


@cache
def templates() -> Environment:
    """Return the environment of ``detector/report/templates``.

    It escapes every text, with the filter ``visible`` for what a log may hold: control and
    direction marks are shown as escapes. ``picture`` gives the days and hours of a chart.
    """
    found = Environment(
        loader=PackageLoader("detector.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["visible"] = lambda text: shown(text, LONGEST)
    found.filters["kind"] = lambda block: type(block).__name__.lower()
    found.filters["picture"] = _picture
    return found


def document_html(page: Document) -> str:
    """Return a page as one self-contained HTML file."""
    return templates().get_template("case.html").render(document=page)


def _picture(counts: Mapping[datetime, tuple[int, int]]) -> list[tuple[str, list[tuple[int, int, int]]]]:
    """Return the days, each with its active hours: hour of the day, flagged and other requests."""
    days: dict[datetime, list[tuple[int, int, int]]] = {}
    for hour, (flagged, other) in sorted(counts.items()):
        moment = hour.astimezone(UTC)
        days.setdefault(moment.replace(hour=0), []).append((moment.hour, flagged, other))
    if not days:
        return []
    first = min(days)
    every = [first + timedelta(days=i) for i in range((max(days) - first).days + 1)]
    return [(f"{day:%Y-%m-%d}", days.get(day, [])) for day in every]
