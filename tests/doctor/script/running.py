"""Runs scripts under watch within the tests' own process, which is quicker."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.doctor.script.child import run_script
from torchsmith.doctor.script.facts import Facts
from torchsmith.doctor.script.judging import judged

PROGRAMS = Path(__file__).parent.parent / "scripts"


def examined(script: Path) -> Diagnosis:
    """Return what is said of a script."""
    with own_randomness():
        return judged(run_script(script, []))


def examined_text(folder: Path, text: str) -> Diagnosis:
    """Return what is said of a script that is written here."""
    return judged(facts_of(folder, text))


def facts_of(folder: Path, text: str) -> Facts:
    """Return what is seen of a script that is written here."""
    script = folder / "train.py"
    script.write_text(text)
    with own_randomness():
        return run_script(script, [])


def codes(diagnosis: Diagnosis) -> list[str]:
    """Return code and line of each finding."""
    return [f"{f.code} {f.where}" for f in diagnosis.findings]


def line_of(script: Path, text: str) -> str:
    """Return where the only line that holds a text stands."""
    lines = script.read_text().splitlines()
    (number,) = (n for n, line in enumerate(lines, 1) if text in line)
    return f"{script.name}:{number}"


def marked(script: Path) -> list[str]:
    """Return code and line of each comment such as `# C2` at the end of a line."""
    lines = enumerate(script.read_text().splitlines(), 1)
    found = ((number, re.search(r"# ([CDPTQ]\d+)$", line)) for number, line in lines)
    return [f"{match[1]} {script.name}:{number}" for number, match in found if match]


@contextmanager
def own_randomness() -> Iterator[None]:
    """Give the tests' random numbers back afterwards."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        yield
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002
