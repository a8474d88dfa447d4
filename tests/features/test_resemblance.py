import polars as pl
import pytest

from detector.features.fingerprint import POPULATION
from detector.features.resemblance import resembled_clients
from detector.settings import default_settings

SETTINGS = default_settings().fingerprint
CLI, TOOL = "accept,app,os,lang", "accept,agent,beta,type,version"


def population(*rows):
    """Name sets of clients and how many accounts, all with telemetry, send them."""
    return pl.DataFrame(
        [
            {"client": client, "version": "*", "aspect": "core", "value": value, "accounts": n, "vouched": n}
            for client, value, n in rows
        ],
        schema=POPULATION,
    )


KNOWN = population(("cli", CLI, 30.0), ("tool", TOOL, 30.0))


def resembled(*lists, populations=(KNOWN,)):
    table = pl.DataFrame(lists, {"client": pl.String, "core": pl.String}, orient="row")
    found = resembled_clients(table, list(populations), SETTINGS)
    assert (found.name, found.dtype) == ("resembles", pl.String)
    return found.to_list()


@pytest.mark.parametrize(
    ("client", "core", "expected"),
    [
        ("cli", TOOL, "tool"),
        ("tool", CLI, "cli"),
        ("nobody", TOOL, "tool"),
        (None, TOOL, "tool"),
        ("tool", TOOL, None),
        ("cli", CLI, None),
        ("cli", None, None),
        ("cli", "", None),
        # 4 of 5 names, 5 of 6 and 5 of 7: 0.8, 0.83 and 0.71
        ("cli", "accept,agent,beta,type", "tool"),
        ("cli", f"{TOOL},extra", "tool"),
        ("cli", f"{TOOL},extra,more", None),
    ],
)
def test_names_that_another_client_sends_are_those_of_that_client(client, core, expected):
    assert resembled((client, core)) == [expected]


def test_of_several_the_nearest_client_counts_then_the_first_by_name():
    known = population(("b", "1,2,3,4,5", 30.0), ("a", "1,2,3,4,6", 30.0), ("c", "1,2,3,4", 30.0))
    assert resembled(("x", "1,2,3,4"), ("c", "1,2,3,4"), populations=[known]) == ["c", None]
    # for the client that sends it itself 4 of 5 names are no more than nothing beside all of them
    assert resembled(("x", "1,2,3,4,5,6"), ("b", "1,2,3,4,5,6"), populations=[known]) == ["a", None]


def test_a_client_has_several_sets_and_the_nearest_counts():
    known = population(("cli", CLI, 30.0), ("cli", TOOL, 30.0), ("tool", TOOL, 30.0))
    assert resembled(("cli", TOOL), populations=[known]) == [None]


def test_nothing_is_learned_from_few_accounts():
    single = population(("cli", CLI, 30.0), ("tool", "other", 29.0), ("tool", TOOL, 1.0))
    assert resembled(("cli", TOOL), populations=[single]) == [None]
    rare = population(("cli", CLI, 30.0), ("tool", TOOL, 2.0))
    assert resembled(("cli", TOOL), populations=[rare]) == [None]


def test_sets_of_every_population_count():
    assert resembled(("cli", "x,y"), populations=[KNOWN, population(("web", "x,y", 30.0))]) == ["web"]


def test_rows_keep_their_order():
    lists = [("cli", TOOL), (None, None), ("tool", CLI), ("cli", CLI), ("cli", TOOL)]
    assert resembled(*lists) == ["tool", None, "cli", None, "tool"]
    assert resembled(*lists[::-1]) == ["tool", None, "cli", None, "tool"]
    assert resembled() == []


def test_without_any_known_client_nothing_is_alike():
    assert resembled(("cli", TOOL), populations=[population()]) == [None]
