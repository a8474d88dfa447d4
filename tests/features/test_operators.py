import polars as pl
import pytest

from detector.features.operators import OPERATOR, count_operators


@pytest.fixture(scope="module")
def rules(tuned):
    """Numbers that the arithmetic below is written for."""
    return tuned(floors={"sessions": 5}, incidents={"shifted_share": 0.5})


@pytest.fixture(scope="module")
def counted(rules):
    """The accounts of the operator of each stream, an account each unless told otherwise."""

    def build(*rows):
        base = {"cohort": "interactive", "attended": False, "reporting": False, "network": 7, "sessions": 5}
        schema = {"account": pl.UInt32, "cohort": pl.String, "attended": pl.Boolean}
        schema |= {"reporting": pl.Boolean, "network": pl.UInt64, "sessions": pl.Int64}
        full = [{"account": number} | base | row for number, row in enumerate(rows)]
        found = count_operators(pl.DataFrame(full, schema=schema), rules)
        assert (found.name, found.dtype) == (OPERATOR, pl.Float64)
        return found.to_list()

    return build


ALONE = {}
"""A stream that nobody is at work on and that reports nothing."""
PERSON = {"attended": True, "reporting": True}


def test_accounts_at_one_address_that_nobody_is_at_work_on_are_one_operators(counted):
    assert counted(ALONE, ALONE, ALONE) == [3, 3, 3]


def test_accounts_at_other_addresses_are_others(counted):
    assert counted(ALONE, ALONE, {"network": 8}) == [2, 2, 1]


@pytest.mark.parametrize(("people", "count"), [(2, 3), (3, 0), (4, 0)])
def test_they_must_be_most_of_those_at_the_address(counted, people, count):
    assert counted(*[ALONE] * 3, *[PERSON] * people) == [count] * 3 + [0] * people


@pytest.mark.parametrize(
    "other",
    [{"attended": True}, {"reporting": True}, {"sessions": 4}],
)
def test_who_is_there_or_reports_or_has_few_sessions_is_no_part(counted, other):
    assert counted(ALONE, ALONE, ALONE, other) == [3, 3, 3, 0]


def test_print_mode_is_no_part_and_not_counted(counted):
    assert counted(ALONE, ALONE, {"cohort": "headless"}) == [2, 2, None]
    assert counted(ALONE, {"cohort": "headless"}, {"cohort": "headless"}) == [0, None, None]


def test_an_account_counts_once_however_many_streams_it_has(counted):
    assert counted({"account": 0}, {"account": 0}, {"account": 1}) == [2, 2, 2]


def test_an_account_with_a_person_on_another_stream_counts_by_the_stream_that_nobody_is_at(counted):
    assert counted({"account": 0}, {"account": 0, **PERSON}, {"account": 1}) == [2, 0, 2]


def test_without_an_address_or_attendance_nothing_is_known(counted):
    assert counted({"network": None}, {"network": None}) == [None, None]
    assert counted({"attended": None}, ALONE, ALONE) == [None, 2, 2]
    # who may be a person is one of those at the address
    assert counted({"attended": None}, ALONE) == [None, 0]


def test_no_stream_is_no_operator(counted):
    assert counted() == []
