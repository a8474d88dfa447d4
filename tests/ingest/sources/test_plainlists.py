import sys
from contextlib import suppress

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.ingest.sources import plainlists
from detector.ingest.sources.parquet import list_frame
from detector.ingest.sources.plainlists import plain_lists

NAMES = pa.large_list(pa.large_string())
PAIRS = pa.large_list(pa.struct([("name", pa.large_string()), ("value", pa.large_string())]))
COLUMNS = ["header_names", "header_values"]

TEXT = st.one_of(st.none(), st.text("ab\x00é", max_size=40))
PAIR = st.one_of(st.none(), st.fixed_dictionaries({"name": TEXT, "value": TEXT}))
LISTS = st.tuples(
    st.one_of(st.none(), st.lists(TEXT, max_size=5)), st.one_of(st.none(), st.lists(PAIR, max_size=4))
)


def table(rows):
    """A table of header lists, a pair of lists a row."""
    return pa.table(
        {
            "header_names": pa.array([names for names, _ in rows], NAMES),
            "header_values": pa.array([pairs for _, pairs in rows], PAIRS),
        }
    )


def written(rows, path, **options):
    """Write a table as polars does: plainly, in one row group."""
    pq.write_table(table(rows), path, **({"use_dictionary": False, "compression": "zstd"} | options))
    return str(path)


def taken(lists, numbers):
    types = {"header_names": NAMES, "header_values": PAIRS}
    return list_frame(lists.take(numbers), types).rows()


def keys(lists, rows):
    return list(zip(*(series.to_list() for series in lists.keys(0, rows)), strict=True))


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(LISTS, min_size=1, max_size=30),
    codec=st.sampled_from(["zstd", "snappy", "gzip", "brotli", "none"]),
    data=st.data(),
)
def test_rows_have_one_hash_where_their_lists_are_the_same(rows, codec, data, tmp_path_factory):
    path = written(rows, tmp_path_factory.mktemp("lists") / "a.parquet", compression=codec)
    lists = plain_lists(path, 0, COLUMNS)
    assert lists is not None
    found = keys(lists, len(rows))
    told = [repr(row) for row in rows]
    assert len({*zip(found, told, strict=True)}) == len({*found}) == len({*told})
    numbers = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))
    read = pl.DataFrame(pl.from_arrow(table([rows[number] for number in numbers]))).rows()
    assert taken(lists, numbers) == read


@settings(max_examples=60, deadline=None)
@given(text=st.binary(max_size=70), place=st.integers(0, 69), change=st.integers(1, 255))
def test_one_other_byte_is_another_hash(text, place, change, tmp_path_factory):
    other = bytearray(text)
    if text:
        other[place % len(text)] ^= change
    rows = [[text], [bytes(other)], [text + b"\0"], [text, b""], [text]]
    kind = pa.list_(pa.binary())
    path = str(tmp_path_factory.mktemp("lists") / "a.parquet")
    pq.write_table(pa.table({"header_names": pa.array(rows, kind)}), path, use_dictionary=False)
    lists = plain_lists(path, 0, ["header_names"])
    assert lists is not None
    found = lists.keys(0, 5)[0].to_list()
    assert found[0] == found[4]
    assert len({*found}) == (4 if text else 3)


def test_the_lists_of_polars_in_many_pages_and_row_groups(tmp_path):
    path = str(tmp_path / "a.parquet")
    names = [[f"name-{number % 300}", "x" * (number % 50)] for number in range(20_000)]
    frame = pl.DataFrame({"header_names": names})
    frame.write_parquet(path, row_group_size=15_000, data_page_size=5_000)
    for group, start, rows in ((0, 0, 15_000), (1, 15_000, 5_000)):
        lists = plain_lists(path, group, ["header_names"])
        assert lists is not None
        assert lists.take([rows - 1, 7, rows - 1]).column(0).to_pylist() == [
            [text.encode() for text in names[start + number]] for number in (rows - 1, 7, rows - 1)
        ]
        (found,) = lists.keys(100, rows - 100)
        assert found.n_unique() == len({tuple(name) for name in names[start + 100 : start + rows]})


ROWS = [(["a", "b"], [{"name": "a", "value": None}])] * 100


@pytest.mark.parametrize(
    "options",
    [
        {"use_dictionary": True},
        {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"},
        {"data_page_version": "2.0"},
        {"compression": "lz4"},
    ],
)
def test_what_is_held_otherwise_is_left_to_others(tmp_path, options):
    assert plain_lists(written(ROWS, tmp_path / "a.parquet", **options), 0, COLUMNS) is None


def test_lists_that_differ_too_often_are_left_to_others(tmp_path, monkeypatch):
    monkeypatch.setattr(plainlists, "_MOST_DISTINCT", 50)
    path = written([([str(number)], None) for number in range(51)], tmp_path / "a.parquet")
    assert plain_lists(path, 0, COLUMNS) is None
    path = written([([str(number % 50)], None) for number in range(99)], tmp_path / "b.parquet")
    assert plain_lists(path, 0, COLUMNS) is not None


def test_without_numba_all_is_left_to_others(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "detector.ingest.sources.kernels", None)
    assert plain_lists(written(ROWS, tmp_path / "a.parquet"), 0, COLUMNS) is None


def test_text_that_is_not_utf8_is_told_where_it_is_read(tmp_path):
    rows = pa.array([[b"a"], [b"\xff"]], pa.list_(pa.binary()))
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"header_names": rows}), path, use_dictionary=False)
    lists = plain_lists(path, 0, ["header_names"])
    assert lists is not None
    assert list_frame(lists.take([0]), {"header_names": NAMES}).rows() == [(["a"],)]
    with pytest.raises(pl.exceptions.ComputeError, match="UTF8"):
        list_frame(lists.take([1]), {"header_names": NAMES})


@settings(max_examples=300, deadline=None)
@given(
    place=st.integers(4, 100_000),
    bytes_=st.binary(min_size=1, max_size=8),
    codec=st.sampled_from(["none", "zstd"]),
)
def test_no_damage_is_more_than_another_hash_or_left_to_others(place, bytes_, codec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    rows = [
        (["accept", "user-agent", None], [{"name": "accept", "value": "x" * number}]) for number in range(40)
    ]
    path = folder / "a.parquet"
    written(rows, path, compression=codec)
    content = bytearray(path.read_bytes())
    chunks = pq.ParquetFile(path).metadata.row_group(0)
    end = max(
        chunks.column(number).data_page_offset + chunks.column(number).total_compressed_size
        for number in range(3)
    )
    place = 4 + place % (end - 4)
    content[place : min(place + len(bytes_), end)] = bytes_[: max(0, end - place)]
    path.write_bytes(content)
    lists = plain_lists(str(path), 0, COLUMNS)
    if lists is not None:
        assert [len(series) for series in lists.keys(0, 40)] == [40] * 3
        with suppress(ValueError):
            lists.take(range(40))
