import polars as pl
import pytest

from detector.simulate import CLASSES, FleetOptions, simulate


@pytest.fixture(scope="session")
def fleet():
    """A small fleet in the default mixture."""
    return simulate(FleetOptions(accounts=300, seed=1))


@pytest.fixture(scope="session")
def even():
    """A fleet with as many accounts of each class."""
    return simulate(FleetOptions(accounts=240, seed=2, mixture={one.name: 1.0 for one in CLASSES}))


SUBTLE = (
    "official_scheduler",
    "all_nighter",
    "editor_desktop",
    "ci_action",
    "remote_dev_box",
    "traveller",
    "many_terminals",
    "tiny_company_proxy",
    "new_product",
    "declared_unlisted",
    "rotated_farm",
    "slow_drip",
    "light_rider",
    "office_hours_imitation",
    "relay_pool",
)


@pytest.fixture(scope="session")
def subtle_rows():
    """Labelled rows of ten accounts of each class that looks like another."""
    mixture = dict.fromkeys(SUBTLE, 1.0)
    return _labelled(simulate(FleetOptions(accounts=10 * len(SUBTLE), seed=8, mixture=mixture)))


@pytest.fixture(scope="session")
def subtle(subtle_rows):
    """The model requests of those, helper calls among them."""
    return subtle_rows.filter(pl.col("model").is_not_null())


def _labelled(fleet):
    asked = fleet.requests.join(fleet.accounts.select("account_id", "class"), on="account_id")
    sessions = fleet.sessions.select("account_id", "session_id", "label")
    return asked.join(sessions, on=["account_id", "session_id"], how="left", nulls_equal=True)


@pytest.fixture(scope="session")
def rows(fleet):
    """Log rows of the default mixture with class of the account and label of the session."""
    return _labelled(fleet)


@pytest.fixture(scope="session")
def even_rows(even):
    """The same of the even mixture."""
    return _labelled(even)


@pytest.fixture(scope="session")
def requests(rows):
    """Model requests of the default mixture, helper calls and token counts left out."""
    return rows.filter(pl.col("tools_hash").is_not_null())
