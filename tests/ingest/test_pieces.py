from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.ingest import pieces
from detector.ingest.packed import Packed
from detector.ingest.parts import ROW
from detector.ingest.pieces import ShardWriter, read_shard

TEXTS = [name for name, dtype in ROW.items() if dtype == pl.String]
SMALL = st.sampled_from([None, 0, 1, 127, 128, 255, 256, 32_768, 2**31, 2**63 - 1])
VALUES = {
    pl.String(): st.sampled_from([None, "a", "b", "é"]),
    pl.Int64(): SMALL,
    pl.Int32(): st.sampled_from([None, 0, 200, 2**31 - 1]),
    pl.UInt64(): st.sampled_from([None, 0, 2**64 - 1]),
    pl.Float64(): st.sampled_from([None, 0.5, 1e300]),
    pl.Boolean(): st.sampled_from([None, False, True]),
    ROW["timestamp"]: st.sampled_from([None, datetime(2026, 11, 2, tzinfo=UTC)]),
}
REQUESTS = st.fixed_dictionaries(
    {name: VALUES[dtype] for name, dtype in ROW.items()} | {"account": st.sampled_from(["a", "b", "c"])}
)


def packed(frame):
    """Pack the texts of rows, each row's by itself."""
    return Packed(frame, {}).select({name: (name, pl.col(name)) for name in ROW})


def written(folder, frames, shards):
    folder.mkdir(exist_ok=True)
    with ShardWriter(folder, shards) as writer:
        for frame in frames:
            writer.write(packed(frame))
    files = writer.rows()
    assert sorted(files) == sorted(folder.iterdir())
    return {path: (rows, read_shard(path)) for path, rows in files.items()}


@settings(max_examples=50, deadline=None)
@given(
    logs=st.lists(st.lists(REQUESTS, max_size=6), max_size=4),
    shards=st.integers(1, 3),
    flush=st.integers(1, 10),
    few=st.integers(0, 3),
)
def test_what_is_written_is_read(logs, shards, flush, few, tmp_path_factory):
    frames = [pl.DataFrame(log, schema=ROW) for log in logs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "FLUSH_ROWS", flush)
        patch.setattr(pieces, "PIECE_ROWS", 1)
        patch.setattr(pieces, "FEW_TEXTS", few)
        found = written(tmp_path_factory.mktemp("shards"), frames, shards)
    whole = pl.concat([ROW.to_frame(), *(read for _, read in found.values())])
    assert whole.sort(ROW.names()).equals(pl.concat([ROW.to_frame(), *frames]).sort(ROW.names()))
    assert [rows for rows, _ in found.values()] == [read.height for _, read in found.values()]
    accounts = [set(read.get_column("account")) for _, read in found.values()]
    assert sum(map(len, accounts)) == len(set().union(*accounts))


def test_a_shard_holds_no_text_of_another(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "FEW_TEXTS", 49)
    names = [f"account-{number:03}" for number in range(50)]
    frame = ROW.to_frame().join(pl.DataFrame({"account": names}), on="account", how="right")
    found = written(tmp_path / "shards", [frame.select(ROW.names())], 5)
    assert len(found) == 5
    for path, (_, rows) in found.items():
        content = path.read_bytes()
        assert {name for name in names if name.encode() in content} == {*rows.get_column("account")}


def test_nothing_is_written_of_a_failure(tmp_path):
    def interrupted():
        with ShardWriter(tmp_path, 1) as writer:
            writer.write(
                packed(
                    ROW.to_frame()
                    .join(pl.DataFrame({"account": ["a"]}), on="account", how="right")
                    .select(ROW.names())
                )
            )
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def write(frames, writer):
    with writer:
        for frame in frames:
            writer.write(frame)


@pytest.mark.parametrize("flush", [1, 100], ids=["while rows come", "at the end"])
def test_what_cannot_be_written_ends_the_writing(flush, tmp_path, monkeypatch):
    row = dict.fromkeys(ROW.names()) | {"account": "a"}
    rows = packed(pl.DataFrame([row], schema=ROW))
    monkeypatch.setattr(pieces, "FLUSH_ROWS", flush)
    monkeypatch.setattr(pieces, "PIECE_ROWS", 1)
    with pytest.raises(FileNotFoundError):
        write([rows] * 3, ShardWriter(tmp_path / "no such folder", 1))


def test_rows_of_a_piece_come_by_account_and_as_they_were_given(tmp_path):
    rows = [dict.fromkeys(ROW.names()) | {"account": name, "status": n} for n, name in enumerate("abcabdcb")]
    found = written(tmp_path, [pl.DataFrame(rows, schema=ROW)], 2)
    for _, read in found.values():
        assert read["account"].rle().len() == read["account"].n_unique()
        assert read.group_by("account").agg(pl.col("status").diff().min() > 0)["status"].all()
