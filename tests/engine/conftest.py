from datetime import date

import pytest

from detector.engine.local import score, train
from detector.simulate import FleetOptions, simulate


@pytest.fixture(scope="session")
def fleet():
    """A small fleet in the default mixture: a working week, little activity."""
    return simulate(FleetOptions(accounts=120, days=5, start=date(2026, 11, 2), seed=3, activity=0.4))


@pytest.fixture(scope="session")
def folder(tmp_path_factory, fleet):
    """That fleet's log as one file, and the bundle of a model of another week."""
    folder = tmp_path_factory.mktemp("engine")
    fleet.requests.write_parquet(folder / "log.parquet")
    earlier = simulate(FleetOptions(accounts=150, days=5, start=date(2026, 10, 26), seed=4, activity=0.4))
    earlier.requests.write_parquet(folder / "earlier.parquet")
    train(folder / "earlier.parquet", folder / "model")
    return folder


@pytest.fixture(scope="session")
def finished(folder):
    """The verdicts on the fleet as it is, and the folder that they were written to."""
    return score(folder / "log.parquet", folder / "verdicts", folder / "model"), folder / "verdicts"


@pytest.fixture(scope="session")
def run(finished):
    """The verdicts on the fleet as it is."""
    return finished[0]


@pytest.fixture(scope="session")
def verdicts(finished):
    """The folder that holds them."""
    return finished[1]


@pytest.fixture(scope="session")
def genuine(fleet):
    """Accounts of people and of the provider's own print mode."""
    return fleet.accounts.filter(label="genuine")["account_id"]


@pytest.fixture
def rescored(tmp_path, folder):
    """Score a table of requests with the model of the earlier week."""

    def ask(requests, **options):
        requests.write_parquet(tmp_path / "log.parquet")
        return score(tmp_path / "log.parquet", None, folder / "model", **options)

    return ask
