import polars as pl
import pytest

SLOT = pl.col("timestamp").dt.truncate("5m").dt.time()


def of(rows, name):
    return rows.filter(pl.col("class") == name)


@pytest.fixture(scope="module")
def farmed(subtle):
    return of(subtle, "rotated_farm")


def test_a_farm_shares_address_tools_and_schedule(farmed):
    first = farmed.sort("timestamp").group_by("account_id", pl.col("timestamp").dt.date().alias("day"))
    assert 1 <= farmed["client_ip"].n_unique() <= 3
    each = farmed.group_by("client_ip").agg(
        pl.col("tools_hash", "user_agent").n_unique(), accounts=pl.col("account_id").n_unique()
    )
    assert each.select(pl.col("tools_hash", "user_agent").max()).row(0) == (1, 1)
    assert each["accounts"].max() >= 3
    opening = first.agg(pl.col("timestamp").first(), pl.col("client_ip").first()).with_columns(slot=SLOT)
    assert opening.group_by("client_ip").agg(pl.col("slot").n_unique())["slot"].max() == 1


def test_an_account_of_a_farm_is_light(farmed):
    daily = farmed.group_by("account_id", pl.col("timestamp").dt.date()).len()["len"]
    assert daily.median() < 250
    assert set(farmed["label"]) == {"harness"}


def test_a_drip_never_stops_and_never_makes_more_than_three_steps(subtle):
    mine = of(subtle, "slow_drip").sort("account_id", "timestamp")
    gap = pl.col("timestamp").diff().over("account_id").dt.total_seconds() / 60
    gaps = mine.select("account_id", gap=gap).drop_nulls()
    assert gaps["gap"].max() <= 61
    bursts = gaps.group_by("account_id").agg((pl.col("gap") > 15).sum(), requests=pl.len())
    assert (bursts["requests"] / bursts["gap"]).is_between(1.0, 3.2).all()
    assert mine.group_by("account_id").agg(pl.col("timestamp").dt.hour().n_unique())["timestamp"].min() == 24


def test_a_light_rider_makes_a_small_share_at_fixed_hours_in_silence(subtle_rows):
    mine = of(subtle_rows, "light_rider").filter(pl.col("model").is_not_null())
    share = mine.group_by("account_id").agg(riding=(pl.col("label") == "harness").mean())["riding"]
    assert share.is_between(0.0, 0.1, closed="none").all()
    rider = mine.filter(pl.col("label") == "harness")
    hours = rider.group_by("account_id").agg(pl.col("timestamp").dt.truncate("15m").dt.time().n_unique())
    assert hours["timestamp"].max() <= 2


def test_office_hours_are_kept_every_day_of_the_week(subtle):
    mine = of(subtle, "office_hours_imitation")
    each = mine.group_by("account_id").agg(
        days=pl.col("timestamp").dt.weekday().n_unique(),
        hours=pl.col("timestamp").dt.offset_by("30m").dt.hour().n_unique(),
    )
    assert set(each["days"]) == {7}
    assert each["hours"].max() <= 10
    assert (
        mine.group_by("account_id").agg(pl.col("telemetry_events").is_null().all())["telemetry_events"].all()
    )


def test_unlisted_tools_say_who_they_are(subtle):
    mine = of(subtle, "declared_unlisted")
    assert not mine["user_agent"].str.contains(r"(?i)claude|anthropic").any()
    assert set(mine["label"]) == {"declared_third_party"}
    assert mine["user_agent"].n_unique() >= 3
