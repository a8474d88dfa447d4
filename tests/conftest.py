import sys
from pathlib import Path

import pytest

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
