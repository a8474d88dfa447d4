import polars as pl
import pytest

from detector.simulate import FleetOptions, simulate


@pytest.fixture(scope="module")
def relays():
    """One row a relay: what its requests have in common."""
    fleet = simulate(FleetOptions(accounts=24, days=7, seed=3, mixture={"relay_pool": 1.0}))
    requests = fleet.requests.filter(pl.col("model").is_not_null())
    return requests.group_by("account_id").agg(
        pl.col("client_ip", "user_agent", "tools_hash", "device_id").n_unique(),
        sessions=pl.col("session_id").n_unique(),
        orders=pl.col("header_names").list.join(",").n_unique(),
        # Contexts of unrelated work: most steps of a lone session add little.
        jumps=(
            pl.sum_horizontal("input_tokens", "cache_read_tokens", "cache_write_tokens").diff().abs() > 10_000
        ).mean(),
    )


def test_every_relay_has_one_address_and_many_tool_sets(relays):
    assert set(relays["client_ip"]) == {1}
    assert relays["tools_hash"].min() >= 4


def test_some_relays_pass_everything_on_under_one_session_and_device(relays):
    copied = relays.filter(pl.col("sessions") == 1, pl.col("device_id") == 1)
    assert copied.height >= 3
    assert set(copied["user_agent"]) == {1}
    assert copied["jumps"].median() > 0.05


def test_some_relays_show_the_version_of_each_user(relays):
    several = relays.filter(pl.col("user_agent") > 1)
    assert several.height >= 3
    assert several["device_id"].is_between(4, 10).all()
