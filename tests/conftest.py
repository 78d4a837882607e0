"""Fixtures that several packages' tests share."""

import os
from pathlib import Path
from time import process_time

import pytest

from torchsmith.doctor import subject

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


@pytest.fixture(autouse=True)
def own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the doctor's allowance in this process's time.

    What else the machine does would otherwise decide what is looked at.
    """
    monkeypatch.setattr(subject, "perf_counter", process_time)


@pytest.fixture(scope="session")
def compiled_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the native engine is compiled to, once for all tests."""
    base = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder of its own in the session's.
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
