import polars as pl
import pytest

from detector.simulate import FleetOptions, simulate

FIRST_PARTY = "claude-cli/"
CLAIMS = r"^claude-cli/|^claude-code/2\.1\.74 \(external, cli\)$"


@pytest.fixture(scope="module")
def asked(even_rows):
    return even_rows.filter(pl.col("model").is_not_null())


def orders(rows):
    return set(rows["header_names"].list.join(",").unique())


def test_spoofs_claim_the_first_party_client(asked):
    kinds = [
        "spoofed_partial",
        "spoofed_full",
        "imitation",
        "fake_telemetry",
        "relay_pool",
        "person_on_harness",
        "rotated_farm",
        "slow_drip",
        "office_hours_imitation",
    ]
    assert asked.filter(pl.col("class").is_in(kinds))["user_agent"].str.contains(CLAIMS).all()


def test_some_harnesses_claim_stale_versions_or_the_name_of_telemetry():
    partial = simulate(FleetOptions(accounts=150, days=1, seed=4, mixture={"spoofed_partial": 1.0}))
    agents = set(partial.requests["user_agent"])
    assert "claude-code/2.1.74 (external, cli)" in agents
    versions = {agent.split("/")[1].split(" ")[0] for agent in agents}
    assert {"2.1.2", "2.1.75", "2.1.257", "2.1.280", "1.0.113"} <= versions
    names = set(partial.requests["header_names"].explode())
    assert {"x-request-id", "traceparent"} <= {name.lower() for name in names}


def test_copied_headers_never_show_the_genuine_order(asked):
    genuine = orders(asked.filter(pl.col("class").is_in(["interactive", "power_user", "telemetry_off"])))
    assert not genuine & orders(asked.filter(pl.col("class").is_in(["spoofed_full", "spoofed_partial"])))


def test_imitations_show_genuine_headers_and_tls_but_no_company(even_rows, asked):
    clients = asked.filter(pl.col("label") == "genuine")
    copies = asked.filter(pl.col("class") == "imitation")
    assert orders(copies) <= orders(clients)
    assert set(copies["ja4"]) <= set(clients["ja4"])
    everything = even_rows.filter(pl.col("class") == "imitation")
    assert set(everything["path"]) == {"/v1/messages"}


def test_riding_harnesses_share_the_account_with_a_person(asked):
    labels = asked.filter(pl.col("class") == "riding").group_by("account_id").agg(pl.col("label").n_unique())
    assert (labels["label"] == 2).mean() > 0.8


def test_relays_run_at_all_hours_from_one_address_with_many_tools(asked):
    relays = asked.filter(pl.col("class") == "relay_pool")
    each = relays.group_by("account_id").agg(
        pl.col("client_ip").n_unique(),
        pl.col("tools_hash").n_unique(),
        hours=pl.col("timestamp").dt.hour().n_unique(),
    )
    assert each["client_ip"].max() == 1
    assert each["tools_hash"].min() >= 5
    assert each["hours"].min() >= 20


def test_declared_tools_say_who_they_are(asked):
    declared = asked.filter(pl.col("class").is_in(["declared_third_party", "permitted"]))
    assert not declared["user_agent"].str.starts_with(FIRST_PARTY).any()
    assert set(declared["auth"]) == {"subscription"}
    plans = declared.group_by("class").agg(pl.col("plan").unique())
    assert plans.filter(pl.col("class") == "permitted")["plan"].to_list() == [["enterprise"]]


def test_schedules_differ_and_some_harnesses_never_rest(asked):
    harness = asked.filter(
        pl.col("class").is_in(["spoofed_partial", "spoofed_full", "imitation", "fake_telemetry"])
    )
    hours = harness.group_by("account_id").agg(pl.col("timestamp").dt.hour().n_unique())["timestamp"]
    assert hours.max() == 24
    assert hours.min() < 16


def test_only_some_harnesses_declare_sessions_and_devices(asked):
    harness = asked.filter(pl.col("class").is_in(["spoofed_partial", "spoofed_full"]))
    each = harness.group_by("account_id").agg(pl.col("session_id", "device_id").is_null().all())
    assert set(each["session_id"]) == {True, False}
    assert set(each["device_id"]) == {True, False}
