"""Run a lesson's program as a person runs it, and write down what it found.

    python -P lesson_driver.py PROGRAM FOLDER

What it found is written as JSON, as in `lesson.json`.
"""

import runpy
import sys
from pathlib import Path

from torchsmith.core.files import write_atomic
from torchsmith.recipes.lesson import LessonResult

FOUND = "found.json"


def main(program: Path, folder: Path) -> None:
    """Run a program and write what it found into a folder."""
    found = runpy.run_path(str(program), run_name="__main__")["found"]
    result = LessonResult.model_validate(found)
    write_atomic(folder / FOUND, result.model_dump_json())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
