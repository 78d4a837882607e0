"""A run that is killed at any instant ends as if nothing had happened."""

import random
import signal

import pytest

from tests.reliability.jobs import outcome_of, temporary_files, write_table
from tests.reliability.runs import run

CHANCE = random.Random(20261121)


def kill_and_resume(folder, instants, whole):
    write_table(folder / "table.csv")
    for instant in instants:
        assert run(folder, instant) in (-signal.SIGKILL, 0)
    assert run(folder) == 0
    runs = [p for p in (folder / "runs").iterdir() if not p.name.startswith(".")]
    assert len(runs) == 1
    assert outcome_of(runs[0]) == whole
    assert temporary_files(runs[0]) == []


@pytest.mark.parametrize("part", [CHANCE.random() for _ in range(4)])
def test_a_run_killed_at_a_random_instant_ends_the_same(tmp_path, whole, part):
    outcome, instants = whole
    kill_and_resume(tmp_path, [1 + int(part * instants)], outcome)


def test_a_run_killed_again_and_again_ends_the_same(tmp_path, whole):
    outcome, instants = whole
    chance = random.Random(1)
    fatal = [chance.randint(1, instants // 4) for _ in range(6)]
    kill_and_resume(tmp_path, fatal, outcome)


@pytest.mark.slow
def test_a_run_killed_at_each_instant_ends_the_same(tmp_path, whole):
    outcome, instants = whole
    for instant in range(1, instants + 1):
        folder = tmp_path / str(instant)
        folder.mkdir()
        kill_and_resume(folder, [instant], outcome)
