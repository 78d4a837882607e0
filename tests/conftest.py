"""Fixtures that several packages' tests share."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from time import process_time

import pytest

from torchsmith.api import choosing
from torchsmith.doctor import subject
from torchsmith.evaluate import rivals
from torchsmith.plan import machine

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


@pytest.fixture(scope="session", autouse=True)
def one_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile native code once for all tests, and touch nothing of the person's."""
    base = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder of its own in the session's.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHSMITH_CACHE", str(folder))
        yield


@pytest.fixture(scope="session", autouse=True)
def frugal() -> Iterator[None]:
    """Do without what costs every run of a test time and is tested by itself.

    In `core`, all files are waited for until they are on the disk; for the rivals'
    own tests trees are boosted as often as for people, 200 times at most. Processes
    that tests start do all as people's do.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        patch.setattr(rivals, "tree_steps", lambda *_: 10)
        patch.setattr(machine, "_core_gflops", cache(machine._core_gflops))
        yield


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose anew in each test, whatever another has measured."""
    monkeypatch.setattr(choosing, "recall", lambda *_: None)
    monkeypatch.setattr(choosing, "remember", lambda *_: None)
