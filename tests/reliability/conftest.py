"""The uninterrupted run that all others must equal."""

import pytest

from tests.processes import PROCESSES
from tests.reliability.jobs import outcome_of, write_table
from tests.reliability.runs import run
from torchsmith.evaluate import cost, rivals


@pytest.fixture(autouse=True)
def all_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boost as many trees as the processes with which scores are compared."""
    monkeypatch.setattr(rivals, "tree_steps", cost.tree_steps)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """What an uninterrupted run gives, and at how many instants it can be killed."""
    folder = tmp_path_factory.mktemp("whole")
    write_table(folder / "table.csv")
    answers = PROCESSES.Queue()
    assert run(folder, answers=answers) == 0
    [made] = (folder / "runs").iterdir()
    return outcome_of(made), answers.get()
