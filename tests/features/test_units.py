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
        (6.0, "bits", "1.6%"),
        (40.0, "bits", "less than 0.1%"),
        (0.0, "ln", "1.00"),
        (0.65, "ln", "1.92"),
        (-0.65, "ln", "0.52"),
        (900.0, "ln", "e^900"),
        (0.3, "-log10 p", "50%"),
        (3.0, "-log10 p", "0.1%"),
        (300.0, "-log10 p", "less than 0.1%"),
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
def test_surprisal_in_words_is_the_share_that_it_is_of(bits):
    assert measured(bits, "bits") == measured(2**-bits, "share")
    assert measured(bits, "-log10 p") == measured(10**-bits, "share")


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
