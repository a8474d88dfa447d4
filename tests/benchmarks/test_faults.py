"""Each fault is tried on a writer that is careless in one way, and must be seen."""

import os
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from benchmarks.faults import diskfull, rivals
from benchmarks.faults.__main__ import main, report
from benchmarks.faults.bench import Bench, Ended, Finding
from benchmarks.faults.errands import Errand, adding
from benchmarks.faults.kills import BY_CHANGE, BY_CLOCK, WHILE_MOVING, Course, Moment, kill, moment_at, phase
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
    run = Course(seconds=8.0, changes=4, moving=0.5)
    assert moment_at(0.25, run, BY_CLOCK) == Moment(seconds=2.0)
    assert moment_at(0.5, run, WHILE_MOVING) == Moment(seconds=0.25, moving=True)
    assert [moment_at(place, run, BY_CHANGE).change for place in (0.0, 0.3, 0.99)] == [1, 2, 4]


def test_a_writer_killed_between_two_commits_is_torn(bench_of):
    bench = careless(bench_of, "halting")
    errand = adding(bench)
    with bench.store(bench.base) as store:
        assert phase(store, errand) == ("before any row", "")
        assert kill(errand.start, store, Moment())
        assert phase(store, errand) == ("before any row", "")
        kill(lambda store: halted(errand, store), store, Moment())
        what, complaint = phase(store, errand)
    assert what == "between"
    assert complaint.startswith("before, rows ")


def halted(errand, store):
    """Start a writer and give it back when half of the rows are there."""
    running = errand.start(store)
    while phase(store, errand)[0] != "between":
        assert running.process.poll() is None
    return running


def test_a_kill_while_files_are_moved_waits_for_a_new_list_of_them(bench_of):
    bench = bench_of("moving")
    with bench.store(None) as store:
        (store / "_staging").mkdir(parents=True)
        (store / "_staging" / "moved").write_text("stale")
        os.utime(store / "_staging" / "moved", ns=(0, 0))
        assert kill(lambda store: bench.ingest([bench.log.log], store), store, Moment(moving=True))
        assert (store / "_staging" / "moved").read_text() == "fresh"


def test_phases_of_a_killed_writer(bench_of):
    bench = bench_of("careful")
    errand = adding(bench)
    with bench.store(bench.base) as store:
        (store / "_staging").mkdir()
        (store / "_staging" / "0.parquet").write_bytes(b"")
        assert phase(store, errand) == ("with rows staged", "")
        (store / "0.parquet").write_bytes(b"")
        assert phase(store, errand) == ("with files in place", "")
        made = Errand("ingest", errand.start, None, NOTHING, bench.before)
        assert phase(store, made) == ("after the commit, before the end", "")
        next(store.glob("day=*/*/*.parquet")).unlink()
        assert phase(store, errand)[0] == "unreadable"
    with bench.store(None) as store:
        assert phase(store, Errand("ingest", errand.start, None, NOTHING, bench.after)) == (
            "before any row",
            "",
        )


def test_phases_of_killed_upkeep(bench_of):
    bench = bench_of("careful")
    merge = Errand("compact", bench.compact, bench.base, bench.before, bench.before)
    delete = Errand("prune", bench.prune, bench.base, bench.before, NOTHING, for_good=True)
    with bench.store(bench.base) as store:
        assert phase(store, merge) == ("before any row", "")
        table = DeltaTable(store)
        table.alter.set_table_properties({"delta.logRetentionDuration": "interval 1 days"})
        assert phase(store, merge) == ("after the commit", "")
        table.delete()
        assert phase(store, delete) == ("after the commit, before the end", "")
        left = len(list(store.glob("day=*/*/*.parquet")))
        assert delete.complaints(bench, store)[-1].startswith(f"{left} files of older versions, such as day=")
        table.vacuum(0, dry_run=False, enforce_retention_duration=False)
        assert phase(store, delete) == ("after the commit", "")
        assert delete.complaints(bench, store) == []


def test_a_run_that_leaves_something_is_complained_of(bench_of):
    bench = careless(bench_of, "leaving")
    with bench.store(bench.base) as store:
        assert bench.complaints(store, bench.before) == []
        assert bench.ingest([bench.log.log], store).ended().code == 0
        assert bench.complaints(store, bench.after) == ["1 files that no version names, such as part.parquet"]
        (bench.scratch / "tmp" / "run-0").mkdir(parents=True, exist_ok=True)
        assert bench.complaints(store, bench.before)[0].startswith("the store has rows ")
        assert bench.complaints(store, bench.after)[1] == "1 temporary files, such as run-0"


def test_doubled_rows_are_complained_of(bench_of):
    bench = careless(bench_of, "doubling")
    with bench.store(bench.base) as store:
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
