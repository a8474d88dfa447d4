"""Which URL path is what: inference, telemetry, a probe, token counting or something else."""

import re
from dataclasses import fields
from fnmatch import translate

import polars as pl

from detector.settings import PathSettings

__all__ = ["KIND", "bare_path", "path_kinds"]

KIND = pl.Enum(["inference", "telemetry", "probe", "count_tokens", "other"])


def bare_path(path: pl.Expr) -> pl.Expr:
    """Return the path without its query string and fragment; null stays null."""
    return path.str.replace(r"(?s)[?#].*", "")


def path_kinds(paths: pl.Series, globs: PathSettings) -> pl.Series:
    """Say the kind of each bare path; null stays null.

    A kind's globs match the whole path, upper and lower case apart. The first
    kind that matches wins, in the order of the fields of ``PathSettings``; a
    path that no glob matches is ``other``. Meant for distinct paths: every one
    is matched by itself.
    """
    kinds = {field.name: getattr(globs, field.name) for field in fields(globs)}
    pattern = re.compile(
        "|".join(
            f"(?P<{kind}>{'|'.join(translate(glob) for glob in patterns)})"
            for kind, patterns in kinds.items()
            if patterns
        )
        or r"(?!)"
    )
    return pl.Series(
        paths.name,
        [None if path is None else _kind(pattern, path) for path in paths.to_list()],
        dtype=KIND,
    )


def _kind(pattern: re.Pattern[str], path: str) -> str:
    match = pattern.match(path)
    return match.lastgroup or "other" if match else "other"
