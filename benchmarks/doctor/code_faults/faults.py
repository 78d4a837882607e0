"""The faults, read from `faults.diff`."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

HERE = Path(__file__).parent

Way = Literal["fit", "script"]

_BLOCK = re.compile(r"(?:^-.*\n)+(?:^\+.*\n)*", re.MULTILINE)


@dataclass(frozen=True)
class CodeFault:
    """What a person wrote in place of what is right.

    Attributes:
        name: Short.
        codes: Any of them names it rightly; the first is its own.
        program: In `programs/`, without its ending.
        ways: How the doctor can meet it: through `ts.fit`, which is given the module,
            the data sets, the loss and the optimizer, or as a script.
        source: The program with the fault.
        lines: Of it, from 1: those that were changed, or stand where some are missing.
    """

    name: str
    codes: tuple[str, ...]
    program: str
    ways: tuple[Way, ...]
    source: str
    lines: frozenset[int]


@cache
def faults() -> dict[str, CodeFault]:
    """Return all faults by name.

    Raises:
        ValueError: A line to change is not in its program, or is there twice.
    """
    text = (HERE / "faults.diff").read_text("utf-8")
    found = [_fault(entry) for entry in re.split(r"^# ", text, flags=re.MULTILINE)[1:]]
    return {fault.name: fault for fault in found}


@cache
def programs() -> dict[str, str]:
    """Return the healthy programs by name."""
    paths = sorted((HERE / "programs").glob("*.py"))
    return {path.stem: path.read_text("utf-8") for path in paths}


def _fault(entry: str) -> CodeFault:
    head, blocks = entry.split("\n", 1)
    name, codes, program, ways = (each.strip() for each in head.split("|"))
    source, lines = programs()[program], set()
    for block in _BLOCK.findall(blocks + "\n"):
        right, wrong = (_marked(block, sign) for sign in "-+")
        if f"\n{source}".count(f"\n{right}") != 1:
            raise ValueError(f"{name}: not once in {program}: {right}")
        before, after = f"\n{source}".split(f"\n{right}")
        source = f"{before}\n{wrong}{after}"[1:]
        first = before.count("\n") + 1
        lines |= set(range(first, first + max(wrong.count("\n"), 1)))
    chosen = tuple(way for way in get_args(Way) if way in ways.split())
    return CodeFault(
        name, tuple(codes.split()), program, chosen, source, frozenset(lines)
    )


def _marked(block: str, sign: str) -> str:
    lines = block.splitlines(keepends=True)
    return "".join(line[1:] for line in lines if line[0] == sign)
