"""What rivals learn is tested here."""

import pytest

from torchsmith.evaluate import cost, rivals


@pytest.fixture(autouse=True)
def all_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boost as many trees as for people."""
    monkeypatch.setattr(rivals, "tree_steps", cost.tree_steps)
