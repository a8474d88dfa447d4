import polars as pl
import pytest

SERVED = ((pl.col("status") == 200) & pl.col("output_tokens").is_not_null()).sum()


def test_reports_match_served_requests_to_a_few_percent(rows):
    mine = rows.filter(pl.col("class").is_in(["interactive", "old_or_new_version"]))
    sums = mine.group_by("account_id").agg(served=SERVED, reported=pl.col("telemetry_requests").sum())
    large = sums.filter(pl.col("served") > 300, pl.col("reported") > 0)
    ratio = large["reported"] / large["served"]
    assert ratio.min() > 0.93
    assert ratio.max() <= 1.0


def test_posts_leave_through_another_stack_under_another_agent(rows):
    mine = rows.filter(pl.col("class") == "interactive", pl.col("auth") == "subscription")
    posts = mine.filter(pl.col("telemetry_events").is_not_null())
    fresh = posts["path"] == "/api/event_logging/v2/batch"
    before, after = posts.filter(~fresh), posts.filter(fresh)
    assert before["user_agent"].str.contains(r"^claude-code/[\d.]+$").all()
    assert set(before["path"]) == {"/api/event_logging/batch"}
    assert set(after["user_agent"]) == {"claude-code/2.1.332", "Bun/1.4.6"}
    assert posts["session_id"].null_count() == 0
    assert posts["device_id"].null_count() == posts.height
    asked = set(mine.filter(pl.col("model").is_not_null())["header_names"].list.join(",").unique())
    assert not asked & set(posts["header_names"].list.join(",").unique())


def test_posts_follow_the_requests_within_half_a_minute(rows):
    mine = rows.filter(pl.col("class") == "interactive", pl.col("auth") == "subscription")
    ends = (
        mine.filter(pl.col("output_tokens").is_not_null())
        .select("session_id", end=pl.col("timestamp") + pl.duration(milliseconds="duration_ms"))
        .sort("end")
    )
    posts = mine.filter(pl.col("telemetry_requests") > 0).select("session_id", "timestamp").sort("timestamp")
    joined = posts.join_asof(
        ends, left_on="timestamp", right_on="end", by="session_id", coalesce=False, check_sortedness=False
    )
    lag = joined.select((pl.col("timestamp") - pl.col("end")).dt.total_seconds())["timestamp"].drop_nulls()
    assert (lag <= 45).mean() > 0.99
    assert lag.median() == pytest.approx(10, abs=8)


def test_made_up_telemetry_is_constant_and_does_not_match(even_rows):
    posts = even_rows.filter(pl.col("class") == "fake_telemetry", pl.col("telemetry_events").is_not_null())
    assert posts.height
    each = posts.group_by("account_id").agg(pl.col("telemetry_events").n_unique())
    assert each["telemetry_events"].max() == 1
    sums = (
        even_rows.filter(pl.col("class") == "fake_telemetry")
        .group_by("account_id")
        .agg(served=SERVED, reported=pl.col("telemetry_requests").sum())
    )
    off = (sums["reported"] / sums["served"] - 1).abs()
    assert off.median() > 0.1


def test_a_session_of_the_new_release_shows_three_sets_of_names(rows):
    fresh = rows.filter(
        pl.col("class") == "interactive", pl.col("user_agent").str.starts_with("claude-cli/2.1.332")
    )
    size = pl.col("header_names").list.len()
    assert set(fresh.filter(pl.col("tools_hash").is_null()).select(size).to_series()) == {25}
    assert set(fresh.filter("tool_result").select(size).to_series()) == {27}
    turns = fresh.filter(~pl.col("tool_result"), pl.col("tools_hash").is_not_null())
    assert set(turns.select(size).to_series()) == {26}
    sets = fresh.group_by("session_id").agg(size.n_unique())["header_names"]
    assert (sets == 3).mean() > 0.5
