from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from benchmarks import cellvariations
from benchmarks.cells import LABELS, WEEKS
from benchmarks.cellvariations import FIRST, LACKING
from detector.schema import REQUEST

ROWS = 60
OPTIONAL = sorted({name for gaps in LACKING.values() for name in gaps.columns})


@pytest.fixture
def weeks(tmp_path):
    """Two weeks of one seed, an account each, half of the rows telemetry."""
    start = datetime(2026, 11, 2, tzinfo=UTC)
    for week in WEEKS:
        folder = tmp_path / "7" / week
        folder.mkdir(parents=True)
        log = pl.DataFrame(
            {
                "timestamp": [start + timedelta(minutes=i) for i in range(ROWS)],
                "account_id": "a",
                "path": ["/v1/messages", "/api/event_logging/batch"] * (ROWS // 2),
                **dict.fromkeys(OPTIONAL, "x"),
            }
        )
        log.write_parquet(folder / "part-0.parquet")
    pl.DataFrame({"account_id": ["a"]}).write_parquet(tmp_path / "7" / LABELS)
    return tmp_path


@pytest.fixture
def looks(monkeypatch):
    """What each judgement was given: rows and columns of both weeks."""
    seen = []

    def judged(folder, seed):
        assert (folder / LABELS).exists()
        logs = [pl.read_parquet(folder / week / "*.parquet") for week in WEEKS]
        seen.append((seed, [log.height for log in logs], [set(log.columns) for log in logs]))
        row = {"account_id": "a", "seed": seed, "class": "x", "kind": "honest", "state": "on", "score": 0.1}
        row |= {"label": "genuine", "verdict": "clear", "flagged": False, "kept_out": False}
        tool = row | {"account_id": "b", "label": "harness", "verdict": "watch", "score": 0.5}
        models = ("trained", "bundled")
        return pl.DataFrame([one | {"model": model} for model in models for one in (row, tool)])

    monkeypatch.setattr(cellvariations, "judged", judged)
    return seen


def test_columns_are_left_out_of_both_weeks_and_first_requests_kept_of_the_second(weeks, looks, capsys):
    cellvariations.main(["--weeks", str(weeks), "--seeds", "1", "--first-seed", "7"])
    assert len(looks) == len(LACKING) + len(FIRST)
    for (seed, heights, columns), (name, gaps) in zip(looks, LACKING.items(), strict=False):
        assert seed == 7
        assert columns[0] == columns[1]
        assert not columns[0] & set(gaps.columns)
        assert heights == [ROWS // 2 if name == "telemetry posts" else ROWS] * 2
    whole = looks[0][2][0]
    # The log is cut just before the request that is one too many.
    for (_, heights, columns), count in zip(looks[len(LACKING) :], FIRST, strict=True):
        assert heights == [ROWS, min(ROWS, 2 * count)]
        assert columns == [whole, whole]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| left out | genuine | flagged, trained |")
    assert lines[2] == "| nothing | 1 | 0 | 0 | 0.000 | 1.000 | 0 | 0 | 0.000 | 1.000 |"
    assert sum(line.startswith("| ") for line in lines) == len(LACKING) + len(FIRST) + 4


def test_what_may_lack_are_columns_of_a_log():
    assert set(OPTIONAL) <= {*REQUEST}
