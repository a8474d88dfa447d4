"""Units of feature values, and how a value is written for people."""

import math
from typing import Literal

__all__ = ["Unit", "measured", "spanned"]

Unit = Literal["", "share", "days", "h", "min", "s", "bits", "ln", "-log10 p", "sessions", "names"]
"""``share`` of 1; ``days``, hours, minutes, seconds; ``bits`` of surprisal (-log2 of a share of accounts);
``ln`` of a ratio; ``-log10 p`` of a chance; a mean of ``sessions``; a count of ``names``; a bare number."""

LARGEST = 16.0
"""Logarithm from which a factor is written as a power of e."""


def measured(value: float, unit: str | None = "") -> str:
    """Return a value with its unit in words that say no more than the value does.

    A share that is not quite nothing or everything is never written as 0% or 100%; surprisal
    and chances are written as the share that they are of, logarithms as the factor.
    """
    write = WRITERS.get(unit or "", _number)
    return f"{write(value)} {unit}" if unit in {"h", "min", "s"} else write(value)


def spanned(low: float, high: float, unit: str | None = "") -> str:
    """Return what most show, from the smaller to the larger as they are written."""
    ends = [measured(low, unit), measured(high, unit)]
    if ends[0] == ends[1]:
        return f"nearly all show {ends[0]}"
    # What is rarer has more bits.
    first, last = reversed(ends) if unit in {"bits", "-log10 p"} else ends
    return f"most show {first} to {last}"


def _percent(share: float) -> str:
    if share in {0, 1} or 0.1 <= share <= 0.9 or share >= 1.1:
        return f"{share:,.0%}"
    said = f"{share:.1%}"
    return {"0.0%": "less than 0.1%", "100.0%": "more than 99.9%" if share < 1 else "100.0%"}.get(said, said)


def _chance(digits: float) -> str:
    """Write 10**-digits."""
    return _percent(10.0**-digits)


def _number(value: float) -> str:
    if value == round(value) or abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.2g}"


def _surprisal(bits: float) -> str:
    return _percent(2.0**-bits)


def _factor(log: float) -> str:
    return f"{math.exp(log):,.2f}" if log < LARGEST else f"e^{log:.0f}"


def _mean(value: float) -> str:
    return f"{value:.1f}"


WRITERS = {"share": _percent, "bits": _surprisal, "-log10 p": _chance, "ln": _factor, "sessions": _mean}
