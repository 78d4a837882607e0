"""How files reach the disk is tested here."""

import os
import posix

import pytest


@pytest.fixture(autouse=True)
def all_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the disk, as for people."""
    monkeypatch.setattr(os, "fsync", posix.fsync)
