from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from detector.features.fingerprint import POPULATION
from detector.features.registry import SCORED, feature
from detector.model.reference import Reference
from detector.model.shift import set_aside
from detector.settings import default_settings

SETTINGS = default_settings()
NAMES = [record.name for record in SCORED]


def streams(count, first=0, **values):
    """Streams of an account each that show what everybody shows."""
    calm = {name: feature(name).benign for name in NAMES}
    base = {"cohort": "interactive", "odd": False, "reporting": True, "weight": 1.0, "served": 100}
    base |= {"client": "own", "client_version": "2.1", "attended": True, "days": 7}
    base |= {"start_phase": 0.0, "helpers": 0, "sessions": 20, "human_turns": 40, **calm, **values}
    rows = [{"stream": first + n, "account": first + n, **base} for n in range(count)]
    kinds = {"client_version": pl.String, **dict.fromkeys(NAMES, pl.Float64)}
    return pl.DataFrame(rows, schema_overrides=kinds)


@pytest.fixture(scope="module")
def reference():
    """A thousand accounts, calm in everything."""
    both = [streams(500), streams(500, 500, cohort="headless")]
    return Reference.fit(pl.concat(both), SCORED, 8)


@pytest.fixture(scope="module")
def known():
    """A population that knows version 2.1 of the client."""
    row = {"client": ["own"], "version": ["2.1"], "aspect": ["core"], "value": ["a"], "accounts": [500.0]}
    return pl.DataFrame({**row, "vouched": [400.0]}, schema=POPULATION)


@pytest.fixture(scope="module")
def run(reference, known):
    def ask(*parts, earlier=()):
        """Telemetry vouches for those who report; ``earlier`` are accounts and the version before."""
        table = pl.concat(parts)
        start = pl.lit(datetime(2026, 11, 2, tzinfo=UTC))
        kept = ("account", "client", "client_version", "cohort")
        used = table.select(*kept, vouched="reporting", first=start, last=start)
        before = pl.DataFrame(
            earlier, schema={"account": pl.Int64, "client_version": pl.String}, orient="row"
        )
        before = before.join(used.drop("client_version"), on="account")
        before = before.with_columns(pl.col("first", "last") - timedelta(days=3)).select(used.columns)
        return set_aside(table, pl.concat([used, before]), reference, known, SETTINGS)

    return ask


LOW = {"context_growth": 0.1, "cache_read_ratio": 0.1}
FOREIGN = {"headers_extra": 9.0, "accept_encoding_bits": 12.0, "telemetry_coverage": 0.0}


def test_nothing_is_set_aside_where_nothing_moved(run):
    table = pl.concat([streams(60), streams(5, 100, **LOW, **FOREIGN)])
    kept, incidents = run(table)
    assert kept.equals(table)
    assert incidents == ()


def test_what_most_of_a_cohort_shows_is_set_aside_for_all_of_it_and_for_no_other(run):
    apart = streams(9, 200, cohort="headless", **LOW)
    kept, (incident,) = run(streams(30, **LOW), streams(20, 100, pause_share=0.0), apart)
    assert (incident.kind, incident.cohort, incident.causes) == (
        "cohort_shift",
        "interactive",
        ("cache", "context"),
    )
    assert (incident.accounts, incident.of) == (30, 50)
    moved = kept.filter(cohort="interactive")
    assert moved["context_growth"].null_count() == moved["cache_read_ratio"].null_count() == 50
    assert moved["pause_share"].null_count() == 0
    assert kept.filter(cohort="headless")["context_growth"].to_list() == [0.1] * 9


@pytest.mark.parametrize(("shifted", "calm"), [(25, 25), (19, 0)])
def test_half_a_cohort_or_a_small_one_is_no_shift(run, shifted, calm):
    parts = [streams(shifted, **LOW), *([streams(calm, 100)] if calm else [])]
    assert run(*parts)[1] == ()


def test_a_habit_that_few_have_enough_sessions_to_show_is_no_shift(run):
    quiet = streams(70, 100, human_turn_share=None, single_turn_share=None)
    driven = streams(30, human_turn_share=0.0, attended=False)
    assert run(driven, quiet)[1] == ()
    assert [one.causes for one in run(driven)[1]] == [("turns",)]


def test_the_rhythm_of_accounts_at_which_people_are_is_no_shift(run):
    assert run(streams(30, human_turn_share=0.0))[1] == ()


@pytest.mark.parametrize(("reporting", "shifted"), [(10, False), (9, True)])
def test_silence_of_a_cohort_in_which_some_report_is_a_setting_and_no_shift(run, reporting, shifted):
    silent = streams(90, 100, telemetry_coverage=0.0, reporting=False)
    kept, incidents = run(silent, streams(reporting))
    assert [one.causes for one in incidents] == [("silence",)] * shifted
    assert kept["telemetry_coverage"].null_count() == shifted * kept.height


def test_streams_below_the_evidence_floor_are_no_majority(run):
    assert run(streams(40, served=3, **LOW), streams(30, 100))[1] == ()


def test_a_new_release_is_told_and_its_headers_and_silence_are_set_aside(run):
    kept, (incident,) = run(streams(200), streams(20, 300, client_version="2.2", **FOREIGN, **LOW))
    assert (incident.kind, incident.client, incident.version) == ("release", "own", "2.2")
    assert (incident.accounts, incident.of) == (20, 220)
    assert incident.causes == ("added", "encoding", "silence")
    new = kept.filter(client_version="2.2")
    assert new["headers_extra"].null_count() == new["telemetry_coverage"].null_count() == 20
    assert new["context_growth"].to_list() == [0.1] * 20
    assert kept.filter(client_version="2.1")["headers_extra"].null_count() == 0


def test_a_release_of_the_whole_cohort_is_one_incident(run):
    assert [one.kind for one in run(streams(90, client_version="2.2", **FOREIGN), streams(10, 100))[1]] == [
        "release"
    ]


@pytest.mark.parametrize("version", ["2.0.9", "2.1", "zero", None])
def test_a_campaign_on_a_version_that_is_not_new_is_no_release(run, version):
    assert run(streams(80), streams(20, 300, client_version=version, **FOREIGN))[1] == ()


def test_a_campaign_that_invents_a_version_and_its_telemetry_betrays_itself_by_its_rhythm(run):
    invented = streams(20, 300, client_version="9.9", pause_share=0.0, attended=False, **FOREIGN)
    told = run(streams(80), invented)
    assert told[1] == ()
    assert told[0]["headers_extra"].null_count() == 0


def test_a_version_that_only_silent_accounts_run_is_no_release(run):
    silent = streams(25, 300, client_version="9.9", reporting=False, **FOREIGN)
    told = run(streams(200), silent)
    assert told[1] == ()
    assert told[0]["headers_extra"].null_count() == told[0]["telemetry_coverage"].null_count() == 0
    (incident,) = run(streams(200), silent.with_columns(reporting=True))[1]
    assert (incident.kind, incident.version, incident.accounts) == ("release", "9.9", 25)


@pytest.mark.parametrize(("reporting", "earned"), [(10, True), (9, False)])
def test_a_release_has_at_least_half_the_usual_share_of_accounts_with_telemetry(run, reporting, earned):
    # 200 of 200 report on the old version, so that about 0.95 of all do: half of it are 9.5 of 20
    new = [
        streams(reporting, 300, client_version="2.2", **FOREIGN),
        streams(20 - reporting, 400, client_version="2.2", reporting=False, **FOREIGN),
    ]
    assert len(run(streams(200), *new)[1]) == earned


@pytest.mark.parametrize(("moved", "earned"), [(10, True), (9, False)])
def test_without_telemetry_a_release_is_what_half_of_its_users_came_to_from_an_older_version(
    run, moved, earned
):
    parts = [
        streams(200, reporting=False),
        streams(20, 300, client_version="2.2", reporting=False, **FOREIGN),
    ]
    earlier = [(account, "2.1") for account in range(300, 300 + moved)]
    assert len(run(*parts, earlier=earlier)[1]) == earned


@pytest.mark.parametrize("version", ["2.3", "2.2", None, "zero"])
def test_who_came_from_a_version_that_is_not_older_makes_no_release(run, version):
    parts = [
        streams(200, reporting=False),
        streams(20, 300, client_version="2.2", reporting=False, **FOREIGN),
    ]
    earlier = [(account, version) for account in range(300, 320)]
    assert [one.version for one in run(*parts, earlier=earlier)[1]] == []


@pytest.mark.parametrize(("users", "others"), [(19, 100), (20, 400)])
def test_few_accounts_are_no_release(run, users, others):
    assert run(streams(others), streams(users, 1000, client_version="2.2", **FOREIGN))[1] == ()


def test_a_client_that_the_model_does_not_know_has_no_new_release(run):
    assert run(streams(80), streams(30, 300, client="new", client_version="9", **FOREIGN))[1] == ()


def test_no_stream_is_no_incident(run):
    kept, incidents = run(streams(1).clear())
    assert (kept.height, incidents) == (0, ())
