"""A script gives the weights of its run, bit for bit, and reads as if hand-written."""

import subprocess
import sys
from pathlib import Path

import pytest

import torchsmith as ts
from torchsmith.api.ejecting import eject

QUICK = {"training.epochs": 2, "training.threads": 1}


def train(source, tmp_path, target=None, **settings):
    return ts.train(
        source, target=target, runs=tmp_path / "runs", settings={**QUICK, **settings}
    )


def verified(run, path):
    """Eject a run, hold the script to the style of tools, and run it."""
    ejected = eject(run, path, verify=True)
    assert ejected.verification is not None
    if path.suffix == ".py":
        hold_to_style(path)
    assert ejected.verification.same, ejected.verification.text
    return path.read_text("utf-8")


def hold_to_style(path):
    for command in (["check", "--line-length=88"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    code = path.read_text("utf-8")
    assert max(map(len, code.splitlines())) <= 88
    assert "torchsmith" not in code.partition("import")[2]


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_a_built_in_set(name, tmp_path):
    verified(train(name, tmp_path), tmp_path / "train.py")


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("titanic/train.csv", "Survived"),
        ("car/car_evaluation.csv", "output"),
        ("korean/crime_in_seoul.csv", "절도 발생"),
    ],
)
def test_a_table(file, target, tmp_path, shared_data: Path):
    run = train(str(shared_data / file), tmp_path, target)
    verified(run, tmp_path / "train.py")
