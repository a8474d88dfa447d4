import hashlib

import numpy as np
import polars as pl
import pytest

from detector.engine.local import score
from detector.features.registry import FEATURES
from detector.ingest import shards
from detector.schema import LOG_COLUMNS
from detector.verdict.write import RUN_FILES

TELEMETRY = pl.col("path").str.starts_with("/api/event_logging")
ASIDE = TELEMETRY | pl.col("path").is_in(["/api/hello", "/"])
OWN = pl.col("user_agent").str.starts_with("claude-cli/")


def digest(folder):
    names = [name for name in RUN_FILES if name.endswith(".parquet")]
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]


def of(accounts):
    return pl.col("account_id").is_in(accounts.implode())


def flagged(run, accounts):
    rows = run.accounts.filter(of(accounts) & pl.col("flagged"))
    return rows.select("account_id", "verdict", pl.col("reasons").list.eval(pl.element())).rows()


@pytest.fixture(scope="module")
def clean(run, genuine):
    """Genuine accounts, none of which is flagged as the log is."""
    assert flagged(run, genuine) == []
    return genuine


def users_of(fleet, genuine):
    """Genuine accounts that use the provider's CLI at the keyboard, the busiest first."""
    people = ["interactive", "power_user", "telemetry_off"]
    names = fleet.accounts.filter(pl.col("class").is_in(people) & of(genuine))["account_id"]
    asked = fleet.requests.filter(of(names) & OWN & ~ASIDE)
    counts = asked.group_by("account_id").len().sort("len", "account_id", descending=True)
    return counts.filter(pl.col("len") >= 100)["account_id"]


@pytest.fixture(scope="module")
def users(fleet, genuine):
    """Those accounts."""
    return users_of(fleet, genuine)


# -- nothing but the content matters --------------------------------------------


def test_the_same_log_gives_the_same_bytes(verdicts, folder, tmp_path):
    score(folder / "log.parquet", tmp_path / "again", folder / "model")
    assert digest(tmp_path / "again") == digest(verdicts)


def test_row_and_file_order_change_no_byte(verdicts, fleet, folder, tmp_path):
    rows = fleet.requests.sample(fraction=1.0, shuffle=True, seed=1)
    (tmp_path / "logs").mkdir()
    for number in range(5):
        rows[number::5].write_parquet(tmp_path / "logs" / f"{'ecabd'[number]}.parquet")
    score(tmp_path / "logs", tmp_path / "out", folder / "model")
    assert digest(tmp_path / "out") == digest(verdicts)


@pytest.mark.parametrize("taken", [(1, 2), (997, 1), (30_000, 5)])
def test_parts_and_jobs_change_no_byte(verdicts, folder, tmp_path, monkeypatch, taken):
    rows, jobs = taken
    monkeypatch.setattr(shards, "PART_ROWS", rows)
    score(folder / "log.parquet", tmp_path / "out", folder / "model", jobs=jobs)
    assert digest(tmp_path / "out") == digest(verdicts)


def test_an_unknown_column_changes_no_byte_and_is_named(verdicts, fleet, folder, tmp_path):
    odd = fleet.requests.with_columns(zone=pl.lit("b"), prompt=pl.lit("secret"))
    odd.write_parquet(tmp_path / "log.parquet")
    told = score(tmp_path / "log.parquet", tmp_path / "out", folder / "model")
    assert digest(tmp_path / "out") == digest(verdicts)
    assert told.record["input"]["unknown_columns"] == ["prompt", "zone"]


def test_duplicated_rows_with_request_ids_change_no_byte(verdicts, fleet, folder, tmp_path):
    twice = pl.concat([fleet.requests, fleet.requests.sample(fraction=0.3, seed=2)])
    twice.write_parquet(tmp_path / "log.parquet")
    told = score(tmp_path / "log.parquet", tmp_path / "out", folder / "model")
    assert digest(tmp_path / "out") == digest(verdicts)
    assert told.record["input"]["rejected"] == {"duplicate_request_id": twice.height - fleet.requests.height}


@pytest.mark.parametrize("keep_order", [True, False])
def test_other_account_names_change_nothing_else(run, fleet, rescored, keep_order):
    names = fleet.accounts["account_id"].sort()
    order = np.arange(len(names)) if keep_order else np.random.default_rng(0).permutation(len(names))
    table = dict(zip(names, (f"account-{n:05}" for n in order), strict=True))
    told = rescored(fleet.requests.with_columns(pl.col("account_id").replace_strict(table)))
    for before, after in ((run.accounts, told.accounts), (run.sessions, told.sessions)):
        renamed = before.with_columns(pl.col("account_id").replace_strict(table))
        if not keep_order:
            keys = [name for name in ("account_id", "start", "session") if name in renamed.columns]
            renamed = renamed.sort(keys)
        assert after.equals(renamed)


def test_a_shift_by_whole_weeks_changes_no_verdict(run, fleet, rescored):
    told = rescored(fleet.requests.with_columns(pl.col("timestamp") + pl.duration(weeks=3)))
    same = ["account_id", "verdict", "flagged", "families", "flagged_sessions", "flagged_tokens"]
    assert told.accounts.select(same).equals(run.accounts.select(same))
    assert told.accounts["p_value"].to_list() == pytest.approx(run.accounts["p_value"].to_list(), abs=1e-6)


# -- what a log lacks is no guilt -----------------------------------------------


@pytest.mark.parametrize("column", [column.name for column in LOG_COLUMNS if not column.required])
def test_a_missing_column_is_reported_and_flags_no_genuine_account(fleet, clean, rescored, column):
    told = rescored(fleet.requests.drop(column))
    assert flagged(told, clean) == []
    for family, state in told.record["families"].items():
        lost = {record.name for record in FEATURES if record.family == family and column in record.needs}
        assert lost <= set(state["features_not_available"])
        for name in lost:
            assert told.sessions[name].null_count() == told.sessions.height


def test_pay_per_use_that_a_log_does_not_tell_apart_is_never_called_a_harness(fleet, rescored):
    told = rescored(fleet.requests.drop("auth"))
    paid = told.accounts.filter(of(fleet.accounts.filter(label="out_of_scope")["account_id"]))
    assert paid.height == 9
    assert "harness" not in paid["verdict"]


def test_a_bare_log_is_scored_and_flags_nobody_genuine(fleet, clean, rescored):
    told = rescored(fleet.requests.select("timestamp", "account_id", "path"))
    assert flagged(told, clean) == []
    families = told.record["families"]
    assert not families["fingerprint"]["available"]
    assert families["cadence"]["available"]


@pytest.mark.parametrize("gone", [TELEMETRY, ASIDE], ids=["posts", "posts and probes"])
def test_genuine_accounts_without_telemetry_are_not_flagged(fleet, clean, rescored, gone):
    told = rescored(fleet.requests.filter(~(of(clean) & gone)))
    assert flagged(told, clean) == []


def test_a_log_without_any_telemetry_cannot_feed_the_family(fleet, clean, rescored):
    told = rescored(fleet.requests.filter(~TELEMETRY))
    assert not told.record["families"]["telemetry"]["available"]
    assert flagged(told, clean) == []


# -- innocent changes -----------------------------------------------------------


def behind(fleet, accounts):
    lowered = pl.col("header_names").list.eval(pl.element().str.to_lowercase())
    proxied = of(accounts)
    names = pl.concat_list(lowered, pl.lit(["via"]))
    return fleet.requests.with_columns(
        header_names=pl.when(proxied).then(names).otherwise("header_names"),
        client_ip=pl.when(proxied).then(pl.lit("10.0.0.1")).otherwise("client_ip"),
        http_version=pl.when(proxied).then(pl.lit("1.1")).otherwise("http_version"),
    )


@pytest.mark.parametrize("hops", [[], ["Via"]], ids=["unsaid", "said"])
@pytest.mark.parametrize("members", [1, 2])
def test_a_proxy_is_told_by_neighbours_and_by_no_header_and_flags_none(fleet, clean, rescored, hops, members):
    few = users_of(fleet, clean)[:members]
    silent = fleet.requests.filter(~(of(few) & ASIDE))
    sent = pl.concat_list(pl.col("header_names").list.sort(), pl.lit(hops, pl.List(pl.String)))
    moved = silent.with_columns(
        header_names=pl.when(of(few)).then(sent).otherwise("header_names"),
        client_ip=pl.when(of(few)).then(pl.lit("10.0.0.1")).otherwise("client_ip"),
    )
    told = rescored(moved)
    assert flagged(told, clean) == []
    distance = told.sessions.filter(of(few))["order_distance"]
    if members > 1:
        assert distance.null_count() == distance.len()
    else:
        assert distance.max() > 0


@pytest.mark.parametrize("members", [1, 3, 25])
def test_a_proxy_before_genuine_accounts_flags_none(fleet, clean, users, rescored, members):
    told = rescored(behind(fleet, users[:members]))
    assert flagged(told, clean) == []


def test_tls_inspection_besides_flags_none(fleet, clean, users, rescored):
    company = users[:20]
    inspected = behind(fleet, company).with_columns(
        ja4=pl.when(of(company)).then(pl.lit("t13d0912h1_box_box")).otherwise("ja4")
    )
    assert flagged(rescored(inspected), clean) == []


def test_inspection_that_no_header_list_could_show_flags_none(fleet, clean, users, rescored):
    few = users[:2]
    encoding = pl.element().struct.field("name").str.to_lowercase() == "accept-encoding"
    rewritten = pl.col("header_values").list.eval(
        pl.struct(
            name=pl.element().struct.field("name"),
            value=pl.when(encoding).then(pl.lit("identity")).otherwise(pl.element().struct.field("value")),
        )
    )
    inspected = behind(fleet, few).with_columns(
        ja4=pl.when(of(few)).then(pl.lit("t13d0912h1_box_box")).otherwise("ja4"),
        header_values=pl.when(of(few)).then(rewritten).otherwise("header_values"),
    )
    told = rescored(inspected.filter(~(of(few) & ASIDE)).drop("header_names"))
    assert flagged(told, clean) == []


@pytest.mark.parametrize("names", [["X-Brand-New"], ["A-One", "B-Two", "C-Three", "D-Four"]])
def test_a_new_release_flags_none_of_its_early_adopters(fleet, clean, users, rescored, names):
    day = pl.col("timestamp").dt.day() == 4
    asked = fleet.requests.filter(of(users) & day & OWN & ~ASIDE)
    early = asked.group_by("account_id").len().sort("len", "account_id", descending=True)["account_id"][:10]
    assert len(early) == 10
    new = of(early) & day & OWN
    told = rescored(
        fleet.requests.with_columns(
            user_agent=pl.when(new)
            .then(pl.col("user_agent").str.replace(r"^claude-cli/\S+", "claude-cli/9.0.0"))
            .otherwise("user_agent"),
            header_names=pl.when(new)
            .then(pl.concat_list(pl.lit(names), "header_names"))
            .otherwise("header_names"),
        )
    )
    adopted = told.sessions.filter(of(early) & (pl.col("client_version") == "9.0.0"))
    assert adopted.height >= 10
    assert flagged(told, clean) == []


def test_ten_parallel_terminals_flag_none(fleet, clean, users, rescored):
    busy = users[:5]
    terminals = [
        fleet.requests.filter(of(busy)).with_columns(
            pl.col("timestamp") + pl.duration(seconds=37 * number),
            pl.col("session_id") + f"-{number}",
            pl.col("request_id") + f"-{number}",
        )
        for number in range(1, 10)
    ]
    told = rescored(pl.concat([fleet.requests, *terminals]))
    parallel = told.accounts.filter(of(busy))
    assert parallel["verdict"].is_in(["clear", "watch"]).all()
    assert flagged(told, clean) == []
