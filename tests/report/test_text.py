import pytest

from detector.report.text import how_many, shown, table, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain-1_\u00e9\u4e2d", "plain-1_\u00e9\u4e2d"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202e\u200f\u2066", "\\u202e\\u200f\\u2066"),
        ("a\\x1b", "a\\\\x1b"),
        ("\r\n\t\x7f\x85", "\\r\\n\\t\\x7f\\x85"),
        ("\ud800\U000e0001", "\\ud800\\U000e0001"),
    ],
)
def test_visible(text, seen):
    assert visible(text) == seen


def test_long_texts_are_cut_and_say_so():
    assert shown("a" * 10, 4) == "aaaa...(+6 characters)"


@pytest.mark.parametrize(
    ("chance", "words"),
    [(0.5, "50%"), (0.05, "5%"), (0.04, "1 in 25"), (0.001, "1 in 1,000"), (0.0034, "1 in 290")],
)
def test_chances_in_words(chance, words):
    assert how_many(chance) == words


def test_table_aligns_columns_and_allows_short_rows():
    assert table([("a", "10", "x"), ("bcd", "5")], right=frozenset({1})) == ["  a    10  x", "  bcd   5"]
