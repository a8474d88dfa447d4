import re
import tomllib
from dataclasses import FrozenInstanceError, asdict, fields
from importlib import resources

import pytest

from detector.errors import DetectorError, SettingsError
from detector.settings import Settings, default_settings

TEXT = resources.files("detector").joinpath("settings.toml").read_text("utf-8")
TABLES = tomllib.loads(TEXT)
KEYS = [(table, key) for table, values in TABLES.items() for key in values]


def refused(text, said):
    with pytest.raises(SettingsError, match=said) as caught:
        Settings.from_toml(text)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, DetectorError)


def tables():
    return {name: dict(values) for name, values in TABLES.items()}


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_key_has_the_type_that_its_record_says(table, key):
    section = getattr(default_settings(), table)
    kind = next(field.type for field in fields(section) if field.name == key)
    value = getattr(section, key)
    if kind == tuple[str, ...]:
        assert value
        assert all(type(item) is str for item in value)
    else:
        assert type(value) is kind


def test_the_file_and_the_records_hold_the_same_values():
    assert asdict(default_settings()) == {
        table: {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        for table, values in TABLES.items()
    }


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_every_key_is_commented_above_it_or_above_its_group(table, key):
    lines = TEXT.splitlines()
    start = lines.index(f"[{table}]")
    at = next(n for n in range(start, len(lines)) if re.match(rf"{key}\s*=", lines[n]))
    while re.match(r"[a-z_]+\s*=", lines[at]):
        at -= 1
    assert lines[at].startswith("# ")


@pytest.mark.parametrize(("table", "key"), KEYS)
def test_a_missing_key_is_refused_by_name(table, key):
    given = tables()
    del given[table][key]
    with pytest.raises(SettingsError, match=rf"\[{table}\].*'{key}'.*missing or unknown"):
        Settings.from_tables(given)


@pytest.mark.parametrize("table", TABLES)
def test_an_unknown_key_or_a_missing_table_is_refused_by_name(table):
    given = tables()
    given[table]["surprise"] = 1
    with pytest.raises(SettingsError, match=rf"\[{table}\].*'surprise'"):
        Settings.from_tables(given)
    given = tables()
    del given[table]
    with pytest.raises(SettingsError, match=f"'{table}'"):
        Settings.from_tables(given)


@pytest.mark.parametrize(("table", "key"), KEYS)
@pytest.mark.parametrize("wrong", [None, {}, [1], True, "text"])
def test_a_value_of_another_type_is_refused_by_name(table, key, wrong):
    if isinstance(TABLES[table][key], str) and wrong == "text":
        return
    given = tables()
    given[table][key] = wrong
    with pytest.raises(SettingsError, match=rf"\[{table}\]: {key} cannot be"):
        Settings.from_tables(given)


def test_a_whole_number_may_stand_for_a_fraction_and_not_the_other_way():
    given = tables()
    given["sessions"]["gap_minutes"] = 45
    assert Settings.from_tables(given).sessions.gap_minutes == 45
    given["model"]["trees"] = 10.5
    with pytest.raises(SettingsError, match="trees cannot be"):
        Settings.from_tables(given)


def test_text_that_is_no_settings_file_is_refused():
    refused("trees = ", "not valid TOML")
    refused("", "tables .* are missing or unknown")
    refused(TEXT + "\n[surprise]\n", "surprise")
    refused("model = 3\n" + re.sub(r"(?ms)^\[model\].*?(?=^\[)", "", TEXT), r"\[model\]")


def test_settings_that_a_bundle_records_are_read_back_equal():
    assert Settings.from_tables(asdict(default_settings())) == default_settings()


def test_settings_are_frozen_and_loaded_once():
    assert default_settings() is default_settings()
    with pytest.raises(FrozenInstanceError):
        default_settings().model.trees = 1
