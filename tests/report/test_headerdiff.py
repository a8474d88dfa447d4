from hypothesis import given
from hypothesis import strategies as st

from detector.report.headerdiff import beside

NAMES = st.lists(st.sampled_from(["Accept", "accept", "X-App", "Host", "Via", "Cookie"]), max_size=8)


def test_equal_lists_agree_line_by_line():
    assert beside(["Accept", "Host"], ["Accept", "Host"]) == [
        ("Accept", "", "Accept"),
        ("Host", "", "Host"),
    ]


def test_every_matter_is_named():
    rows = beside(["Host", "Accept", "X-App", "Cookie"], ["Accept", "x-app", "Via", "X-Other", "Host"])
    assert rows == [
        ("Host", "moved", ""),
        ("Accept", "", "Accept"),
        ("X-App", "case", "x-app"),
        ("Cookie", "missing", ""),
        ("", "proxy", "Via"),
        ("", "extra", "X-Other"),
        ("", "moved", "Host"),
    ]


def test_nothing_beside_something():
    assert beside([], ["A"]) == [("", "extra", "A")]
    assert beside(["A"], []) == [("A", "missing", "")]
    assert beside([], []) == []


@given(NAMES, NAMES)
def test_both_lists_can_be_read_off_again(expected, seen):
    rows = beside(expected, seen)
    assert [one for one, _, _ in rows if one] == expected
    assert [other for _, _, other in rows if other] == seen
    for one, matter, other in rows:
        assert (matter == "") is (one == other)
        assert (matter == "case") is (one != other and one.lower() == other.lower())
        assert matter not in {"missing", "extra"} or (one or other).lower() not in {
            name.lower() for name in (seen if one else expected)
        }
