import numpy as np
import polars as pl
import pytest

from detector.simulate import CLASSES, FleetOptions, simulate

OWN = ["interactive", "telemetry_off", "corporate_proxy", "old_or_new_version", "accessibility", "power_user"]


@pytest.fixture(scope="module")
def asked(rows):
    return rows.filter(pl.col("model").is_not_null(), pl.col("class").is_in(OWN))


def hourly(asked):
    counts = asked.group_by("account_id", hour=pl.col("timestamp").dt.hour()).len()
    wide = counts.pivot("hour", index="account_id", values="len").fill_null(0)
    return wide.select(str(hour) for hour in range(24)).to_numpy()


def test_the_quietest_eight_hours_of_people_are_almost_empty(asked):
    table = hourly(asked)
    table = table[table.sum(axis=1) >= 100]
    windows = np.stack([np.roll(table, -hour, axis=1)[:, :8].sum(axis=1) for hour in range(24)])
    share = windows.min(axis=0) / table.sum(axis=1)
    assert share.max() <= 0.03


def test_people_use_ten_to_nineteen_hours_of_the_day(asked):
    hours = (hourly(asked.filter(pl.col("class") == "power_user")) > 0).sum(axis=1)
    assert hours.min() >= 9
    assert hours.max() <= 19


def test_every_active_day_leaves_seven_hours_of_rest(asked):
    ordered = asked.sort("account_id", "timestamp")
    rest = pl.col("timestamp").diff().over("account_id").dt.total_seconds() / 3600
    longest = (
        ordered.with_columns(rest=rest, end=pl.col("timestamp"))
        .group_by("account_id")
        .agg(
            stretch=(pl.col("rest") >= 7).fill_null(value=True).cum_sum(),
            moment=pl.col("timestamp"),
        )
        .explode("stretch", "moment")
        .group_by("account_id", "stretch")
        .agg(awake=(pl.col("moment").max() - pl.col("moment").min()).dt.total_seconds() / 3600)
    )
    assert longest["awake"].max() <= 17


def test_there_are_light_and_heavy_users(asked):
    volume = asked.group_by("account_id").len()["len"]
    assert volume.min() < 60
    assert volume.max() > 5000


def test_telemetry_off_shows_no_trace_of_it(rows):
    off = rows.filter(pl.col("class") == "telemetry_off")
    assert set(off["path"]) <= {"/v1/messages", "/v1/messages/count_tokens"}
    assert off["telemetry_events"].null_count() == off.height


def test_who_opted_out_makes_no_helper_calls_and_who_is_blocked_does(rows):
    off = rows.filter(pl.col("class") == "telemetry_off")
    helped = off.group_by("account_id").agg(helped=pl.col("tools_hash").is_null().any())["helped"]
    assert 0.15 < helped.mean() < 0.6


HONEST = [one.name for one in CLASSES if one.label == "genuine"]


@pytest.mark.parametrize("name", sorted({*HONEST} - {"interactive", "telemetry_off"}))
def test_every_honest_class_has_accounts_with_and_without_telemetry(name):
    options = FleetOptions(accounts=40, days=1, seed=1, activity=0.2, mixture={name: 1.0})
    mine = simulate(options).requests
    posting = mine.group_by("account_id").agg(posts=pl.col("telemetry_events").is_not_null().any())["posts"]
    assert posting.any()
    assert not posting.all()


def test_interactive_sessions_start_with_an_unauthenticated_probe(rows):
    mine = rows.filter(pl.col("class") == "interactive", pl.col("auth").is_null() | (pl.col("auth") != "web"))
    probes = mine.filter(pl.col("path") == "/api/hello")
    assert (
        probes.select(pl.col("auth", "session_id", "device_id").null_count()).row(0) == (probes.height,) * 3
    )
    assert probes["user_agent"].str.starts_with("Bun/").all()
    assert (probes["method"] == "HEAD").all()
    first = mine.filter(pl.col("model").is_not_null()).sort("timestamp")
    joined = probes.select("account_id", "timestamp").join_asof(
        first.select("account_id", "timestamp", begin="timestamp"),
        on="timestamp",
        by="account_id",
        strategy="forward",
        check_sortedness=False,
    )
    delay = (pl.col("begin") - pl.col("timestamp")).dt.total_microseconds() / 1e6
    assert joined.select((delay <= 1.0).mean()).item() > 0.98


def test_the_web_app_speaks_from_a_browser(rows):
    web = rows.filter(pl.col("auth") == "web")
    assert web["user_agent"].str.starts_with("Mozilla/5.0").all()
    chat = web.filter(pl.col("model").is_not_null())
    assert chat["path"].str.contains(r"^/api/organizations/\w+/chat_conversations/[\w-]+/completion$").all()
    assert not chat["tool_result"].any()


def test_a_company_shows_one_address_and_one_tls_fingerprint(rows):
    behind = rows.filter(pl.col("class") == "corporate_proxy")
    each = behind.group_by("client_ip").agg(
        pl.col("ja4").n_unique(), accounts=pl.col("account_id").n_unique()
    )
    assert each["ja4"].max() == 1
    assert each["accounts"].max() > 3
    posting = behind.group_by("client_ip").agg(posts=pl.col("telemetry_events").is_not_null().any())
    assert set(posting["posts"]) == {True, False}


def test_a_new_release_appears_in_the_middle(rows):
    fresh = rows.filter(pl.col("user_agent").str.starts_with("claude-cli/2.1.332"))
    first = fresh["timestamp"].min() - rows["timestamp"].min()
    assert 0.3 < first.total_seconds() / (14 * 86400) < 0.7
    assert fresh["account_id"].n_unique() > 30


def test_a_third_of_tool_sets_is_near_unique(rows):
    sets = rows.filter(pl.col("class") == "interactive", pl.col("tools_hash").is_not_null())
    accounts = sets.group_by("tools_hash").agg(pl.col("account_id").n_unique())["account_id"]
    assert accounts.max() > 20
    assert (accounts == 1).sum() > 10
