import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.ingest.sources.kernels import levels, row_keys

SECRETS = np.array([3, 5, 7], dtype=np.uint64)


def read(content, width, count):
    page = np.frombuffer(content, dtype=np.uint8)
    found = np.full(count, 255, dtype=np.uint8)
    return found.tolist() if levels(page, 0, len(page), width, found) else None


@pytest.mark.parametrize(
    ("content", "width", "count", "expected"),
    [
        (b"\x06\x01", 1, 3, [1, 1, 1]),  # a run of three
        (b"\x03\x05", 1, 4, [1, 0, 1, 0]),  # eight packed bits, the lowest first
        (b"\x03\xb1\x01", 2, 4, [1, 0, 3, 2]),  # of two bits each
        (b"\x03\x88\xc6\xfa", 3, 8, [0, 1, 2, 3, 4, 5, 6, 7]),  # of three, across bytes
        (b"\x04\x02\x03\x01\x00", 2, 3, [2, 2, 1]),  # one after the other
        (b"\x80\x03\x01", 1, 192, [1] * 192),  # a run whose length takes two bytes
        (b"", 1, 0, []),
        (b"", 1, 1, None),
        (b"\x06", 1, 3, None),
        (b"\x03", 1, 1, None),
        (b"\x00\x01", 1, 1, None),  # a run of none
        (b"\xff\xff\xff\xff\xff\xff\x01", 1, 1, None),
    ],
)
def test_levels(content, width, count, expected):
    assert read(content, width, count) == expected


@given(st.binary(max_size=20), st.integers(1, 3), st.integers(0, 40))
def test_no_bytes_are_read_beyond_the_end(content, width, count):
    found = read(content, width, count)
    assert found is None or len(found) == count


def keys(rows, room=10, start=0, content=None):
    """Hash rows of texts, None for one that is not there."""
    repeats = [int(place > 0) for row in rows for place in range(len(row))]
    depths = [2 if text is None else 3 for row in rows for text in row]
    texts = [text for row in rows for text in row if text is not None]
    if content is None:
        content = bytes(start) + b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    found, starts = np.zeros(room, dtype=np.uint64), np.zeros(room, dtype=np.int64)
    count = row_keys(
        np.frombuffer(content, dtype=np.uint8),
        start,
        np.array(repeats, dtype=np.uint8),
        np.array(depths, dtype=np.uint8),
        3,
        SECRETS,
        found,
        starts,
    )
    return None if count < 0 else (found[:count].tolist(), starts[:count].tolist())


def test_rows_and_where_they_begin():
    found, starts = keys([[b"ab", b"c"], [None], [b"ab", b"c"], [b"a", b"bc"]], start=5)
    assert starts == [5, 16, 16, 27]
    assert found[0] == found[2]
    assert len({*found}) == 3


def test_texts_that_are_not_there_count_by_place():
    found = keys([[None], [None, None], [None, b"a"], [b"a", None], [b"a"], [b"", None], [None, b""]])[0]
    assert len({*found}) == 7


def test_the_bytes_of_other_rows_do_not_matter():
    for length in (*range(40), 63, 64, 65):
        text = bytes(range(length))
        alone = keys([[text]])[0][0]
        assert keys([[b"x"], [text], [b"y" * 9]])[0][1] == alone


@pytest.mark.parametrize(
    "content", [b"", b"\1\0\0", b"\2\0\0\0a", b"\xff\xff\xff\xffa", b"\1\0\0\0ab"], ids=repr
)
def test_a_page_that_is_damaged(content):
    assert keys([[b"a"]], content=content) is None


def test_a_page_with_more_rows_than_room():
    assert keys([[b"a"], [b"b"]], room=1) is None


def test_a_page_that_goes_on_with_a_row():
    one = np.ones(1, dtype=np.uint8)
    page, room = np.frombuffer(b"\1\0\0\0a", dtype=np.uint8), np.zeros(1, dtype=np.uint64)
    assert row_keys(page, 0, one, 3 * one, 3, SECRETS, room, np.zeros(1, dtype=np.int64)) == -1
