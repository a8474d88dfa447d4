"""What `score` puts on stdout: a summary that fits its terminal, or the verdicts in another form."""

import csv
import fcntl
import io
import json
import os
import pty
import shutil
import struct
import subprocess
import termios
from types import SimpleNamespace

import polars as pl
import pytest
from click.testing import CliRunner

from detector.cli import main
from detector.cli.terminal import coloured
from detector.verdict.formats import FILES
from detector.verdict.write import RUN_FILES

PLAIN = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}} | {
    "TERM": "xterm"
}
"""The environment without what decides on colours."""


@pytest.fixture
def command(installed, sample, tmp_path):
    """Make the words of the installed `detector score`."""
    return lambda *words: [installed, "score", sample, "--output", tmp_path / "out", *words]


def piped(words, **environment):
    """Run a command whose stdout is a pipe."""
    given = PLAIN | environment
    return subprocess.run(words, capture_output=True, text=True, check=False, env=given)


def at_terminal(words, columns=80, **environment):
    """Run a command whose stdout is a terminal; return what it wrote there."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    given = {name: value for name, value in (PLAIN | environment).items() if name != "COLUMNS"}
    process = subprocess.Popen(words, stdin=end, stdout=end, stderr=subprocess.DEVNULL, env=given)
    os.close(end)
    written = b""
    try:
        while part := os.read(terminal, 65_536):
            written += part
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(terminal)
    assert process.wait() == 0
    return written.decode().replace("\r\n", "\n")


def files(folder):
    return {path.name for path in folder.iterdir()}


# -- forms


@pytest.mark.parametrize("form", ["ndjson", "csv", "ocsf"])
def test_a_form_is_written_beside_parquet_and_printed(form, command, tmp_path, sample_run):
    told = piped(command("--format", form))
    assert (told.returncode, told.stderr) == (0, "")
    out = tmp_path / "out"
    assert files(out) == {*RUN_FILES, *FILES[form]}
    assert told.stdout == (out / FILES[form][0]).read_text("utf-8")
    for name in ("accounts.parquet", "sessions.parquet"):
        assert (out / name).read_bytes() == (sample_run[0] / name).read_bytes()


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_ndjson_pipes_into_jq(command, sample_run):
    score = " ".join(map(str, command("--format", "ndjson")))
    told = piped(["bash", "-o", "pipefail", "-c", f"{score} | jq -r 'select(.flagged) | .account_id'"])
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.split() == sample_run[1].accounts.filter("flagged")["account_id"].to_list()


def test_every_form_has_a_line_for_each_that_it_names(command, sample_run):
    accounts = sample_run[1].accounts
    lines = csv.DictReader(io.StringIO(piped(command("--format", "csv")).stdout))
    assert [line["account_id"] for line in lines] == accounts["account_id"].to_list()
    events = piped(command("--format", "ocsf")).stdout.splitlines()
    asked = accounts.filter(pl.col("flagged") | (pl.col("verdict") == "watch"))
    assert [json.loads(event)["resources"][0]["uid"] for event in events] == asked["account_id"].to_list()


def test_the_record_and_silence_go_before_the_form(command, tmp_path):
    told = piped(command("--format", "ndjson", "--json"))
    assert json.loads(told.stdout) == json.loads((tmp_path / "out" / "run.json").read_text())
    assert "accounts.ndjson" in files(tmp_path / "out")
    assert piped(command("--format", "csv", "--quiet")).stdout == ""
    assert files(tmp_path / "out") == {*RUN_FILES, *FILES["csv"]}


def test_a_later_run_leaves_no_form_of_an_earlier_one(command, tmp_path):
    assert piped(command("--format", "ocsf")).returncode == 0
    assert piped(command()).returncode == 0
    assert files(tmp_path / "out") == set(RUN_FILES)


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_a_reader_that_has_enough_ends_it_quietly(form, command, tmp_path):
    read, write = os.pipe()
    os.close(read)
    try:
        words = command("--format", form)
        ended = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True, check=False, env=PLAIN)
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert set(RUN_FILES) <= files(tmp_path / "out")


def test_an_unknown_form_is_a_usage_error(sample, tmp_path):
    told = CliRunner().invoke(
        main, ["score", str(sample), "--output", str(tmp_path / "out"), "--format", "x"]
    )
    assert (told.exit_code, told.stdout) == (2, "")
    assert "parquet" in told.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture
def evil(sample, tmp_path, installed):
    """Make the words of a run on a log whose ids act on a terminal and on a spreadsheet."""
    rows = pl.read_parquet(sample / "logs" / "date=2026-11-02" / "part-0.parquet")
    names = rows["account_id"].unique().sort()
    worst = ["=cmd|' /C calc'!A1\x1b[31m", "@a\u202e龍", 'a,"b"\r\nc', "\x9b2J\u2028"]
    mapping = dict(zip(names[: len(worst)], worst, strict=True))
    renamed = rows.with_columns(pl.col("account_id").replace(mapping))
    renamed.write_parquet(tmp_path / "evil.parquet")
    words = [installed, "score", tmp_path / "evil.parquet", "--output", tmp_path / "out"]
    return worst, lambda *more: [*words, *more]


def test_hostile_ids_are_text_in_every_form(evil, tmp_path):
    worst, words = evil
    told = piped(words("--format", "ndjson")).stdout
    assert told.isascii()
    assert "\x1b" not in told
    assert set(worst) <= {json.loads(line)["account_id"] for line in told.splitlines()}
    assert piped(words("--format", "csv", "--quiet")).returncode == 0
    with (tmp_path / "out" / "accounts.csv").open(encoding="utf-8", newline="") as lines:
        names = [row["account_id"] for row in csv.DictReader(lines)]
    assert {"'" + worst[0], "'" + worst[1], *worst[2:]} <= set(names)
    assert set(pl.read_csv(tmp_path / "out" / "accounts.csv")["account_id"]) == set(names)


def test_hostile_ids_act_on_no_terminal(evil):
    worst, words = evil
    for form in ("csv", "ndjson", "parquet"):
        told = at_terminal(words("--format", form), NO_COLOR="1")
        assert all(letter.isprintable() for line in told.split("\n") for letter in line)
    told = at_terminal(words("--format", "csv"))
    assert f"'{worst[0]}".replace("\x1b", "\\x1b") in told


# -- colours and width


def test_colours_are_for_terminals(command):
    assert "\x1b" not in piped(command()).stdout
    assert "\x1b[31mharness" in at_terminal(command())
    assert "\x1b[31mharness" in piped(command(), FORCE_COLOR="1").stdout


@pytest.mark.parametrize(
    ("terminal", "environment", "wanted"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": ""}, False),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_can_be_forbidden_and_forced(terminal, environment, wanted, monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: terminal))
    assert coloured() is wanted


@pytest.mark.parametrize("columns", [80, 100])
def test_the_summary_fits_the_terminal(columns, command, tmp_path):
    told = at_terminal(command(), columns, NO_COLOR="1").splitlines()
    assert max(len(line) for line in told if str(tmp_path) not in line) <= columns
    assert told[-1].startswith(f"next: detector explain {tmp_path / 'out'} ")


def test_nothing_is_cut_in_a_pipe(command, sample_run):
    told = piped(command()).stdout
    best = sample_run[1].accounts.filter(verdict="harness").sort("score", descending=True).row(0, named=True)
    assert f"{best['reasons'][0]['text']}\n" in told
