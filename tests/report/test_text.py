import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report.text import columns, fitted, how_many, shown, table, visible


@pytest.mark.parametrize(
    ("text", "wide"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 1),
        ("龍", 2),
        ("ｶ", 1),
        ("Ａ", 2),  # noqa: RUF001  # full width is meant
        ("😀", 2),
        ("한", 2),
        ("\u1112\u1161\u11ab", 2),
    ],
)
def test_columns_of_a_terminal(text, wide):
    assert columns(text) == wide


@pytest.mark.parametrize(
    ("text", "most", "wanted"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abc..."),
        ("a word that goes", 12, "a word..."),
        ("a verylongwordthatisnoword", 20, "a verylongwordtha..."),
        ("龍龍龍龍", 7, "龍龍..."),
        ("龍龍龍龍", 8, "龍龍龍龍"),
        ("龍龍龍龍a", 8, "龍龍..."),
    ],
)
def test_text_is_fitted(text, most, wanted):
    assert fitted(text, most) == wanted


@given(st.text(max_size=40), st.integers(8, 30))
def test_fitted_text_fits(text, most):
    assert columns(fitted(visible(text), most)) <= most


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), min_size=1))
def test_columns_of_a_table_stand_under_each_other(rows):
    seen = [(visible(left), visible(right)) for left, right in rows]
    lines = table([(left, "|", right) for left, right in seen])
    widest = max(columns(left) for left, _ in seen)
    for line, (left, right) in zip(lines, seen, strict=True):
        assert line == f"  {left}{' ' * (widest - columns(left))}  |  {right}".rstrip()


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
