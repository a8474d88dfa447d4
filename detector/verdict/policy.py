"""What the provider permits, as data.

A policy names the provider's own clients, the tools that declare themselves
third-party, and the plans on which those are permitted.
"""

import re
import tomllib
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Self

import polars as pl

from detector.errors import SettingsError
from detector.features.clients import any_of

__all__ = ["Policy", "load_policy"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may use a subscription token.

    Attributes:
        name: short name, quoted in reasons and in ``run.json``.
        title: the rule in a sentence.
        first_party: globs over client names of the provider's own; any other name declares itself.
        third_party: globs over client names of tools that are known as third-party, however
            many accounts show them.
        permitted_plans: globs over plans on which declared tools are permitted.

    """

    name: str
    title: str
    first_party: tuple[str, ...]
    third_party: tuple[str, ...]
    permitted_plans: tuple[str, ...]

    @classmethod
    def from_toml(cls, text: str, where: str) -> Self:
        """Parse a policy file.

        Raises:
            SettingsError: no TOML, a key missing or unknown, or of a wrong type.

        """
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{where}: not valid TOML: {error}; see policies/default.toml") from error
        if odd := {field.name for field in fields(cls)}.symmetric_difference(table):
            raise SettingsError(
                f"{where}: keys {sorted(odd)} are missing or unknown; see policies/default.toml"
            )
        for key in ("name", "title"):
            if not isinstance(table[key], str):
                raise SettingsError(f"{where}: {key} must be text; see policies/default.toml")
        for key in ("first_party", "third_party", "permitted_plans"):
            if not isinstance(table[key], list) or not all(isinstance(item, str) for item in table[key]):
                raise SettingsError(f"{where}: {key} must be a list of names; see policies/default.toml")
            table[key] = tuple(item.lower() for item in table[key])
        return cls(**table)

    def own(self) -> pl.Expr:
        """Return whether ``client`` is one of the provider's (false where it is null)."""
        return pl.col("client").str.contains(any_of(self.first_party)).fill_null(value=False)

    def listed(self) -> pl.Expr:
        """Return whether ``client`` is a tool that the policy lists (false where it is null)."""
        return pl.col("client").str.contains(any_of(self.third_party)).fill_null(value=False)

    def declared(self) -> pl.Expr:
        """Return whether ``client`` names itself as none of the provider's, listed or not.

        False where it is null: a log without user agents says nothing.
        """
        return ~self.own() & pl.col("client").is_not_null()

    def permitted(self) -> pl.Expr:
        """Return whether ``plan`` permits declared tools (an unknown plan only where all do)."""
        return pl.col("plan").fill_null("").str.to_lowercase().str.contains(any_of(self.permitted_plans))


def load_policy(source: str | Path | None = None) -> Policy:
    """Load a policy by file, or by the name of one that travels with the package.

    Args:
        source: a TOML file, ``default`` or ``open``; None is ``default``.

    Raises:
        SettingsError: no such file or name, or a file that says something impossible.

    """
    name = "default" if source is None else str(source)
    shipped = resources.files("detector.verdict").joinpath("policies", f"{name}.toml")
    if re.fullmatch(r"[a-z-]+", name) and shipped.is_file():
        return Policy.from_toml(shipped.read_text("utf-8"), f"policy {name}")
    try:
        return Policy.from_toml(Path(name).read_text("utf-8"), name)
    except OSError as error:
        raise SettingsError(
            f"{name}: no such policy file ({error.strerror}); give a TOML file, default or open"
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: not a text file; give a TOML file, default or open") from error
