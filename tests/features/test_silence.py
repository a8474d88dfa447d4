import polars as pl
import pytest

from detector.features.silence import lost_stretches, watched
from detector.settings import default_settings

SCHEMA = {"device": pl.UInt64, "client_version": pl.String, "net": pl.Int64}


def hours(*rows):
    """Rows of (account, hour, served, reported) with one post where anything was reported."""
    full = [
        {"account": account, "device": None, "client": "own", "headless": False, "client_version": "1"}
        | {"net": 7, "hour": hour, "served": served}
        | {"posts": int(told > 0), "reports": int(told > 0), "reported": told}
        | extra
        for account, hour, served, told, extra in ((*row, {})[:5] for row in rows)
    ]
    return pl.DataFrame(full, schema_overrides=SCHEMA)


def stretches(*rows):
    return lost_stretches([watched(hours(*rows))], ["net"], default_settings()).rows()


def day(accounts, silent=(), first=0, **extra):
    """Six hours of ten requests of each account, silent in some of them."""
    return [(first + a, h, 10, 0 if h in silent else 10, extra) for a in range(accounts) for h in range(6)]


def test_hours_in_which_most_were_silent_are_one_stretch():
    assert stretches(*day(5)) == []
    assert stretches(*day(5, silent={2, 3})) == [(7, 2, 4)]


def test_two_stretches_have_a_reported_hour_between_them():
    assert stretches(*day(5, silent={1, 3, 4})) == [(7, 1, 2), (7, 3, 5)]


@pytest.mark.parametrize(("silent", "expected"), [(4, []), (5, [(7, 2, 3)])])
def test_half_of_the_witnesses_and_five_accounts_make_a_loss(silent, expected):
    assert stretches(*day(silent, silent={2}), *day(5, first=50)) == expected


def test_accounts_may_be_silent_one_after_the_other():
    turns = [(account, 10 + account, 8, 0) for account in range(5)]
    assert stretches(*day(5), *turns) == [(7, 10, 15)]


def test_an_hour_without_a_witness_interrupts_nothing():
    later = [(account, 9, 10, 0) for account in range(5)]
    assert stretches(*day(5, silent={5}), *later) == [(7, 5, 10)]


@pytest.mark.parametrize(("reported", "expected"), [(5, []), (4, [(7, 6, 7)])])
def test_an_hour_of_which_less_than_half_was_reported_is_silent(reported, expected):
    assert stretches(*day(5), *((account, 6, 10, reported) for account in range(5))) == expected


@pytest.mark.parametrize(("served", "expected"), [(3, []), (4, [(7, 6, 8)])])
def test_a_silence_is_eight_requests_in_a_row(served, expected):
    few = [(account, hour, served, 0) for account in range(5) for hour in (6, 7)]
    assert stretches(*day(5), *few) == expected


def test_posts_without_numbers_told_of_the_hour():
    rows = hours(*day(5, silent={2})).with_columns(reports=0, reported=0)
    assert lost_stretches([watched(rows)], ["net"], default_settings()).rows() == [(7, 2, 3)]


@pytest.mark.parametrize(
    ("own", "expected"), [({}, [(7, 2, 3)]), ({"device": 1}, []), ({"client_version": "2"}, [])]
)
def test_what_never_reports_from_its_machine_or_with_its_version_is_no_witness(own, expected):
    silent = [(account, 2, 10, 0, own) for account in range(5)]
    assert stretches(*[row for row in day(5) if row[1] != 2], *silent) == expected


@pytest.mark.parametrize(("back", "expected"), [("2", [(7, 3, 5)]), ("1", [])])
def test_a_version_that_replaces_another_is_the_same_witness(back, expected):
    versions = {3: "2", 4: "2", 5: back}
    rows = day(5, silent={3, 4})
    assert stretches(*((*row[:4], {"client_version": versions.get(row[1], "1")}) for row in rows)) == expected


def test_groups_are_apart_and_an_unknown_group_has_no_witness():
    rows = [*day(5), *day(5, silent={2}, first=50, net=9), *day(5, silent={4}, first=80, net=None)]
    assert stretches(*rows) == [(9, 2, 3)]
