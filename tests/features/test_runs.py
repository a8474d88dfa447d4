from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from detector.features.runs import Runs

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROWS = pl.DataFrame(
    {
        "session": [1, 1, 2, 2, 2, 1],
        "network": ["a", "a", None, None, "b", "a"],
        "tokens": [10, None, 5, 7, 100, 1],
        "helper": [True, True, None, True, False, False],
        "at": [NOON + timedelta(minutes=minutes) for minutes in (3, 1, 9, 8, 7, 2)],
    }
)
"""Runs by session: two rows, three rows, one row. By session and network the second falls in two."""


def by(*columns):
    return Runs.of(ROWS, columns)


def test_a_run_ends_where_a_column_changes_and_nulls_agree():
    assert by("session").first.tolist() == [0, 2, 5]
    assert by("session", "network").first.tolist() == [0, 2, 4, 5]
    assert by("session").lengths.to_list() == [2, 3, 1]


def test_heads_are_first_rows_and_what_is_found_of_them_is_spread_over_all():
    runs = by("session", "network")
    assert runs.heads(ROWS)["tokens"].to_list() == [10, 5, 100, 1]
    assert runs.spread(pl.Series(["w", "x", None, "z"])).to_list() == ["w", "w", "x", "x", None, "z"]


def test_sums_are_of_numbers_and_of_truth_values_and_a_null_adds_nothing():
    sums = by("session").sums(ROWS.select("tokens", "helper"))
    assert sums.rows() == [(10, 2), (112, 1), (1, 0)]
    assert sums.schema == {"tokens": pl.Int64, "helper": pl.Int64}


def test_sums_are_exact_where_floats_are_not():
    large = pl.DataFrame({"run": [1, 1], "tokens": [2**53, 1]})
    assert Runs.of(large, ["run"]).sums(large.select("tokens")).item() == 2**53 + 1


def test_first_and_last_times():
    runs = by("session")
    assert runs.least(ROWS["at"]).to_list() == [NOON + timedelta(minutes=m) for m in (1, 7, 2)]
    assert runs.most(ROWS["at"]).to_list() == [NOON + timedelta(minutes=m) for m in (3, 9, 2)]
    assert runs.least(ROWS["at"]).dtype == ROWS.schema["at"]


def test_no_rows_have_no_runs():
    none = ROWS.clear()
    runs = Runs.of(none, ["session", "network"])
    assert (runs.first.tolist(), runs.lengths.to_list()) == ([], [])
    assert runs.heads(none).height == runs.spread(none["tokens"]).len() == runs.least(none["at"]).len() == 0
    assert runs.sums(none.select("tokens", "helper")).shape == (0, 2)


@given(
    st.lists(st.tuples(st.sampled_from([None, 1, 2]), st.one_of(st.none(), st.integers(-9, 9))), min_size=1)
)
def test_runs_against_a_group_of_run_numbers(rows):
    table = pl.DataFrame(rows, {"key": pl.Int64, "value": pl.Int64}, orient="row")
    runs = Runs.of(table, ["key"])
    groups = table.group_by(pl.col("key").rle_id().alias("run"), maintain_order=True)
    expected = groups.agg(pl.col("key").first(), pl.col("value").sum(), rows=pl.len().cast(pl.Int64))
    found = (
        runs.heads(table.select("key")).hstack(runs.sums(table.select("value"))).with_columns(runs.lengths)
    )
    assert found.rows() == expected.drop("run").rows()
    assert runs.spread(found["key"]).to_list() == table["key"].to_list()
