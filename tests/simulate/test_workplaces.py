import polars as pl
import pytest

from detector.simulate.data import load

ENTRY = pl.col("user_agent").str.extract(r"\(external, (.*)\)$")


def of(rows, name):
    return rows.filter(pl.col("class") == name)


def test_editors_name_their_entry_point_and_send_the_headers_of_the_cli(subtle):
    entries = set(load("clients.toml")["first_party"]["entries"]["editor"])
    mine = of(subtle, "editor_desktop").with_columns(entry=ENTRY)
    each = mine.group_by("account_id").agg(pl.col("entry").unique())
    assert all(entries & set(names) for names in each["entry"])
    assert set(mine["entry"]) <= entries | {"cli"}
    assert len(set(mine["entry"]) & entries) >= 3
    terminals = of(subtle, "remote_dev_box")["header_names"].list.join(",").unique()
    assert set(mine["header_names"].list.join(",").unique()) <= set(terminals)


def test_a_rented_machine_has_one_address_of_a_hosting_network(subtle):
    mine = of(subtle, "remote_dev_box")
    assert mine.group_by("account_id").agg(pl.col("client_ip").n_unique())["client_ip"].max() == 1
    assert set(mine["asn"]) <= set(load("networks.toml")["hosting"])


def test_many_terminals_run_side_by_side_on_five_machines(subtle):
    mine = of(subtle, "many_terminals")
    assert set(mine.group_by("account_id").agg(pl.col("device_id").n_unique())["device_id"]) == {5}
    day = pl.col("moment").dt.date()
    sessions = mine.group_by("account_id", "session_id", pl.col("timestamp").dt.date()).agg(
        begin=pl.col("timestamp").min(), end=pl.col("timestamp").max()
    )
    edges = pl.concat(
        [
            sessions.select("account_id", moment="begin", open=pl.lit(1)),
            sessions.select("account_id", moment="end", open=pl.lit(-1)),
        ]
    ).sort("account_id", "moment")
    most = (
        edges.with_columns(pl.col("open").cum_sum().over("account_id"))
        .group_by("account_id", day)
        .agg(pl.col("open").max())
    )
    assert 4 <= most["open"].median() <= 8


def test_a_tiny_company_has_two_to_four_people_and_rewrites(subtle_rows, subtle):
    mine = of(subtle_rows, "tiny_company_proxy")
    each = mine.group_by("client_ip").agg(pl.col("ja4").n_unique(), accounts=pl.col("account_id").n_unique())
    assert each["accounts"].is_between(2, 4).all()
    assert each["accounts"].sum() == 10
    assert each["ja4"].max() == 1
    direct = set(of(subtle, "remote_dev_box")["header_names"].list.join(",").unique())
    assert not direct & set(of(subtle, "tiny_company_proxy")["header_names"].list.join(",").unique())


@pytest.fixture(scope="module")
def launched(subtle):
    return of(subtle, "new_product").with_columns(
        new=pl.col("user_agent") == "claude-cowork/1.0.3 (external, desktop)"
    )


def test_a_new_product_is_taken_up_in_the_second_half_beside_the_cli(launched):
    begin = launched["timestamp"].min()
    first = (launched.filter("new")["timestamp"].min() - begin).total_seconds() / (14 * 86400)
    assert 0.45 < first < 0.7
    each = launched.group_by("account_id").agg(pl.col("new").any(), cli=(~pl.col("new")).any())
    assert each.select(pl.col("new", "cli").all()).row(0) == (True, True)


def test_a_new_product_sends_the_headers_of_the_cli(launched):
    orders = launched["header_names"].list.join(",")
    assert set(orders.filter(launched["new"])) <= set(orders.filter(~launched["new"]))
