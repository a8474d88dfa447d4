import errno
from datetime import date

import polars as pl
import pytest
from deltalake import write_deltalake

from detector.errors import InputError
from detector.ingest.store.layout import FINGERPRINT, STORED
from detector.ingest.store.lock import locked
from detector.ingest.store.table import Store, is_store


@pytest.fixture
def store(tmp_path):
    with locked(tmp_path / "store"):
        return Store.create(tmp_path / "store", 4, "0123", keep_ids=False)


def test_a_new_store_is_empty_and_opens_as_it_was_made(store):
    assert Store.open(store.path) == store
    assert store.files().is_empty()
    assert store.fingerprints().schema == FINGERPRINT
    assert pl.read_delta(str(store.path)).schema == STORED
    assert is_store(store.path)


def test_other_folders_and_other_tables_are_no_stores(tmp_path):
    write_deltalake(tmp_path / "plain", pl.DataFrame({"a": [1]}))
    assert not is_store(tmp_path / "plain")
    assert not is_store(tmp_path)
    assert not is_store(tmp_path / "missing")
    with pytest.raises(InputError, match="is not a store; make one with"):
        Store.open(tmp_path / "plain")


def test_a_store_of_another_format_is_refused(store):
    store.table().alter.set_table_properties({"harness-detector.store": "99"}, raise_if_not_exists=False)
    with pytest.raises(InputError, match="is a store of format 99"):
        Store.open(store.path)


def test_fingerprints_are_added_once(store):
    rows = [{"fingerprint": 7, "user_agent": "a"}, {"fingerprint": 3, "user_agent": "b"}]
    facts = pl.DataFrame(rows, schema=FINGERPRINT)
    store.add_fingerprints(facts)
    store.add_fingerprints(facts.head(1))
    assert store.fingerprints().sort("fingerprint")["user_agent"].to_list() == ["b", "a"]


def test_what_a_killed_writer_left_goes_and_what_it_committed_stays(ingest, week, tmp_path):
    ingest(week)
    store = Store.open(tmp_path / "store")
    kept = store.files()["path"].to_list()
    orphan = f"day={date(2026, 11, 2)}/bucket=1/orphan.parquet"
    (store.path / orphan).parent.mkdir(parents=True, exist_ok=True)
    (store.path / orphan).write_bytes(b"half")
    store.staging.mkdir()
    (store.staging / "run-0.parquet").write_bytes(b"half")
    (store.staging / "moved").write_text("\n".join([orphan, *kept]))
    store.recover()
    assert not (store.path / orphan).exists()
    assert not store.staging.exists()
    assert all((store.path / path).exists() for path in kept)


def test_header_facts_that_were_never_committed_go(store):
    store.add_fingerprints(pl.DataFrame([{"fingerprint": 7}], schema=FINGERPRINT))
    facts = store.path / "_fingerprints"
    kept = {path.name for path in facts.glob("*.parquet")}
    for orphan in ("part-0.snappy.parquet", "part-1.snappy.parquet#1"):
        (facts / orphan).write_bytes(b"half")
    store.staging.mkdir()
    store.recover()
    assert {path.name for path in facts.glob("part-*")} == kept
    assert store.fingerprints()["fingerprint"].to_list() == [7]


def test_a_list_of_files_that_is_cut_off_removes_nothing(ingest, week, monkeypatch, tmp_path):
    ingest(week.head(150))
    store = Store.open(tmp_path / "store")
    kept = store.files()["path"].to_list()

    def half(path, text, _):
        path.write_bytes(text[: text.index("/", text.index("bucket="))].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "write_text", half)
        with pytest.raises(InputError, match="the store is whole"):
            ingest(week.tail(150))
    assert store.files()["path"].to_list() == kept
    assert not store.staging.exists()
    assert ingest(week.tail(150)).added == 150


def test_known_sources_are_those_that_were_committed(store):
    store.staging.mkdir()
    store.commit([], sources=["one", "two"])
    assert store.knows(["two", "three"]) == {"two"}
