from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from detector.engine.measure import measure_log
from detector.engine.work import passing_work
from detector.report.summary import run_text
from detector.settings import default_settings

ASIDE = pl.col("path").str.starts_with("/api/event_logging") | pl.col("path").is_in(["/api/hello", "/"])
OWN = pl.col("user_agent").str.starts_with("claude-cli/").fill_null(value=False)
TOTAL = pl.sum_horizontal("input_tokens", "cache_read_tokens", "cache_write_tokens")


def on(first, last=99):
    """Requests of some days of the fleet's week."""
    start = datetime(2026, 11, 2, tzinfo=UTC)
    return pl.col("timestamp").is_between(
        start + timedelta(days=first), start + timedelta(days=last), closed="left"
    )


@pytest.fixture(scope="module")
def released(fleet, genuine):
    """The fleet, whose genuine users take a release on Wednesday that changes all headers.

    Its telemetry goes to a path that nobody configured.
    """
    new = pl.col("account_id").is_in(genuine.implode()) & on(2)
    names = pl.col("header_names").list.reverse().list.concat(pl.lit(["x-a", "x-b", "x-c"]))
    agent = pl.col("user_agent").str.replace(r"/[\d.]+ ", "/3.0.0 ") + " bun"
    return fleet.requests.with_columns(
        header_names=pl.when(new & OWN).then(names).otherwise("header_names"),
        user_agent=pl.when(new & OWN).then(agent).otherwise("user_agent"),
        path=pl.when(new & ASIDE).then(pl.lit("/otlp")).otherwise("path"),
    )


def accused(told, genuine):
    rows = told.accounts.filter(pl.col("account_id").is_in(genuine.implode()))
    return rows.filter("flagged").height, rows.filter(verdict="watch").height


def kinds(told):
    return [(one["kind"], one["version"], one["cohort"]) for one in told.record["incidents"]]


def found(told, fleet):
    harnesses = fleet.accounts.filter(label="harness")["account_id"]
    return told.accounts.filter(pl.col("account_id").is_in(harnesses.implode()) & pl.col("flagged")).height


def test_an_ordinary_week_has_no_incident(run):
    assert run.record["incidents"] == []


def test_a_silent_release_is_one_incident_and_accuses_nobody(run, released, rescored, genuine, fleet):
    told = rescored(released)
    assert kinds(told) == [("release", "3.0.0", None)]
    assert accused(told, genuine) == (0, 0)
    assert found(told, fleet) >= found(run, fleet)


def test_so_it_is_in_the_log_of_one_day(released, rescored, genuine):
    # neither telemetry nor an older version of the same accounts speaks for it, but most run it
    told = rescored(released.filter(on(3, 4)))
    assert kinds(told) == [("release", "3.0.0", None)]
    assert accused(told, genuine) == (0, 0)


@pytest.mark.parametrize("days", [(1, 2), (1, 3)])
def test_an_outage_is_one_incident_and_changes_no_coverage(run, fleet, rescored, genuine, days):
    told = rescored(fleet.requests.filter(~(ASIDE & on(*days))))
    assert kinds(told) == [("telemetry_lost", None, None)]
    flagged, watched = accused(told, genuine)
    assert flagged == 0
    assert watched <= accused(run, genuine)[1]
    assert found(told, fleet) >= found(run, fleet)


@pytest.mark.parametrize("hours", [(9, 24), (0, 12), (12, 18)])
def test_an_outage_of_hours_accuses_nobody_in_the_log_of_one_day(fleet, rescored, genuine, hours):
    day = fleet.requests.filter(on(2, 3))
    within = pl.col("timestamp").dt.hour().is_between(*hours, closed="left")
    told, whole = rescored(day.filter(~(ASIDE & within))), rescored(day)
    assert kinds(told) == [("telemetry_lost", None, None)]
    flagged, watched = accused(told, genuine)
    assert (flagged, watched <= accused(whole, genuine)[1]) == (0, True)


def test_a_proxy_before_the_gateway_that_eats_telemetry_accuses_nobody(fleet, rescored, genuine, run):
    names = pl.col("header_names").list.sort(descending=True)
    rows = fleet.requests.filter(~(ASIDE & on(2)))
    told = rescored(rows.with_columns(header_names=pl.when(on(2)).then(names).otherwise("header_names")))
    assert [kind for kind, *_ in kinds(told)] == ["telemetry_lost"]
    assert accused(told, genuine) <= accused(run, genuine)


def test_a_proxy_that_rewrites_headers_is_one_incident_and_accuses_nobody(fleet, rescored, genuine, run):
    names = pl.when(on(2) & OWN).then(pl.col("header_names").list.reverse()).otherwise("header_names")
    told = rescored(fleet.requests.with_columns(header_names=names))
    assert kinds(told) == [("headers_changed", None, None)]
    (incident,) = told.record["incidents"]
    assert (incident["first_day"], incident["causes"]) == ("2026-11-04", [])
    assert accused(told, genuine) <= accused(run, genuine)
    assert told.accounts["flagged"].sum() <= run.accounts["flagged"].sum()


def test_a_cohort_that_changes_its_ways_is_one_incident(fleet, rescored, genuine):
    half = pl.when(pl.int_range(pl.len()) % 2 == 0).then(TOTAL).otherwise(TOTAL // 2)
    told = rescored(
        fleet.requests.with_columns(input_tokens=half, cache_read_tokens=0, cache_write_tokens=0).cast(
            {"cache_read_tokens": pl.Int64, "cache_write_tokens": pl.Int64}
        )
    )
    assert kinds(told) == [("cohort_shift", None, "interactive")]
    assert "cache" in told.record["incidents"][0]["causes"]
    flagged, watched = accused(told, genuine)
    assert (flagged, watched <= 2) == (0, True)


def test_an_outage_in_the_training_week_teaches_no_silence(fleet, tmp_path):
    coverage = []
    for name, rows in (("as-it-was", fleet.requests), ("outage", fleet.requests.filter(~(ASIDE & on(1, 3))))):
        rows.write_parquet(tmp_path / f"{name}.parquet")
        with passing_work() as work:
            streams = measure_log(tmp_path / f"{name}.parquet", default_settings(), work).streams
        known = streams.filter(cohort="interactive")["telemetry_coverage"].drop_nulls()
        coverage.append((known < 0.5).mean())
    assert coverage[1] <= coverage[0] + 0.02


def test_each_incident_is_one_escaped_line_of_the_summary(run):
    record = {**run.record, "incidents": [{"text": "evil \x1b[31m\nversion"}, {"text": "other"}]}
    lines = run_text(run.accounts, record, "out").splitlines()
    assert [line for line in lines if line.startswith("incident: ")] == [
        r"incident: evil \x1b[31m\nversion",
        "incident: other",
    ]
