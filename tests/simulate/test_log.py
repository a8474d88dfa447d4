import polars as pl
import pyarrow.parquet as pq
import pytest

from detector.schema import REQUEST
from detector.simulate import FleetOptions, log, simulate
from detector.simulate.log import hex_texts

SMALL = FleetOptions(accounts=25, days=3, seed=5)


@pytest.fixture(scope="module")
def small():
    return simulate(SMALL)


def test_hex_texts_cut_the_bytes_in_order():
    assert hex_texts(bytes(range(6)), 4).to_pylist() == ["0001", "0203", "0405"]
    assert hex_texts(b"", 4).to_pylist() == []


def test_a_part_of_a_day_keeps_the_identifiers_of_its_rows(small):
    day = small.log.days[1]
    part = day.part(10, 5)
    assert part.rows.equals(day.rows[10:15])
    assert part.ids == day.ids[120:180]


def test_height_counts_every_request(small):
    assert small.log.height == small.requests.height == sum(day.rows.height for day in small.log.days)


def test_row_groups_change_no_row(small, tmp_path, monkeypatch):
    monkeypatch.setattr(log, "ROW_GROUP", 700)
    small.log.write(tmp_path)
    files = sorted(tmp_path.rglob("*.parquet"))
    assert pq.read_metadata(files[0]).row_group(0).num_rows == 700
    assert pl.concat(pl.read_parquet(file, hive_partitioning=False) for file in files).equals(small.requests)


def test_files_hold_the_types_of_the_schema(small, tmp_path):
    small.log.write(tmp_path)
    for file in tmp_path.rglob("*.parquet"):
        assert pl.read_parquet_schema(file) == dict(REQUEST)


def test_header_lists_are_written_by_dictionary(small, tmp_path):
    small.log.write(tmp_path)
    group = pq.read_metadata(next(tmp_path.rglob("*.parquet"))).row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert set(log.DICTIONARIES) <= set(columns)
    for name, column in columns.items():
        wanted = name in log.DICTIONARIES and column.physical_type != "BOOLEAN"
        assert ("RLE_DICTIONARY" in column.encodings) == wanted, name


def test_a_log_without_requests_has_the_columns(small):
    empty = log.Log(SMALL.start, (), small.log.words)
    assert empty.requests().schema == REQUEST
    assert empty.height == 0
