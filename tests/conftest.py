import os
import sys
from pathlib import Path

import pytest

# Tests run side by side, a process a core: more threads in each would only wait for each other.
# Polars reads this when it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")

import detector

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def sample():
    """The sample log."""
    return ROOT / "datasets" / "sample"


@pytest.fixture(scope="session")
def sample_run(sample, tmp_path_factory):
    """The sample scored by the default model: the folder and the run."""
    folder = tmp_path_factory.mktemp("sample") / "verdicts"
    return folder, detector.score(sample, folder, ROOT / "models" / "default")


@pytest.fixture(scope="session")
def installed():
    """The installed command."""
    return Path(sys.executable).parent / "detector"
