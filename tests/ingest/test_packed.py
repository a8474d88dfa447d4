import polars as pl

from detector.ingest.packed import Packed

ROWS = pl.DataFrame(
    {"who": [0, 1, None, 1, 2], "n": [1, 2, 3, 4, 5]}, schema={"who": pl.UInt32, "n": pl.Int64}
)
PACKED = Packed(ROWS, {"who": pl.Series(["ann", "BOB", None])})


def test_a_column_has_its_texts():
    assert PACKED.column("who").to_list() == ["ann", "BOB", None, "BOB", None]
    assert PACKED.column("n").to_list() == [1, 2, 3, 4, 5]
    assert PACKED.unpacked().to_dict(as_series=False) == {
        "who": ["ann", "BOB", None, "BOB", None],
        "n": [1, 2, 3, 4, 5],
    }
    assert PACKED.known("who").to_list() == [True, True, False, True, False]


def test_columns_are_made_of_others():
    made = PACKED.select(
        {
            "name": ("who", pl.col("who").str.to_lowercase()),
            "length": ("who", pl.col("who").str.len_bytes()),
            "text": ("n", pl.col("n").cast(pl.String)),
            "double": ("n", 2 * pl.col("n")),
            "none": ("there", pl.lit(None, dtype=pl.String)),
        }
    )
    assert made.unpacked().to_dict(as_series=False) == {
        "name": ["ann", "bob", None, "bob", None],
        "length": [3, 3, None, 3, None],
        "text": ["1", "2", "3", "4", "5"],
        "double": [2, 4, 6, 8, 10],
        "none": [None] * 5,
    }
    assert made.texts.keys() == {"name", "text", "none"}
    assert made.texts["name"].to_list() == ["ann", "bob", None]


def test_all_columns_may_be_texts():
    packed = Packed(ROWS.select("who"), PACKED.texts)
    made = packed.select({"who": ("who", pl.col("who"))})
    assert made.unpacked().to_series().to_list() == ["ann", "BOB", None, "BOB", None]


def test_joined_rows_have_each_text_once():
    other = Packed(
        ROWS.with_columns(who=pl.Series([1, 1, 0, None, 0], dtype=pl.UInt32)),
        {"who": pl.Series(["eve", "ann"])},
    )
    joined = Packed.concat([PACKED, other])
    assert joined.unpacked().get_column("who").to_list() == [
        *PACKED.column("who").to_list(),
        *other.column("who").to_list(),
    ]
    assert sorted(joined.texts["who"].to_list()) == ["BOB", "ann", "eve"]


def test_rows_without_a_text():
    empty = Packed(ROWS.clear(), {"who": pl.Series([], dtype=pl.String)})
    none = Packed(
        ROWS.head(1).with_columns(who=pl.lit(None, dtype=pl.UInt32)),
        {"who": pl.Series([None], dtype=pl.String)},
    )
    joined = Packed.concat([empty, none, empty])
    assert joined.unpacked().rows() == [(None, 1)]
    assert joined.texts["who"].len() == 0
