import hashlib

import polars as pl
import pytest

from detector.engine import measure
from detector.engine.local import score
from detector.engine.work import Work, kept_work
from detector.errors import InputError
from detector.ingest import shards
from detector.settings import default_settings
from detector.verdict.write import RUN_FILES


def digest(folder):
    names = [name for name in RUN_FILES if name.endswith(".parquet")]
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]


@pytest.fixture
def stopped(folder, tmp_path, monkeypatch):
    """Run a score that is interrupted after some parts; returns the parts that were read."""
    monkeypatch.setattr(shards, "PART_ROWS", 5_000)
    read = []

    def ask(after, output="out", **options):
        def count(part, *rest):
            if len(read) == after:
                raise KeyboardInterrupt
            read.append(part.name)
            return reading(part, *rest)

        reading = measure.read_part
        with monkeypatch.context() as patch:
            patch.setattr(measure, "read_part", count)
            with pytest.raises(KeyboardInterrupt):
                score(folder / "log.parquet", tmp_path / output, folder / "model", jobs=1, **options)
        return read

    return ask


@pytest.fixture
def reread(monkeypatch):
    """Names of the parts that are read from now on, and of the logs that are split."""
    read, split = [], []
    reading, splitting = measure.read_part, shards.split_log
    monkeypatch.setattr(
        measure, "read_part", lambda part, *rest: read.append(part.name) or reading(part, *rest)
    )
    monkeypatch.setattr(
        "detector.ingest.log.split_log", lambda files, *rest: split.append(files) or splitting(files, *rest)
    )
    return read, split


def test_a_stopped_run_goes_on_where_it_was(stopped, reread, verdicts, folder, tmp_path):
    done = stopped(after=2)
    read, split = reread
    read.clear()
    split.clear()
    score(folder / "log.parquet", tmp_path / "out", folder / "model", jobs=1)
    assert split == []
    assert read
    assert not set(read) & set(done)
    assert digest(tmp_path / "out") == digest(verdicts)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_run_that_is_stopped_before_anything_is_done_leaves_nothing(stopped, tmp_path):
    stopped(after=0)
    assert list(tmp_path.iterdir()) == []


def test_another_log_is_read_from_its_beginning(stopped, reread, fleet, folder, tmp_path):
    stopped(after=2)
    fleet.requests.head(9_000).write_parquet(tmp_path / "other.parquet")
    read, split = reread
    read.clear()
    split.clear()
    run = score(tmp_path / "other.parquet", tmp_path / "out", folder / "model")
    assert len(split) == 1
    assert len(read) == len(set(read)) > 0
    assert run.accounts["requests"].sum() == 9_000


def half_done(output, inputs, end):
    """A run that does one part and ends with an exception."""
    with kept_work(output, inputs, default_settings()) as work:
        (work.folder / "part-1").mkdir()
        raise end


@pytest.mark.parametrize(("inputs", "kept"), [(["log"], True), (["another log"], False)])
def test_what_is_done_serves_the_same_log_only(tmp_path, inputs, kept):
    with pytest.raises(SystemExit):
        half_done(tmp_path / "out", ["log"], SystemExit(143))
    with kept_work(tmp_path / "out", inputs, default_settings()) as work:
        assert (work.folder / "part-1").exists() == kept


def test_a_failed_run_leaves_nothing(tmp_path):
    with pytest.raises(InputError):
        half_done(tmp_path / "out", ["log"], InputError("no"))
    assert list(tmp_path.iterdir()) == []


def test_one_run_makes_a_folder_at_a_time(tmp_path):
    rules = default_settings()
    with (
        kept_work(tmp_path / "out", ["log"], rules),
        pytest.raises(InputError, match="another run makes this folder"),
        kept_work(tmp_path / "out", ["log"], rules),
    ):
        pytest.fail("both runs began")


def test_nobody_else_can_read_what_is_kept(tmp_path):
    with kept_work(tmp_path / "out", ["log"], default_settings()) as work:
        assert work.folder.stat().st_mode & 0o077 == 0


def test_a_slice_comes_back_as_it_was(tmp_path):
    table = pl.DataFrame({"session": [3, 1], "name": ["a", None]})
    assert Work(tmp_path).slice(0, table).collect().equals(table)
