"""Each fault is tried on a writer that is careless in one way, and must be seen."""

import sys
from pathlib import Path

import pytest

from benchmarks.faults import diskfull, rivals
from benchmarks.faults.__main__ import main, report
from benchmarks.faults.bench import Bench, Ended, Finding
from benchmarks.faults.kills import Course, Moment, kill, moment_at, phase
from benchmarks.gateway import gateway_log
from benchmarks.stored import NOTHING

STAND_IN = Path(__file__).with_name("stand_in.py")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return gateway_log(20_000, tmp_path_factory.mktemp("logs"))


@pytest.fixture
def bench_of(log, tmp_path):
    def make(*mode):
        scratch = tmp_path / "-".join(["bench", *mode])
        scratch.mkdir()
        return Bench((sys.executable, str(STAND_IN), *mode), log, scratch)

    return make


def careless(bench_of, mode):
    """A bench whose store was made with care, for a writer that has none."""
    careful, bench = bench_of("careful"), bench_of(mode)
    bench.__dict__["base"] = careful.base
    return bench


def test_a_refusal_is_one_line_and_exit_code_1():
    line = "detector: a.parquet: is truncated; copy it again\n"
    assert Ended(1, "", line).refused
    assert not Ended(2, "", line).refused
    assert not Ended(1, "", "").refused
    assert not Ended(1, "", f"thread panicked\n{line}").refused
    assert str(Ended(-9, "", "a\nb")) == "exit code -9: 'a / b'"


def test_moments_are_spread_over_a_run():
    run = Course(seconds=8.0, changes=4)
    assert moment_at(0.25, run, by_clock=True) == Moment(seconds=2.0)
    assert [moment_at(place, run, by_clock=False).change for place in (0.0, 0.3, 0.99)] == [1, 2, 4]


def test_a_writer_killed_between_two_commits_is_torn(bench_of):
    bench = careless(bench_of, "halting")
    with bench.store(of_first=True) as store:
        assert phase(store, bench.before, bench.after) == ("before any row", "")
        running = bench.ingest([bench.log.log], store)
        assert kill(running, store, Moment(seconds=0.0))
        assert phase(store, bench.before, bench.after) == ("before any row", "")
        running = bench.ingest([bench.log.log], store)
        while phase(store, bench.before, bench.after)[0] != "between":
            assert running.process.poll() is None
        assert kill(running, store, Moment(seconds=0.0))
        what, complaint = phase(store, bench.before, bench.after)
    assert what == "between"
    assert complaint.startswith("before, rows ")


def test_phases_of_a_killed_writer(bench_of):
    bench = bench_of("careful")
    with bench.store(of_first=True) as store:
        (store / "_staging").mkdir()
        (store / "_staging" / "0.parquet").write_bytes(b"")
        assert phase(store, bench.before, bench.after) == ("with rows staged", "")
        (store / "0.parquet").write_bytes(b"")
        assert phase(store, bench.before, bench.after) == ("with files in place", "")
        assert phase(store, NOTHING, bench.before) == ("after the commit, before the end", "")
        next(store.glob("day=*/*/*.parquet")).unlink()
        assert phase(store, bench.before, bench.after)[0] == "unreadable"
    with bench.store(of_first=False) as store:
        assert phase(store, NOTHING, bench.after) == ("before any row", "")


def test_a_run_that_leaves_something_is_complained_of(bench_of):
    bench = careless(bench_of, "leaving")
    with bench.store(of_first=True) as store:
        assert bench.complaints(store, bench.before) == []
        assert bench.ingest([bench.log.log], store).ended().code == 0
        assert bench.complaints(store, bench.after) == ["1 files that no version names, such as part.parquet"]
        (bench.scratch / "tmp" / "run-0").mkdir(parents=True, exist_ok=True)
        assert bench.complaints(store, bench.before)[0].startswith("the store has rows ")
        assert bench.complaints(store, bench.after)[1] == "1 temporary files, such as run-0"


def test_doubled_rows_are_complained_of(bench_of):
    bench = careless(bench_of, "doubling")
    with bench.store(of_first=True) as store:
        bench.ingest([bench.log.log], store).ended()
        (complaint,) = bench.complaints(store, bench.after)
    assert complaint.startswith("the store has rows ")
    assert "requests" not in complaint


def test_without_a_sound_run_nothing_is_tried(bench_of):
    with pytest.raises(RuntimeError, match="without any fault, exit code 2"):
        bench_of().base  # noqa: B018


def test_two_writers_and_a_reader(bench_of, monkeypatch):
    monkeypatch.setattr(rivals, "DELAYS", (0.0,))
    bench = bench_of("careful")
    found = [*rivals.two_writers(bench), *rivals.reader_beside_writer(bench)]
    assert [finding.failures for finding in found] == [()] * 5
    assert [finding.trials for finding in found] == [1, 1, 1, 2, 2]


def test_files_that_may_not_grow(bench_of, monkeypatch):
    monkeypatch.setattr(diskfull, "LIMITS", (1 << 10,))
    finding = diskfull.limited(bench_of("careful"))
    assert (finding.trials, finding.note) == (1, "1 refused")


def test_the_report_is_a_table():
    findings = [Finding("kill", 3, ()), Finding("disk", 2, ("a", "b"), "1 refused")]
    assert report(findings).splitlines()[2:] == ["| kill | 3 | 0 |  |", "| disk | 2 | **2** | 1 refused |"]


def tried(mode, log, tmp_path):
    arguments = ["--cache", str(log.folder.parent), "--rows", "20000", "--scratch", str(tmp_path)]
    return main([*arguments, "--faults", "truncated", "--command", f"{sys.executable} {STAND_IN} {mode}"])


def test_cut_sources_that_are_refused(log, tmp_path, capsys):
    assert tried("careful", log, tmp_path) == 0
    rows = [line.split(" | ")[:3] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == [[f"| late.{form} cut off", "1", "0"] for form in ("parquet", "ndjson.gz", "ndjson")]
    assert list(tmp_path.iterdir()) == []


def test_cut_sources_that_nobody_notices(log, tmp_path, capsys):
    assert tried("silent", log, tmp_path) == 1
    said = capsys.readouterr()
    assert "late.parquet cut off: half a file was taken for a whole one\n" in said.err
    assert "late.ndjson.gz cut off: half a file was taken for a whole one\n" in said.err
    assert "| late.parquet cut off | 1 | **" in said.out
