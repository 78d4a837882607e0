"""Rows: one for each run, appended at once to a file, so that a stopped run goes on."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.jsonl"

What = Literal["healthy", "config", "fault", "mended", "double", "code"]


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        what: `healthy` is the task's own plan, `config` another that is healthy, too,
            `mended` a faulty plan with what `torchsmith doctor --fix` changes.
        task: By name.
        fault: By name; of `double` two with a plus between; of `config` its number.
        level: 1 to 3, the third is the worst; 0 where there is no fault.
        seed: Draws everything.
    """

    what: What
    task: str
    fault: str = ""
    level: int = 0
    seed: int = 0

    @property
    def key(self) -> str:
        """The same for the same case."""
        return f"{self.what}/{self.task}/{self.fault}/{self.level}/{self.seed}"


@dataclass(frozen=True)
class Told:
    """A finding, as a row keeps it."""

    code: str
    severity: str
    moment: str
    where: str = ""
    message: str = ""
    evidence: str = ""
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """What one run gave.

    Attributes:
        case: Which.
        score: On examples that no run was given: the share right, or minus the error
            divided by the deviation of the targets. Of a run that gave no network what
            the best constant reaches.
        reported: The same, as the run itself reports it; None where it does not.
        calibration: Expected calibration error on those examples; None for numbers.
        findings: The likely cause first.
        ended: Empty where the run came to its end, else why it did not.
        refused: Whether it was refused before training.
        num_steps: Optimizer steps that were taken.
        share: Of the planned epochs that were trained.
        seconds: `total`, `train`, and the doctor's `before`, `during` and `after`.
        left_out: What the doctor had no time for.
        rivals: By tool its alarms: a rule, and the code of ours that means the same.
        commit: Of the source.
        remedy: Of a mended run: what was changed.
    """

    case: Case
    score: float
    reported: float | None = None
    calibration: float | None = None
    findings: tuple[Told, ...] = ()
    ended: str = ""
    refused: bool = False
    num_steps: int = 0
    share: float = 1.0
    seconds: dict[str, float] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    rivals: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    commit: str = ""
    remedy: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """Return a line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"), default=str)


def row_of(text: str) -> Row:
    """Read a line of JSON."""
    values = json.loads(text)
    values["case"] = Case(**values["case"])
    values["findings"] = tuple(Told(**told) for told in values["findings"])
    values["left_out"] = tuple(values["left_out"])
    return Row(**values)


def read(path: Path) -> dict[str, Row]:
    """Return the newest row of each case; a torn line is left out."""
    found: dict[str, Row] = {}
    if path.is_file():
        for line in path.read_text("utf-8").splitlines():
            try:
                row = row_of(line)
            except (ValueError, TypeError, KeyError):
                continue
            found[row.case.key] = row
    return found


def append(path: Path, row: Row) -> None:
    """Write a row in one piece: two processes may write to one file."""
    line = (row.text() + "\n").encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def alarms(row: Row, known: object = ()) -> Iterator[Told]:
    """Yield errors and warnings but those that are true of the data as it is."""
    for told in row.findings:
        if told.severity != "note" and told.code not in known:  # type: ignore[operator]
            yield told
