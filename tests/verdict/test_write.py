import json
from pathlib import Path

import polars as pl
import pytest

from detector.errors import InputError
from detector.output import new_folder
from detector.schema import ACCOUNT_VERDICT
from detector.verdict import write
from detector.verdict.write import RUN_FILES

TABLES = {name: pl.DataFrame({"account_id": ["a"], "of": [name]}) for name in write.TABLES}
GUILTY = {"account": "a", "conclusive": True, "counting": ("cadence", "fingerprint"), "p": 0.01}


def write_verdicts(output, decision, record):
    """Write a run as the engine does: into a new folder that takes its place when all went well."""
    with new_folder(output, RUN_FILES) as folder:
        write.write_sessions(folder, [decision.sessions])
        write.write_verdicts(folder, decision.accounts, TABLES, record)


@pytest.fixture(scope="module")
def decision(verdicts):
    return verdicts(GUILTY, {"account": "b"}, paid=["c"])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_is_tables_and_a_record(tmp_path, decision):
    write_verdicts(tmp_path / "deep" / "out", decision, {"policy": "mine", "warnings": ["é"]})
    out = tmp_path / "deep" / "out"
    assert names(out) == list(RUN_FILES)
    assert pl.read_parquet(out / "accounts.parquet").equals(decision.accounts)
    assert pl.read_parquet(out / "accounts.parquet").schema == ACCOUNT_VERDICT
    assert pl.read_parquet(out / "sessions.parquet").equals(decision.sessions)
    for name, table in TABLES.items():
        assert pl.read_parquet(out / f"{name}.parquet").equals(table)
    assert json.loads((out / "run.json").read_text("utf-8")) == {"policy": "mine", "warnings": ["é"]}
    assert names(tmp_path / "deep") == ["out"]


def test_the_same_decision_gives_the_same_bytes(tmp_path, decision):
    for name in ("one", "two"):
        write_verdicts(tmp_path / name, decision, {"a": 1})
    for name in RUN_FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_an_earlier_run_is_replaced_as_a_whole(tmp_path, decision):
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text("old")
    write_verdicts(out, decision, {"new": True})
    assert names(out) == list(RUN_FILES)
    assert json.loads((out / "run.json").read_text()) == {"new": True}
    assert names(tmp_path) == ["out"]


def test_others_may_read_what_was_written(tmp_path, decision):
    write_verdicts(tmp_path / "out", decision, {})
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


# -- what goes wrong in between -------------------------------------------------


@pytest.fixture
def earlier(tmp_path):
    """A folder with an earlier run."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text("old")
    return out


def untouched(out):
    return (
        names(out) == ["run.json"]
        and (out / "run.json").read_text() == "old"
        and names(out.parent) == ["out"]
    )


@pytest.mark.parametrize("mistake", [RuntimeError, KeyboardInterrupt, InputError])
def test_a_failure_in_between_leaves_the_old_folder_and_nothing_else(earlier, mistake):
    def fail(folder):
        (folder / "accounts.parquet").write_text("half")
        raise mistake("boom")

    with pytest.raises(mistake, match="boom"), new_folder(earlier, RUN_FILES) as folder:
        fail(folder)
    assert untouched(earlier)


def test_a_failure_in_between_makes_no_new_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "out"):
        _ = 1 / 0
    assert names(tmp_path) == []


def test_a_full_disk_is_one_clear_line_and_leaves_the_old_folder(earlier):
    with (
        pytest.raises(InputError, match=r"out: cannot write there \(no space left\); give another") as caught,
        new_folder(earlier, RUN_FILES),
    ):
        raise OSError("no space left")
    assert "\n" not in str(caught.value)
    assert untouched(earlier)


def test_a_record_that_cannot_be_written_leaves_the_old_folder(earlier, decision):
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_verdicts(earlier, decision, {"bad": object()})
    assert untouched(earlier)


def test_a_failing_last_step_leaves_the_old_folder(earlier, decision, monkeypatch):
    rename = Path.rename

    def refuse(path, target):
        if Path(target).name == "out" and (path / "accounts.parquet").exists():
            raise PermissionError(13, "denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(InputError, match=r"cannot write there \(denied\)"):
        write_verdicts(earlier, decision, {})
    assert untouched(earlier)


# -- what is not ours -----------------------------------------------------------


def test_a_folder_with_anything_else_in_it_is_refused_and_left_alone(earlier, decision):
    (earlier / "thesis.tex").write_text("years")
    with pytest.raises(InputError, match="folder holds other files; give an empty or a new folder"):
        write_verdicts(earlier, decision, {})
    assert (earlier / "thesis.tex").read_text() == "years"
    assert names(earlier.parent) == ["out"]


def test_a_new_folder_replaces_nothing_unless_told(earlier):
    with pytest.raises(InputError, match="holds other files"), new_folder(earlier):
        pass
    assert untouched(earlier)


def test_an_empty_folder_is_taken(tmp_path, decision):
    (tmp_path / "out").mkdir()
    write_verdicts(tmp_path / "out", decision, {})
    assert names(tmp_path / "out") == list(RUN_FILES)


def test_a_file_is_no_folder(tmp_path, decision):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="out: is a file; give a folder"):
        write_verdicts(tmp_path / "out", decision, {})
    with pytest.raises(InputError, match="cannot write there"):
        write_verdicts(tmp_path / "out" / "below", decision, {})
    assert (tmp_path / "out").read_text() == "mine"


def test_a_link_is_followed_and_kept(tmp_path, decision):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_verdicts(tmp_path / "link", decision, {})
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == list(RUN_FILES)


def test_the_working_folder_may_be_the_output(tmp_path, decision, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    write_verdicts(Path(), decision, {})
    assert names(tmp_path / "here") == list(RUN_FILES)
    assert names(tmp_path) == ["here"]
