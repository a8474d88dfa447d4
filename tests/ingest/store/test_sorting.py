from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from detector.ingest.store.layout import PARTITION, STORED
from detector.ingest.store.sorting import ORDER, Run, merged, write_run

DAY = date(2026, 11, 2)


def rows(*keys):
    """Return stored requests of (day, bucket, account, request)."""
    return pl.DataFrame(
        [
            {"day": DAY + timedelta(days=day), "bucket": bucket, "account_id": account, "request": request}
            for day, bucket, account, request in keys
        ],
        schema_overrides={"bucket": pl.Int32},
    ).select(
        pl.lit(None, dtype=kind).alias(name) if name not in ORDER or name == "timestamp" else pl.col(name)
        for name, kind in STORED.items()
    )


def test_a_run_is_sorted_and_counted(tmp_path):
    run = write_run(rows((1, 0, "b", 1), (0, 1, "a", 2), (1, 0, "a", 3), (1, 0, "b", 0)), tmp_path / "run")
    assert run.counts.rows() == [(DAY, 1, 1), (DAY + timedelta(days=1), 0, 3)]
    assert run.read(0, 4)["request"].to_list() == [2, 3, 0, 1]
    assert run.read(1, 2, ("account_id",)).rows() == [("a",), ("b",)]


def test_a_stored_file_is_read_with_its_partition(tmp_path):
    rows((0, 3, "a", 1)).drop(PARTITION).write_parquet(tmp_path / "file")
    run = Run(tmp_path / "file", pl.DataFrame(), {"day": DAY, "bucket": 3})
    assert run.read(0, 1).schema == STORED
    assert run.read(0, 1, PARTITION).row(0) == (DAY, 3)


def test_nothing_merges_to_nothing():
    assert list(merged([], 10)) == []


keys = st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from("abcde"), st.integers(0, 99))


@settings(deadline=None)
@given(
    runs=st.lists(st.lists(keys, min_size=1, max_size=30), min_size=1, max_size=4), most=st.integers(1, 12)
)
def test_merging_gives_all_rows_in_order_whatever_the_size_of_a_frame(runs, most, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    written = [write_run(rows(*run), folder / f"{n}") for n, run in enumerate(runs)]
    frames = list(merged(written, most))
    expected = rows(*(key for run in runs for key in run)).sort(ORDER)
    assert_frame_equal(pl.concat(frames), expected)
    for one, other in pairwise(frames):
        ends = [frame.select(*PARTITION, "account_id").row(at) for frame, at in ((one, -1), (other, 0))]
        assert ends[0] != ends[1]  # an account of a partition is never cut in two


@pytest.mark.parametrize(("most", "frames"), [(100, 1), (3, 1), (2, 2), (1, 4)])
def test_a_large_partition_is_cut_between_accounts(most, frames, tmp_path):
    run = write_run(rows(*((0, 0, account, 0) for account in "abcd")), tmp_path / "run")
    pieces = list(merged([run], most))
    assert len(pieces) == frames
    assert pl.concat(pieces)["account_id"].to_list() == list("abcd")
