from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from detector.features.outage import find_losses
from detector.settings import default_settings

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
FACTS = pl.DataFrame(
    {"fingerprint": [0, 1], "raw_names": [["A", "B"], ["b", "a", "c"]]},
    schema_overrides={"fingerprint": pl.UInt32},
)


def session(account, day, hour=0, **values):
    """A session of an account that reports, ``day`` days after Monday and ``hour`` hours after nine."""
    start = MONDAY + timedelta(days=day, hours=hour)
    base = {"account": account, "in_scope": True, "client": "own", "headless": False, "client_version": "2.1"}
    base |= {"asn": 7, "start": start, "end": start + timedelta(hours=1), "served": 40, "posts": 9}
    base |= {"reports": 9, "reported": 40, "fingerprint": 0}
    values = {"posts": 0, "reports": 0, "reported": 0} | values if values.pop("silent", False) else values
    return base | values


def found(*rows):
    """What became of sessions, numbered as given."""
    table = (
        pl.DataFrame(rows)
        .with_row_index("session")
        .cast({"fingerprint": pl.UInt32, "client_version": pl.String, "asn": pl.Int64})
    )
    table = table.with_columns(vouched=pl.col("posts") > 0, lost=pl.lit(value=False), unheard=pl.lit(0))
    return find_losses(table, FACTS, default_settings())


def week(accounts, silent=lambda *_: False, **values):
    """Five days of one session a day of each account."""
    return [
        session(account, day, account % 8, silent=silent(account, day), **values)
        for account in range(accounts)
        for day in range(5)
    ]


def lost(losses):
    return losses.sessions.filter("lost")


def test_a_week_without_an_outage_has_no_incident():
    told = found(*week(30), *week(30, silent=lambda *_: True, client="other"))
    assert (told.incidents, lost(told).height) == ((), 0)


def test_one_silent_account_is_not_a_lost_day():
    told = found(*week(30, silent=lambda account, day: account == 3 and day == 2))
    assert (told.incidents, lost(told).height) == ((), 0)


def test_a_day_on_which_most_fell_silent_is_one_incident_and_counts_against_nobody():
    off = [session(100, day, silent=True) for day in range(5)]
    told = found(*week(30, silent=lambda account, day: day in {2, 3} and account != 4), *off)
    (incident,) = told.incidents
    assert (incident.kind, incident.client, incident.version, incident.asn) == (
        "telemetry_lost",
        "own",
        None,
        None,
    )
    assert (incident.first_day, incident.last_day) == (date(2026, 11, 4), date(2026, 11, 5))
    assert (incident.accounts, incident.of, incident.causes) == (30, 31, ("silence",))
    assert lost(told)["unheard"].to_list() == [40] * 60
    # Who is always silent is excused on those days only.
    own = told.sessions.filter(account=100)
    assert own["unheard"].to_list() == [0, 0, 40, 40, 0]


@pytest.mark.parametrize(("accounts", "incidents"), [(4, 0), (5, 1)])
def test_a_handful_of_accounts_is_no_outage(accounts, incidents):
    assert len(found(*week(accounts, silent=lambda _, day: day == 2)).incidents) == incidents


@pytest.mark.parametrize(("fell", "incidents"), [(9, 0), (10, 1)])
def test_at_least_half_must_fall_silent(fell, incidents):
    told = found(*week(20, silent=lambda account, day: day == 2 and account < fell))
    assert len(told.incidents) == incidents


def test_only_the_operator_that_lost_its_telemetry_is_excused():
    told = found(*week(40), *(session(50 + n, d, n, asn=9, silent=d > 2) for n in range(6) for d in range(5)))
    (incident,) = told.incidents
    assert (incident.asn, incident.accounts, incident.of) == (9, 6, 6)
    assert set(lost(told)["asn"]) == {9}


def moved(accounts, version, first=0, **values):
    """Accounts that report with 2.1 for three days and then use another version silently."""
    values = {"silent": True, "client_version": version, "fingerprint": 1} | values
    return [
        session(account, day, account % 8, **(values if day > 2 else {}))
        for account in range(first, first + accounts)
        for day in range(5)
    ]


def test_a_release_whose_telemetry_vanishes_is_excused_and_its_headers_are_vouched_for():
    told = found(*week(60), *moved(6, "2.2", 60))
    (incident,) = told.incidents
    assert (incident.version, incident.accounts, incident.of) == ("2.2", 6, 6)
    assert lost(told)["vouched"].all()


def test_going_back_to_an_old_version_and_to_silence_is_not_a_release():
    assert found(*week(60), *moved(6, "2.0.9", 60)).incidents == ()


def test_riders_are_silent_between_the_reports_of_their_persons():
    riders = [session(60 + n, d, 5, silent=True, client_version="2.2") for n in range(9) for d in range(5)]
    people = [session(60 + n, d, h) for n in range(9) for d in range(5) for h in (1, 8)]
    told = found(*week(60), *people, *riders)
    assert (told.incidents, lost(told).height) == ((), 0)


def test_a_few_riders_do_not_excuse_a_campaign():
    campaign = [session(100 + n, d, silent=True, client_version="2.2") for n in range(20) for d in range(5)]
    told = found(*week(60), *moved(6, "2.2", 60), *campaign)
    assert told.incidents == ()


def test_lost_headers_beside_the_old_ones_are_not_vouched_for():
    beside = [session(0, 2, 9, silent=True, fingerprint=1), session(0, 2, 10, silent=True)]
    told = found(*week(30, silent=lambda _, day: day == 2), session(0, 2, 8, silent=True), *beside)
    other = told.sessions.filter((pl.col("account") == 0) & (pl.col("fingerprint") == 0) & pl.col("lost"))
    assert not other["vouched"].any()


def test_a_session_that_runs_into_an_outage_owes_what_it_reported():
    late = {"end": MONDAY + timedelta(days=2, hours=3), "served": 100, "reported": 30}
    told = found(*week(30, silent=lambda _, day: day == 2), session(0, 1, 12, **late))
    last = told.sessions.filter(session=150)
    assert last.select("lost", "unheard").row(0) == (False, 70)


def test_the_order_of_sessions_changes_nothing():
    rows = week(30, silent=lambda _, day: day == 2) + moved(6, "2.2", 60)
    one, two = found(*rows), found(*rows[::-1])
    assert one.incidents == two.incidents
    key = ["account", "start"]
    assert one.sessions.sort(key).drop("session").equals(two.sessions.sort(key).drop("session"))


def test_without_a_client_version_or_operator_nothing_is_a_cell():
    rows = [row | {"client_version": None, "asn": None} for row in week(30)]
    assert found(*rows).incidents == ()
