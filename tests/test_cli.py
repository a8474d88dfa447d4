import json
import os
import signal
import subprocess
import sys

import polars as pl
import pytest
from click.testing import CliRunner

import detector
from detector.cli import main
from detector.cli.shell import Progress
from detector.report.casedocument import case_document
from detector.report.casehtml import document_html
from detector.report.casemarkdown import document_markdown
from detector.report.casetext import document_text
from detector.report.ownerletter import owner_letter
from detector.report.summary import run_text
from detector.schema import VERDICTS
from detector.simulate import FleetOptions, simulate
from detector.verdict.write import RUN_FILES


def run(*words, **more):
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(word) for word in words], **more)


def says(result, code):
    """Check that a command ended in an error of one line, and return the line."""
    assert result.exit_code == code, result.output
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("detector: ")
    assert result.stdout == ""
    return result.stderr.strip()


@pytest.fixture(scope="module")
def rows(sample):
    """One day of the sample's rows."""
    return pl.read_parquet(sample / "logs" / "date=2026-11-02" / "part-0.parquet")


@pytest.fixture(scope="module")
def model(root):
    return root / "models" / "default"


@pytest.fixture
def shell(installed, tmp_path):
    """Run the installed command in an empty folder."""

    def call(*words, **more):
        told = [str(word) for word in (installed, *words)]
        return subprocess.run(told, cwd=tmp_path, capture_output=True, text=True, check=False, **more)

    return call


# -- the installed command


def test_installed_command_scores_and_explains_from_another_folder(shell, sample, tmp_path):
    scored = shell("score", sample, "--output", "out")
    assert (scored.returncode, scored.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(RUN_FILES)
    hint = scored.stdout.splitlines()[-1].removeprefix("next: detector ").split()
    case = shell(*hint)
    assert (case.returncode, case.stderr) == (0, "")
    assert case.stdout.startswith(f"account {hint[-1]}\n  harness (flagged): ")


def test_installed_command_ends_in_its_exit_codes(shell):
    assert shell("--version").stdout.startswith("detector, version 0.")
    failed = shell("score", "nowhere", "--output", "out")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == "detector: nowhere: no such file or folder; check the path\n"
    assert shell("score", "nowhere").returncode == 2
    assert shell("bogus").returncode == 2


def test_the_command_line_starts_without_heavy_libraries():
    heavy = "{'polars', 'numpy', 'scipy', 'sklearn', 'pyarrow', 'joblib'} & set(sys.modules)"
    code = f"import sys, detector.cli; sys.exit(str({heavy} or ''))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert asked.stderr.strip() in {"", "None"}


def test_a_reader_that_closes_the_pipe_gets_no_traceback(installed, sample, tmp_path):
    read, write = os.pipe()
    os.close(read)
    try:
        words = [installed, "score", sample, "--output", "out"]
        ended = subprocess.run(
            words, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert (tmp_path / "out" / "run.json").is_file()


def test_output_survives_a_terminal_that_knows_only_ascii(installed, sample_run):
    words = [installed, "explain", sample_run[0], "zzz\u00e9\u202e"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    ended = subprocess.run(words, capture_output=True, check=False, env=environment)
    assert ended.returncode == 1
    assert b"zzz\\xe9\\u202e;" in ended.stderr


# -- bad input


def _damaged(folder, rows):
    """Write every bad log; return by name what is said of it."""
    whole = folder / "whole.parquet"
    rows.write_parquet(whole)
    data = whole.read_bytes()
    whole.unlink()
    (folder / "empty").mkdir()
    (folder / "text.parquet").write_text("timestamp,account_id,path\n")
    (folder / "cut.parquet").write_bytes(data[: len(data) // 2])
    (folder / "torn.parquet").write_bytes(data[:1000] + data[5000:])
    (folder / "odd.ndjson").write_text('{"timestamp": 1, \n')
    (folder / "odd.txt").write_text("hello")
    tables = {
        "column": rows.drop("path"),
        "type": rows.with_columns(timestamp=pl.lit(value=True)),
        "accounts": rows.with_columns(account_id=pl.lit(None, pl.String)),
        "times": rows.with_columns(pl.col("timestamp").dt.offset_by("-80y")),
        "rows": rows.head(0),
    }
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet")


BAD = {
    "nowhere": "no such file or folder; check the path",
    "empty": "the folder holds no log file; give a folder with",
    "*.pq": "the pattern matches no log file; check the pattern",
    "text.parquet": "is not a Parquet file; give Parquet",
    "cut.parquet": "is a truncated Parquet file; write or copy it again",
    "torn.parquet": "write or copy the file again",
    "odd.ndjson": "damaged or not a log",
    "odd.txt": "is neither Parquet, NDJSON nor CSV by its name; give",
    "column.parquet": "required column path is missing; add or rename",
    "type.parquet": "column timestamp has type Boolean",
    "accounts.parquet": "null_account_id); check those columns",
    "times.parquet": "bad_timestamp); check those columns",
    "rows.parquet": "the log has no rows; give a log",
}


@pytest.mark.parametrize("command", ["score", "train"])
@pytest.mark.parametrize("name", BAD)
def test_bad_logs_are_one_clear_line_and_leave_nothing(command, name, rows, tmp_path):
    _damaged(tmp_path, rows)
    before = sorted(tmp_path.iterdir())
    line = says(run(command, tmp_path / name, "--output", tmp_path / "out"), 1)
    assert line.startswith(f"detector: {tmp_path / name}: ")
    assert BAD[name] in line
    assert sorted(tmp_path.iterdir()) == before


def _other_version(bundle):
    record = json.loads((bundle / "model.json").read_text())
    (bundle / "model.json").write_text(json.dumps(record | {"schema_version": 99}))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            _other_version,
            "bundle of schema version 99, this program reads 2; train a model with this version",
        ),
        (lambda bundle: (bundle / "model.json").write_text("{"), "damaged model bundle"),
        (lambda bundle: (bundle / "model.json").unlink(), "no model bundle there"),
        (lambda bundle: (bundle / "arrays.npz").write_bytes(b"PK"), "content does not match model.json"),
        (lambda bundle: (bundle / "population.parquet").unlink(), "no model bundle there"),
    ],
)
def test_bad_bundles_are_one_clear_line(harm, said, model, sample, tmp_path):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for path in model.iterdir():
        (bundle / path.name).write_bytes(path.read_bytes())
    harm(bundle)
    assert said in says(run("score", sample, "--model", bundle, "--output", tmp_path / "out"), 1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "said"), [(None, "no such policy file"), ("name = 1", "missing or unknown"), ("=", "TOML")]
)
def test_bad_policies_are_one_clear_line(text, said, sample, tmp_path):
    if text is not None:
        (tmp_path / "policy").write_text(text)
    assert said in says(
        run("score", sample, "--policy", tmp_path / "policy", "--output", tmp_path / "out"), 1
    )


@pytest.mark.parametrize("command", ["score", "train", "simulate"])
def test_outputs_that_are_taken_stay_as_they_are(command, sample, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "precious").write_text("mine")
    given = [] if command == "simulate" else [sample]
    assert "folder holds other files" in says(run(command, *given, "--output", taken), 1)
    assert [path.name for path in taken.iterdir()] == ["precious"]
    assert "is a file" in says(run(command, *given, "--output", taken / "precious"), 1)


def test_training_with_nothing_in_scope_fails_and_scoring_warns(rows, tmp_path):
    rows.with_columns(auth=pl.lit("api_key")).write_parquet(tmp_path / "log.parquet")
    line = says(run("train", tmp_path / "log.parquet", "--output", tmp_path / "model"), 1)
    assert "nothing in scope to train on" in line
    scored = run("score", tmp_path / "log.parquet", "--output", tmp_path / "out")
    assert scored.exit_code == 0
    assert "warning: no account is in scope" in scored.stdout
    assert set(pl.read_parquet(tmp_path / "out" / "accounts.parquet")["verdict"]) == {"out_of_scope"}
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["score", "log"],
        ["score", "", "--output", "out"],
        ["score", "log", "--output", "out", "--bogus"],
        ["train", "log", "--output", "out", "--seed", "-1"],
        ["simulate", "--output", "out", "--mixture", "riding"],
        ["simulate", "--output", "out", "--mixture", "riding=nan"],
        ["simulate", "--output", "out", "--accounts", "0"],
        ["simulate", "--output", "out", "--activity", "inf"],
        ["simulate", "--output", "out", "--start", "9999-12-30"],
        ["evaluate", "out"],
        ["explain", "out"],
    ],
)
def test_usage_errors_end_in_2(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("thrown", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "detector: interrupted"),
        (PermissionError(13, "Permission denied", "logs/a"), 1, "detector: logs/a: Permission denied; check"),
        (OSError(28, "No space left on device"), 1, "detector: No space left on device; check"),
        (MemoryError(), 1, "detector: not enough memory"),
        (detector.DetectorError("two\nlines \x1b[31m"), 1, "detector: two lines \\x1b[31m"),
    ],
)
def test_what_stops_a_run_is_one_line(thrown, code, said, monkeypatch):
    def stop(*_args, **_more):
        raise thrown

    monkeypatch.setattr(detector, "explain", stop, raising=False)
    assert says(run("explain", "verdicts", "account"), code).startswith(said)


@pytest.mark.parametrize("thrown", [KeyboardInterrupt, SystemExit(143)])
def test_an_interrupted_run_leaves_only_what_it_can_go_on_with(thrown, sample, tmp_path, monkeypatch):
    def stop(*_args, **_more):
        raise thrown

    monkeypatch.setattr("detector.model.bundle.save", stop)
    monkeypatch.setattr("detector.simulate.Fleet.write", stop)
    for words in (["train", sample], ["simulate", "--accounts", 20, "--days", 1]):
        assert run(*words, "--output", tmp_path / "out").exit_code in {130, 143}
    # What is summed up of the log waits for the same command.
    assert [path.name for path in tmp_path.iterdir()] == [".out.work"]


def test_termination_unwinds_the_run(monkeypatch):
    monkeypatch.setattr(detector, "explain", lambda *_: signal.raise_signal(signal.SIGTERM), raising=False)
    before = signal.getsignal(signal.SIGTERM)
    assert run("explain", "verdicts", "account").exit_code == 143
    assert signal.getsignal(signal.SIGTERM) is before


# -- what is printed


def test_summary_names_what_the_log_could_not_give(rows, tmp_path):
    poor = rows.select("timestamp", "account_id", "path", **{"evil\x1b[31m": 1})
    odd = poor.head(2).with_columns(path=pl.lit(None, pl.String))
    pl.concat([poor, odd]).write_parquet(tmp_path / "log.parquet")
    lines = run("score", tmp_path / "log.parquet", "--output", tmp_path / "out").stdout.splitlines()
    assert "families not available in this log: fingerprint, usage" in lines
    assert "unknown columns, ignored: evil\\x1b[31m" in lines
    assert f"rejected rows: 2 null_path, of {rows.height + 2:,}" in lines
    assert f"written: {tmp_path / 'out'} (accounts.parquet, sessions.parquet, run.json)" in lines


def test_json_is_the_record_of_the_run(sample, tmp_path):
    told = run("score", sample, "--output", tmp_path / "out", "--json")
    assert json.loads(told.stdout) == json.loads((tmp_path / "out" / "run.json").read_text())
    assert told.stderr == ""


def test_quiet_says_nothing(sample, tmp_path):
    told = run("score", sample, "--output", tmp_path / "out", "--quiet")
    assert (told.exit_code, told.output) == (0, "")


def test_train_then_score_with_the_new_bundle(sample, tmp_path):
    trained = run("train", sample, "--output", tmp_path / "model", "--seed", 3)
    assert trained.exit_code == 0, trained.output
    name = trained.stdout.split()[1]
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "CARD.md",
        "arrays.npz",
        "model.json",
        "population.parquet",
    }
    told = run("score", sample, "--model", tmp_path / "model", "--output", tmp_path / "out", "--json")
    assert json.loads(told.stdout)["model"]["id"] == name
    again = run("train", sample, "--output", tmp_path / "again", "--seed", 3, "--json")
    assert json.loads(again.stdout)["model"]["id"] == name


def test_simulate_writes_what_the_library_simulates(tmp_path):
    words = ["--accounts", 20, "--days", 2, "--seed", 5, "--activity", 0.3, "--start", "2026-01-05"]
    told = run(
        "simulate",
        *words,
        "--mixture",
        "riding=1",
        "--mixture",
        "interactive=3",
        "--output",
        tmp_path / "sim",
        "--json",
    )
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["classes"] == {"interactive": 15, "riding": 5}
    wanted = FleetOptions(
        accounts=20,
        days=2,
        seed=5,
        activity=0.3,
        start=pl.Series(["2026-01-05"]).str.to_date()[0],
        mixture={"riding": 1.0, "interactive": 3.0},
    )
    simulate(wanted).write(tmp_path / "library")
    assert contents(tmp_path / "sim") == contents(tmp_path / "library")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_defaults_that_help_names_are_those_of_the_library():
    options = FleetOptions()
    told = " ".join(run("simulate", "--help").stdout.split())
    for name in ("accounts", "days", "start", "seed", "activity"):
        assert f"[default: {getattr(options, name)}]" in told


def test_unknown_classes_are_an_error(tmp_path):
    line = says(run("simulate", "--output", tmp_path / "out", "--mixture", "bogus=1"), 1)
    assert "unknown classes ['bogus']; choose among" in line
    assert list(tmp_path.iterdir()) == []


def test_evaluate_prints_figures(sample, sample_run):
    labels = sample / "_labels" / "accounts.parquet"
    told = run("evaluate", sample_run[0], "--labels", labels)
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("60 labelled accounts, 12 of them harnesses\n  average precision  ")
    figures = json.loads(run("evaluate", sample_run[0], "--labels", labels, "--json").stdout)
    assert figures == detector.evaluate(sample_run[0], labels).to_dict()
    assert "no such file" in says(run("evaluate", sample_run[0], "--labels", "nowhere.csv"), 1)


def test_explain_as_json_is_the_case(sample_run):
    folder, scored = sample_run
    account = scored.accounts["account_id"][0]
    told = run("explain", folder, account, "--json")
    assert json.loads(told.stdout) == detector.explain(folder, account).to_dict()
    assert told.stdout.isascii()


def test_explain_prints_every_form_of_the_page(sample_run):
    folder, scored = sample_run
    account = scored.accounts.filter("flagged")["account_id"][0]
    case = detector.explain(folder, account)
    for redact, page in (((), case_document(case)), (("--redact",), owner_letter(case))):
        told = {
            form: run("explain", folder, account, "--format", form, *redact).stdout
            for form in ("terminal", "md", "html", "json")
        }
        assert run("explain", folder, account, *redact).stdout == told["terminal"]
        assert told["terminal"] == document_text(page) + "\n"
        assert told["md"] == document_markdown(page) + "\n"
        assert told["html"] == document_html(page) + "\n"
        assert json.loads(told["json"]) == (page.to_dict() if redact else case.to_dict())
        assert run("explain", folder, account, "--json", *redact).stdout == told["json"]
    refused = run("explain", folder, account, "--format", "pdf")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_hostile_ids_are_shown_escaped_and_found_again(rows, tmp_path):
    worst = "-a\x1b[31m\u202e$(touch x) '\\"
    busiest = rows["account_id"].value_counts(sort=True)["account_id"][0]
    evil = rows.filter(account_id=busiest).with_columns(
        account_id=pl.lit(worst), user_agent=pl.lit("litellm\x1b/1")
    )
    evil.write_parquet(tmp_path / "log.parquet")
    told = run("score", tmp_path / "log.parquet", "--output", tmp_path / "out")
    assert told.exit_code == 0, told.output
    assert "\x1b" not in told.output
    assert "\u202e" not in told.output
    hint = told.stdout.splitlines()[-1].removeprefix("next: ")
    words = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {hint}"], capture_output=True, text=True, check=True
    ).stdout
    case = run(*words.splitlines()[1:])
    assert case.exit_code == 0, case.output
    assert case.stdout.startswith("account -a\\x1b[31m\\u202e$(touch x) '\\\\\n")
    assert "\x1b" not in case.output
    assert run("explain", tmp_path / "out", "--", worst).exit_code == 0
    assert not (tmp_path / "x").exists()


def test_every_verdict_has_a_line_in_the_summary(sample_run):
    lines = run_text(sample_run[1].accounts, sample_run[1].record, "out").splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(VERDICTS)]] == list(VERDICTS)


class Terminal:
    """A stream that says it is a terminal."""

    def __init__(self):
        self.written = ""

    def isatty(self):
        return True

    def write(self, text):
        self.written += text

    def flush(self):
        pass


def test_progress_names_the_stage_and_wipes_its_line():
    terminal = Terminal()
    with Progress(stream=terminal, delay=0) as progress:
        progress("measuring", 1, 4)
        progress("fitting", 0, 1)
    assert "\rmeasuring 25%" in terminal.written
    assert "\rfitting (0 s)" in terminal.written
    assert "\x1b" not in terminal.written
    assert terminal.written.endswith("\r")
    shown = terminal.written.rstrip("\r").rsplit("\r", 1)[-1]
    assert shown.replace("\b", "").strip() == ""


def test_progress_is_silent_when_asked_or_not_on_a_terminal(capsys):
    terminal = Terminal()
    with Progress(stream=terminal, delay=0, quiet=True) as progress:
        progress("measuring", 1, 4)
    with Progress(delay=0) as progress:
        progress("measuring", 1, 4)
    with Progress(stream=terminal, delay=3600) as progress:
        progress("measuring", 1, 4)
    assert terminal.written == ""
    assert capsys.readouterr().err == ""


def test_what_is_set_for_libraries_counts():
    code = "import os, detector.cli; print(os.environ['OPENBLAS_NUM_THREADS'])"
    given = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    for threads, environment in (("1", given), ("7", given | {"OPENBLAS_NUM_THREADS": "7"})):
        words = [sys.executable, "-c", code]
        asked = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
        assert asked.stdout.strip() == threads


def test_what_was_imported_is_not_searched_for_cycles_at_the_end():
    # Called last first: what is registered before the command line is imported runs after it.
    code = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0)); import detector.cli"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "True"
