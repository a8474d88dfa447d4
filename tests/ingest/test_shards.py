import gzip
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import InputError
from detector.ingest import found, pieces, shards
from detector.ingest.fingerprints import FACTS
from detector.ingest.parts import ROW
from detector.ingest.shards import InputFile, split_log
from detector.ingest.sources.find import find_files
from detector.ingest.store.layout import FINGERPRINT
from detector.schema import REQUEST
from detector.settings import default_settings

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
HASHES = ("device", "network", "tools_hash", "request")
FULL = {
    "timestamp": NOON,
    "account_id": "ann",
    "path": "/v1/messages?beta=true",
    "method": "POST",
    "request_id": "r1",
    "status": 200,
    "duration_ms": 1500.0,
    "auth": "Subscription",
    "plan": "max",
    "session_id": "s1",
    "device_id": "d1",
    "user_agent": "cli/1",
    "header_names": ["Host", "User-Agent", "accept"],
    "headers_complete": True,
    "header_values": [{"name": "accept", "value": "*/*"}, {"name": "cookie", "value": "secret"}],
    "http_version": "HTTP/1.1",
    "ja4": "t13",
    "client_ip": "192.0.2.1",
    "asn": 64500,
    "country": "DE",
    "model": "sonnet",
    "input_tokens": 1,
    "cache_read_tokens": 2,
    "cache_write_tokens": 3,
    "output_tokens": 4,
    "stop_reason": "end_turn",
    "tool_result": False,
    "tools_hash": "abc",
    "stream": True,
    "retry_after_s": 0.5,
    "telemetry_events": 5,
    "telemetry_requests": 6,
}
BARE = {"timestamp": NOON, "account_id": "bob", "path": "/"}


def frame(*rows):
    names = [name for name in REQUEST if any(name in row for row in rows)]
    return pl.DataFrame(list(rows), schema={name: REQUEST[name] for name in names})


def split(source, progress=lambda *_: None):
    """Split a log; return the shards and their rows."""
    with TemporaryDirectory() as folder:
        made = split_log(find_files(source), default_settings(), Path(folder), progress)
        frames = [part.scan().collect() for part in made.parts]
    assert [frame.height for frame in frames] == [part.rows for part in made.parts]
    assert all(frame.height and frame.schema == ROW for frame in frames)
    accounts = [set(frame.get_column("account")) for frame in frames]
    assert sum(map(len, accounts)) == len(set().union(*accounts))
    return made, pl.concat([ROW.to_frame(), *frames])


def split_frame(table, folder):
    table.write_parquet(folder / "log.parquet")
    return split(folder / "log.parquet")


def whole(made, rows):
    """Return the rows of a log with their header facts, whatever shard they are in."""
    joined = rows.join(made.fingerprints, on="fingerprint", how="left", validate="m:1")
    return joined.sort(pl.all().exclude(*FACTS), "fingerprint", nulls_last=False)


def same(left, right):
    assert whole(*left).equals(whole(*right))
    one, other = left[0], right[0]
    assert one.fingerprints.equals(other.fingerprints)
    assert (one.read, one.rejected) == (other.read, other.rejected)


def test_a_full_row(tmp_path):
    made, rows = split_frame(frame(FULL), tmp_path)
    (row,) = rows.to_dicts()
    hashes = {name: row.pop(name) for name in HASHES}
    assert len(set(hashes.values())) == 4
    code = row.pop("fingerprint")
    assert row == {name: FULL[name] for name in row if name in FULL} | {
        "account": "ann",
        "path": "/v1/messages",
        "auth": "subscription",
    }
    assert made.fingerprints.to_dicts() == [
        {
            "fingerprint": code,
            "user_agent": "cli/1",
            "header_names": ["Host", "User-Agent", "accept"],
            "headers_complete": True,
            "header_values": [{"name": "accept", "value": "*/*"}],
            "http_version": "1.1",
            "ja4": "t13",
        }
    ]
    assert made.fingerprints.schema == FINGERPRINT
    assert (made.unknown_columns, made.read, made.rejected, len(made.parts)) == ((), 1, {}, 1)
    assert made.files == (InputFile(str(tmp_path / "log.parquet"), 1),)


def test_missing_columns_are_null(tmp_path):
    made, rows = split_frame(frame(BARE), tmp_path)
    known = {name: value for name, value in rows.to_dicts()[0].items() if value is not None}
    assert known == {
        "account": "bob",
        "timestamp": NOON,
        "path": "/",
        "fingerprint": made.fingerprints["fingerprint"][0],
    }
    assert made.fingerprints.drop("fingerprint").null_count().row(0) == (1,) * 6


def test_the_facts_of_a_rejected_row_do_not_count(tmp_path):
    made, rows = split_frame(frame(FULL | {"account_id": None}, BARE), tmp_path)
    assert (made.fingerprints.height, rows.height) == (1, 1)
    assert made.fingerprints.drop("fingerprint").null_count().row(0) == (1,) * 6


def test_rejected_rows_are_counted_once_each(tmp_path):
    rows = [
        BARE,
        BARE | {"account_id": None, "path": None, "timestamp": None},
        BARE | {"account_id": ""},
        BARE | {"path": None, "timestamp": None},
        BARE | {"path": ""},
        BARE | {"timestamp": None},
        BARE | {"timestamp": datetime(2014, 12, 31, 23, 59, 59, tzinfo=UTC)},
        BARE | {"timestamp": datetime(2101, 1, 1, tzinfo=UTC)},
        BARE | {"timestamp": datetime(2015, 1, 1, tzinfo=UTC)},
    ]
    made, accepted = split_frame(frame(*rows), tmp_path)
    assert made.rejected == {"bad_timestamp": 3, "null_account_id": 2, "null_path": 2}
    assert (accepted.height, made.read) == (2, 9)


def test_facts_belong_to_their_row_beside_rejected_ones(tmp_path):
    rows = [
        BARE | {"account_id": None, "ja4": "lost"},
        BARE | {"account_id": "x", "ja4": "first", "header_names": ["a"]},
        BARE | {"path": None, "header_names": ["b"]},
        BARE | {"account_id": "y", "ja4": "second", "header_names": ["b"]},
    ]
    shown = whole(*split_frame(frame(*rows), tmp_path))
    assert shown.select("account", "ja4", "header_names").rows() == [
        ("x", "first", ["a"]),
        ("y", "second", ["b"]),
    ]


LISTS = [None, [], [None], [""], ["ab", "c"], ["a", "bc"], ["abc"], ["ab", None, "c"], ["c", "ab"]]


@pytest.mark.parametrize("dictionary", [False, True])
def test_lists_that_differ_have_codes_that_differ(tmp_path, dictionary):
    rows = [BARE | {"account_id": str(number), "header_names": names} for number, names in enumerate(LISTS)]
    path = tmp_path / "log.parquet"
    pq.write_table(frame(*rows, *rows).to_arrow(), path, use_dictionary=dictionary)
    made, accepted = split(path)
    shown = whole(made, accepted).select("account", "header_names").unique().sort("account").rows()
    read = [names if names is None else [name for name in names if name is not None] for names in LISTS]
    assert shown == [(str(number), names) for number, names in enumerate(read)]
    assert made.fingerprints.height == len(LISTS) - 2  # nulls among names count for nothing


@pytest.mark.parametrize("dictionary", [False, True])
def test_header_values_that_differ_have_codes_that_differ(tmp_path, dictionary):
    pairs = [("accept", "x"), ("accept", None), (None, "x"), ("x-app", "x"), ("accep", "tx")]
    values = [[{"name": name, "value": value}] for name, value in pairs]
    values += [None, [], [None], [values[0][0], values[3][0]], [values[3][0], values[0][0]]]
    rows = [BARE | {"account_id": str(number), "header_values": value} for number, value in enumerate(values)]
    path = tmp_path / "log.parquet"
    pq.write_table(frame(*rows).to_arrow(), path, use_dictionary=dictionary)
    shown = whole(*split(path)).get_column("header_values").to_list()
    read = [
        [pair for pair in value if pair and pair["name"] in {"accept", "x-app"}] for value in values if value
    ]
    assert [value for value in shown if value] == [value for value in read if value]


def test_facts_are_one_in_every_shape(tmp_path):
    """A list of names, the same as JSON text, as bytes and as a map have one code."""
    names, values = FULL["header_names"], [{"name": "accept", "value": "*/*"}]
    base = frame({name: FULL[name] for name in ("timestamp", "account_id", "path", "user_agent")})
    plain = {"header_names": [names], "header_values": [values]}
    shapes = [
        plain,
        {"header_names": [json.dumps(names)], "header_values": [json.dumps(values)]},
        {
            "header_names": [[{"name": name, "value": "-"} for name in names]],
            "header_values": [{"accept": "*/*"}],
        },
        {
            "header_names": pl.Series([names], dtype=pl.List(pl.Categorical)),
            "header_values": [[["accept", "*/*"]]],
        },
        {"header_names": pl.Series([names], dtype=pl.Array(pl.String, 3)), "header_values": [values]},
        {
            "header_names": [[name.encode() for name in names]],
            "header_values": [[{"key": "accept", "value": "*/*"}]],
        },
    ]
    for number, shape in enumerate(shapes):
        base.with_columns(**{name: pl.Series(list(value)) for name, value in shape.items()}).write_parquet(
            tmp_path / f"{number}.parquet"
        )
    mapped = pa.table(
        base.to_arrow().to_pydict()
        | {
            "header_names": [names],
            "header_values": pa.array([[("accept", "*/*")]], pa.map_(pa.string(), pa.string())),
        }
    )
    pq.write_table(mapped, tmp_path / "map.parquet")
    made, rows = split(tmp_path)
    assert rows.height == len(shapes) + 1
    assert made.fingerprints.height == 1
    assert made.fingerprints.select("header_names", "header_values").row(0) == (names, values)


def test_plain_columns_of_odd_types(tmp_path):
    table = frame(FULL).with_columns(
        pl.col("account_id").cast(pl.Categorical),
        pl.col("plan").cast(pl.Enum(["max"])),
        pl.col("model").cast(pl.Binary),
        pl.col("timestamp").cast(pl.Datetime("ns", "Europe/Berlin")),
        pl.lit(None).alias("country"),
    )
    rows = split_frame(table, tmp_path)[1]
    assert rows.select("account", "plan", "model", "timestamp", "country").row(0) == (
        "ann",
        "max",
        "sonnet",
        NOON,
        None,
    )


def test_ids_have_one_hash_in_every_type_and_file(tmp_path):
    ids = {"device_id": [7], "client_ip": [7], "request_id": [7], "account_id": [7]}
    base = {"path": ["/"], "timestamp": [NOON]}
    pl.DataFrame(base | ids).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame(base | {name: ["7"] for name in ids}).write_parquet(tmp_path / "2.parquet")
    (tmp_path / "3.ndjson").write_text(
        json.dumps({"path": "/", "timestamp": NOON.isoformat(), **dict.fromkeys(ids, "7")})
    )
    rows = split(tmp_path)[1]
    assert rows.height == 3
    assert rows.select("account", "device", "network", "request").unique().height == 1


def test_hashes_are_the_same_in_every_process(tmp_path):
    here = split_frame(frame(FULL), tmp_path)[1].select(*HASHES, "fingerprint").row(0)
    code = """if True:
        import sys, tempfile, pathlib, polars as pl
        from detector.ingest.shards import split_log
        from detector.ingest.sources.find import find_files
        from detector.settings import default_settings
        with tempfile.TemporaryDirectory() as folder:
            files, folder = find_files(sys.argv[1]), pathlib.Path(folder)
            made = split_log(files, default_settings(), folder, lambda *_: None)
            rows = made.parts[0].scan().collect()
        print(rows.select("device", "network", "tools_hash", "request", "fingerprint").row(0))
    """
    there = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "log.parquet"], capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == str(here)


def test_no_address_in_a_shard(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    frame(FULL).write_parquet(tmp_path / "log.parquet")
    made = split_log(find_files(tmp_path / "log.parquet"), default_settings(), folder, lambda *_: None)
    rows = pl.concat(part.scan().collect() for part in made.parts)
    assert "192.0.2.1" not in str(rows.to_dicts())
    assert "secret" not in str(made.fingerprints.to_dicts())


def many(rows):
    names = [FULL["header_names"], ["Host"], None]
    return frame(
        *(
            FULL
            | {
                "account_id": f"a{number % 17}",
                "request_id": str(number),
                "header_names": names[number % 3],
                "ja4": str(number % 5),
                "timestamp": NOON + timedelta(seconds=number),
            }
            for number in range(rows)
        )
    )


def test_sizes_of_batches_spans_and_shards_change_no_row(tmp_path, monkeypatch):
    path = tmp_path / "log.parquet"
    many(200).write_parquet(path, row_group_size=30)
    one = split(path)
    assert len(one[0].parts) == 1
    monkeypatch.setattr(shards, "PART_ROWS", 20)
    ten = split(path)
    assert len(ten[0].parts) > 5
    same(ten, one)
    lines = tmp_path / "log.ndjson"
    lines.write_text(many(200).with_columns(pl.col("timestamp").dt.to_string("iso:strict")).write_ndjson())
    monkeypatch.setattr(found, "BLOCK_BYTES", 1_000)
    same(split(lines), one)
    monkeypatch.setattr(found, "BATCH_ROWS", 7)
    monkeypatch.setattr(found, "LIST_ROWS", 5)
    monkeypatch.setattr(found, "SPAN_ROWS", 31)
    monkeypatch.setattr(pieces, "FLUSH_ROWS", 11)
    same(split(path), one)
    monkeypatch.setattr(shards, "MOST_SHARDS", 2)
    assert len(split(path)[0].parts) <= 2


def test_the_same_log_in_every_shape(tmp_path):
    table = many(40)
    one = split_frame(table, tmp_path)
    hive = tmp_path / "hive"
    for number, part in enumerate(table.partition_by("ja4")):
        folder = hive / f"date=2026-11-0{number}"
        folder.mkdir(parents=True)
        part.write_parquet(folder / "part-0.parquet")
    text = table.with_columns(pl.col("timestamp").dt.to_string("iso:strict")).write_ndjson()
    lines = tmp_path / "log.ndjson"
    lines.write_text(text)
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    other = tmp_path / "other.parquet"
    duckdb.from_arrow(table.to_arrow()).write_parquet(str(other))
    lake = tmp_path / "delta"
    table.write_delta(lake)
    for source in (hive, lines, packed, other, lake):
        same(split(source), one)


def test_a_partition_feeds_a_missing_column(tmp_path):
    for plan in ("plan=max", "plan=pro", "plan=__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / plan).mkdir()
        frame(BARE).write_parquet(tmp_path / plan / "a.parquet")
    rows = split(tmp_path)[1]
    assert sorted(rows.get_column("plan").to_list(), key=str) == [None, "max", "pro"]


def test_shards_in_a_folder_whose_name_reads_as_a_pattern(tmp_path):
    frame(BARE).write_parquet(tmp_path / "log.parquet")
    folder = tmp_path / "plan=[x]*"
    folder.mkdir()
    files = find_files(tmp_path / "log.parquet")
    (part,) = split_log(files, default_settings(), folder, lambda *_: None).parts
    assert part.scan().collect().select("account", "plan").rows() == [("bob", None)]


def test_unknown_columns_and_files(tmp_path):
    for day in (2, 1):
        (tmp_path / f"date={day}").mkdir()
        table = pl.concat([frame(BARE)] * day)
        table.with_columns(row=1, content=pl.lit("x"), date=day, shard=0, reason=0).write_parquet(
            tmp_path / f"date={day}" / "a.parquet"
        )
    made, rows = split(tmp_path)
    assert made.unknown_columns == ("content", "reason", "row", "shard")
    assert made.files == (InputFile("date=1/a.parquet", 1), InputFile("date=2/a.parquet", 2))
    assert rows.height == 3


def test_progress_ends_at_the_number_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(found, "BATCH_ROWS", 4)
    monkeypatch.setattr(found, "LIST_ROWS", 4)
    many(10).write_parquet(tmp_path / "log.parquet")
    told = []
    split(tmp_path, lambda *what: told.append(what))
    # as many at a time: 10 rows are two batches of 5 rather than 4, 4 and 2
    assert told == [("reading", 5, 10), ("reading", 10, 10)]


def test_an_interrupt_between_batches_leaves_no_thread_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(found, "BATCH_ROWS", 4)
    monkeypatch.setattr(found, "LIST_ROWS", 4)
    many(10).write_parquet(tmp_path / "log.parquet")

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        split(tmp_path, interrupt)


VALUES = st.fixed_dictionaries(
    {
        "timestamp": st.sampled_from([NOON, NOON + timedelta(microseconds=1), None]),
        "account_id": st.sampled_from(["a", "b", "", None]),
        "path": st.sampled_from(["/", "/v1/messages", None]),
    },
    optional={
        "request_id": st.sampled_from(["r", "s", None]),
        "input_tokens": st.integers(-1, 2),
        "duration_ms": st.floats(),
        "user_agent": st.text(max_size=2),
        "header_names": st.lists(st.sampled_from(["A", "b", "", None]), max_size=3),
        "header_values": st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.sampled_from(["accept", "x-app", None]),
                    "value": st.sampled_from(["", "x", None]),
                }
            ),
            max_size=2,
        ),
        "http_version": st.sampled_from(["h2", "HTTP/2.0", "1.1"]),
    },
)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rows=st.lists(VALUES, max_size=8), dictionary=st.booleans())
def test_row_and_file_order_and_encoding_change_nothing(data, rows, dictionary, tmp_path_factory):
    rows = [BARE, *rows]
    one = split_frame(frame(*rows), tmp_path_factory.mktemp("log"))
    assert one[1].height + sum(one[0].rejected.values()) == one[0].read == len(rows)
    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    folder = tmp_path_factory.mktemp("parts")
    for number, part in enumerate((shuffled[:cut], shuffled[cut:])):
        table = frame(*part, BARE).head(len(part))
        pq.write_table(table.to_arrow(), folder / f"{number}.parquet", use_dictionary=dictionary)
    same(split(folder), one)


def refused(source, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        split(source)
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)


@pytest.mark.parametrize("name", ["timestamp", "account_id", "path"])
def test_a_missing_required_column(tmp_path, name):
    frame(BARE).drop(name).write_parquet(tmp_path / "a.parquet")
    refused(tmp_path, f"a.parquet: required column {name} is missing; add or rename the column")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pl.Series("timestamp", [[1]]), "column timestamp has type List(Int64), not Datetime("),
        (pl.Series("header_names", [1]), "column header_names has type Int64, not List(String)"),
        (pl.Series("account_id", [True]), "column account_id has type Boolean, not String"),
    ],
)
def test_an_impossible_type(tmp_path, column, message):
    path = tmp_path / "a.parquet"
    frame(BARE).with_columns(column).write_parquet(path)
    refused(path, message)
    refused(path, "; convert or drop the column")


def test_a_log_of_which_nothing_is_left(tmp_path):
    frame(BARE).clear().write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.ndjson").write_text("")
    made, rows = split(tmp_path)
    assert (made.parts, made.read, made.rejected, rows.height) == ((), 0, {}, 0)
    frame(BARE | {"path": None}, BARE | {"timestamp": None}).write_parquet(tmp_path / "a.parquet")
    made, rows = split(tmp_path)
    assert (made.parts, made.read, made.rejected) == ((), 2, {"bad_timestamp": 1, "null_path": 1})
    assert made.fingerprints.equals(FINGERPRINT.to_frame())


@pytest.mark.parametrize("column", ["model", "request_id", "header_names", "user_agent"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_text_that_is_not_utf8(tmp_path, column, dictionary):
    bad = pa.array([b"\xff" * 20]).view(pa.string())
    if column == "header_names":
        bad = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), bad)
    table = frame(BARE).to_arrow().append_column(column, bad)
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, use_dictionary=dictionary)
    refused(path, "a.parquet: damaged or not a log (")


@pytest.mark.parametrize("text", ["not json\n", "\x00\x01", "\n\n"])
def test_damaged_json(tmp_path, text):
    path = tmp_path / "a.ndjson"
    path.write_text(text)
    refused(path, "a.ndjson: damaged or not a log (")


def test_a_damaged_page(tmp_path):
    path = tmp_path / "a.parquet"
    many(2_000).write_parquet(path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4)
    path.write_bytes(content)
    refused(path, "a.parquet: damaged or not a log (")


def test_a_damaged_footer(tmp_path):
    path = tmp_path / "a.parquet"
    frame(BARE).write_parquet(path)
    content = bytearray(path.read_bytes())
    content[-40:-8] = b"\xff" * 32
    path.write_bytes(content)
    refused(path, "a.parquet: damaged or not a log (")
