from dataclasses import replace

import polars as pl
import pytest

from detector.features.registry import Feature
from detector.settings import default_settings


@pytest.fixture(scope="session")
def make():
    """Build a tiny feature record, high and unbounded unless told otherwise."""
    blank = Feature(
        name="x",
        family="cadence",
        cause="cause of x",
        level="stream",
        definition="a number",
        null="never",
        direction="high",
        benign=float("-inf"),
        source="made up",
        text="x is {value:.1f}; normally {baseline:.1f}",
    )

    def build(name="x", **changes):
        return replace(blank, **{"name": name, "cause": f"cause of {name}", **changes})

    return build


@pytest.fixture(scope="session")
def rows_of():
    """Build a table of streams from columns, one account a row unless told otherwise."""

    def build(**columns):
        height = max(len(values) for values in columns.values())
        base = {
            "account": list(range(height)),
            "cohort": ["interactive"] * height,
            "odd": [False] * height,
            "reporting": [True] * height,
            "weight": [1.0] * height,
        }
        return pl.DataFrame({**base, **columns}, strict=False)

    return build


@pytest.fixture(scope="session")
def rules():
    """Decision settings in which the outermost 1 in 20 counts."""
    return replace(default_settings().decision, counting=1.0)
