"""Names as names of files and folders."""

import re
from pathlib import Path

_ENDING = re.compile(r"(?i)(\.(csv|tsv|txt|data|parquet|pq|np[yz]|ts|nii|ya?ml|gz))+$")


def named_after(source: str) -> str:
    """Return what a source is called, without its folder and ending.

    >>> named_after("data/iris.csv"), named_after("lr-0.01")
    ('iris', 'lr-0.01')
    """
    return _ENDING.sub("", Path(source).name)


def run_slug(name: str) -> str:
    """Return a name as it stands in the name of a run folder, of 40 characters at most.

    >>> run_slug("lr 0.01, again")
    'lr-0.01-again'
    """
    # The point of a number stays: lr-0.2 is not the second run called lr-0.
    return re.sub(r"([^\w.]|(?<!\d)\.|\.(?!\d))+", "-", name).strip("-_")[:40] or "run"


def slug(name: str) -> str:
    """Return a name with only what is safe in the name of a file.

    >>> slug("SGD, momentum 0.9")
    'SGD-momentum-0-9'
    """
    return re.sub(r"[^\w]+", "-", name).strip("-_")
