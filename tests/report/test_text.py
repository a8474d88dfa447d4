import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.report.text import columns, fitted, table, visible


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
