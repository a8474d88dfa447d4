import gzip
import os
import re
from pathlib import Path

import polars as pl
import pytest

from detector.errors import InputError
from detector.ingest.sources.find import find_all, find_files

FRAME = pl.DataFrame({"path": ["/"]})


def put(path, frame=FRAME):
    path.parent.mkdir(parents=True, exist_ok=True)
    if ".parquet" in path.name or path.suffix == ".pq":
        frame.write_parquet(path)
    else:
        path.write_text(frame.write_ndjson())
    return path


def names(source):
    return [file.name for file in find_files(source)]


def test_a_folder_is_searched_in_depth_and_hidden_things_are_skipped(tmp_path):
    for name in ("b.pq", "a/c.PARQUET.parquet", "a/d.jsonl", "a/e.json", "date=1/f.ndjson", "g.LOG.gz"):
        put(tmp_path / name)
    for name in (
        ".g.parquet",
        "_h.parquet",
        "_old/0.json",
        ".tmp/i.parquet",
        "notes.txt",
        "a/_SUCCESS",
    ):
        put(tmp_path / name)
    assert [(file.name, file.format) for file in find_files(tmp_path)] == [
        ("a/c.PARQUET.parquet", "parquet"),
        ("a/d.jsonl", "ndjson"),
        ("a/e.json", "ndjson"),
        ("b.pq", "parquet"),
        ("date=1/f.ndjson", "ndjson"),
        ("g.LOG.gz", "ndjson"),
    ]


def test_one_file_keeps_the_name_that_was_typed(tmp_path, monkeypatch):
    put(tmp_path / "a.parquet")
    monkeypatch.chdir(tmp_path)
    assert names("a.parquet") == ["a.parquet"]
    assert names("./a.parquet") == ["./a.parquet"]


def test_globs_match_files_and_folders(tmp_path, monkeypatch):
    for name in ("date=1/a.parquet", "date=2/b.parquet", "_old/c.parquet", "d.txt", "e.parquet/part.parquet"):
        put(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert names("date=*/*.parquet") == ["date=1/a.parquet", "date=2/b.parquet"]
    assert names("date=*") == ["date=1/a.parquet", "date=2/b.parquet"]
    assert names("*") == ["date=1/a.parquet", "date=2/b.parquet", "e.parquet/part.parquet"]
    assert names("**/*.parquet") == ["date=1/a.parquet", "date=2/b.parquet", "e.parquet/part.parquet"]
    assert names(str(tmp_path / "date=[1]" / "*")) == [(tmp_path / "date=1/a.parquet").as_posix()]


def test_a_name_with_glob_characters_is_a_name_first(tmp_path):
    for name in ("a[1]*.ndjson", "b[1].parquet"):
        path = put(tmp_path / "d[x]" / name)
        frame, found = find_files(path)[0].scan()
        assert frame.collect().equals(FRAME)
        assert found == FRAME.schema
    assert names(tmp_path / "d[x]") == ["a[1]*.ndjson", "b[1].parquet"]


def test_partitions_are_the_folders_below_the_source(tmp_path):
    put(tmp_path / "x=0" / "model=a%20b" / "n=__HIVE_DEFAULT_PARTITION__" / "=" / "a.parquet")
    (file,) = find_files(tmp_path / "x=0")
    assert file.partitions == {"model": "a b", "n": None}


def test_a_partition_key_that_is_a_native_column_is_added_unless_the_file_has_it(tmp_path):
    put(tmp_path / "path=no" / "model=m" / "date=1" / "a.parquet")
    frame, found = find_files(tmp_path)[0].scan()
    assert frame.collect().to_dicts() == [{"path": "/", "model": "m"}]
    assert found == {"path": pl.String, "model": pl.String}


def test_plain_json_columns_come_as_text(tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_text(
        '{"status":200,"header_names":["a"]}\n{"status":"x","other":1}\n{"status":12345678901234567890}\n'
    )
    frame, found = find_files(path)[0].scan()
    assert found == {"status": pl.String, "header_names": pl.List(pl.String), "other": pl.Int64}
    assert frame.collect().get_column("status").to_list() == ["200", "x", "12345678901234567890"]


def test_a_file_without_a_telling_suffix_is_known_by_its_first_bytes(tmp_path):
    path = put(tmp_path / "a.parquet").rename(tmp_path / "log")
    assert find_files(path)[0].scan()[0].collect().equals(FRAME)
    for content in (b'\xef\xbb\xbf {"path":"/"}\n', gzip.compress(b'{"path":"/"}\n')):
        path.write_bytes(content)
        assert find_files(path)[0].format == "ndjson"


def test_packed_json(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"path":"/"}\n'))
    assert find_files(tmp_path)[0].scan()[0].collect().equals(FRAME)


def refused(message, source):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        [file.scan() for file in find_files(source)]
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)


def test_nothing_there(tmp_path):
    refused("no such file or folder; check the path", tmp_path / "a.parquet")
    refused("the folder holds no log file; give a folder with", tmp_path)
    refused("the pattern matches no log file; check the pattern", tmp_path / "*.parquet")


def test_not_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    for content in (b"", b"PAR", b"timestamp,account_id\n"):
        path.write_bytes(content)
        refused("is not a Parquet file; give Parquet or NDJSON", path)


def test_truncated_parquet(tmp_path):
    path = put(tmp_path / "a.parquet")
    path.write_bytes(path.read_bytes()[:-10])
    refused("is a truncated Parquet file; write or copy it again", path)


def test_neither(tmp_path):
    path = tmp_path / "a.txt"
    for content in ("timestamp,account_id\n", "", "[1]\n", "\n{}\n"):
        path.write_text(content)
        refused(
            "is neither Parquet, NDJSON nor CSV by its name; give .parquet, .ndjson, .jsonl or .csv", path
        )


@pytest.mark.parametrize("nothing", ["", "  "])
def test_an_empty_path_is_refused_and_is_not_the_working_folder(nothing):
    with pytest.raises(InputError, match="no such file or folder"):
        find_files(nothing)


def test_several_sources_hold_each_file_once(tmp_path, monkeypatch):
    for name in ("a/1.parquet", "a/2.ndjson", "b/1.parquet"):
        put(tmp_path / name)
    (tmp_path / "c").symlink_to(tmp_path / "b")
    monkeypatch.chdir(tmp_path)
    found = find_all(["b", "a/2.ndjson", "a/*", tmp_path / "a" / "1.parquet", tmp_path / "c"])
    assert [(file.name, file.path) for file in found] == [
        ("1.parquet", "b/1.parquet"),
        ("a/1.parquet", "a/1.parquet"),
        ("a/2.ndjson", "a/2.ndjson"),
    ]


def test_a_name_that_is_no_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/b\xff.ndjson"
    Path(os.fsdecode(path)).write_text("{}\n")
    for source in (tmp_path, tmp_path / "*", os.fsdecode(path)):
        with pytest.raises(InputError, match=r"b\\udcff\.ndjson': the name is not UTF-8; rename it"):
            find_files(source)
