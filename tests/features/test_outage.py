from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from detector.features import outage
from detector.features.outage import find_losses
from detector.settings import default_settings

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
FACTS = pl.DataFrame(
    {"fingerprint": [0, 1], "raw_names": [["A", "B"], ["b", "a", "c"]]},
    schema_overrides={"fingerprint": pl.UInt32},
)


def session(account, day, hour=0, **values):
    """A session of an account that reports, ``day`` days after Monday and ``hour`` hours after nine.

    ``hours`` are (after its start, served, reported) where it is longer than one.
    """
    start = MONDAY + timedelta(days=day, hours=hour)
    silent = values.pop("silent", False)
    hours = values.pop("hours", [(0, 40, 0 if silent else 40)])
    base = {"account": account, "in_scope": True, "client": "own", "headless": False, "client_version": "2.1"}
    base |= {"asn": 7, "start": start, "fingerprint": 0, "device": None, "hours": hours}
    return base | values


def found(*rows, counts=True):
    """What became of sessions, numbered as given; a post reports up to ten requests.

    Without ``counts`` posts do not say how many.
    """
    heard = pl.DataFrame(
        [
            (
                number,
                int(row["start"].timestamp()) // 3600 + after,
                served,
                -(-told // 10),
                -(-told // 10),
                told,
            )
            for number, row in enumerate(rows)
            for after, served, told in row["hours"]
        ],
        {"session": pl.UInt32, "hour": pl.Int32}
        | dict.fromkeys(("served", "posts", "reports", "reported"), pl.Int64),
        orient="row",
    )
    if not counts:
        heard = heard.with_columns(reports=pl.lit(0, pl.Int64), reported=pl.lit(0, pl.Int64))
    table = (
        pl.DataFrame([{name: row[name] for name in row if name != "hours"} for row in rows])
        .with_row_index("session")
        .cast({"fingerprint": pl.UInt32, "client_version": pl.String, "asn": pl.Int64, "device": pl.UInt64})
        .join(heard.drop("hour").group_by("session").sum(), on="session")
        .sort("session")
    )
    table = table.with_columns(vouched=pl.col("posts") > 0, lost=pl.lit(value=False), unheard=pl.lit(0))
    return find_losses(table, heard, FACTS, default_settings())


def uncounted(*rows):
    """Sessions of a log without ``telemetry_requests``."""
    return found(*rows, counts=False).sessions


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
    told = found(*(session(a, day, silent=day == 2 and a < fell) for a in range(20) for day in range(5)))
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
    late = session(0, 1, 12, hours=[(0, 30, 30), (12, 30, 0), (13, 40, 0)])
    told = found(*week(30, silent=lambda _, day: day == 2), late)
    last = told.sessions.filter(session=150)
    assert last.select("lost", "unheard").row(0) == (False, 70)


def afternoon(accounts, *, since=3, until=8, **values):
    """One day of eight hours, each account in all of them, silent from one hour to another."""
    return [
        session(account, 0, hours=[(h, 10, 0 if since <= h < until else 10) for h in range(8)], **values)
        for account in range(accounts)
    ]


def test_an_outage_of_hours_is_told_within_one_day():
    off = [session(account, 0, hours=[(h, 10, 0) for h in range(8)]) for account in (50, 51)]
    told = found(*afternoon(20), *off)
    (incident,) = told.incidents
    assert (incident.first_day, incident.last_day) == (date(2026, 11, 2), date(2026, 11, 2))
    assert (incident.client, incident.accounts, incident.of) == ("own", 22, 22)
    # Five hours of ten requests were lost; who never reports owes the others.
    assert told.sessions.filter(pl.col("account") < 20)["unheard"].to_list() == [50] * 20
    assert told.sessions.filter(pl.col("account") >= 50).select("lost", "unheard").rows() == [(False, 50)] * 2


def test_a_session_within_an_outage_is_lost_and_one_before_it_is_not():
    silent = [session(0, 0, h, silent=True, client_version=None, device=9) for h in (1, 4)]
    told = found(*afternoon(20), *silent)
    assert told.sessions.filter(device=9)["lost"].to_list() == [False, True]


def test_an_outage_in_the_middle_of_an_hour_counts_only_what_is_missing():
    half = [session(a, 0, hours=[(0, 10, 10), (1, 10, 7), (2, 10, 0), (3, 10, 0)]) for a in range(20)]
    assert found(*half).sessions["unheard"].to_list() == [23] * 20


def test_posts_without_numbers_told_of_all():
    rows = [session(a, 0, hours=[(0, 10, 10), (1, 10, 10), (2, 10, 0), (3, 10, 0)]) for a in range(20)]
    assert uncounted(*rows)["unheard"].to_list() == [20] * 20


def test_what_one_client_shares_with_nobody_is_lost_where_everybody_lost_it():
    web = [session(60, 0, hours=[(0, 30, 30), (4, 30, 0)], client="browser", client_version="5")]
    told = found(*afternoon(20), *web)
    assert told.sessions.filter(client="browser")["unheard"].to_list() == [30]
    assert len(told.incidents) == 1


def test_two_outages_are_two_incidents():
    two = [
        session(a, d, hours=[(h, 10, 0 if h in {1, 2} and d in {1, 3} else 10) for h in range(4)])
        for a in range(20)
        for d in range(5)
    ]
    assert [one.first_day.day for one in found(*two).incidents] == [3, 5]


def test_the_order_of_sessions_changes_nothing():
    rows = week(30, silent=lambda _, day: day == 2) + moved(6, "2.2", 60)
    one, two = found(*rows), found(*rows[::-1])
    assert one.incidents == two.incidents
    key = ["account", "start", "client_version"]
    assert one.sessions.sort(key).drop("session").equals(two.sessions.sort(key).drop("session"))


@pytest.mark.parametrize("hours", [1, 7, 100])
def test_how_many_accounts_are_taken_at_a_time_changes_nothing(hours, monkeypatch):
    rows = week(30, silent=lambda _, day: day == 2) + moved(6, "2.2", 60)
    for order in (rows, rows[::-1], rows[::2] + rows[1::2]):
        whole = found(*order)
        with monkeypatch.context() as patch:
            patch.setattr(outage, "PART_HOURS", hours)
            apart = found(*order)
        assert apart.incidents == whole.incidents
        assert apart.sessions.equals(whole.sessions)
        assert lost(whole).height


def test_without_a_session_there_is_nothing_to_lose():
    none = [row | {"client": None} for row in week(1)]
    assert found(*none).incidents == ()


def test_without_a_client_version_or_operator_nothing_is_a_cell():
    rows = [row | {"client_version": None, "asn": None} for row in week(30)]
    assert found(*rows).incidents == ()
