"""Ctrl-C and SIGTERM, through the command line."""

import signal

import pytest

from tests.reliability.jobs import outcome_of, write_table
from tests.reliability.runs import Command

LONG = ("table.csv", "--target", "value", "--epochs", "150")
LONG = ("train", *LONG, "--set", "stopping.patience=0", "--set", "split.val=0.15")


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    write_table(folder / "table.csv")
    code, text = Command(folder, *LONG).end()
    assert code == 0, text
    [path] = (folder / "runs").iterdir()
    return outcome_of(path)


@pytest.mark.parametrize(
    ("number", "after", "words"),
    [
        (signal.SIGTERM, "epoch 2/", "everything is saved. Go on with: torchsmith"),
        (signal.SIGINT, "Evaluating", "Go on with: torchsmith train --resume"),
    ],
    ids=["SIGTERM in training", "Ctrl-C in evaluation"],
)
def test_a_signal_saves_and_says_how_to_go_on(tmp_path, long_run, number, after, words):
    write_table(tmp_path / "table.csv")
    command = Command(tmp_path, *LONG)
    command.send(number, after)
    code, text = command.end()
    assert code == 130, text
    [line] = [line for line in text.splitlines() if line.startswith("interrupted")]
    assert words in line
    assert "--resume" in line
    assert "Traceback" not in text
    [path] = (tmp_path / "runs").iterdir()
    assert len(list((path / "checkpoints").iterdir())) >= 1
    code, text = Command(tmp_path, "train", "--resume", "--quiet").end()
    assert code == 0, text
    assert outcome_of(path) == long_run
