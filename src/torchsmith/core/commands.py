"""Commands for the person to type, in messages and reports."""

import shlex
from pathlib import Path


def command(*words: str | Path) -> str:
    """Write a command of Torchsmith, its words quoted where a shell asks for that.

    >>> command("train", "my runs/plan.yaml", "--epochs", "5")
    "torchsmith train 'my runs/plan.yaml' --epochs 5"
    """
    return shlex.join(["torchsmith", *map(str, words)])


def listing(runs: Path) -> str:
    """Write the command that lists the runs of a folder.

    >>> listing(Path("runs")), listing(Path("work/runs"))
    ('torchsmith runs', 'torchsmith runs --runs work/runs')
    """
    here = runs == Path("runs")
    return command("runs") if here else command("runs", "--runs", runs)
