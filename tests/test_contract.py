"""What a verdict folder must hold, restated: columns, types and the rules between them."""

import json
import runpy

import polars as pl
import pytest

import detector
from detector.features.registry import FEATURES
from detector.simulate import CLASSES
from detector.verdict.write import RUN_FILES

TIME = pl.Datetime("us", "UTC")
REASONS = pl.List(
    pl.Struct(
        {
            "feature": pl.String,
            "family": pl.String,
            "value": pl.Float64,
            "baseline": pl.Float64,
            "text": pl.String,
            # what follows is beyond the contract
            "unit": pl.String,
            "low": pl.Float64,
            "high": pl.Float64,
            "tail": pl.Float64,
            "accounts": pl.Int64,
        }
    )
)
ACCOUNTS = {
    "account_id": pl.String,
    "verdict": pl.String,
    "flagged": pl.Boolean,
    "score": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "sessions": pl.Int64,
    "requests": pl.Int64,
    "flagged_sessions": pl.Int64,
    "flagged_requests": pl.Int64,
    "flagged_tokens": pl.Int64,
    "families": pl.List(pl.String),
    "reasons": REASONS,
    "first_seen": TIME,
    "last_seen": TIME,
}
SESSIONS = {
    "account_id": pl.String,
    "session": pl.String,
    "start": TIME,
    "end": TIME,
    "requests": pl.Int64,
    "client": pl.String,
    "client_version": pl.String,
    "score": pl.Float64,
    "p_value": pl.Float64,
    "flagged": pl.Boolean,
    "families": pl.List(pl.String),
    "reasons": REASONS,
}
VERDICTS = {"harness", "declared_third_party", "watch", "clear", "insufficient_data", "out_of_scope"}
FAMILIES = {"cadence", "telemetry", "fingerprint", "usage", "account"}


@pytest.fixture(scope="module")
def folder(sample_run):
    return sample_run[0]


@pytest.fixture(scope="module")
def accounts(folder):
    return pl.read_parquet(folder / "accounts.parquet")


@pytest.fixture(scope="module")
def sessions(folder):
    return pl.read_parquet(folder / "sessions.parquet")


@pytest.fixture(scope="module")
def log(sample):
    """All rows of the sample."""
    return pl.read_parquet(sample / "logs", hive_partitioning=False)


def test_columns_and_types(accounts, sessions):
    assert dict(accounts.schema) == ACCOUNTS
    assert dict(list(sessions.schema.items())[: len(SESSIONS)]) == SESSIONS
    features = {name: dtype for name, dtype in sessions.schema.items() if name not in SESSIONS}
    assert features == dict.fromkeys([one.name for one in FEATURES], pl.Float64())


def test_a_row_an_account_of_the_log(accounts, log):
    counted = log.group_by("account_id").agg(
        pl.len().cast(pl.Int64).alias("requests"),
        pl.col("timestamp").min().alias("first_seen"),
        pl.col("timestamp").max().alias("last_seen"),
    )
    columns = ["account_id", "requests", "first_seen", "last_seen"]
    assert accounts.select(columns).sort("account_id").equals(counted.select(columns).sort("account_id"))


def test_verdict_flag_and_score_agree(accounts):
    assert set(accounts["verdict"]) <= VERDICTS
    assert accounts.filter(
        pl.col("flagged") != pl.col("verdict").is_in(["harness", "declared_third_party"])
    ).is_empty()
    scored = accounts.filter(~pl.col("verdict").is_in(["out_of_scope", "insufficient_data"]))
    assert scored["score"].is_between(0, 1).all()
    assert scored["score"].null_count() == 0
    outside = accounts.filter(verdict="out_of_scope")
    assert outside.height
    assert outside.select("score", "p_value", "q_value").null_count().row(0) == (outside.height,) * 3
    chances = accounts.select("p_value", "q_value").drop_nulls()
    assert chances.select((pl.all() > 0) & (pl.all() <= 1)).to_numpy().all()
    assert (chances["q_value"] >= chances["p_value"] - 1e-9).all()


def test_a_harness_has_two_families_and_reasons_in_them(accounts):
    harness = accounts.filter(verdict="harness")
    assert harness.height
    assert (harness["families"].list.len() >= 2).all()
    for row in accounts.iter_rows(named=True):
        families = {reason["family"] for reason in row["reasons"]}
        assert set(row["families"]) <= FAMILIES
        assert families <= FAMILIES
        assert not row["flagged"] or (families and families <= set(row["families"]))
        # nothing is held against an account that is not said
        assert row["verdict"] not in {"harness", "watch"} or set(row["families"]) <= families
        assert all(reason["text"].isprintable() for reason in row["reasons"])


def test_accounts_add_up_from_their_sessions(accounts, sessions):
    flagged = pl.col("flagged")
    sums = sessions.group_by("account_id").agg(
        sessions=pl.len().cast(pl.Int64),
        flagged_sessions=flagged.sum().cast(pl.Int64),
        flagged_requests=pl.col("requests").filter(flagged).sum(),
    )
    columns = ["account_id", "sessions", "flagged_sessions", "flagged_requests"]
    told = accounts.filter(pl.col("sessions") > 0).select(columns)
    assert told.sort("account_id").equals(sums.select(columns).sort("account_id"))
    assert accounts.filter(~flagged & (pl.col("flagged_sessions") > 0)).is_empty()
    assert accounts.filter(flagged & (pl.col("flagged_sessions") == 0)).is_empty()
    assert accounts.filter(pl.col("flagged_requests") > pl.col("requests")).is_empty()
    assert sessions.filter(pl.col("start") > pl.col("end")).is_empty()
    assert sessions.select("account_id", "session").is_unique().all()


def test_run_record_says_what_was_done(folder, accounts, log):
    record = json.loads((folder / "run.json").read_text("utf-8"))
    given = record["input"]
    assert given["rows"] == log.height == sum(file["rows"] for file in given["files"])
    assert given["accepted"] + sum(given["rejected"].values()) == given["rows"]
    assert set(record["families"]) == FAMILIES
    assert record["verdicts"] == dict(sorted(accounts["verdict"].value_counts().iter_rows()))
    assert 0 < record["false_discovery_rate"] < 1
    assert len(record["model"]["id"]) == 16
    assert {"harness-detector", "python", "polars"} <= set(record["versions"])
    assert set(record["seconds"]) == {"measure", "score"}


def test_golden_verdicts_of_the_sample(root, accounts):
    update = runpy.run_path(str(root / "tests" / "golden" / "update.py"))
    golden = json.loads(update["GOLDEN"].read_text("utf-8"))
    assert update["golden"](accounts) == golden, "meant to change? run: python tests/golden/update.py"


def same(one, other):
    return all(
        (one / name).read_bytes() == (other / name).read_bytes()
        for name in RUN_FILES
        if name.endswith(".parquet")
    )


def test_two_runs_give_the_same_bytes(folder, sample, tmp_path):
    detector.score(sample, tmp_path / "again")
    assert same(folder, tmp_path / "again")


def test_order_of_files_and_rows_changes_no_byte(folder, log, tmp_path):
    shuffled = log.sample(fraction=1, shuffle=True, seed=1)
    (tmp_path / "logs").mkdir()
    for number, part in enumerate(shuffled.iter_slices(shuffled.height // 7)):
        part.write_parquet(tmp_path / "logs" / f"{number * 5 % 8}.parquet")
    detector.score(tmp_path / "logs", tmp_path / "verdicts")
    assert same(folder, tmp_path / "verdicts")


def test_unknown_columns_change_no_byte_and_are_named_once(folder, log, tmp_path):
    (tmp_path / "logs").mkdir()
    for number, part in enumerate(log.with_columns(colour=pl.lit("red")).iter_slices(20_000)):
        part.write_parquet(tmp_path / "logs" / f"{number}.parquet")
    run = detector.score(tmp_path / "logs", tmp_path / "verdicts")
    assert same(folder, tmp_path / "verdicts")
    assert run.record["input"]["unknown_columns"] == ["colour"]


def test_the_sample_holds_every_class_and_is_small(root, sample):
    labels = pl.read_parquet(sample / "_labels" / "accounts.parquet")
    shares = runpy.run_path(str(root / "datasets" / "build.py"))["MIXTURE"]
    # An event of a whole fleet is no account of the sample.
    assert set(labels["class"]) == {one.name for one in CLASSES if shares[one.name]}
    assert {one.name for one in CLASSES if not shares[one.name]} == {"new_product"}
    card = (sample / "CARD.md").read_text("utf-8")
    assert all(f"`{name}`" in card for name in labels["class"])
    assert sum(path.stat().st_size for path in sample.rglob("*") if path.is_file()) < 10_000_000


def test_the_sample_is_rebuilt_bit_for_bit(root, sample, tmp_path):
    script = runpy.run_path(str(root / "datasets" / "build.py"))
    script["build"](tmp_path / "sample")
    assert script["contents"](tmp_path / "sample") == script["contents"](sample), (
        "run: python datasets/build.py"
    )


def test_default_model_is_small_and_carries_its_card(root):
    folder = root / "models" / "default"
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert set(sizes) == {"CARD.md", "arrays.npz", "model.json", "population.parquet"}
    assert max(sizes.values()) < 1_000_000
    assert "python models/build.py" in (folder / "CARD.md").read_text("utf-8")
