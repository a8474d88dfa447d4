import base64
import hashlib
import json
import re
import shutil
from collections import Counter
from html.parser import HTMLParser

import polars as pl
import pytest
from click.testing import CliRunner

import detector
from detector.cli import main
from detector.errors import InputError
from detector.report.page.page import report_page
from detector.report.text import shown


class Reader(HTMLParser):
    """What a page holds: its tags with their attributes, and its text."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def named(self, tag):
        """The attributes of every tag of a name."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(sample_page):
    return Reader(sample_page)


def test_same_verdicts_give_the_same_bytes(sample_run, sample_page, tmp_path):
    again = detector.report_page(sample_run[0], tmp_path / "again.html")
    assert again.read_bytes() == sample_page.read_bytes()


def test_page_needs_nothing_and_may_nothing(sample_page, page):
    text = sample_page.read_text("utf-8")
    (policy,) = [one["content"] for one in page.named("meta") if "http-equiv" in one]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    for tag in ("style", "script"):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        told = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{told}'" in policy
    assert "http:" not in text
    assert "https:" not in text
    assert {name for _, attributes in page.tags for name in attributes} & {"style", "src", "onclick"} == set()


def test_every_address_leads_to_a_place_and_every_place_is_one(page):
    places = Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    assert set(places.values()) == {1}
    links = {attributes["href"] for tag, attributes in page.tags if tag in {"a", "use"}}
    assert {link[1:] for link in links} <= places.keys()
    for name in ("for", "aria-labelledby"):
        told = [attributes[name].split() for _, attributes in page.tags if name in attributes]
        assert {one for names in told for one in names} <= places.keys()


def test_controls_tables_and_pictures_speak(page):
    for control in (*page.named("input"), *page.named("select")):
        assert control["id"] in {label["for"] for label in page.named("label")}
    tables = page.named("table")
    assert len(page.named("caption")) == sum("aria-label" not in table for table in tables)
    for picture in page.named("svg"):
        assert picture["aria-hidden"] == "true"  # its figures stand beside it in words
    assert len(page.named("figure")) == len(page.named("figcaption")) > 0
    assert {head["scope"] for head in page.named("th")} == {"col", "row"}


def test_every_account_has_a_row_and_a_case(page, sample_cases):
    text = "".join(page.texts)
    assert sum("case" in one.get("class", "").split() for one in page.named("details")) == len(sample_cases)
    for case in sample_cases:
        named = sum(case.account_id in one.others for other in sample_cases for one in other.related)
        assert text.count(case.account_id) == 2 + named
        assert case.confidence in text
        assert all(one.text in text for one in case.reasons[:4])


def test_colours_are_told_apart(root):
    style = (root / "detector" / "report" / "templates" / "page" / "page.css").read_text("utf-8")
    colours = {name: pair for name, *pair in re.findall(r"--(\w+): light-dark\(#(\w{6}), #(\w{6})\)", style)}
    for place in (0, 1):
        paper = luminance(colours["paper"][place])
        for name in ("ink", "soft", "link", "person", "harness"):
            low, high = sorted((paper, luminance(colours[name][place])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, name


def luminance(colour):
    """Relative luminance (WCAG 2.2) of a colour of six hexadecimal digits."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_case_is_short(sample_page, sample_cases):
    text = sample_page.read_text("utf-8")
    drawn = text[text.index('<details class="case') : text.index('<section id="lists"')]
    assert len(drawn.encode()) / len(sample_cases) < 2_700


def test_hostile_texts_are_escaped(hostile_page, hostile_folder, page):
    found = Reader(hostile_page)
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in page.tags} | {"ins"}
    known = {name for _, attributes in page.tags for name in attributes}
    assert {name for _, attributes in found.tags for name in attributes} <= known
    text = "".join(found.texts)
    assert [letter for letter in set(text) if not letter.isprintable() and letter != "\n"] == []
    folder, _ = hostile_folder
    accounts = pl.read_parquet(folder / "accounts.parquet").filter(pl.col("flagged"))
    for table, columns in (
        ("accounts", ["account_id"]),
        ("plans", ["plan"]),
        ("headers", ["seen", "library", "resembles"]),
        ("related", ["by", "others"]),
    ):
        rows = pl.read_parquet(folder / f"{table}.parquet").join(accounts, on="account_id", how="semi")
        for name in columns:
            cells = rows[name].explode() if name in {"seen", "others"} else rows[name]
            assert shown(cells[0], 40) in text, table


def test_cases_can_be_fewer(sample_run, sample_cases, tmp_path):
    found = Reader(report_page(sample_run[0], tmp_path / "report.html", most=2))
    text = "".join(found.texts)
    assert f"{len(sample_cases) - 2} further accounts are left out here" in text
    assert sum("case" in one.get("class", "").split() for one in found.named("details")) == 2
    none = Reader(report_page(sample_run[0], tmp_path / "none.html", most=0))
    assert f"{len(sample_cases)} flagged and watched accounts are left out" in "".join(none.texts)


def test_a_run_in_which_nothing_is_flagged_has_a_page(sample, tmp_path):
    rows = pl.read_parquet(sample / "logs" / "date=2026-11-02" / "part-0.parquet")
    rows.select("timestamp", "account_id", "path").head(500).write_parquet(tmp_path / "log.parquet")
    detector.score(tmp_path / "log.parquet", tmp_path / "verdicts")
    text = "".join(Reader(report_page(tmp_path / "verdicts", tmp_path / "report.html")).texts)
    assert text.count("No account is flagged or watched.") == 1
    assert "the log cannot feed fingerprint" in text


def test_verdicts_of_an_earlier_version_have_a_page(sample_run, tmp_path):
    for name in ("accounts.parquet", "sessions.parquet", "run.json"):
        (tmp_path / name).write_bytes((sample_run[0] / name).read_bytes())
    text = "".join(Reader(report_page(tmp_path, tmp_path / "report.html")).texts)
    assert "No requests in these days." in text


def test_command_writes_the_page(sample_run, sample_page, tmp_path):
    ended = CliRunner().invoke(
        main, ["report", str(sample_run[0]), "--output", str(tmp_path / "new" / "r.html")]
    )
    assert (ended.exit_code, ended.stdout) == (0, f"written: {tmp_path}/new/r.html\n")
    assert (tmp_path / "new" / "r.html").read_bytes() == sample_page.read_bytes()


@pytest.mark.parametrize("key", ["input", "verdicts", "incidents", "warnings", "versions"])
def test_a_record_without_what_a_page_needs_is_refused(key, sample_run, tmp_path):
    shutil.copytree(sample_run[0], tmp_path, dirs_exist_ok=True)
    record = json.loads((tmp_path / "run.json").read_text("utf-8"))
    (tmp_path / "run.json").write_text(json.dumps(record | {key: None}), "utf-8")
    with pytest.raises(InputError, match=r"run\.json: not the record of a run; score again"):
        report_page(tmp_path, tmp_path / "report.html")


def test_errors_say_what_to_do(sample_run, tmp_path):
    with pytest.raises(InputError, match="no such file; give a folder that `detector score` wrote"):
        report_page(tmp_path, tmp_path / "report.html")
    with pytest.raises(InputError, match="is a folder; give a file for the output"):
        report_page(sample_run[0], tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write there"):
        report_page(sample_run[0], tmp_path / "file" / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
