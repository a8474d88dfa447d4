import hashlib
from datetime import UTC, date, datetime

import polars as pl
import pytest

from detector.errors import InputError
from detector.schema import REQUEST
from detector.simulate import CLASSES, DEFAULT_MIXTURE, LABELS, FleetOptions, simulate
from detector.simulate.classes import label_of

SMALL = FleetOptions(accounts=25, days=3, seed=5)


def digest(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_requests_follow_the_schema_and_the_clock(fleet):
    assert fleet.requests.schema == REQUEST
    assert fleet.requests["timestamp"].is_sorted()
    first, last = fleet.requests["timestamp"].min(), fleet.requests["timestamp"].max()
    assert first >= datetime(2026, 11, 2, tzinfo=UTC)
    assert last < datetime(2026, 11, 16, tzinfo=UTC)


def test_request_ids_are_unique(fleet):
    assert fleet.requests["request_id"].n_unique() == fleet.requests.height


def test_every_account_has_a_label_and_requests(fleet):
    assert fleet.accounts.columns == ["account_id", "class", "label", "plan"]
    assert fleet.accounts["account_id"].n_unique() == fleet.accounts.height == 300
    assert set(fleet.accounts["class"]) == {one.name for one in CLASSES if one.share > 0}
    assert all(label_of(name) == label for name, label in fleet.accounts.select("class", "label").iter_rows())
    assert set(fleet.requests["account_id"]) == set(fleet.accounts["account_id"])


def test_every_session_of_the_log_has_one_label(fleet):
    key = ["account_id", "session_id"]
    seen = fleet.requests.filter(pl.col("model").is_not_null()).select(key).unique()
    assert fleet.sessions.select(key).is_unique().all()
    assert seen.join(fleet.sessions, on=key, how="anti", nulls_equal=True).is_empty()
    assert set(fleet.sessions["label"]) <= set(LABELS)


def test_riding_accounts_hold_sessions_of_both_kinds(even):
    riding = even.sessions.filter(pl.col("class") == "riding")
    both = riding.group_by("account_id").agg(pl.col("label").unique().sort())
    assert set(riding["label"]) == {"genuine", "harness"}
    assert (both["label"].list.len() == 2).mean() > 0.8


def test_equal_seeds_give_equal_bytes(tmp_path):
    simulate(SMALL).write(tmp_path / "one")
    simulate(SMALL).write(tmp_path / "two")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert not list(tmp_path.glob(".*"))


def test_other_seeds_give_other_fleets():
    other = FleetOptions(accounts=25, days=3, seed=6)
    assert not simulate(SMALL).requests.equals(simulate(other).requests)


def test_write_partitions_by_day(tmp_path):
    fleet = simulate(SMALL)
    fleet.write(tmp_path / "fleet")
    parts = sorted(path.parent.name for path in (tmp_path / "fleet" / "logs").rglob("part-0.parquet"))
    assert parts == ["date=2026-11-02", "date=2026-11-03", "date=2026-11-04"]
    read = pl.read_parquet(tmp_path / "fleet" / "logs", hive_partitioning=True)
    assert read.select(REQUEST.names()).equals(fleet.requests)
    assert (read["date"] == read["timestamp"].dt.date()).all()
    assert pl.read_parquet(tmp_path / "fleet" / "accounts.parquet").equals(fleet.accounts)


def test_write_refuses_a_folder_in_use(tmp_path):
    fleet = simulate(FleetOptions(accounts=1, days=1))
    (tmp_path / "note").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        fleet.write(tmp_path)
    assert (tmp_path / "note").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    fleet.write(tmp_path / "empty")
    assert (tmp_path / "empty" / "accounts.parquet").exists()


def test_counts_use_the_largest_remainder():
    counts = FleetOptions(accounts=10, mixture={"interactive": 2, "imitation": 1}).counts()
    assert counts == {"interactive": 7, "imitation": 3}


def test_every_class_gets_an_account_where_there_are_enough():
    for accounts in (33, 100):
        counts = FleetOptions(accounts=accounts).counts()
        assert set(counts) == set(DEFAULT_MIXTURE)
        assert {name for name, count in counts.items() if count == 0} == {"new_product"}
    for accounts in (1, 7, 20, 33, 100, 1000):
        assert sum(FleetOptions(accounts=accounts).counts().values()) == accounts


@pytest.mark.parametrize(
    "bad",
    [
        {"accounts": 0},
        {"days": 0},
        {"activity": 0.0},
        {"mixture": {"nobody": 1.0}},
        {"mixture": {"interactive": -1.0}},
        {"mixture": {}},
        {"mixture": {"interactive": float("nan")}},
        {"activity": float("inf")},
        {"seed": -1},
        {"start": date(9999, 12, 30), "days": 10},
    ],
)
def test_impossible_options_are_refused(bad):
    with pytest.raises(InputError, match="simulation"):
        FleetOptions(**bad)


@pytest.mark.parametrize("name", [one.name for one in CLASSES])
def test_every_class_can_stand_alone(name):
    fleet = simulate(FleetOptions(accounts=2, days=1, mixture={name: 1.0}, start=date(2026, 11, 7)))
    assert fleet.requests.schema == REQUEST
    assert fleet.accounts["class"].unique().to_list() == [name]


def test_activity_scales_the_log():
    quiet, busy = (
        simulate(FleetOptions(accounts=40, seed=3, activity=activity)).requests.height
        for activity in (0.3, 3.0)
    )
    assert busy > 3 * quiet
