import polars as pl
import pytest


@pytest.fixture(scope="module")
def asked(even_rows):
    return even_rows.filter(pl.col("model").is_not_null())


def test_headless_agents_name_their_entry_point(asked):
    headless = asked.filter(pl.col("class") == "headless")
    share = headless.group_by("account_id").agg(
        sdk=pl.col("user_agent").str.contains(r"\(external, sdk-").any()
    )
    assert share["sdk"].all()


def test_some_headless_jobs_bring_a_fresh_device_each_session(asked):
    jobs = asked.filter(pl.col("class") == "headless", pl.col("user_agent").str.contains("sdk-"))
    each = jobs.group_by("account_id").agg(
        devices=pl.col("device_id").n_unique(), sessions=pl.col("session_id").n_unique()
    )
    assert (each["devices"] == each["sessions"]).any()
    assert (each["devices"] < each["sessions"]).any()


def test_about_half_of_headless_accounts_post_telemetry(even_rows):
    headless = even_rows.filter(pl.col("class") == "headless")
    posts = headless.group_by("account_id").agg(posts=pl.col("telemetry_events").is_not_null().any())
    assert set(posts["posts"]) == {True, False}


def test_sharers_come_from_several_networks_and_devices(asked):
    shared = asked.filter(pl.col("class") == "shared_account")
    each = shared.group_by("account_id").agg(pl.col("client_ip", "device_id").n_unique())
    assert each.select(pl.col("client_ip", "device_id").min()).row(0) >= (2, 2)
    assert set(shared["label"]) == {"watch"}


def test_a_thief_comes_late_and_from_another_country(asked):
    stolen = asked.filter(pl.col("class") == "stolen_token")
    sides = stolen.group_by("account_id", "label").agg(pl.col("country").unique(), pl.col("timestamp").min())
    for account in sides["account_id"].unique():
        mine = sides.filter(pl.col("account_id") == account)
        thief, owner = (mine.filter(pl.col("label") == label) for label in ("watch", "genuine"))
        assert not set(thief["country"][0]) & set(owner["country"][0])
        assert thief["timestamp"][0] > owner["timestamp"][0]


def test_paying_accounts_are_marked_by_their_authentication(asked):
    for name in ("api_key", "cloud"):
        assert set(asked.filter(pl.col("class") == name)["auth"]) == {name}
        assert name not in set(asked.filter(pl.col("class") != name)["auth"])
