import importlib.util
import json
import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from dataclasses import fields

import polars as pl
import pytest
from click import Context

from detector.cli import main
from detector.features.registry import FEATURES, SCORED
from detector.ingest.dialects import DIALECTS, load_dialect
from detector.ingest.dialects.fieldmap import Column, Headers
from detector.schema import ACCOUNT_VERDICT, LOG_COLUMNS, SESSION_VERDICT
from detector.verdict.formats import FILES
from detector.verdict.formats.ocsf import findings


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
    return build.pages(sample_run[1], sample_run[0])


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/activity.svg",
        "docs/cases.md",
        "docs/cli.md",
        "docs/dialects.md",
        "docs/features.md",
        "docs/log-format.md",
        "docs/speed.md",
        "docs/speed.svg",
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


def test_every_attribute_of_a_finding_is_documented(root, sample_run):
    page = (root / "docs" / "outputs.md").read_text("utf-8")
    table = page.partition("| attribute |")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    folder, run = sample_run
    events = findings(pl.scan_parquet(folder / "accounts.parquet"), run.listing, run.record)
    assert named == {name for event in events for name in event}


def test_every_file_of_a_form_is_documented(root):
    page = (root / "docs" / "outputs.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\|([^|]*)\|", page.partition("`--quiet`")[0], re.MULTILINE))
    assert {form: tuple(re.findall(r"`([\w.]+)`", cell)) for form, cell in rows.items()} == FILES


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


SVG = "{http://www.w3.org/2000/svg}"


def test_growth_shows_every_contestant_that_has_a_colour(build, root):
    lines = build.speed_figures(root)["lines"]
    picture = ET.fromstring(build.growth_plot(lines))  # noqa: S314  # made here
    series = sys.modules["growth_plot"].SERIES
    spread = {(line["what"], line["rows"]) for line in lines if line["spread"]}
    logged = [line for line in lines if line["what"] in series and not line["spread"]]
    beside = [line for line in lines if (line["what"], line["rows"]) in spread]
    assert len(list(picture.iter(f"{SVG}circle"))) == 2 * len(logged) + 2 * len(beside) > 0


@pytest.mark.parametrize(
    ("values", "rungs", "labels"),
    [
        ([0.13, 1.5], [0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"]),
        ([1e6, 1.0001e8], [1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8], ["1 M", "10 M", "100 M"]),
        ([1000], [1000, 2000], ["1 k", "2 k"]),
    ],
)
def test_axes_span_what_was_measured(build, values, rungs, labels):  # noqa: ARG001  # loads the module
    plot = sys.modules["growth_plot"]
    assert plot.ladder(values) == rungs
    assert [plot.short(value) for value in plot.shown(rungs)] == labels


def test_tables_of_speed(build):
    cost = {"wall": 2.0, "cpu": 3.0, "peak": 2**30}
    line = {"what": "score", "name": "score", "reads": "store", "rows": 1000, "accounts": 8, "spread": ""}
    line |= {"cost": cost, "walls": [1.5, 2.0, 4.0]}
    forests = {"rows": 9, "trees": 3, "ours_wall": 1.0, "theirs_wall": 2.0, "difference": 2e-16}
    bar = {"what": "peak", "value": 1.0, "limit": 1.5, "most": True, "cpu": None, "holds": True}
    setting = {"date": "2026-11-22", "machine": "2 cores", "memory": 23.5, "load": 0.5, "runs": 3}
    blocks = build.speed_blocks(
        {
            "measured": setting | {"versions": {"polars": "2.1.0"}},
            "lines": [line, line | {"accounts": 80, "spread": "split 10"}, line | {"reads": "", "rows": 0}],
            "forests": forests,
            "jobs_same_bytes": False,
            "skipped": ["Not measured: pandas."],
            "bars": [bar, bar | {"holds": False, "cpu": 2.0}],
        }
    )
    assert "### 1,000 requests of 8 accounts" in blocks["speed-logs"]
    assert "| score | store | 2.00 | 1.50 to 4.00 | 500 | 3.00 | 1,024 |" in blocks["speed-logs"]
    assert "| 80 | each account split into up to 10 | score |" in blocks["speed-accounts"]
    assert "| 8 | as logged | score |" in blocks["speed-accounts"]
    assert "write **different** bytes" in blocks["speed-rest"]
    assert "Not measured: pandas." in blocks["speed-rest"]
    assert "| score |  | 2.00 | 1,024 |" in blocks["speed-rest"]
    assert "| peak | 1 | at most 1.5 | yes |  |" in blocks["speed-bars"]
    assert "| peak | 1 | at most 1.5 | **no** | 2 |" in blocks["speed-bars"]
    assert "load before it began 0.5" in blocks["speed-measured"]


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
