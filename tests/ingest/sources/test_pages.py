from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.ingest.sources.pages import pages


def chunk(path, rows, **options):
    """Write a column of lists; return the bytes of its chunk."""
    table = pa.table({"a": pa.array(rows, pa.list_(pa.string()))})
    pq.write_table(table, path, **({"use_dictionary": False, "compression": "none"} | options))
    held = pq.ParquetFile(path).metadata.row_group(0).column(0)
    start = held.dictionary_page_offset or held.data_page_offset
    return path.read_bytes()[start : start + held.total_compressed_size]


def test_pages_as_they_stand(tmp_path):
    (page,) = pages(chunk(tmp_path / "a.parquet", [["x", None], [], ["yz"]]))
    assert page.values == 4
    assert page.size == len(page.packed)
    assert bytes(page.packed).endswith(b"\1\0\0\0x\2\0\0\0yz")


def test_many_pages(tmp_path):
    content = chunk(tmp_path / "a.parquet", [["x" * 100]] * 1_000, data_page_size=1_000, write_batch_size=10)
    found = list(pages(content))
    assert len(found) > 10
    assert sum(page.values for page in found) == 1_000


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"use_dictionary": True}, "another kind"), ({"data_page_version": "2.0"}, "another kind")],
)
def test_pages_of_another_kind(tmp_path, options, reason):
    with pytest.raises(ValueError, match=reason):
        list(pages(chunk(tmp_path / "a.parquet", [["x"]], **options)))


def test_a_chunk_that_is_cut_off(tmp_path):
    content = chunk(tmp_path / "a.parquet", [["x"]])
    for length in range(1, len(content)):
        with pytest.raises(ValueError, match="cut off"):
            list(pages(content[:length]))


@settings(max_examples=300)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_pages_or_refused(content):
    with suppress(ValueError):
        for page in pages(content):
            assert len(page.packed) <= len(content)
