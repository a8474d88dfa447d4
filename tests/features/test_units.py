import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features.units import measured, spanned


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0, "share", "0%"),
        (0.0004, "share", "less than 0.1%"),
        (0.0397, "share", "4.0%"),
        (0.5, "share", "50%"),
        (0.976, "share", "97.6%"),
        (0.99999, "share", "more than 99.9%"),
        (1.0, "share", "100%"),
        (1.003, "share", "100.3%"),
        (1.9074, "share", "191%"),
        (63.0, "h", "63 h"),
        (2.55, "min", "2.5 min"),
        (1234.6, "s", "1,235 s"),
        (0.0, "bits", "100%"),
        (1.0, "bits", "50%"),
        (6.0, "bits", "1 in 64"),
        (40.0, "bits", "1 in 10^12"),
        (0.0, "ln", "1.00"),
        (0.65, "ln", "1.92"),
        (-0.65, "ln", "0.52"),
        (900.0, "ln", "e^900"),
        (0.3, "-log10 p", "50%"),
        (3.0, "-log10 p", "1 in 1,000"),
        (300.0, "-log10 p", "1 in 10^300"),
        (1.0, "sessions", "1.0"),
        (9.0, "names", "9"),
        (4.6, "names", "4.6"),
        (0.126, "", "0.13"),
        (12345.0, None, "12,345"),
    ],
)
def test_values_in_words(value, unit, words):
    assert measured(value, unit) == words


@given(st.floats(0, 1))
def test_a_share_in_words_is_off_by_half_a_percent_at_most_and_never_claims_all_or_nothing(share):
    said = measured(share, "share")
    assert (said == "0%") is (share == 0)
    assert (said == "100%") is (share == 1)
    (number,) = re.findall(r"[\d.]+", said)
    assert math.isclose(float(number) / 100, share, abs_tol=0.00501)


@given(st.floats(0, 60))
def test_surprisal_in_words_is_its_chance(bits):
    said = measured(bits, "bits")
    if "in 10^" in said:
        assert abs(float(said.removeprefix("1 in 10^")) - bits * math.log10(2)) <= 0.51
    elif "in" in said:
        assert math.isclose(float(said.removeprefix("1 in ").replace(",", "")), 2**bits, rel_tol=0.03)
    else:
        assert 2**-bits >= 0.05


@pytest.mark.parametrize(
    ("low", "high", "unit", "words"),
    [
        (0.0, 0.0, "share", "nearly all show 0%"),
        (0.0, 0.995, "share", "most show 0% to 99.5%"),
        (0.0, 1.0, "bits", "most show 50% to 100%"),
        (8.0, 12.2, "h", "most show 8 h to 12 h"),
    ],
)
def test_ranges_in_words_go_up(low, high, unit, words):
    assert spanned(low, high, unit) == words
