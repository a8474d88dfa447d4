import polars as pl
import pytest

from detector.ingest import ingestion
from detector.ingest.parts import ROW, read_part
from detector.ingest.store.reading import store_parts
from detector.ingest.store.table import Store, active_files
from detector.settings import default_settings


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Twenty accounts of one to twenty requests on two days, in four buckets."""
    folder = tmp_path_factory.mktemp("store")
    rows = [
        {
            "timestamp": f"2026-11-0{2 + n % 2}T12:00:{n:02}Z",
            "account_id": f"account-{account:02}",
            "path": "/v1/messages",
        }
        for account in range(20)
        for n in range(account + 1)
    ]
    pl.DataFrame(rows).write_parquet(folder / "log.parquet")
    ingestion.ingest_logs([folder / "log.parquet"], folder / "store", keep_ids=True, buckets=4)
    return Store.open(folder / "store")


@pytest.mark.parametrize("most", [1, 10, 25, 60, 1000])
def test_parts_hold_every_account_once_and_whole(store, most):
    parts = list(store_parts(store, active_files(store.table()), most))
    read = [read_part(part, default_settings().paths) for part in parts]
    names = [name for part in read for name in part.accounts]
    assert sorted(names) == [f"account-{account:02}" for account in range(20)]
    for part, requests in zip(parts, read, strict=True):
        assert part.rows == requests.rows.height
        counts = requests.rows["account"].value_counts().sort("account")["count"].to_list()
        assert counts == [int(name[-2:]) + 1 for name in requests.accounts]
    assert len({part.name for part in parts}) == len(parts)


def test_small_buckets_go_together_and_large_ones_are_cut(store):
    files = active_files(store.table())
    assert len(list(store_parts(store, files, 1000))) == 1
    largest = files.group_by("bucket").agg(pl.col("rows").sum())["rows"].max()
    assert len(list(store_parts(store, files, largest))) <= 4
    assert len(list(store_parts(store, files, 10))) > 8


def test_rows_have_the_schema_of_a_part(store):
    (part,) = store_parts(store, active_files(store.table()), 1000)
    assert part.scan().collect_schema() == ROW


@pytest.fixture
def two_files(tmp_path):
    """One bucket of two accounts, a file each."""
    for name in ("a", "b"):
        row = {"timestamp": "2026-11-02T12:00:00Z", "account_id": name, "path": "/v1/messages"}
        pl.DataFrame([row]).write_parquet(tmp_path / f"{name}.parquet")
        ingestion.ingest_logs([tmp_path / f"{name}.parquet"], tmp_path / "store", keep_ids=True, buckets=1)
    return Store.open(tmp_path / "store")


def accounts(part):
    return part.scan().collect()["account"].to_list()


def test_files_without_an_account_of_a_part_are_not_opened(two_files):
    files = active_files(two_files.table()).sort("first")
    assert files.select("first", "last").rows() == [("a", "a"), ("b", "b")]
    parts = list(store_parts(two_files, files, 1))
    (two_files.path / files["path"][1]).unlink()
    assert accounts(parts[0]) == ["a"]
    with pytest.raises(FileNotFoundError):
        accounts(parts[1])


def test_long_and_strange_accounts_are_found_in_their_files(tmp_path):
    names = ["x" * 40 + "a", "x" * 40 + "b", "\u00e9" * 30 + "2", "\U0001f600", 'A"\\\n\t', "~" * 200]
    for minute, name in enumerate(names):
        row = {"timestamp": f"2026-11-02T12:0{minute}:00Z", "account_id": name, "path": "/v1/messages"}
        pl.DataFrame([row]).write_parquet(tmp_path / "log.parquet")
        ingestion.ingest_logs([tmp_path / "log.parquet"], tmp_path / "store", keep_ids=True, buckets=1)
    store = Store.open(tmp_path / "store")
    store.table().create_checkpoint()
    parts = list(store_parts(store, active_files(store.table()), 1))
    assert [accounts(part) for part in parts] == [[name] for name in sorted(names)]


def test_files_of_unknown_accounts_are_searched(two_files):
    files = active_files(two_files.table()).with_columns(first=pl.lit(None), last=pl.lit(None))
    parts = list(store_parts(two_files, files.cast({"first": pl.String, "last": pl.String}), 1))
    assert [accounts(part) for part in parts] == [["a"], ["b"]]
