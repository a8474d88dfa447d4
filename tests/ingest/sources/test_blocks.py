import gzip
import re

import pyarrow as pa
import pytest

from detector.errors import InputError
from detector.ingest.sources.blocks import line_blocks

TEXT = b"one\n\ntwo\nthree is longer than a block\nfour"


def test_lines_stay_whole(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(TEXT)
    blocks = list(line_blocks(str(path), 8))
    assert blocks == [b"one\n\n", b"two\n", b"three is longer than a block\n", b"four"]
    assert list(line_blocks(str(path), 1_000)) == [TEXT.removesuffix(b"four"), b"four"]


def test_packed_text_of_several_members(tmp_path):
    path = tmp_path / "a.log"
    for pack in (gzip.compress, lambda text: pa.compress(text, codec="zstd", asbytes=True)):
        path.write_bytes(pack(TEXT + b"\n") + pack(TEXT))
        assert b"".join(line_blocks(str(path), 8)) == TEXT + b"\n" + TEXT


def test_nothing(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"")
    assert list(line_blocks(str(path), 8)) == []


def test_packed_text_that_stops_short(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(gzip.compress(TEXT)[:-9])
    with pytest.raises(InputError, match=re.escape("a.log: damaged or not a log (")):
        list(line_blocks(str(path), 8))
