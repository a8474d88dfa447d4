"""Every threshold, read from ``settings.toml`` into frozen records.

The TOML file beside this module documents each value in place; this module only
gives the values types. Nothing else in the package holds a threshold.
"""

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any, Self

from detector.errors import SettingsError

__all__ = [
    "AttendanceSettings",
    "CadenceSettings",
    "ClientSettings",
    "DecisionSettings",
    "FingerprintSettings",
    "FloorSettings",
    "IncidentSettings",
    "ModelSettings",
    "PathSettings",
    "ReadSettings",
    "SessionSettings",
    "Settings",
    "UsageSettings",
    "default_settings",
]


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the settings file: its keys are exactly the record's fields."""

    @classmethod
    def from_table(cls, name: str, table: dict[str, Any]) -> Self:
        """Build the record from a TOML table.

        Raises:
            SettingsError: a key is missing or unknown, or a value of another type.

        """
        known = {field.name for field in fields(cls)}
        if not isinstance(table, dict):
            raise SettingsError(f"settings [{name}]: is not a table")
        if odd := known.symmetric_difference(table):
            raise SettingsError(f"settings [{name}]: keys {sorted(odd)} are missing or unknown")
        values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
        for field in fields(cls):
            kind, value = field.type, values[field.name]
            if isinstance(value, tuple):
                fits = kind == tuple[str, ...] and all(isinstance(item, str) for item in value)
            else:
                fits = type(value) is kind or (kind is float and type(value) is int)
            if not fits:
                raise SettingsError(f"settings [{name}]: {field.name} cannot be {value!r}")
        return cls(**values)


@dataclass(frozen=True, slots=True)
class PathSettings(Section):
    """Globs that say which URL path is what."""

    count_tokens: tuple[str, ...]
    inference: tuple[str, ...]
    telemetry: tuple[str, ...]
    probe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadSettings(Section):
    """What a believable row is."""

    earliest_year: int
    latest_year: int


@dataclass(frozen=True, slots=True)
class SessionSettings(Section):
    """Where a session ends and what joins it."""

    gap_minutes: float
    join_minutes: float
    most_devices: int


@dataclass(frozen=True, slots=True)
class ClientSettings(Section):
    """How a user agent and a header list are read."""

    browsers: tuple[str, ...]
    main: str
    elsewhere: tuple[str, ...]
    interactive_surfaces: tuple[str, ...]
    hop_pattern: str


@dataclass(frozen=True, slots=True)
class CadenceSettings(Section):
    """What counts as a pause, a rest and a helper call."""

    long_gap_s: float
    away_gap_s: float
    instant_s: float
    shortest_gap_s: float
    helper_models: str
    rest_hours: int
    travel_hours: int


@dataclass(frozen=True, slots=True)
class AttendanceSettings(Section):
    """What shows that a person is at work."""

    shortest_reply_s: float
    longest_reply_s: float
    reading_share: float
    one_place: float


@dataclass(frozen=True, slots=True)
class UsageSettings(Section):
    """Properties of the prompt cache."""

    cache_ttl_s: float


@dataclass(frozen=True, slots=True)
class FingerprintSettings(Section):
    """When a header fingerprint is odd for the client it claims."""

    reference_accounts: int
    own_share: float
    vouchers: int
    common_accounts: int
    common_share: float
    version_share: float
    strange_bits: float
    odd_names: int
    moved_names: int
    neighbours: int
    neighbours_share: float


@dataclass(frozen=True, slots=True)
class FloorSettings(Section):
    """Least evidence for each kind of feature."""

    gaps: int
    away_gaps: int
    human_gaps: int
    served: int
    posts: int
    limits: int
    sessions: int
    starts: int
    habit_sessions: int
    days: int
    habit_days: int
    prompts: int
    single_prompts: int
    replies: int
    named: int


@dataclass(frozen=True, slots=True)
class ModelSettings(Section):
    """How the forest is grown and calibrated."""

    trees: int
    sample: int
    envelope: float
    fewest_accounts: int
    folds: int


@dataclass(frozen=True, slots=True)
class IncidentSettings(Section):
    """When an event moved so many accounts that it accuses none of them."""

    witnesses: int
    lost_share: float
    cohort_accounts: int
    shifted_share: float
    release_share: float
    reporting_share: float


@dataclass(frozen=True, slots=True)
class DecisionSettings(Section):
    """When evidence counts and when it suffices."""

    counting: float
    flag_p: float
    watch_p: float
    in_step: float
    least_share: float
    fdr: float
    reasons: int


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run."""

    paths: PathSettings
    read: ReadSettings
    sessions: SessionSettings
    clients: ClientSettings
    cadence: CadenceSettings
    attendance: AttendanceSettings
    usage: UsageSettings
    fingerprint: FingerprintSettings
    floors: FloorSettings
    model: ModelSettings
    incidents: IncidentSettings
    decision: DecisionSettings

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Parse a settings file.

        Raises:
            SettingsError: the text is no TOML, or a table or key is missing or unknown.

        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"settings: not valid TOML: {error}") from error
        return cls.from_tables(tables)

    @classmethod
    def from_tables(cls, tables: dict[str, Any]) -> Self:
        """Build the settings from a table a section, as a bundle records them.

        Raises:
            SettingsError: a table or key is missing or unknown, or a value of another type.

        """
        sections: dict[str, type[Section]] = {field.name: field.type for field in fields(cls)}  # type: ignore[misc]
        if odd := set(sections).symmetric_difference(tables):
            raise SettingsError(f"settings: tables {sorted(odd)} are missing or unknown")
        records: dict[str, Any] = {
            name: section.from_table(name, tables[name]) for name, section in sections.items()
        }
        return cls(**records)


@cache
def default_settings() -> Settings:
    """Return the settings that travel with the package."""
    return Settings.from_toml(resources.files("detector").joinpath("settings.toml").read_text("utf-8"))
