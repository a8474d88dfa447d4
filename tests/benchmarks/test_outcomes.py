import json
from pathlib import Path

import polars as pl
import pytest

from benchmarks.contest import CUT
from benchmarks.figures import report
from benchmarks.fleets import Fleet, _idle, first_requests, linked, rewrite
from benchmarks.outcomes import Stability, outcome, ranked_by
from benchmarks.variations import Pool

VERDICTS = pl.DataFrame(
    {
        "account_id": ["h1", "h2", "h3", "g1", "g2", "p1"],
        "verdict": ["harness", "watch", "insufficient_data", "clear", "harness", "declared_third_party"],
        "flagged": [True, False, False, False, True, True],
        "score": [0.9, 0.4, 0.8, 0.1, 0.5, 1.0],
    }
)
LABELS = pl.DataFrame(
    {
        "account_id": ["h1", "h2", "h3", "g1", "g2", "p1"],
        "class": ["riding", "riding", "imitation", "interactive", "headless", "declared_third_party"],
        "label": ["harness", "harness", "harness", "genuine", "genuine", "declared_third_party"],
    }
)


@pytest.fixture
def fleet():
    sessions = LABELS.head(0).with_columns(session_id=pl.lit("s"))
    return Fleet("made up", 7, Path("train"), Path("score"), LABELS, sessions)


def test_found_counts_ranked_harnesses_above_the_genuine(fleet):
    found = outcome(fleet, "detector", VERDICTS)
    assert found.found == {"riding": (1, 2)}  # 0.9 lies above 0.5, 0.4 does not; h3 is not ranked
    assert found.accounts.recall == pytest.approx(1 / 3)
    assert found.accounts.false_discovery == 0.5
    assert found.sessions is None


def test_a_rival_flags_as_many_and_never_what_is_not_ranked():
    scores = pl.DataFrame({"account_id": ["h3", "h2", "g1", "h1", "p1"], "score": [9.0, 5.0, 4.0, 3.0, 9.0]})
    table = ranked_by(scores, VERDICTS)
    assert set(table.filter("flagged")["account_id"]) == {"h2", "g1"}
    assert dict(table.select("account_id", "score").iter_rows())["g2"] == 3.0  # without a score: last


def test_a_rival_that_ties_flags_in_the_order_of_ids():
    scores = pl.DataFrame({"account_id": ["h2", "g1", "h1", "g2"], "score": [5.0, 1.0, 1.0, 1.0]})
    assert set(ranked_by(scores, VERDICTS).filter("flagged")["account_id"]) == {"h2", "g1"}


def test_weeks_are_cut_and_linked(tmp_path):
    paths = ["/api/hello", "/v1/messages?beta=1", "/api/event_logging/batch", "/v1/messages", "/v1/messages"]
    log = pl.DataFrame({"account_id": ["a"] * 5 + ["b"], "path": [*paths, "/v1/messages"]})
    (tmp_path / "week").mkdir()
    log.write_parquet(tmp_path / "week" / "part-0.parquet")
    cut = rewrite(tmp_path / "week", tmp_path / "cut", first_requests(1))
    kept = pl.read_parquet(cut / "part-0.parquet")
    assert kept["path"].to_list() == [*paths[:3], "/v1/messages"]
    same = linked((tmp_path / "week").glob("*"), tmp_path / "same")
    assert pl.read_parquet(same / "part-0.parquet").equals(log)


def test_a_harness_that_rode_only_in_week_1_is_not_asked_for(tmp_path):
    week = [("gone", "own"), ("stays", "rides"), ("silent", None)]
    log = pl.DataFrame(week, schema=["account_id", "session_id"], orient="row")
    log.write_parquet(tmp_path / "part-0.parquet")
    told = [("gone", "rode"), ("stays", "rode"), ("stays", "rides"), ("silent", "rode"), ("silent", None)]
    sessions = pl.DataFrame(told, schema=["account_id", "session_id"], orient="row")
    sessions = sessions.with_columns(label=pl.lit("harness"))
    assert _idle(sessions, tmp_path)["account_id"].to_list() == ["gone"]


def test_a_pool_gives_the_share_and_mix_that_is_asked_for(tmp_path):
    classes = ["riding", "imitation"]
    order = pl.DataFrame(
        [(f"{name}{turn}", name, turn) for name in classes for turn in range(20)],
        schema=["account_id", "class", "turn"],
        orient="row",
    )
    others = pl.DataFrame({"account_id": [f"g{i}" for i in range(160)]})
    accounts = pl.concat([others, order.select("account_id")])
    pool = Pool(Fleet("x", 0, tmp_path, tmp_path, accounts, accounts), tmp_path, order)
    counted = lambda ids: [sum(name in one for one in ids) for name in classes]  # noqa: E731
    assert counted(pool.some(0.2)) == [20, 20]
    assert counted(pool.some(0.05)) == [4, 4]
    assert counted(pool.some(0.05, without="riding")) == [0, 4]
    assert counted(pool.some(0.05, often="riding")) == [6, 2]


def test_the_report_pools_seeds(fleet):
    base = outcome(fleet, "detector", VERDICTS)
    early = outcome(fleet, "detector", VERDICTS, varied=CUT, value="20")
    text = report([base, base, early], [Stability("made up", 7, 8, 3, 0.5, 0.25)])
    assert "| detector | 0.833 (0.83-0.83) |" in text
    assert "| riding | harness | 4 | 2 | 50.0% | 15.0% to 85.0% | harness 2, watch 2 |" in text
    assert "| 1 | 3.0 | 0.500 | 0.250 |" in text
    assert "| 20 | 0.833 |" in text
    assert json.dumps(base.to_dict())
