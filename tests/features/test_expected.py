import polars as pl
import pytest

from detector.features.expected import expected_orders
from detector.features.fingerprint import POPULATION
from detector.settings import default_settings

SETTINGS = default_settings().fingerprint
FULL, SHORT, BROWSER = "Accept,X-App,Host,Via-App", "Accept,X-App,Host", "Host,Cookie"


def population(*rows):
    """Orders of clients and how many accounts, all with telemetry, send them."""
    return pl.DataFrame(
        [
            {"client": client, "version": "*", "aspect": "order", "value": value, "accounts": n, "vouched": n}
            for client, value, n in rows
        ],
        schema=POPULATION,
    )


KNOWN = population(
    ("cli", FULL, 30.0), ("cli", SHORT, 30.0), ("cli", "X-App,Host,Accept", 1.0), ("web", BROWSER, 40.0)
)


def expected(*lists, populations=(KNOWN,)):
    table = pl.DataFrame(lists, {"client": pl.String, "raw_names": pl.List(pl.String)}, orient="row")
    return expected_orders(table, list(populations), SETTINGS).to_list()


def test_the_nearest_common_order_of_the_client_is_expected():
    assert expected(("cli", ["Host", "X-App", "Accept"]), ("web", ["Cookie", "Host"])) == [
        SHORT.split(","),
        BROWSER.split(","),
    ]


def test_of_equal_orders_the_one_with_the_fewest_other_names_is_expected():
    assert expected(("cli", FULL.split(",")), ("cli", SHORT.split(","))) == [
        FULL.split(","),
        SHORT.split(","),
    ]


def test_case_counts_as_the_model_counts_it():
    both = population(("cli", "Accept,Host", 30.0), ("cli", "host,accept", 30.0))
    # the other order is in the right case for no name
    assert expected(("cli", ["host", "accept"]), populations=[both]) == [["host", "accept"]]


def test_what_few_accounts_send_is_never_expected():
    assert expected(("cli", ["X-App", "Host", "Accept"]))[0] != ["X-App", "Host", "Accept"]


def test_orders_of_every_population_count():
    other = population(("cli", "Host,X-App,Accept", 30.0))
    assert expected(("cli", ["Host", "X-App", "Accept"]), populations=(KNOWN, other)) == [
        ["Host", "X-App", "Accept"]
    ]


@pytest.mark.parametrize(("client", "names"), [("cli", None), ("nobody", ["A", "B"]), (None, ["A", "B"])])
def test_where_list_or_client_is_unknown_nothing_is_expected(client, names):
    assert expected((client, names)) == [None]


def test_lists_that_share_no_name_get_some_order_and_no_lists_none():
    assert expected(("cli", ["Z"])) == [SHORT.split(",")]
    assert expected() == []
