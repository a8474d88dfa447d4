import json
import re
import shutil
from pathlib import Path

import deltalake
import duckdb
import polars as pl
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import StringType

from detector.errors import InputError
from detector.ingest import read_log
from detector.ingest.sources.find import find_all, find_files
from detector.settings import default_settings

ROWS = pl.DataFrame(
    {
        "timestamp": [1_790_000_000, 1_790_000_001, 1_790_000_002],
        "account_id": ["ann", "bob", "ann"],
        "path": ["/", "/v1/messages", "/v1/messages"],
        "plan": ["pro", "max", "max"],
    }
)


def collected(file):
    return file.frame().collect().sort("timestamp")


def refused(message, source):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        [file.frame().collect() for file in find_files(source)]
    assert "\n" not in str(caught.value)


def test_a_delta_table_is_one_file_without_its_deleted_rows(tmp_path):
    path = tmp_path / "t"
    ROWS.write_delta(path)
    deltalake.DeltaTable(path).delete("account_id = 'bob'")
    assert len(list(path.glob("*.parquet"))) == 2
    (file,) = find_files(path)
    assert (file.path, file.name, file.format, file.version) == (str(path), str(path), "delta", 1)
    assert collected(file).equals(ROWS.filter(account_id="ann"))
    assert (file.rows(), file.fields()) == (2, set(ROWS.columns))
    assert file.bytes() < sum(one.stat().st_size for one in path.glob("*.parquet"))
    assert read_log(path, default_settings()).accounts.to_list() == ["ann"]


def test_delta_partitions_and_columns_that_came_later(tmp_path):
    path = tmp_path / "t"
    ROWS.write_delta(path, delta_write_options={"partition_by": ["plan"]})
    late = ROWS.head(1).with_columns(timestamp=pl.lit(1_790_000_009, pl.Int64), model=pl.lit("m"), plan=None)
    late.cast({"plan": pl.String}).write_delta(
        path, mode="append", delta_write_options={"schema_mode": "merge"}
    )
    (file,) = find_files(path)
    assert collected(file).select("plan", "model").rows() == [
        ("pro", None),
        ("max", None),
        ("max", None),
        (None, "m"),
    ]
    assert file.rows() == 4
    assert read_log(path, default_settings()).requests.get_column("plan").null_count() == 1


def test_a_delta_table_stays_at_the_version_at_which_it_was_found(tmp_path):
    path = tmp_path / "t"
    ROWS.write_delta(path)
    (before,) = find_files(path)
    identity = before.identity()
    ROWS.write_delta(path, mode="append")
    (after,) = find_files(path)
    assert (collected(before).height, before.rows(), before.identity()) == (3, 3, identity)
    assert (collected(after).height, after.rows()) == (6, 6)
    assert after.identity() != identity
    identity = after.identity()
    assert find_files(path.rename(tmp_path / "moved"))[0].identity() == identity


def test_rows_under_a_deletion_vector_are_not_read(tmp_path):
    ROWS.write_delta(tmp_path)
    log = tmp_path / "_delta_log" / "00000000000000000000.json"
    feature = ["deletionVectors"]
    # The second row as an inline roaring bitmap, written by hand after the protocol of Delta.
    vector = {
        "storageType": "i",
        "pathOrInlineDv": "^Bg9^0rr910000000000iXQKl0rr91000005c8Xg0rr91",
        "sizeInBytes": 34,
        "cardinality": 1,
    }
    changes = {
        "protocol": {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": feature,
            "writerFeatures": feature,
        },
        "add": {"deletionVector": vector},
    }
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        for name in action.keys() & changes.keys():
            action[name] |= changes[name]
    log.write_text("\n".join(map(json.dumps, actions)))
    (file,) = find_files(tmp_path)
    assert collected(file).get_column("account_id").to_list() == ["ann", "ann"]


def test_tables_among_files(tmp_path):
    ROWS.write_delta(tmp_path / "a" / "t")
    ROWS.write_delta(tmp_path / "_hidden" / "t")
    ROWS.write_parquet(tmp_path / "b.parquet")
    assert [(file.name, file.format) for file in find_files(tmp_path)] == [
        ("a/t", "delta"),
        ("b.parquet", "parquet"),
    ]
    assert [file.format for file in find_files(tmp_path / "*")] == ["delta", "parquet"]
    assert len(find_all([tmp_path, tmp_path / "a", tmp_path / "a" / "t" / ".."])) == 2


def test_files_of_a_delta_table_are_no_log_by_themselves(tmp_path):
    path = tmp_path / "t"
    ROWS.write_delta(path, delta_write_options={"partition_by": ["plan"]})
    file = next(path.rglob("*.parquet"))
    for source in (file, path / "plan=max", path / "*" / "*.parquet", path / "*"):
        refused(f"lies in the Delta table {path}; give the table", source)


def test_a_store_is_told_from_other_tables(ingest, week, tmp_path):
    ingest(week)
    (tmp_path / "log-0.parquet").unlink()
    for source in (tmp_path, tmp_path / "store", tmp_path / "*"):
        assert [file.format for file in find_files(source)] == ["store"]
    assert read_log(tmp_path / "store", default_settings()).rows == week.height


def test_a_damaged_delta_table_is_not_read_as_plain_files(tmp_path):
    ROWS.write_delta(tmp_path)
    log = tmp_path / "_delta_log" / "00000000000000000000.json"
    content = log.read_text()
    for damaged in ("", "not json\n", content.replace('"protocol"', '"other"')):
        log.write_text(damaged)
        refused(f"{tmp_path}: the table cannot be read (", tmp_path)
    shutil.rmtree(tmp_path / "_delta_log")
    (tmp_path / "_delta_log").mkdir()
    refused(f"{tmp_path}: the table cannot be read (", tmp_path)


def test_a_delta_file_that_vanished(tmp_path):
    ROWS.write_delta(tmp_path)
    next(tmp_path.glob("*.parquet")).unlink()
    (file,) = find_files(tmp_path)
    with pytest.raises(InputError, match=re.escape(str(tmp_path))), file.reading():
        file.frame().collect()


@pytest.fixture
def catalogue(tmp_path):
    """A catalogue of Iceberg tables in a folder."""
    made = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/ice")
    made.create_namespace("n")
    yield made
    made.close()


def test_an_iceberg_table_without_deleted_rows_and_with_late_columns(catalogue, tmp_path):
    table = catalogue.create_table("n.t", schema=ROWS.to_arrow().schema)
    table.append(ROWS.to_arrow())
    table.delete("account_id = 'bob'")
    with table.update_schema() as update:
        update.add_column("model", StringType())
    table.append(ROWS.head(1).with_columns(model=pl.lit("m")).to_arrow())
    (file,) = find_files(tmp_path / "ice")
    assert (file.name, file.format) == ("n/t", "iceberg")
    assert file.frame().collect().sort("timestamp", "model").select("account_id", "model").rows() == [
        ("ann", None),
        ("ann", "m"),
        ("ann", None),
    ]
    assert (file.rows(), file.fields()) == (3, {*ROWS.columns, "model"})
    assert file.bytes() > 0
    assert read_log(tmp_path / "ice" / "n" / "t", default_settings()).accounts.to_list() == ["ann"]


def test_an_iceberg_table_at_a_named_state(catalogue, tmp_path):
    table = catalogue.create_table("n.t", schema=ROWS.to_arrow().schema)
    empty = table.metadata_location.removeprefix("file://")
    table.append(ROWS.to_arrow())
    first = table.metadata_location.removeprefix("file://")
    table.append(ROWS.to_arrow())
    folder = tmp_path / "ice" / "n" / "t"
    found = [find_files(source)[0] for source in (empty, first, folder)]
    assert [file.name for file in found] == [empty, first, str(folder)]
    assert [file.frame().collect().height for file in found] == [0, 3, 6]
    assert [file.rows() for file in found] == [None, 3, 6]
    assert len({file.identity() for file in found}) == 3
    twin = folder / "metadata" / "00002-twin.metadata.json"
    twin.write_text("{}")
    refused("both claim to be the newest state; give the path of the one that the catalogue names", folder)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"table-uuid":1,"current-snapshot-id":"x"}', "[" * 100_000]
)
def test_damaged_iceberg_metadata(tmp_path, content):
    state = tmp_path / "metadata" / "v1.metadata.json"
    state.parent.mkdir()
    state.write_text(content)
    for source in (tmp_path, state):
        refused(f"{state}: the table cannot be read (", source)


def test_iceberg_metadata_that_lies(catalogue):
    table = catalogue.create_table("n.t", schema=ROWS.to_arrow().schema)
    table.append(ROWS.to_arrow())
    state = Path(table.metadata_location.removeprefix("file://"))
    facts = json.loads(state.read_text())
    for change in ({"format-version": 99}, {"schemas": 1}, {"current-schema-id": 77}, {"snapshots": [7]}):
        state.write_text(json.dumps(facts | change))
        refused(f"{state}: the table cannot be read (", state)


def test_iceberg_without_its_reader(tmp_path, monkeypatch):
    state = tmp_path / "metadata" / "v1.metadata.json"
    state.parent.mkdir()
    state.write_text("{}")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    refused("an Iceberg table needs the extra `lake`; pip install 'harness-detector[lake]'", tmp_path)


def test_tables_in_a_store(bucket, tmp_path, endpoint):
    base = f"s3://{bucket.name}/d"
    ROWS.write_delta(f"{base}/delta", storage_options={"AWS_ALLOW_HTTP": "true"})
    deltalake.DeltaTable(f"{base}/delta", storage_options={"AWS_ALLOW_HTTP": "true"}).delete("plan = 'pro'")
    catalogue = SqlCatalog(
        "c",
        uri=f"sqlite:///{tmp_path}/c.db",
        warehouse=f"{base}/ice",
        **{"s3.endpoint": endpoint, "s3.region": "us-east-1"},
    )
    catalogue.create_namespace("n")
    table = catalogue.create_table("n.t", schema=ROWS.to_arrow().schema)
    table.append(ROWS.to_arrow())
    table.delete("plan = 'pro'")
    catalogue.close()
    found = find_files(base)
    assert [(file.name, file.format, file.rows()) for file in found] == [
        ("delta", "delta", 2),
        ("ice/n/t", "iceberg", 2),
    ]
    for file in found:
        assert collected(file).equals(ROWS.filter(plan="max"))
        assert file.bytes() > 0
        assert file.identity() == find_files(f"{base}/{file.name}")[0].identity()
    assert read_log(f"{base}/delta", default_settings()).requests.height == 2
    with pytest.raises(InputError, match="the pattern matches no log file"):
        find_files(f"{base}/delta/*.parquet")


def test_parquet_that_duckdb_wrote(tmp_path):
    query = """SELECT TIMESTAMPTZ '2026-11-02 12:00:00+01' AS timestamp, 'ann' AS account_id, '/' AS path,
        200::UTINYINT AS status, 12.5::DECIMAL(9, 3) AS duration_ms, ['Host'] AS header_names,
        MAP {'accept': '*/*', 'cookie': 'x'} AS header_values, DATE '2026-11-02' AS day"""
    with duckdb.connect() as connection:
        connection.sql(f"COPY ({query}) TO '{tmp_path}/log' (FORMAT parquet, PARTITION_BY day)")
    (file,) = find_files(tmp_path / "log")
    assert file.fields() >= {"header_values[].key", "header_values[].value", "header_names[]", "day"}
    assert file.frame().collect().get_column("day").to_list() == ["2026-11-02"]
    log = read_log(tmp_path / "log", default_settings())
    assert log.requests.select("status", "duration_ms").row(0) == (200, 12.5)
    assert log.fingerprints.get_column("header_values").to_list() == [[{"name": "accept", "value": "*/*"}]]
