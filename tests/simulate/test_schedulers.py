import polars as pl
import pytest

SESSION = ["account_id", "session_id"]
TURN = ~pl.col("tool_result") & pl.col("tools_hash").is_not_null()


@pytest.fixture(scope="module")
def scheduled(subtle):
    """First request of every session of people with a scheduler, and whether it starts on the minute."""
    mine = subtle.filter(pl.col("class") == "official_scheduler", pl.col("tools_hash").is_not_null())
    sessions = mine.sort("timestamp").group_by(SESSION, maintain_order=True)
    return sessions.agg(
        pl.col("timestamp").first(),
        turns=TURN.sum(),
        minutes=(pl.col("timestamp").max() - pl.col("timestamp").min()).dt.total_seconds() / 60,
    ).with_columns(run=pl.col("timestamp").dt.second() < 2)


def test_runs_start_on_the_minute_ten_minutes_apart_at_least(scheduled):
    runs = scheduled.filter("run")
    assert runs.height / scheduled.height > 0.5
    gap = pl.col("timestamp").diff().over("account_id").dt.total_seconds() / 60
    gaps = runs.sort("account_id", "timestamp").select(gap=gap)["gap"].drop_nulls()
    # A person's session now and then starts on the minute by chance.
    assert (gaps >= 9.9).mean() > 0.97
    assert ((gaps >= 9.9) & (gaps <= 60.1)).mean() > 0.8


def test_runs_are_short_and_have_one_prompt(scheduled):
    runs = scheduled.filter("run")
    # A refused first attempt is repeated, and counts as another.
    assert (runs["turns"] <= 2).mean() > 0.95
    assert runs["minutes"].quantile(0.95) < 30


def test_runs_fall_on_half_of_the_nights(scheduled):
    nights = (
        scheduled.filter("run")
        .with_columns(night=pl.col("timestamp").dt.date())
        .group_by("account_id", "night")
        .len()
        .filter(pl.col("len") >= 3)
        .group_by("account_id")
        .len()["len"]
    )
    assert 4 <= nights.median() <= 11
    assert nights.max() < 15


def test_runs_and_days_share_machine_address_and_entry_point(subtle):
    mine = subtle.filter(pl.col("class") == "official_scheduler")
    each = mine.group_by("account_id").agg(pl.col("device_id", "client_ip").n_unique())
    assert each.select(pl.col("device_id", "client_ip").max()).row(0) == (1, 1)
    assert mine["user_agent"].str.contains(r"^claude-cli/[\d.]+ \(external, cli\)$").all()
    assert set(mine["label"]) == {"genuine"}


def test_the_action_runs_on_fresh_machines_of_data_centres(subtle):
    runs = subtle.filter(
        pl.col("class") == "ci_action", pl.col("user_agent").str.contains("claude-code-github-action")
    )
    each = runs.group_by("account_id").agg(
        pl.col("device_id", "session_id", "client_ip").n_unique(), pl.col("timestamp").dt.hour().n_unique()
    )
    assert each.height == 10
    assert (each["device_id"] == each["session_id"]).all()
    assert each["client_ip"].min() >= 4
    assert each["timestamp"].median() >= 20
    assert runs["timestamp"].dt.hour().n_unique() == 24
