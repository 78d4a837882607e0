"""What tests of training share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def compiled_cache(tmp_path_factory) -> Path:
    """Where the native engine is compiled to, once for all tests."""
    base = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder of its own in the session's.
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
