import importlib.util
import json
import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from dataclasses import fields

import pytest
from click import Context

from detector.cli import main
from detector.features.registry import FEATURES, SCORED
from detector.ingest.dialects import DIALECTS, load_dialect
from detector.ingest.dialects.fieldmap import Column, Headers
from detector.schema import ACCOUNT_VERDICT, LOG_COLUMNS, SESSION_VERDICT


@pytest.fixture(scope="module")
def build(root):
    """The script that builds the pages; run as one, its folder is where it imports from."""
    sys.path.insert(0, str(root / "docs"))
    spec = importlib.util.spec_from_file_location("docs_build", root / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(str(root / "docs"))
    return module


@pytest.fixture(scope="module")
def built(build, sample_run):
    return build.pages(sample_run[1])


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/activity.svg",
        "docs/cli.md",
        "docs/dialects.md",
        "docs/features.md",
        "docs/log-format.md",
    ],
)
def test_page_is_as_built(page, built, root):
    assert (root / page).read_text("utf-8") == built[page], "run: python docs/build.py"


def test_no_page_is_left_out(built, root):
    marked = {
        path.relative_to(root).as_posix()
        for path in [root / "README.md", *(root / "docs").rglob("*.md")]
        if "docs/build.py -->" in path.read_text("utf-8")
    }
    assert marked == {page for page in built if page.endswith(".md")}


def test_every_command_and_option_is_documented(root):
    page = (root / "docs" / "cli.md").read_text("utf-8")
    groups = {name: group for name, group in main.commands.items() if hasattr(group, "commands")}
    inner = {f"{name} {word}": one for name, group in groups.items() for word, one in group.commands.items()}
    for name, command in (main.commands | inner).items():
        part = page.partition(f"## detector {name}\n")[2].partition("\n## ")[0]
        assert f"Usage: detector {name} " in part
        for parameter in command.params:
            assert parameter.opts[0] in part or parameter.make_metavar(Context(command)) in part
            assert parameter.param_type_name == "argument" or parameter.help


def test_every_feature_is_documented_in_its_family(root):
    page = (root / "docs" / "features.md").read_text("utf-8")
    for one in FEATURES:
        part = page.partition(f"## {one.family}\n")[2].partition("\n## ")[0]
        (line,) = [line for line in part.splitlines() if line.startswith(f"| `{one.name}` |")]
        assert len(re.split(r"(?<!\\)\|", line)) == 13


def test_every_catalogue_entry_is_listed_once(root):
    page = (root / "docs" / "features.md").read_text("utf-8").partition("\n## The rest of the catalogue\n")[2]
    listed = re.findall(r"^\| ([A-Z]\d\d) \|", page, re.MULTILINE)
    counts = {"C": 24, "T": 11, "H": 17, "U": 16, "A": 13}
    assert sorted(listed) == sorted(f"{kind}{i:02}" for kind, n in counts.items() for i in range(1, n + 1))


def test_every_feature_of_the_catalogue_is_in_the_registry(root):
    entries = tomllib.loads((root / "benchmarks" / "catalogue.toml").read_text("utf-8"))
    named = {name for one in entries.values() for name in one.get("features", ())}
    assert named <= {one.name for one in FEATURES}


def test_figures_cover_registry_and_catalogue(root):
    """Figures of another registry would be figures of another model."""
    figures = json.loads((root / "benchmarks" / "results" / "features.json").read_text("utf-8"))
    entries = tomllib.loads((root / "benchmarks" / "catalogue.toml").read_text("utf-8"))
    assert list(figures["ablation"]["alone"]) == [one.name for one in SCORED]
    tried = {one["id"]: name for name, one in figures["candidates"]["tried"].items() if one["id"]}
    assert tried == {code: one["candidate"] for code, one in entries.items() if "candidate" in one}


def test_every_column_is_documented(root):
    page = (root / "docs" / "log-format.md").read_text("utf-8")
    log, accounts, sessions = (
        page.partition(f"begin {name}-columns")[2].partition("<!-- end")[0]
        for name in ("log", "account", "session")
    )
    for part, names in (
        (log, [one.name for one in LOG_COLUMNS]),
        (accounts, ACCOUNT_VERDICT.names()),
        (sessions, SESSION_VERDICT.names()),
    ):
        assert re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) == names


def test_every_dialect_is_documented_with_its_columns(root):
    page = (root / "docs" / "dialects.md").read_text("utf-8")
    for name in DIALECTS:
        part = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0].partition("<!-- end")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) == load_dialect(name).feeds


def test_every_key_of_a_map_is_documented(root):
    page = (root / "docs" / "dialects.md").read_text("utf-8")
    own = page.partition("## A map of your own")[2].partition("<!-- begin")[0]
    keys = {one.name for kind in (Column, Headers) for one in fields(kind)}
    assert {key for key in keys | {"extends", "same", "lacks"} if f"`{key}`" not in own} == set()


def test_picture_is_an_image_with_both_colours(root):
    picture = ET.parse(root / "docs" / "activity.svg").getroot()  # noqa: S314  # our own file
    colours = {dot.get("fill") for dot in picture.iter("{http://www.w3.org/2000/svg}circle")}
    assert len(colours) == 2


def test_every_setting_has_a_comment_above_it(root):
    """Keys may share a comment, but a blank line or a table ends it."""
    text = (root / "detector" / "settings.toml").read_text("utf-8")
    keys, commented = [], False
    for line in text.splitlines():
        if line.startswith("#"):
            commented = True
        elif re.match(r"\w+ =", line):
            assert commented, f"no comment above: {line}"
            keys.append(line.partition(" ")[0])
        elif not line or line.startswith("["):
            commented = False
    assert keys == [key for table in tomllib.loads(text).values() for key in table]


def test_changelog_names_the_version(root):
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"## [{version}]" in (root / "CHANGELOG.md").read_text("utf-8")
