"""The log dialects, by name, by a user's file and by what a log looks like.

A dialect is data, a TOML file: those of the package lie in ``dialects/``, each with the
document of its format. A user's own file may extend one of them.
"""

from functools import cache
from importlib import resources
from pathlib import Path

from detector.errors import refusal
from detector.ingest.dialects.dialect import Dialect
from detector.ingest.dialects.fieldmap import HEADER
from detector.ingest.dialects.fields import contains
from detector.ingest.dialects.parse import parse_dialect

__all__ = ["DIALECTS", "load_dialect", "recognise"]

DIALECTS = ("native", "otel", "cloudflare", "envoy", "nginx", "aws_waf", "cloudfront", "ecs", "ocsf")
"""Names of the dialects that come with the package."""


def load_dialect(name_or_path: str) -> Dialect:
    """Load a dialect by name, or a user's own field map by the path of its TOML file.

    Raises:
        InputError: no such name or file, no TOML, or a map that says something impossible.

    """
    if name_or_path in DIALECTS:
        return _shipped(name_or_path)
    advice = f"give a TOML file or one of {', '.join(DIALECTS)}"
    try:
        text = Path(name_or_path).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise refusal(f"dialect {name_or_path}", "no such dialect, and no file to read", advice) from error
    return parse_dialect(text, name_or_path, _extended)


def recognise(found: frozenset[str], log: str = "log") -> tuple[Dialect, str]:
    """Find the dialect of a log.

    A dialect is possible where the log has all fields of one of its sets of signs; of
    several the one that feeds most native columns is taken.

    Args:
        found: field paths of a sample: keys joined by dots, list elements as ``[]``.
            The keys of a list of key and value need not be there.
        log: what to call it in an error.

    Returns:
        The dialect and one line that says by which fields it was known.

    Raises:
        InputError: no dialect fits, or two fit equally well.

    """
    possible = []
    for dialect in map(_shipped, DIALECTS):
        for signs in dialect.signs:
            if all(contains(found, sign) for sign in signs):
                possible.append((_fed(dialect, found), dialect, f"{dialect.name}: {', '.join(signs)}"))
                break
    most = max((fed for fed, _, _ in possible), default=0)
    best = [(dialect, why) for fed, dialect, why in possible if fed == most]
    if len(best) == 1:
        return best[0]
    if best:
        names = " and ".join(dialect.name for dialect, _ in best)
        raise refusal(log, f"fits the dialects {names} equally well", "choose one with --dialect")
    shown = ", ".join(name[:60] for name in sorted(found)[:8]) or "no fields"
    raise refusal(
        log,
        f"is of no known dialect ({shown})",
        "name it with --dialect, or write a field map (docs/dialects.md)",
    )


def _fed(dialect: Dialect, found: frozenset[str]) -> int:
    """Count the native columns that a log with these fields would feed."""
    return sum(
        any(contains(found, one.field) for one in ways if one.field and not one.field.startswith(HEADER))
        for ways in dialect.map.columns.values()
    )


@cache
def _shipped(name: str) -> Dialect:
    file = resources.files("detector.ingest").joinpath("dialects", "maps", f"{name}.toml")
    return parse_dialect(file.read_text("utf-8"), name, _extended)


def _extended(name: str) -> Dialect | None:
    return _shipped(name) if name in DIALECTS else None
