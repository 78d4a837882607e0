"""Fixtures that several packages' tests share."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; tests that need it skip where it is absent."""
    named = os.environ.get("TORCHSMITH_TEST_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            f"no real data at {folder}; set TORCHSMITH_TEST_DATA to the folder that "
            "holds housing/, titanic/, mnist/, …"
        )
    return folder
