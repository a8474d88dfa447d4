import numpy as np
import polars as pl
import pytest

SESSION = ["account_id", "session_id"]


def gaps(requests):
    """Seconds between arrivals of consecutive requests of a session."""
    ordered = requests.filter(pl.col("session_id").is_not_null()).sort(*SESSION, "timestamp")
    step = pl.col("timestamp").diff().over(SESSION).dt.total_microseconds() / 1e6
    return ordered.with_columns(gap=step)


@pytest.fixture(scope="module")
def people(requests):
    kinds = ["interactive", "telemetry_off", "corporate_proxy", "old_or_new_version"]
    return gaps(requests.filter(pl.col("class").is_in(kinds), pl.col("auth") != "web"))


@pytest.fixture(scope="module")
def automated(even_rows):
    kinds = ["spoofed_partial", "spoofed_full", "imitation", "fake_telemetry", "riding"]
    mine = pl.col("class").is_in(kinds) & (pl.col("label") == "harness") & pl.col("tools_hash").is_not_null()
    return gaps(even_rows.filter(mine))


def spans(requests):
    return requests.group_by(SESSION).agg(
        minutes=(pl.col("timestamp").max() - pl.col("timestamp").min()).dt.total_seconds() / 60,
        turns=(~pl.col("tool_result")).sum(),
        variation=pl.col("gap").std() / pl.col("gap").mean(),
        requests=pl.len(),
    )


def test_peoples_gaps_are_near_the_measured_ones(people):
    gap = people["gap"].drop_nulls().to_numpy()
    measured = np.array([3.9, 13.2, 102.0, 1578.0])
    assert np.quantile(gap, [0.05, 0.5, 0.9, 0.99]) == pytest.approx(measured, rel=0.35)
    assert (gap > 30).mean() == pytest.approx(0.245, abs=0.04)
    assert (gap > 300).mean() == pytest.approx(0.042, abs=0.012)


def test_peoples_sessions_are_near_the_measured_ones(people):
    session = spans(people)
    long = session.filter(pl.col("requests") >= 3)
    assert long["minutes"].quantile(0.5) == pytest.approx(48, rel=0.35)
    assert long["minutes"].quantile(0.9) == pytest.approx(304, rel=0.6)
    assert 3 <= session["turns"].median() <= 4
    assert session["turns"].quantile(0.9) == pytest.approx(20, rel=0.3)
    assert (session["turns"] == 1).mean() == pytest.approx(0.21, abs=0.07)
    assert long["variation"].drop_nulls().median() == pytest.approx(2.6, rel=0.2)


def test_harness_gaps_are_near_the_measured_ones(automated):
    gap = automated["gap"].drop_nulls().to_numpy()
    measured = np.array([1.3, 4.1, 16.0, 66.0])
    assert np.quantile(gap, [0.05, 0.5, 0.9, 0.99]) == pytest.approx(measured, rel=0.4)
    assert (gap > 30).mean() == pytest.approx(0.038, abs=0.025)
    assert (gap > 300).mean() < 0.003


def test_harness_sessions_are_short_and_have_one_turn(automated):
    session = spans(automated)
    assert session["minutes"].quantile(0.5) == pytest.approx(3.9, rel=0.5)
    assert session["minutes"].quantile(0.9) == pytest.approx(10, rel=0.6)
    assert session["turns"].median() == 1


def test_a_tool_result_follows_a_wish_for_a_tool(people):
    ordered = people.filter(pl.col("status") == 200).sort(*SESSION, "timestamp")
    before = pl.col("stop_reason").shift().over(SESSION)
    asked = ordered.with_columns(before=before).filter(pl.col("tool_result"), pl.col("before").is_not_null())
    # Sub-agents mingle with their parent; the rest is exact.
    assert (asked["before"] == "tool_use").mean() > 0.95


def test_answers_take_the_longer_the_more_they_say(people):
    served = people.filter(pl.col("status") == 200)
    assert served.select(pl.corr(pl.col("output_tokens").log(), pl.col("duration_ms").log())).item() > 0.5


def test_failures_are_few_and_carry_no_tokens(requests):
    failed = requests.filter(pl.col("status") != 200)
    assert 0.003 < failed.height / requests.height < 0.05
    assert failed["output_tokens"].null_count() == failed.height
    assert set(failed["status"]) == {429, 500, 502, 529}
    limited = requests.filter(pl.col("status") == 429)
    assert limited["retry_after_s"].null_count() == 0
    assert (
        requests.filter(pl.col("status") != 429)["retry_after_s"].null_count()
        == requests.height - limited.height
    )


def test_context_grows_and_long_pauses_miss_the_cache(people):
    served = people.filter(pl.col("status") == 200)
    paused, swift = served.filter(pl.col("gap") > 600), served.filter(pl.col("gap") < 60)
    share = (
        pl.col("cache_read_tokens").sum()
        / pl.sum_horizontal("cache_read_tokens", "cache_write_tokens", "input_tokens").sum()
    )
    assert swift.select(share).item() > 0.9
    assert paused.select(share).item() < 0.5


def test_tokens_are_never_negative(rows):
    tokens = ["input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"]
    served = rows.filter(pl.col("output_tokens").is_not_null())
    assert min(served.select(pl.col(tokens).min()).row(0)) >= 0
    assert served.select(pl.sum_horizontal(tokens[:3]).max()).item() < 200_000
