import gzip
import hashlib
import re

import polars as pl
import pyarrow as pa
import pytest

from detector.errors import InputError
from detector.ingest import read_log
from detector.ingest.sources.find import find_files
from detector.settings import default_settings

LINES = b'{"path":"/","n":1}\n{"path":"/a","n":"x"}\n'


def pack(name, content):
    if name.endswith(".gz"):
        return gzip.compress(content)
    return pa.compress(content, "zstd", asbytes=True) if name.endswith(".zst") else content


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(path.name, content))
    return find_files(path)[0]


def lines(file):
    return file.lines().collect(engine="streaming").get_column("line").to_list()


@pytest.mark.parametrize("name", ["a.ndjson", "a.jsonl.gz", "a.json.zst", "a.log.gz"])
def test_lines_plain_and_packed(tmp_path, name):
    file = put(tmp_path / name, LINES)
    assert file.format == "ndjson"
    assert lines(file) == ['{"path":"/","n":1}', '{"path":"/a","n":"x"}']


def test_lines_of_several_packed_parts(tmp_path):
    for name in ("a.ndjson.gz", "a.ndjson.zst"):
        path = tmp_path / name
        path.write_bytes(pack(name, b"{}\n") + pack(name, b"{}\n"))
        assert lines(find_files(path)[0]) == ["{}", "{}"]


def test_hostile_bytes_spoil_their_own_line_only(tmp_path):
    file = put(
        tmp_path / "a.ndjson", b'\xef\xbb\xbf{"a":1}\r\n\n{"b":"\xff"}\n{"c":\x002}\n"q\n,\t\x1e;\n{"d":3}'
    )
    assert lines(file) == ['{"a":1}', "", '{"b":"\ufffd"}', '{"c":', '"q', ",\t\x1e;", '{"d":3}']


def test_lines_come_in_order_and_in_batches(tmp_path):
    file = put(tmp_path / "a.ndjson.gz", b"".join(b"%d\n" % number for number in range(1000)))
    batches = list(file.lines().collect_batches(chunk_size=300, engine="streaming"))
    assert [int(line) for batch in batches for line in batch.get_column("line")] == list(range(1000))
    assert max(batch.height for batch in batches) <= 300


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv.zst", "a.TSV"])
def test_the_columns_of_csv_are_text(tmp_path, name):
    cut = "\t" if "tsv" in name.lower() else ","
    content = f'path{cut}n{cut}"x y"\n/{cut}01{cut}"a{cut}""b\nc"\n{cut}{cut}\n'.encode()
    file = put(tmp_path / name, content)
    assert file.frame().collect().to_dicts() == [
        {"path": "/", "n": "01", "x y": f'a{cut}"b\nc'},
        {"path": None, "n": None, "x y": None},
    ]
    assert file.fields() == {"path", "n", "x y"}
    assert file.format == "csv"


def test_bad_utf8_in_csv_spoils_its_own_value_only(tmp_path):
    file = put(tmp_path / "a.csv", b"\xef\xbb\xbfa,b\n\xff,1\nx,2\n")
    assert file.frame().collect().to_dicts() == [{"a": "\ufffd", "b": "1"}, {"a": "x", "b": "2"}]


def test_partition_keys_that_a_file_lacks_are_text_columns(tmp_path):
    put(tmp_path / "path=no" / "date=2026-11-01" / "n=__HIVE_DEFAULT_PARTITION__" / "a.csv", b"path\n/\n")
    (file,) = find_files(tmp_path)
    assert file.frame().collect().to_dicts() == [{"path": "/", "date": "2026-11-01", "n": None}]
    assert file.frame().collect_schema() == {"path": pl.String, "date": pl.String, "n": pl.String}
    assert file.fields() == {"path", "date", "n"}


def test_a_native_log_as_csv_is_read(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(
        "timestamp,account_id,path,status,tool_result\n2026-11-02T12:00:00Z,ann,/v1/messages?x,200,true\n,,,,\n"
    )
    log = read_log(file, default_settings())
    assert log.accounts.to_list() == ["ann"]
    assert log.requests.select("kind", "status", "tool_result").row(0) == ("inference", 200, True)
    assert log.rejected == {"null_account_id": 1}


def test_an_empty_text_file_has_no_rows(tmp_path):
    for name in ("a.csv", "b.ndjson"):
        file = put(tmp_path / name, b"")
        assert (lines(file), file.rows(), file.fields()) == ([], 0, frozenset())
    with pytest.raises(InputError, match="the log has no rows"):
        read_log(tmp_path, default_settings())


def test_fields_of_json(tmp_path):
    content = b'{"a":1,"h":[{"name":"x","value":null},["y"]],"e":[],"o":{},"d.e":{"f":{"g":"z"}}}\n'
    content += b'not json\n[{"no":1}]\n\n'
    file = put(tmp_path / "date=1" / "a.ndjson.zst", content + b'{"late":true}')
    assert file.fields() == {"a", "h[].name", "h[].value", "h[][]", "e[]", "o", "d.e.f.g", "late"}
    assert find_files(tmp_path)[0].fields() == file.fields() | {"date"}


def test_hostile_json_is_skipped_or_cut(tmp_path):
    deep = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    wide = b"{" + b",".join(b'"k%d":1' % number for number in range(30_000)) + b"}"
    number = b'{"n":' + b"9" * 5_000 + b"}"
    nested = b'{"b":' * 500 + b"1" + b"}" * 500
    file = put(tmp_path / "a.ndjson", b"\n".join([deep, number, nested, b'{"ok":1}', wide]))
    fields = file.fields()
    assert {"ok", ".".join("b" * 500)} < fields
    assert len(fields) < 20_000
    assert not any(field.startswith("a") or field == "n" for field in fields)


def test_only_the_first_lines_are_looked_at(tmp_path):
    file = put(tmp_path / "a.ndjson", b'{"a":1}\n' * 200 + b'{"b":1}\n')
    assert file.fields() == {"a"}


def test_fields_of_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame(
        {"a": [1], "h": [[{"key": "x", "value": [1]}]], "s": [{"t": {"u": 1}, "v": 2}]},
        schema_overrides={"v": pl.Array(pl.Int64, 1)},
    ).with_columns(f=pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2))).write_parquet(path)
    assert find_files(path)[0].fields() == {"a", "h[].key", "h[].value[]", "s.t.u", "s.v", "f[]"}


def test_identity_is_of_the_bytes_whatever_the_name(tmp_path):
    one = put(tmp_path / "a.ndjson", LINES)
    other = put(tmp_path / "date=1" / "b.csv", LINES)
    assert one.identity() == other.identity() == hashlib.sha256(LINES).hexdigest()
    assert put(tmp_path / "c.ndjson", LINES + b"\n").identity() != one.identity()


def test_sizes(tmp_path):
    file = put(tmp_path / "a.ndjson", b"12345\n" * 1000)
    assert (file.bytes(), file.rows()) == (6000, 1000)
    file = put(tmp_path / "a.csv.gz", b"12345\n" * 1000)
    assert (file.bytes(), file.rows()) == ((tmp_path / "a.csv.gz").stat().st_size, None)
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": range(7)}).write_parquet(path)
    assert find_files(path)[0].rows() == 7


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.ndjson.zst", "a.csv.gz"])
def test_a_cut_packed_file(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(pack(name, b"a,b\n" * 100_000)[:-9])
    (file,) = find_files(path)
    with pytest.raises(InputError, match=re.escape(f"{name}: is truncated (")) as caught, file.reading():
        file.lines().collect(engine="streaming")
    assert str(caught.value).endswith("; write or copy it again")
    assert "\n" not in str(caught.value)


def test_a_file_that_vanished(tmp_path):
    for name in ("a.ndjson", "a.csv", "a.parquet"):
        path = tmp_path / name
        if name == "a.parquet":
            pl.DataFrame({"a": [1]}).write_parquet(path)
        else:
            path.write_bytes(b"{}\n")
        (file,) = find_files(path)
        path.unlink()
        for use in (file.fields, file.identity, file.rows, file.bytes, file.scan):
            with pytest.raises(InputError, match=re.escape(f"{path}: cannot be read (")):
                use()


@pytest.mark.parametrize(
    "name", ["a b.csv", "~root.csv", "n\nl.csv", "[a]*?.csv", "%20.csv", "s3:.csv", "é.csv", "{a}.csv"]
)
def test_hostile_file_names(tmp_path, monkeypatch, name):
    put(tmp_path / "in" / name, b"a\n1\n")
    put(tmp_path / "in" / name.replace("csv", "ndjson"), b'{"path":"/"}\n')
    monkeypatch.chdir(tmp_path / "in")
    for source in (tmp_path / "in", ".", "../in", "*"):
        table, log = find_files(source)
        assert table.frame().collect().to_dicts() == [{"a": "1"}]
        assert log.fields() == {"path"}
        assert log.scan()[0].collect().to_dicts() == [{"path": "/"}]
    assert find_files(name)[0].name == name
