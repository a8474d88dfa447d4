import gzip
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake.exceptions import DeltaError
from polars.testing import assert_frame_equal

import detector
from detector.errors import InputError
from detector.ingest import read_log
from detector.ingest.dialects import DIALECTS, load_dialect
from detector.ingest.ingestion import ingest_logs
from detector.ingest.store.table import Store
from detector.settings import default_settings
from detector.verdict.write import RUN_FILES

SECRETS = {
    "account_id": "account-0",
    "session_id": "session-0",
    "device_id": "device-0",
    "client_ip": "192.0.2.0",
    "request_id": "request-0",
}


def everything(folder):
    """Return the bytes of every file below a folder, as they are and as Parquet decodes them."""
    found = b""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found += path.read_bytes()
            if path.suffix == ".parquet":
                found += pl.read_parquet(path, hive_partitioning=False).write_json().encode()
    return found


def test_a_store_scores_like_the_log_it_was_made_of(sample, tmp_path):
    ingest_logs([sample], tmp_path / "store", keep_ids=True)
    detector.score(sample, tmp_path / "native")
    detector.score(tmp_path / "store", tmp_path / "stored")
    for name in (name for name in RUN_FILES if name.endswith(".parquet")):
        assert (tmp_path / "native" / name).read_bytes() == (tmp_path / "stored" / name).read_bytes()


def test_the_number_of_buckets_changes_no_verdict(sample, tmp_path):
    for buckets in (1, 7):
        ingest_logs([sample], tmp_path / f"store-{buckets}", buckets=buckets)
        detector.score(tmp_path / f"store-{buckets}", tmp_path / f"out-{buckets}")
    for name in (name for name in RUN_FILES if name.endswith(".parquet")):
        assert (tmp_path / "out-1" / name).read_bytes() == (tmp_path / "out-7" / name).read_bytes()


def test_the_same_file_twice_changes_nothing(ingest, week, tmp_path):
    first = ingest(week)
    before = everything(tmp_path / "store")
    again = ingest(week)
    assert (first.added, again.added, again.rows) == (300, 0, 0)
    assert again.sources[0].known
    assert again.version == first.version
    assert everything(tmp_path / "store") == before


def test_a_request_counts_once_also_across_runs_and_files(ingest, week, stored):
    ingest(week[:100], week[50:150])
    again = ingest(week[120:].sample(fraction=1, shuffle=True, seed=1))
    assert (again.added, again.duplicates) == (150, 30)
    assert stored()["input_tokens"].sort().to_list() == list(range(300))


def test_a_request_without_an_id_is_never_a_duplicate(ingest, log, stored):
    done = ingest(log({"request_id": "x"}, {}, {}, {"request_id": "x"}))
    assert (done.added, done.duplicates) == (3, 1)
    assert stored().height == 3


def test_an_id_that_comes_again_on_another_day_is_left_out_when_read(ingest, log, tmp_path):
    day = timedelta(days=1)
    ingest(log({"request_id": "x"}), log({"request_id": "x"}).with_columns(pl.col("timestamp") + day))
    ingest(log({"request_id": "x", "account_id": "bob"}))
    read = read_log(tmp_path / "store", default_settings())
    assert read.accounts.len() == read.requests.height == 2
    assert read.rejected == {"duplicate_request_id": 1}


def test_order_and_division_of_the_files_change_no_row(ingest, week, stored, tmp_path):
    ingest(week)
    whole = stored()
    shuffled = week.sample(fraction=1, shuffle=True, seed=3)
    parts = [shuffled[n::3] for n in range(3)]
    paths = [tmp_path / f"part-{n}.parquet" for n in range(3)]
    for part, path in zip(parts, paths, strict=True):
        part.write_parquet(path)
        ingest_logs([path], tmp_path / "other")
    other = pl.read_delta(str(tmp_path / "other")).sort("account_id", "timestamp", "request")
    assert_frame_equal(whole, other)


def test_late_rows_land_in_their_own_day(ingest, week, stored):
    ingest(week[150:])
    ingest(week[:150])
    days = stored().select("day", date=pl.col("timestamp").dt.date())
    assert days["day"].equals(days["date"].rename("day"))
    assert days["day"].n_unique() == week["timestamp"].dt.date().n_unique()


def test_a_session_over_midnight_and_two_files_is_one(ingest, log, tmp_path):
    late = log({"timestamp": log({})["timestamp"][0] + timedelta(hours=12), "account_id": "ann"})
    early = late.with_columns(pl.col("timestamp") - timedelta(minutes=5))
    ingest(early)
    ingest(late)
    read = read_log(tmp_path / "store", default_settings())
    assert read.requests["timestamp"].diff().dt.total_minutes().to_list() == [None, 5]
    run = detector.score(tmp_path / "store")
    assert run.sessions.height == 1


def test_unusable_rows_are_listed_with_reason_and_place(tmp_path):
    path = tmp_path / "bad.ndjson"
    good = {"timestamp": "2026-11-02T12:00:00Z", "account_id": "ann", "path": "/"}
    lines = [
        good,
        {**good, "account_id": None},
        {**good, "timestamp": "yesterday"},
        {**good, "path": ""},
        good,
    ]
    path.write_text("\n".join([json.dumps(line) for line in lines] + ["no json at all"]))
    done = ingest_logs([path], tmp_path / "store")
    assert (done.rows, done.added) == (6, 2)
    assert done.rejected == {"bad_timestamp": 1, "null_account_id": 1, "null_path": 1, "unreadable": 1}
    assert Store.open(tmp_path / "store").rejected().rows() == [
        (str(path), 2, "null_account_id"),
        (str(path), 3, "bad_timestamp"),
        (str(path), 4, "null_path"),
        (str(path), 6, "unreadable"),
    ]


def test_empty_files_among_others_are_no_error(week, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    week.write_parquet(logs / "a.parquet")
    week.clear().write_parquet(logs / "b.parquet")
    for name in ("c.ndjson", "d.csv", "e.json"):
        (logs / name).write_text("\n" if name == "e.json" else "")
    (logs / "f.ndjson").write_text("no json\n")
    (logs / "g.parquet").write_bytes((logs / "a.parquet").read_bytes())
    done = ingest_logs([logs], tmp_path / "store")
    assert (done.rows, done.added, done.rejected) == (301, 300, {"unreadable": 1})
    assert [source.source for source in done.sources if source.known] == ["d.csv", "g.parquet"]


def test_an_unknown_dialect_names_the_file_and_what_it_holds(tmp_path):
    (tmp_path / "odd.ndjson").write_text('{"when": 1, "who": 2}\n')
    with pytest.raises(InputError, match=r"odd\.ndjson: is of no known dialect \(when, who\); name it"):
        ingest_logs([tmp_path / "odd.ndjson"], tmp_path / "store")


def test_too_many_rejects_change_nothing(ingest, log, tmp_path):
    ingest(log({"request_id": "kept"}))
    before = everything(tmp_path / "store")
    half = log({"request_id": "a"}, {"account_id": None})
    with pytest.raises(InputError, match="1 of 2 records in all were rejected"):
        ingest(half, max_rejects=0.4)
    assert everything(tmp_path / "store") == before
    assert ingest(half, max_rejects=0.5).added == 1


def test_nothing_secret_reaches_the_disk(tmp_path, monkeypatch):
    monkeypatch.delenv("DETECTOR_KEY")
    secrets = {
        "authorization": "Bearer sk-ant-oat01-SECRETTOKEN",
        "cookie": "sessionKey=SECRETCOOKIE",
        "x-api-key": "sk-ant-api03-SECRETKEY",
        "x-custom": "SECRETVALUE",
    }
    row = {
        "timestamp": "2026-11-02T12:00:00Z",
        "path": "/v1/messages?key=SECRETQUERY#SECRETFRAGMENT",
        **SECRETS,
        "tools_hash": "SECRETTOOLS",
        "header_names": ["Host", *secrets],
        "header_values": [{"name": name, "value": value} for name, value in secrets.items()],
        "prompt": "SECRETPROMPT",
        "body": {"messages": [{"content": "SECRETANSWER"}]},
    }
    rejected = {**row, "timestamp": "SECRETTIME"}
    path = tmp_path / "log.ndjson"
    path.write_text("\n".join([json.dumps(row), json.dumps(rejected), json.dumps(row)[:-9]]))
    done = ingest_logs([path], tmp_path / "place" / "store")
    assert done.rejected == {"bad_timestamp": 1, "unreadable": 1}
    found = everything(tmp_path / "place").replace(str(path).encode(), b"")
    assert b"/v1/messages" in found  # the search does see what is there
    for secret in ["SECRET", "sk-ant", "Bearer", *SECRETS.values()]:
        assert secret.encode() not in found, secret


def test_kept_ids_stand_in_the_store_and_addresses_do_not(ingest, week, tmp_path, stored):
    ingest(week, keep_ids=True)
    assert stored()["account_id"].unique().sort().to_list() == [f"account-{n}" for n in range(6)]
    assert b"192.0.2." not in everything(tmp_path / "store")


def test_the_same_key_gives_the_same_names_and_another_is_refused(ingest, week, tmp_path, monkeypatch):
    ingest(week[:10])
    ingest(week[10:])
    names = pl.read_delta(str(tmp_path / "store"))["account_id"]
    assert names.n_unique() == 6
    monkeypatch.setenv("DETECTOR_KEY", "quite another key than before")
    with pytest.raises(InputError, match="made with another key"):
        ingest(week)


def test_a_store_holds_ids_or_pseudonyms_not_both(ingest, week):
    ingest(week[:10])
    with pytest.raises(InputError, match="holds pseudonyms; leave out --keep-ids"):
        ingest(week[10:], keep_ids=True)


def test_a_folder_with_other_files_is_left_alone(week, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.txt").write_text("mine")
    week.write_parquet(tmp_path / "log.parquet")
    with pytest.raises(InputError, match="holds something that is not a store"):
        ingest_logs([tmp_path / "log.parquet"], tmp_path / "store")
    assert (tmp_path / "store" / "thesis.txt").read_text() == "mine"


def test_a_store_is_no_source(ingest, week, tmp_path):
    ingest(week)
    with pytest.raises(InputError, match="is a store already"):
        ingest_logs([tmp_path / "store"], tmp_path / "other")
    with pytest.raises(InputError, match="nothing but the store itself"):
        ingest_logs([tmp_path / "store"], tmp_path / "store")


def test_a_store_among_the_logs_is_not_read_as_a_log(week, tmp_path):
    week.write_parquet(tmp_path / "log.parquet")
    for added in (300, 0):
        done = ingest_logs([tmp_path], tmp_path / "store")
        assert (done.added, len(done.sources)) == (added, 1)


FIXTURES = Path(__file__).parent / "dialects" / "fixtures"


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_is_recognised_and_ingested(name, tmp_path):
    log = FIXTURES / f"{name}.ndjson"
    golden = [
        json.loads(line) for line in (FIXTURES / f"{name}.golden.ndjson").read_text("utf-8").splitlines()
    ]
    if not any(row.get("account_id") for row in golden):
        with pytest.raises(
            InputError, match=r"required column account_id is missing; .* map it in a dialect"
        ):
            ingest_logs([log], tmp_path / "store")
        return
    done = ingest_logs([log], tmp_path / "store", keep_ids=True)
    assert done.sources[0].dialect == name
    assert done.sources[0].why.startswith(f"{name}: ")
    assert done.rows == len(golden)
    good = [row for row in golden if row.get("account_id") and row.get("path") and row.get("timestamp")]
    stored = pl.read_delta(str(tmp_path / "store"))
    assert done.added + done.duplicates == len(good)
    assert set(stored["account_id"]) == {row["account_id"] for row in good}
    assert set(stored["path"]) == {row["path"].partition("?")[0] for row in good}


def test_a_users_own_map_says_where_the_account_stands(tmp_path):
    own = tmp_path / "ours.toml"
    own.write_text('extends = "cloudflare"\n[columns]\naccount_id = "RequestHeaders.x-our-account"\n')
    record = {
        "EdgeStartTimestamp": 1793620800000000000,
        "ClientRequestPath": "/v1/messages",
        "RayID": "1",
        "RequestHeaders": {"x-our-account": "ann"},
    }
    (tmp_path / "log.json.gz").write_bytes(gzip.compress(json.dumps(record).encode()))
    ingest_logs([tmp_path / "log.json.gz"], tmp_path / "store", dialect=str(own), keep_ids=True)
    (row,) = pl.read_delta(str(tmp_path / "store")).to_dicts()
    assert (row["account_id"], row["timestamp"].isoformat()) == ("ann", "2026-11-02T12:00:00+00:00")


def test_a_tabbed_log_without_a_header_row(tmp_path):
    own = tmp_path / "ours.toml"
    own.write_text('extends = "cloudfront"\n[columns]\naccount_id = "header:x-account"\n')
    values = dict.fromkeys(load_dialect("cloudfront").order, "-")
    values |= {"timestamp": "1793620800.000", "cs-uri-stem": "/", "cs-headers": "x-account:ann%0Ahost:h%0A"}
    (tmp_path / "log.tsv").write_text("\n".join(["\t".join(values.values())] * 2))
    done = ingest_logs([tmp_path / "log.tsv"], tmp_path / "store", dialect=str(own), keep_ids=True)
    assert (done.added, done.rejected) == (2, {})
    assert pl.read_delta(str(tmp_path / "store"))["account_id"].to_list() == ["ann", "ann"]


def test_columns_come_and_go_between_files(ingest, week, stored):
    extra = week[200:].with_columns(pl.lit("x").alias("new_column"), pl.col("status").cast(pl.String))
    done = ingest(week[:100].drop("header_names", "status", "ja4"), week[100:200], extra)
    assert done.added == 300
    assert stored()["status"].null_count() == 100


@pytest.mark.parametrize("write", ["write_csv", "write_delta"])
def test_other_formats_give_the_same_rows(write, ingest, week, stored, tmp_path):
    ingest(week)
    plain = week.with_columns(
        pl.col("timestamp").dt.to_string("iso:strict"),
        pl.col("header_names").map_elements(lambda names: json.dumps(list(names)), pl.String),
        pl.lit(json.dumps([{"name": "accept", "value": "*/*"}])).alias("header_values"),
    )
    log = tmp_path / ("log.csv" if write == "write_csv" else "table")
    getattr(plain if write == "write_csv" else week, write)(log)
    ingest_logs([log], tmp_path / "other")
    other = pl.read_delta(str(tmp_path / "other")).sort("account_id", "timestamp", "request")
    assert_frame_equal(stored(), other)


CRASH = """
import os, sys
from detector.ingest.ingestion import ingest_logs
from detector.ingest.store import table
place, when, log, store = sys.argv[1:]
owner, name = place.split(".")
owner = getattr(table, owner)
whole = getattr(owner, name)
def dying(*args, **more):
    if when == "after":
        whole(*args, **more)
    os._exit(9)
setattr(owner, name, dying)
ingest_logs([log], store)
"""


@pytest.mark.parametrize(
    ("place", "when"),
    [
        ("Store.add_fingerprints", "before"),
        ("Store.add_fingerprints", "after"),
        ("DeltaTable.create_write_transaction", "before"),
        ("DeltaTable.create_write_transaction", "after"),
    ],
)
def test_a_killed_ingest_leaves_the_old_version_or_the_new_one(place, when, ingest, week, tmp_path):
    store, log = tmp_path / "store", tmp_path / "rest.parquet"
    ingest(week[:100])
    week[100:].write_parquet(log)
    died = subprocess.run([sys.executable, "-c", CRASH, place, when, log, store], check=False)
    assert died.returncode == 9
    committed = (place, when) == ("DeltaTable.create_write_transaction", "after")
    assert pl.read_delta(str(store)).height == (300 if committed else 100)
    done = ingest_logs([log], store)
    assert done.added == (0 if committed else 200)
    assert pl.read_delta(str(store))["input_tokens"].sort().to_list() == list(range(300))
    on_disk = {path.relative_to(store).as_posix() for path in store.glob("day=*/*/*")}
    assert on_disk == set(Store.open(store).files()["path"])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_store_that_was_killed_while_it_was_made_is_made_again(when, week, tmp_path):
    store, log = tmp_path / "store", tmp_path / "log.parquet"
    week.write_parquet(log)
    died = subprocess.run([sys.executable, "-c", CRASH, "DeltaTable.create", when, log, store], check=False)
    assert died.returncode == 9
    assert ingest_logs([log], store).added == 300


@pytest.mark.parametrize(
    "error",
    [
        pl.exceptions.ComputeError("No space left on device (os error 28)"),
        OSError(28, "No space left on device"),
        DeltaError("Generic error: No space left on device"),
    ],
)
def test_a_full_disk_is_one_clear_line_and_changes_nothing(error, ingest, week, tmp_path, monkeypatch):
    ingest(week[:100])
    before = everything(tmp_path / "store")

    def full(*_args, **_more):
        raise error

    monkeypatch.setattr("detector.ingest.ingestion.write_partitions", full)
    with pytest.raises(InputError, match=r"cannot be .* written, .* MB are free \(.*No space") as raised:
        ingest(week[100:])
    assert "\n" not in str(raised.value)
    assert everything(tmp_path / "store") == before


@pytest.mark.parametrize("place", ["s3://bucket/store", "file/store"])
def test_a_store_lies_in_a_folder_on_a_local_disk(place, week, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    week.write_parquet("log.parquet")
    with pytest.raises(InputError, match="cannot be used as a store"):
        ingest_logs(["log.parquet"], place)
    assert not (tmp_path / "s3:").exists()


def test_two_writers_at_once_both_succeed(week, tmp_path):
    halves = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    week[:160].write_parquet(halves[0])
    week[140:].write_parquet(halves[1])
    words = [
        sys.executable,
        "-c",
        "from detector.cli import main; main()",
        "ingest",
        "--store",
        str(tmp_path / "store"),
    ]
    writers = [subprocess.Popen([*words, str(half)]) for half in halves]
    assert [writer.wait() for writer in writers] == [0, 0]
    rows = pl.read_delta(str(tmp_path / "store"))
    assert rows["input_tokens"].sort().to_list() == list(range(300))


def test_header_facts_beyond_what_memory_holds_are_all_kept(ingest, week, stored, tmp_path, monkeypatch):
    monkeypatch.setattr("detector.ingest.intake.MOST_FACTS", 10)
    news = week.with_columns(user_agent=pl.concat_str(pl.lit("cli/"), pl.int_range(pl.len())))
    ingest(news[:200], news[200:])
    facts = Store.open(tmp_path / "store").fingerprints()
    assert facts["user_agent"].n_unique() == facts.height == 300
    named = stored().join(facts, on="fingerprint").select("user_agent", "input_tokens")
    assert set(named.rows()) == {(f"cli/{n}", n) for n in range(300)}


@pytest.mark.parametrize("name", DIALECTS)
def test_no_dialect_lets_a_credential_reach_the_disk(name, tmp_path):
    log = FIXTURES / f"{name}.ndjson"
    assert b"secret" in log.read_bytes()
    own = tmp_path / "own.toml"
    account = "" if "account_id" in load_dialect(name).feeds else '[columns]\naccount_id = {constant="ann"}\n'
    own.write_text(f'extends = "{name}"\n{account}')
    done = ingest_logs([log], tmp_path / "place" / "store", dialect=str(own))
    assert done.added > 0
    found = everything(tmp_path / "place")
    assert b"/v1/messages" in found
    assert b"secret" not in found
