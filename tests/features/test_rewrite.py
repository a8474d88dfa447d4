from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from detector.features.rewrite import find_rewrites
from detector.settings import default_settings

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
OLD, NEW, CASE, UNKNOWN = range(4)
FACTS = pl.DataFrame(
    {"fingerprint": range(4), "raw_names": [["a", "b"], ["b", "a"], ["A", "B"], None]},
    schema_overrides={"fingerprint": pl.UInt32},
)


def session(account, day, hour=0, **values):
    """A session with the old order, ``day`` days after Monday and ``hour`` hours after nine."""
    base = {"account": account, "in_scope": True, "client": "own", "headless": False, "client_version": "2.1"}
    start = MONDAY + timedelta(days=day, hours=hour)
    return (
        base | {"asn": 7, "start": start, "end": start + timedelta(minutes=50), "fingerprint": OLD} | values
    )


def week(accounts, since=lambda _: 9, new=NEW, **values):
    """Five days of one session a day of each account, whose order is new since a day."""
    return [
        session(n, day, n % 8, **({"fingerprint": new if day >= since(n) else OLD} | values))
        for n in accounts
        for day in range(5)
    ]


def found(*rows):
    table = pl.DataFrame(rows, infer_schema_length=None)
    table = table.cast({"fingerprint": pl.UInt32, "client_version": pl.String, "asn": pl.Int64})
    return find_rewrites(table, FACTS, default_settings())


def wednesday(_):
    return 2


def test_a_week_of_one_order_each_has_no_incident():
    assert found(*week(range(30)), *week(range(30, 60), lambda _: 0)) == ()


@pytest.mark.parametrize("new", [NEW, CASE])
def test_another_order_or_case_of_all_is_one_incident(new):
    (incident,) = found(*week(range(30), wednesday, new), *week(range(30, 40), client="other"))
    assert (incident.kind, incident.client, incident.asn) == ("headers_changed", "own", None)
    assert (incident.first_day, incident.last_day) == (date(2026, 11, 4), date(2026, 11, 6))
    assert (incident.accounts, incident.of, incident.causes) == (30, 30, ())


def test_it_is_told_on_the_day_on_which_the_new_order_was_first_seen():
    rows = [row for row in week(range(30), wednesday) if row["start"].day != 3]
    (incident,) = found(*rows, *week(range(30, 40), client="other"))
    assert incident.first_day == date(2026, 11, 4)


def test_a_change_at_noon_is_told_on_its_day():
    rows = [
        session(n, day, 3 * n % 10 + hour, fingerprint=NEW if (day, 3 * n % 10 + hour) >= (2, 5) else OLD)
        for n in range(30)
        for day in range(5)
        for hour in (0, 1, 2)
    ]
    (incident,) = found(*rows)
    assert (incident.first_day, incident.accounts, incident.of) == (date(2026, 11, 4), 30, 30)


def test_people_and_print_mode_behind_one_proxy_are_one_incident():
    (incident,) = found(*week(range(30), wednesday), *week(range(20, 40), wednesday, headless=True))
    assert (incident.accounts, incident.of) == (40, 40)


def test_two_orders_in_turn_are_no_replacement():
    beside = [session(n, day, 10, fingerprint=NEW) for n in range(30) for day in (2, 3, 4)]
    assert found(*week(range(30)), *beside) == ()


def test_an_order_that_comes_back_is_no_replacement():
    assert found(*week(range(30), wednesday), *(session(n, 4, 12) for n in range(30))) == ()


@pytest.mark.parametrize(("accounts", "incidents"), [(4, 0), (5, 1)])
def test_a_handful_of_accounts_is_no_change(accounts, incidents):
    assert len(found(*week(range(accounts), wednesday))) == incidents


@pytest.mark.parametrize(("moved", "incidents"), [(9, 0), (10, 1)])
def test_at_least_half_must_move(moved, incidents):
    assert len(found(*week(range(20), lambda n: 2 if n < moved else 9))) == incidents


def test_accounts_that_were_not_there_before_or_since_bear_no_witness():
    gone = [session(n, day) for n in range(50, 80) for day in (0, 1)]
    fresh = [session(n, day, fingerprint=NEW) for n in range(80, 99) for day in (2, 3)]
    (incident,) = found(*week(range(8), wednesday), *gone, *fresh)
    assert (incident.accounts, incident.of) == (8, 8)


def test_each_on_a_day_of_its_own_is_no_event():
    assert found(*week(range(32), lambda n: 1 + n % 4)) == ()


def test_one_operator_is_told_by_its_number():
    office = week(range(40, 46), wednesday, asn=9)
    (incident,) = found(*week(range(40)), *office, *week([46, 47], asn=9))
    assert (incident.client, incident.asn, incident.accounts, incident.of) == ("own", 9, 6, 8)


def test_who_works_from_home_too_moves_in_the_office():
    home = [session(n, day, 9, asn=3) for n in range(40, 46) for day in range(5)]
    (incident,) = found(*week(range(40)), *week(range(40, 46), wednesday, asn=9), *home)
    assert (incident.asn, incident.accounts) == (9, 6)


def test_what_happened_everywhere_is_told_of_no_operator():
    (incident,) = found(*week(range(30), wednesday), *week(range(30, 40), wednesday, asn=9))
    assert (incident.asn, incident.accounts) == (None, 40)


def test_a_release_is_no_change_of_headers():
    rows = week(range(30), wednesday)
    rows = [row | {"client_version": "2.2"} if row["fingerprint"] == NEW else row for row in rows]
    assert found(*rows) == ()


def test_what_is_unknown_or_out_of_scope_bears_no_witness():
    unknown = week(range(30), wednesday, UNKNOWN)
    nobody, outside = week(range(30), wednesday, client=None), week(range(30), wednesday, in_scope=False)
    assert found(*unknown, *nobody, *outside, *week(range(90, 93))) == ()


def test_the_order_of_sessions_changes_nothing():
    rows = week(range(30), wednesday) + week(range(40, 48), wednesday, client="other", asn=9)
    # Two orders at one moment are told apart by what they are, not by where they stand.
    rows += [session(n, 2, n % 8) for n in range(5)]
    assert len(found(*rows)) == 2
    assert found(*rows) == found(*rows[::-1])


def test_an_empty_log_has_no_incident():
    assert (
        find_rewrites(
            pl.DataFrame(week([0])).clear().cast({"fingerprint": pl.UInt32}), FACTS, default_settings()
        )
        == ()
    )
