import json

import polars as pl
import pytest

import detector
from detector.engine import local
from detector.engine.local import score, train
from detector.errors import BundleError, InputError, SettingsError, TrainingError
from detector.features.registry import FEATURES, SCORED
from detector.model import bundle
from detector.report.summary import run_text
from detector.schema import ACCOUNT_VERDICT, FAMILIES, SESSION_VERDICT, VERDICTS
from detector.settings import default_settings


@pytest.fixture(scope="module")
def written(verdicts):
    """The verdict folder as a reader finds it."""
    names = ("accounts", "sessions")
    tables = [pl.read_parquet(verdicts / f"{name}.parquet") for name in names]
    return *tables, json.loads((verdicts / "run.json").read_text("utf-8"))


# -- training -------------------------------------------------------------------


def test_a_trained_bundle_loads_and_has_a_card(folder):
    model = bundle.load(folder / "model")
    assert model.settings == default_settings()
    card = (folder / "model" / "CARD.md").read_text("utf-8")
    assert all(f"`{record.name}`" in card for record in SCORED)
    assert "could not feed: none." in card
    assert model.facts["accounts_in_calibration"] == len(model.calibration) > 50


def test_training_twice_gives_the_same_bytes_and_another_seed_does_not(folder, tmp_path):
    train(folder / "earlier.parquet", tmp_path / "same")
    train(folder / "earlier.parquet", tmp_path / "other", seed=1)
    for path in sorted((folder / "model").iterdir()):
        assert (tmp_path / "same" / path.name).read_bytes() == path.read_bytes()
    assert bundle.model_id(tmp_path / "other") != bundle.model_id(folder / "model")


def test_the_order_of_training_rows_changes_no_byte(folder, tmp_path):
    rows = pl.read_parquet(folder / "earlier.parquet").sample(fraction=1.0, shuffle=True, seed=0)
    rows.write_parquet(tmp_path / "shuffled.parquet")
    train(tmp_path / "shuffled.parquet", tmp_path / "model")
    assert bundle.model_id(tmp_path / "model") == bundle.model_id(folder / "model")


def test_a_log_of_pay_per_use_trains_nothing_and_leaves_nothing(fleet, tmp_path):
    paid = fleet.requests.filter(pl.col("auth").is_in(["api_key", "cloud"]))
    paid.write_parquet(tmp_path / "log.parquet")
    with pytest.raises(TrainingError, match="nothing in scope to train on") as caught:
        train(tmp_path / "log.parquet", tmp_path / "model")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["log.parquet"]


def test_a_folder_in_use_is_refused_before_anything_is_read(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "measure_log", lambda *_, **__: pytest.fail("the log was read"))
    (tmp_path / "note").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        train(folder / "log.parquet", tmp_path)


# -- scoring --------------------------------------------------------------------


def test_every_account_of_the_log_has_one_verdict(fleet, written):
    accounts, sessions, _ = written
    assert accounts["account_id"].to_list() == sorted(fleet.accounts["account_id"])
    assert set(accounts["verdict"]) <= set(VERDICTS)
    assert accounts["requests"].sum() == fleet.requests.height
    assert set(sessions["account_id"]) <= set(accounts["account_id"])


def test_the_written_tables_keep_the_contract(written, run):
    accounts, sessions, _ = written
    assert accounts.schema == ACCOUNT_VERDICT
    features = dict.fromkeys((record.name for record in FEATURES), pl.Float64)
    assert sessions.schema == pl.Schema({**SESSION_VERDICT, **features})
    assert accounts.equals(run.accounts)
    assert sessions.equals(run.sessions)
    assert sessions.select("account_id", "session").is_unique().all()
    assert accounts["flagged"].equals(accounts["verdict"].is_in(["harness", "declared_third_party"]))
    judged = accounts.filter(pl.col("verdict").is_in(["harness", "watch", "clear"]))
    assert judged["score"].is_between(0, 1).all()
    assert judged["score"].null_count() == 0
    guilty = accounts.filter(verdict="harness")
    assert (guilty["families"].list.len() >= 2).all()
    assert (guilty["reasons"].list.len() >= 1).all()
    assert set(accounts["families"].explode().drop_nulls()) <= set(FAMILIES)


def test_counts_of_sessions_and_flagged_parts_add_up(written):
    accounts, sessions, _ = written
    flagged = sessions.filter("flagged")
    assert accounts["sessions"].sum() == sessions.height
    assert accounts["flagged_sessions"].sum() == flagged.height > 0
    assert accounts["flagged_requests"].sum() == flagged["requests"].sum()
    assert (accounts["flagged_requests"] <= accounts["requests"]).all()
    assert (accounts["first_seen"] <= accounts["last_seen"]).all()
    assert (sessions["start"] <= sessions["end"]).all()


def test_no_genuine_account_is_flagged_and_most_harnesses_are(fleet, run):
    told = run.accounts.join(fleet.accounts.drop("plan"), on="account_id")
    genuine, harness = (told.filter(label=label) for label in ("genuine", "harness"))
    assert genuine.filter("flagged")["class"].to_list() == []
    assert harness["flagged"].mean() > 0.4
    ranks = told.filter(pl.col("label").is_in(["genuine", "harness"]))["score"].rank(descending=True)
    assert ranks.filter(told.filter(pl.col("label").is_in(["genuine", "harness"]))["flagged"]).max() < 15


def test_each_label_gets_its_verdict(fleet, run):
    told = run.accounts.join(fleet.accounts.drop("plan"), on="account_id")
    by_label = {label: set(part["verdict"]) for (label,), part in told.group_by("label")}
    assert by_label["out_of_scope"] == {"out_of_scope"}
    assert by_label["declared_third_party"] == {"declared_third_party"}
    assert by_label["permitted"] == {"declared_third_party"}
    assert not by_label["watch"] & {"harness", "declared_third_party"}


def test_an_open_policy_clears_declared_tools(fleet, folder):
    told = score(folder / "log.parquet", None, folder / "model", policy="open")
    assert told.record["policy"] == "third-party-permitted"
    tools = fleet.accounts.filter(pl.col("label").is_in(["declared_third_party", "permitted"]))
    verdicts = told.accounts.join(tools.select("account_id"), on="account_id", how="semi")["verdict"]
    assert verdicts.to_list() == ["clear"] * tools.height


def test_the_record_tells_what_was_read_and_with_what(fleet, folder, written):
    accounts, _, record = written
    assert record["model"]["id"] == bundle.model_id(folder / "model")
    assert record["model"]["facts"] == bundle.load(folder / "model").facts
    read = record["input"]
    assert read["files"] == [{"path": str(folder / "log.parquet"), "rows": fleet.requests.height}]
    assert read["rows"] == read["accepted"] == fleet.requests.height
    assert (read["rejected"], read["unknown_columns"]) == ({}, [])
    assert sum(record["verdicts"].values()) == accounts.height
    assert record["verdicts"]["harness"] == accounts.filter(verdict="harness").height
    assert {"harness-detector", "python", "polars", "numpy", "scikit-learn"} <= set(record["versions"])
    assert record["false_discovery_rate"] == default_settings().decision.fdr
    assert set(record["families"]) == set(FAMILIES)
    assert all(family["available"] for family in record["families"].values())
    assert all(seconds >= 0 for seconds in record["seconds"].values())


def test_who_claims_print_mode_with_headers_of_another_program_is_counted(fleet, rescored, run):
    before = run.record["print_mode"]
    assert before["accounts"] >= 4
    # one honest user of print mode sends through a Python library from now on
    claims = pl.col("user_agent").str.contains("sdk-cli").fill_null(value=False)
    first = fleet.requests.filter(claims).join(
        fleet.accounts.filter(**{"class": "headless"}), on="account_id"
    )
    one = (pl.col("account_id") == first["account_id"].min()) & claims
    names = pl.lit(["Host", "Accept-Encoding", "Connection", "X-App", "User-Agent", "Content-Length"])
    told = rescored(
        fleet.requests.with_columns(header_names=pl.when(one).then(names).otherwise("header_names"))
    )
    after = told.record["print_mode"]
    assert after["accounts"] == before["accounts"]
    assert after["odd_headers"] == before["odd_headers"] + 1
    assert f"print mode: {after['odd_headers']} of {after['accounts']} accounts" in run_text(
        told.accounts, told.record, "out"
    )


def test_nobody_in_print_mode_is_no_line(run):
    record = {**run.record, "print_mode": {"accounts": 5, "odd_headers": 0, "flagged": 0}}
    assert "print mode" not in run_text(run.accounts, record, "out")


def test_rejected_rows_are_counted_by_reason(fleet, rescored):
    bad = fleet.requests[:3].with_columns(path=pl.lit(None, pl.String), request_id=pl.lit(None, pl.String))
    read = rescored(pl.concat([fleet.requests, bad])).record["input"]
    assert read["rejected"] == {"null_path": 3}
    assert read["accepted"] == read["rows"] - 3 == fleet.requests.height


def test_a_false_discovery_rate_is_not_claimed_on_a_small_calibration(run):
    assert any("false discovery rate not claimed" in warning for warning in run.record["warnings"])


def test_a_log_of_pay_per_use_is_out_of_scope_with_a_warning(fleet, rescored):
    told = rescored(fleet.requests.filter(pl.col("auth").is_in(["api_key", "cloud"])))
    assert told.accounts.height == 9
    assert set(told.accounts["verdict"]) == {"out_of_scope"}
    assert told.accounts["score"].null_count() == told.accounts["p_value"].null_count() == 9
    assert not told.sessions["flagged"].any()
    assert told.record["warnings"] == ["no account is in scope: all traffic pays per use"]


def test_a_log_of_one_request_is_scored(fleet, rescored):
    asked = fleet.requests.filter((pl.col("path") == "/v1/messages") & (pl.col("auth") == "subscription"))
    told = rescored(asked[:1])
    assert told.accounts.select("verdict", "flagged", "requests").row(0) == ("insufficient_data", False, 1)


def test_a_log_without_inference_is_scored(fleet, rescored):
    told = rescored(fleet.requests.filter(pl.col("path").str.starts_with("/api/event_logging")))
    assert set(told.accounts["verdict"]) == {"insufficient_data"}
    assert told.sessions.is_empty()


def test_progress_tells_every_stage(folder):
    heard = []
    score(folder / "log.parquet", None, folder / "model", progress=lambda *told: heard.append(told))
    assert list(dict.fromkeys(stage for stage, _, _ in heard)) == [
        "reading",
        "measuring",
        "comparing",
        "scoring",
    ]
    assert all(0 <= done <= whole for _, done, whole in heard)


def test_scoring_without_an_output_writes_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    score(folder / "log.parquet", None, folder / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"model": "nowhere"}, BundleError, "no model bundle there"),
        ({"policy": "nowhere.toml"}, SettingsError, "no such policy file"),
        ({"logs": "nowhere.parquet"}, InputError, "no such file or folder"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line_and_writes_nothing(folder, tmp_path, change, error, said):
    given = {"logs": folder / "log.parquet", "output": tmp_path / "out", "model": folder / "model"} | change
    with pytest.raises(error, match=said) as caught:
        score(**given)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


# -- the package ----------------------------------------------------------------


def test_the_public_names_are_sorted_complete_and_importable():
    assert detector.__all__ == sorted(detector.__all__)
    assert set(detector.__all__) == set(detector._HOMES)
    for name in detector.__all__:
        found = getattr(detector, name)
        assert found.__name__ == name
        assert found.__module__ == detector._HOMES[name]
        assert found.__doc__


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'secret'"):
        _ = detector.secret


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_forest_takes_is_refused_before_any_work(tmp_path, seed):
    with pytest.raises(TrainingError, match="out of range"):
        train(tmp_path / "nowhere", tmp_path / "model", seed=seed)
