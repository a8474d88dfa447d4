import json
import os
import shutil

import polars as pl
import pytest
from playwright.sync_api import sync_playwright

from detector.report.casefile import cases
from detector.report.page.page import report_page
from detector.schema import RELATED

HOSTILE = (
    '<script>document.title="owned"</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></script><svg onload=alert(1)>",
    "javascript:alert(1)",
    "\u202egnp.exe\u2066",
    "\x1b]0;owned\x07\x1b[31m",
    "nul\x00\r\nline\u2028end",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;<!-- ]]>",
    "=cmd|' /C calc'!A0",
    "\u05d0\u05d1\u05d2 \u0627\u0644",
)
"""Texts that act where they are not shown as text."""


def hostile(place):
    """A hostile text; two places give two texts."""
    return f"{HOSTILE[place % len(HOSTILE)]}{place}"


@pytest.fixture(scope="session")
def sample_cases(sample_run):
    """The cases of the sample's flagged and watched accounts."""
    return list(cases(sample_run[0]))


@pytest.fixture(scope="session")
def sample_page(sample_run, tmp_path_factory):
    """The page of the sample."""
    return report_page(sample_run[0], tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def hostile_folder(sample_run, tmp_path_factory):
    """The sample's verdicts, every text in them hostile, and the names of the accounts."""
    folder = tmp_path_factory.mktemp("hostile") / "verdicts"
    shutil.copytree(sample_run[0], folder)
    accounts = pl.read_parquet(folder / "accounts.parquet")
    ids = accounts["account_id"].to_list()
    rows = [(name, "address", 7, 3, ids[:5]) for name in accounts.filter("flagged")["account_id"]]
    pl.DataFrame(rows, RELATED, orient="row").write_parquet(folder / "related.parquet")
    names = {name: hostile(place) for place, name in enumerate(ids)}
    for path in folder.glob("*.parquet"):
        table = pl.read_parquet(path)
        table.with_columns(pl.col("account_id").replace_strict(names), *_poisoned(table)).write_parquet(path)
    record = json.loads((folder / "run.json").read_text("utf-8"))
    record |= {"run": hostile(0), "policy": hostile(1), "rule": hostile(2), "warnings": [hostile(3)]}
    record["model"]["id"] = hostile(4)
    record["input"] |= {"source": hostile(5), "rejected": {hostile(6): 7}, "unknown_columns": [hostile(7)]}
    record["incidents"] = [{"text": hostile(place)} for place in range(len(HOSTILE))]
    record["versions"][hostile(8)] = hostile(9)
    (folder / "run.json").write_text(json.dumps(record), "utf-8")
    return folder, list(names.values())


def _poisoned(table):
    """Hostile texts for the columns that hold text of a log."""
    texts = pl.Series([hostile(place) for place in range(table.height)], dtype=pl.String)
    for name in ("session", "client", "client_version", "plan", "what", "text", "library", "resembles", "by"):
        if name in table.columns:
            yield texts.alias(name)
    if "seen" in table.columns:
        yield pl.Series(
            "seen", [[hostile(place), "Accept", hostile(place + 1)] for place in range(table.height)]
        )
        yield pl.Series("expected", [["Accept", hostile(place + 2)] for place in range(table.height)])
    if "others" in table.columns:
        yield pl.Series("others", [[hostile(place), hostile(place + 1)] for place in range(table.height)])
    if "reasons" in table.columns:
        reasons = [
            [reason | {"text": hostile(place)} for place, reason in enumerate(row)]
            for row in table["reasons"].to_list()
        ]
        yield pl.Series("reasons", reasons, dtype=table.schema["reasons"])


@pytest.fixture(scope="session")
def hostile_page(hostile_folder, tmp_path_factory):
    """The page of the hostile verdicts."""
    return report_page(hostile_folder[0], tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="session")
def browser():
    """A headless chromium; skipped where there is none, but not in CI."""
    found = shutil.which("chromium")
    if not found:
        reason = "no chromium on the PATH: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    quiet = ("background-networking", "component-update", "quic", "sync", "gpu")
    flags = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)]
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=flags)
        yield opened
        opened.close()
