import polars as pl
import pytest


@pytest.fixture(scope="module")
def awake(subtle):
    """Hours that each stretch of an all-nighter's account lasts between rests of seven hours."""
    mine = subtle.filter(pl.col("class") == "all_nighter").sort("account_id", "timestamp")
    rest = pl.col("timestamp").diff().over("account_id").dt.total_seconds() / 3600
    return (
        mine.with_columns(stretch=(rest >= 7).fill_null(value=True).cum_sum())
        .group_by("account_id", "stretch")
        .agg(hours=(pl.col("timestamp").max() - pl.col("timestamp").min()).dt.total_seconds() / 3600)
    )


def test_one_or_two_stretches_last_more_than_a_day(awake):
    long = awake.filter(pl.col("hours") > 24).group_by("account_id").len()
    assert long.height == 10
    assert set(long["len"]) == {1, 2}
    assert awake["hours"].max() <= 40


def test_all_other_days_leave_a_rest(awake):
    assert awake.filter(pl.col("hours") <= 24)["hours"].max() <= 17


def test_travellers_stay_in_three_countries_one_after_another(subtle):
    mine = subtle.filter(pl.col("class") == "traveller")
    stays = mine.group_by("account_id", "country").agg(
        begin=pl.col("timestamp").min(),
        end=pl.col("timestamp").max(),
        hours=pl.col("timestamp").dt.hour().n_unique(),
    )
    assert set(stays.group_by("account_id").len()["len"]) == {3}
    ordered = stays.sort("account_id", "begin")
    rest = (pl.col("begin") - pl.col("end").shift()).over("account_id").dt.total_hours()
    assert ordered.select(rest.drop_nulls().min()).item() >= 7
    assert stays["hours"].max() <= 19


def test_travellers_use_almost_every_hour_with_one_machine(subtle):
    each = (
        subtle.filter(pl.col("class") == "traveller")
        .group_by("account_id")
        .agg(pl.col("device_id").n_unique(), hours=pl.col("timestamp").dt.hour().n_unique())
    )
    assert each["device_id"].max() == 1
    assert each["hours"].min() > 12
    assert each["hours"].median() >= 22
    assert each["hours"].max() == 24
