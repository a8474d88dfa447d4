import math

import numpy as np
import polars as pl
import pytest

from benchmarks import rivals
from benchmarks.traits import OBVIOUS, orders, traits

DAY_US = 86_400_000_000


def week(tmp_path, accounts):
    """Write a log: for each account its rows of (second, path, header names, other columns)."""
    rows = [
        {
            "timestamp": 20_000 * DAY_US + int(second * 1e6),
            "account_id": account,
            "path": path,
            "user_agent": "tool/1.0",
            "header_names": names,
            **rest,
        }
        for account, listed in accounts.items()
        for second, path, names, rest in listed
    ]
    log = pl.DataFrame(rows, infer_schema_length=None)
    log = log.with_columns(pl.col("timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    log.write_parquet(tmp_path / "part-0.parquet")
    return tmp_path


def asks(*seconds, names=("Host", "Accept"), **rest):
    return [(second, "/v1/messages", list(names), rest) for second in seconds]


def by_account(scores):
    return dict(scores.sort("account_id").select("account_id", "score").iter_rows())


def table(**columns):
    """A week of traits: those given, 0 for the rest."""
    height = len(next(iter(columns.values())))
    blank = {name: [0.0] * height for name in OBVIOUS}
    return pl.DataFrame({"account_id": [f"a{i}" for i in range(height)], **(blank | columns)})


def test_traits_of_one_account(tmp_path):
    post = [(9, "/api/event_logging/batch", ["Host"], {"telemetry_requests": 3})]
    found = traits(week(tmp_path, {"a": [*asks(0, 10, 20, 60, status=200), *post]}))
    row = found.row(0, named=True)
    assert row["inference"] == 4
    assert row["active_days"] == row["active_hours"] == row["header_orders"] == 1
    assert row["median_gap_s"] == 10
    assert row["pause_share"] == pytest.approx(1 / 3)
    assert row["longest_rest_h"] == pytest.approx(40 / 3600)
    assert row["mad"] == 0
    assert row["reported"] == 0.75
    assert row["telemetry_posts"] == 0.25
    assert row["error_share"] == 0
    assert row["output_tokens"] is None


def test_no_telemetry_is_the_share_that_nobody_reports():
    found = rivals.no_telemetry(pl.DataFrame({"account_id": ["a", "b"], "reported": [0.75, 0.0]}))
    assert by_account(found) == {"a": 0.25, "b": 1.0}


def test_a_rare_header_order_has_the_bits_of_its_share(tmp_path):
    same = {name: asks(0, 1) for name in "abc"}
    swapped = [*asks(0), *asks(1, 2, 3, names=("Accept", "Host"))]
    found = by_account(rivals.rare_header_order(orders(week(tmp_path, {**same, "d": swapped}))))
    # All four show the usual order; one of four shows the other, on three of its four requests.
    assert found == {"a": 0, "b": 0, "c": 0, "d": pytest.approx(0.75 * 2)}


def test_a_timer_is_a_beacon_and_a_person_is_none(tmp_path):
    timer = asks(*range(0, 600, 60))
    person = asks(*np.cumsum([0, 2, 3, 2, 300, 4, 900, 2, 3, 1200]).tolist())
    few = asks(0, 60, 120)
    found = by_account(rivals.beacon(traits(week(tmp_path, {"few": few, "person": person, "timer": timer}))))
    assert found["timer"] == 1
    assert found["few"] == 0
    assert 0 <= found["person"] < 0.6


def test_beacon_by_hand():
    row = {"account_id": ["a"], "inference": [9], "q1": [10.0], "q2": [20.0], "q3": [50.0], "mad": [15.0]}
    # Bowley: (10 + 50 - 40) / 40 = 0.5; dispersion: 1 - 15 / 30 = 0.5.
    assert by_account(rivals.beacon(pl.DataFrame(row))) == {"a": 0.5}


def test_ecod_by_hand():
    trained = table(sessions=[1.0, 2.0, 3.0, 10.0])
    found = by_account(rivals.ecod(trained, table(sessions=[2.0, 20.0])))
    others = 0.0  # constant traits: everybody at or below, everybody at or above
    assert found["a0"] == pytest.approx(max(-math.log(3 / 5), -math.log(4 / 5)) + others)
    assert found["a1"] == pytest.approx(-math.log(1 / 5))


def test_the_forest_sees_the_odd_one_and_fills_nulls():
    rng = np.random.default_rng(0)
    trained = table(sessions=rng.normal(10, 1, 200).tolist())
    found = by_account(rivals.isolation_forest(trained, table(sessions=[10.0, 40.0, None]), 0))
    assert found["a1"] > found["a0"]
    assert found["a2"] == pytest.approx(found["a0"], abs=0.05)


def test_the_bound_scores_each_account_without_its_own_label():
    rng = np.random.default_rng(0)
    weeks = []
    for size in (120, 80):
        positive = rng.random(size) < 0.3
        known = pl.DataFrame({"account_id": [f"a{i}" for i in range(size)], "positive": positive})
        known = known.with_columns(x=pl.Series(positive + rng.normal(0, 0.1, size)), gone=pl.lit(None))
        left = pl.when(pl.col("account_id") != "a0").then("positive")
        weeks.append(known.with_columns(positive=left))
    first, second = rivals.supervised(weeks, seed=0)
    assert (first.height, second.height) == (119, 79)
    for week, scores in zip(weeks, (first, second), strict=True):
        joined = week.join(scores, on="account_id")
        truth = joined["positive"].to_numpy().astype(bool)
        assert joined["score"].to_numpy()[truth].min() > joined["score"].to_numpy()[~truth].max()
    noise = [week.with_columns(x=pl.Series(rng.normal(0, 1, week.height))) for week in weeks]
    (scores, _) = rivals.supervised(noise, seed=0)
    joined = noise[0].join(scores, on="account_id")
    assert abs(np.corrcoef(joined["positive"].cast(float), joined["score"])[0, 1]) < 0.4
