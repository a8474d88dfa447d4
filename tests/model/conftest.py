from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from detector.features.fingerprint import POPULATION
from detector.features.registry import SCORED, Feature
from detector.model.train import fit
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
            "version_known": [1.0] * height,
        }
        return pl.DataFrame({**base, **columns}, strict=False)

    return build


@pytest.fixture(scope="session")
def quick():
    """Settings of a small forest."""
    settings = default_settings()
    return replace(settings, model=replace(settings.model, trees=25, sample=64, fewest_accounts=8, folds=5))


@pytest.fixture(scope="session")
def people():
    """Sixty accounts of one to five streams, each a little past the benign range in one feature."""
    rng = np.random.default_rng(0)
    account = np.sort(np.r_[np.arange(60), rng.integers(0, 60, 40)])
    cohort = np.where(np.arange(60) % 6, "interactive", "headless")[account]
    columns = {}
    odd = rng.integers(0, len(SCORED), len(account))
    for place, record in enumerate(SCORED):
        past = np.where(odd == place, 1.0, -1.0) * rng.exponential(size=len(account))
        columns[record.name] = record.benign + (past if record.direction == "high" else -past)
    return pl.DataFrame(
        {
            "stream": np.arange(len(account)),
            "account": account,
            "cohort": cohort,
            "odd": rng.random(len(account)) < 0.02,
            "version_known": np.ones(len(account)),
            "reporting": rng.random(len(account)) < 0.9,
            "served": rng.integers(20, 400, len(account)),
            "attended": rng.random(len(account)) < 0.9,
            "days": np.full(len(account), 7),
            "client": ["own"] * len(account),
            "start_phase": np.zeros(len(account)),
            "helpers": np.zeros(len(account), dtype=np.int64),
            "sessions": np.full(len(account), 20),
            "human_turns": np.full(len(account), 40),
            **columns,
        }
    )


@pytest.fixture(scope="session")
def robots(people):
    """Five accounts that lie outside what anybody shows in every feature."""
    far = {
        record.name: [record.benign + (-9.0 if record.direction == "low" else 99.0)] * 5 for record in SCORED
    }
    base = {"stream": range(1000, 1005), "account": range(1000, 1005), "cohort": ["interactive"] * 5}
    rest = {"odd": [True] * 5, "reporting": [False] * 5, "served": [100] * 5, "version_known": [1.0] * 5}
    rest |= {"attended": [False] * 5, "days": [7] * 5, "client": ["own"] * 5}
    rest |= {"start_phase": [0.0] * 5, "helpers": [0] * 5, "sessions": [20] * 5, "human_turns": [40] * 5}
    return pl.DataFrame({**base, **rest, **far}).select(people.columns).cast(dict(people.schema))


@pytest.fixture(scope="session")
def population():
    """The smallest table of fingerprints."""
    row = {"client": ["own"], "version": ["*"], "aspect": ["core"], "value": ["a,b"], "accounts": [60.0]}
    return pl.DataFrame({**row, "vouched": [50.0]}, schema=POPULATION)


@pytest.fixture(scope="session")
def model(people, population, quick):
    """A model of those people."""
    return fit(people, population, quick)
