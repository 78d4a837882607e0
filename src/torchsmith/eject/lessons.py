"""Whether a lesson's program finds again what it found in its run."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from torchsmith.core.wording import amount
from torchsmith.eject import lesson_driver
from torchsmith.eject.verify import Verification, run_driver
from torchsmith.recipes.lesson import LessonResult


def verify_lesson(
    program: Path, wanted: LessonResult, tell: Callable[[str], None]
) -> Verification:
    """Run a program in a process of its own, and compare all that it finds.

    Args:
        program: The file.
        wanted: What the lesson found in its run.
        tell: Is given each line that the program prints.

    Raises:
        TrainError: The program failed; says its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        run_driver(lesson_driver.__file__, program.resolve(), Path(folder), tell)
        text = (Path(folder) / lesson_driver.FOUND).read_bytes()
    found = LessonResult.model_validate_json(text)
    wrong = [
        f"{name} is {found.numbers.get(name)}, in the run {value}"
        for name, value in wanted.numbers.items()
        if found.numbers.get(name) != value
    ]
    pairs = ((wanted.tables, found.tables), (wanted.figures, found.figures))
    wrong += [
        f"{title!r} differs"
        for ours, theirs in pairs
        for title, content in ours.items()
        if theirs.get(title) != content
    ]
    if wrong:
        return Verification(same=False, text="; ".join(wrong))
    numbers = amount(len(wanted.numbers), "number")
    tables = amount(len(wanted.tables), "table")
    figures = amount(len(wanted.figures), "figure")
    return Verification(
        same=True, text=f"it ran and found the same: {numbers}, {tables}, {figures}"
    )
