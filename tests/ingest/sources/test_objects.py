import gzip
import io
import re
from glob import has_magic

import polars as pl
import pytest

from detector.errors import InputError
from detector.ingest import read_log
from detector.ingest.sources.find import find_all, find_files
from detector.ingest.sources.objects import matches, plain_reason
from detector.settings import default_settings

LINES = b'{"path":"/"}\n{"path":"/a"}\n'
CSV = b"path,n\n/,1\n"


def parquet(frame):
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def put(bucket, **contents):
    for key, content in contents.items():
        bucket.put_object(Key=key, Body=content)
    return f"s3://{bucket.name}"


def names(source):
    return [file.name for file in find_files(source)]


def test_a_folder_of_objects(bucket):
    keys = {
        "d/a.parquet": parquet(pl.DataFrame({"path": ["/"]})),
        "d/date=1/x y.ndjson": LINES,
        "d/date=1/plan=max/z.log.gz": gzip.compress(LINES),
        "d/e.csv": CSV,
        "d/_labels/a.csv": CSV,
        "d/.hidden.csv": CSV,
        "d/notes.txt": b"",
        "d/empty/": b"",
        "dx/b.csv": CSV,
    }
    base = put(bucket, **keys)
    found = find_files(f"{base}/d")
    assert [(file.name, file.format, file.partitions) for file in found] == [
        ("a.parquet", "parquet", {}),
        ("date=1/plan=max/z.log.gz", "ndjson", {"date": "1", "plan": "max"}),
        ("date=1/x y.ndjson", "ndjson", {"date": "1"}),
        ("e.csv", "csv", {}),
    ]
    assert [file.path for file in found] == [f"{base}/d/{file.name}" for file in found]
    assert names(f"{base}/d/") == names(f"{base}/d")
    assert len(find_files(base)) == 5
    one, two, three, four = found
    assert one.frame().collect().to_dicts() == [{"path": "/"}]
    for packed in (two, three):
        assert (
            packed.lines().collect(engine="streaming").get_column("line").to_list() == LINES.decode().split()
        )
        assert packed.fields() == {"path"} | packed.partitions.keys()
    assert four.frame().collect().to_dicts() == [{"path": "/", "n": "1"}]
    assert [file.rows() for file in found] == [1, None, 2, 2]
    assert [file.bytes() for file in found] == [len(keys[f"d/{file.name}"]) for file in found]


def test_one_object_keeps_the_address_that_was_typed(bucket):
    base = put(bucket, **{"a.csv": CSV, "packed": gzip.compress(LINES)})
    assert names(f"{base}/a.csv") == [f"{base}/a.csv"]
    assert find_files(f"{base}/packed")[0].format == "ndjson"


def test_globs(bucket):
    keys = ("d/date=1/a.csv", "d/date=2/b.csv", "d/date=2/c.txt", "d/_old/c.csv", "d/e.csv", "d/[x]?*.csv")
    base = put(bucket, **dict.fromkeys(keys, CSV))
    for pattern, found in {
        "d/date=*": keys[:2],
        "d/date=*/*.csv": keys[:2],
        "d/date=[2]": keys[1:2],
        "*/*/a.*": keys[:1],
        "**/*.csv": (keys[5], keys[0], keys[1], keys[4]),
        "d/*.csv": (keys[5], keys[4]),
        "d/[x]?*.csv": keys[5:],
    }.items():
        assert names(f"{base}/{pattern}") == [f"{base}/{key}" for key in found]
    assert find_files(f"{base}/d/date=*")[0].partitions == {"date": "1"}


@pytest.mark.parametrize(
    "key", ["a b", "100%", "%20", "a+b", "é", "[a]*", "a#b", "a?b=c", "a&b", "a'\"b", "a..b"]
)
def test_hostile_keys(bucket, key):
    base = put(bucket, **{f"d/{key}.csv": CSV, f"d/{key}.ndjson": LINES})
    for found in (
        find_files(f"{base}/d"),
        [*find_files(f"{base}/d/{key}.csv"), *find_files(f"{base}/d/*.ndjson")],
    ):
        table, log = found
        assert table.frame().collect().to_dicts() == [{"path": "/", "n": "1"}]
        assert log.lines().collect(engine="streaming").get_column("line").to_list() == LINES.decode().split()
        assert log.bytes() == len(LINES)
        if has_magic(key):
            with pytest.raises(InputError, match="its key reads as a pattern; rename the object"):
                log.scan()
        else:
            assert log.scan()[0].collect().to_dicts() == [{"path": "/"}, {"path": "/a"}]


def test_identity_follows_the_content(bucket):
    base = put(bucket, **{"a.csv": CSV, "b.csv": CSV})
    first = find_files(f"{base}/a.csv")[0]
    before = first.identity()
    assert first.identity() == before != find_files(f"{base}/b.csv")[0].identity()
    put(bucket, **{"a.csv": CSV.replace(b"1", b"2")})
    assert first.identity() != before


def test_a_native_log_is_read_from_the_store(bucket, tmp_path):
    frame = pl.DataFrame({"timestamp": [1_790_000_000], "account_id": ["ann"], "path": ["/v1/messages"]})
    base = put(
        bucket, **{"log/plan=max/a.parquet": parquet(frame), "log/b.ndjson": frame.write_ndjson().encode()}
    )
    log = read_log(f"{base}/log", default_settings())
    assert log.requests.get_column("plan").sort().to_list() == [None, "max"]
    frame.write_parquet(tmp_path / "c.parquet")
    assert [file.name for file in find_all([tmp_path, f"{base}/log", f"{base}/log/b.ndjson"])] == [
        "b.ndjson",
        "c.parquet",
        "plan=max/a.parquet",
    ]


def refused(message, source):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        [file.scan() for file in find_files(source)]
    text = str(caught.value)
    assert "\n" not in text
    assert "of-the-tests" not in text
    return text


def test_nothing_there(bucket):
    base = put(bucket, **{"d/a.txt": b""})
    assert refused("no such object or folder; check the address", f"{base}/x").startswith(f"{base}/x: ")
    refused("the folder holds no log file; give a folder with", f"{base}/d")
    refused("the pattern matches no log file; check the pattern", f"{base}/d/*.csv")
    refused("check the address", f"{base}-not/d/*")


def test_damaged_objects(bucket):
    whole = parquet(pl.DataFrame({"path": ["/"] * 99}))
    base = put(
        bucket,
        **{"a.parquet": whole[:-9], "b.parquet": b"a,b\n", "c.ndjson.gz": gzip.compress(LINES * 999)[:-9]},
    )
    refused(f"{base}/a.parquet: is a truncated Parquet file; write or copy it again", f"{base}/a.parquet")
    refused(f"{base}/b.parquet: is not a Parquet file; give Parquet or NDJSON", f"{base}/b.parquet")
    (file,) = find_files(f"{base}/c.ndjson.gz")
    with pytest.raises(InputError, match=r"c\.ndjson\.gz: is truncated \("), file.reading():
        file.lines().collect(engine="streaming")


def test_an_object_that_vanished(bucket):
    base = put(bucket, **{"a.csv": CSV})
    (file,) = find_files(f"{base}/a.csv")
    bucket.Object("a.csv").delete()
    for use in (file.fields, file.identity, file.rows, file.bytes, file.scan):
        with pytest.raises(InputError, match=re.escape(f"{base}/a.csv: cannot be read (")):
            use()


def test_a_store_that_does_not_answer(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    refused(
        "check the address and the credentials and endpoint in the environment", f"s3://{bucket.name}/a.csv"
    )


def test_a_store_without_an_account(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    refused("check the address and the credentials and endpoint in the environment", "az://logs/a.csv")


def test_credentials_in_an_address_are_refused_and_not_shown():
    with pytest.raises(
        InputError, match=re.escape("s3://...: an address must not hold credentials")
    ) as caught:
        find_files("s3://key:hush@bucket/a.csv")
    assert "hush" not in str(caught.value)


def test_reasons_do_not_show_what_a_request_carried():
    error = OSError("GET https://h/a?sig=hush&x=1 in 3ms: 403 <Error><Token>hush</Token>\nStringToSign hush")
    assert plain_reason(error) == "GET https://h/a in 3ms: 403"


@pytest.mark.parametrize(
    ("parts", "pattern", "expected"),
    [
        ("a/b", "a/*", True),
        ("a/b", "*", False),
        ("a", "a/*", False),
        ("a/b/c", "**/c", True),
        ("c", "**/c", True),
        ("a/b", "a/b/**", True),
        ("a/b", "A/b", False),
        ("a/b]", "a/[b]]", True),
    ],
)
def test_globs_match_part_by_part(parts, pattern, expected):
    assert matches(parts.split("/"), pattern.split("/")) is expected
