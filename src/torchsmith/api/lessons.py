"""Running a lesson into a run folder."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from torchsmith.api.carrying import import_torch
from torchsmith.api.opened import Opened
from torchsmith.core import environment
from torchsmith.core.errors import PlanError, TrainError
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.run_folder import RunFolder
from torchsmith.data.catalog import entry_named
from torchsmith.data.catalog_sets import obtain
from torchsmith.recipes.lesson import (
    Lesson,
    LessonRecord,
    LessonResult,
    Value,
    read_lesson_record,
)

if TYPE_CHECKING:
    from torchsmith.api.ejecting import Ejected


class LessonRun(Opened):
    """The run folder of a lesson, opened.

    Attributes:
        path: The folder.
        folder: Its files.
    """

    @cached_property
    def record(self) -> LessonRecord:
        """Which lesson it was, its settings, and what it found."""
        path = self.folder.lesson
        return read_lesson_record(path.read_bytes(), str(path))

    @property
    def settings(self) -> Mapping[str, Value]:
        """All settings, also those that nobody changed."""
        return self.record.settings

    @property
    def results(self) -> LessonResult:
        """What the lesson found: numbers, tables and figures."""
        return self.record.result

    @property
    def program(self) -> str:
        """The program as a script that runs with these settings."""
        return self.folder.program.read_text("utf-8")

    def _report_html(self) -> str:
        from torchsmith.report.lesson import lesson_page

        return lesson_page(self.record, self.program)

    def eject(
        self,
        path: str | Path = "train.py",
        *,
        verify: bool = False,
        observer: Observer = QUIET,
    ) -> "Ejected":
        """Write the program as a script that runs with the settings of this run.

        Args:
            path: The file.
            verify: Run it, and compare what it finds with what the lesson found.
            observer: Is told what is going on, and each line that the script prints.

        Raises:
            PlanError: A notebook is asked for.
            TrainError: The program failed.
        """
        from torchsmith.api.ejecting import eject

        return eject(self, path, verify=verify, observer=observer)

    def summary(self) -> dict[str, object]:
        """Return what `train --json` prints."""
        return {
            "run": str(self.path),
            "lesson": self.record.lesson,
            "settings": dict(self.settings),
            "numbers": self.results.numbers,
            "tables": self.results.tables,
            "seconds": {"total": self.record.seconds},
            "report": str(self.report_path),
        }


def run_lesson(
    lesson: Lesson,
    settings: Mapping[str, object],
    *,
    runs: Path,
    name: str | None,
    observer: Observer,
) -> LessonRun:
    """Run a lesson; its folder is there when it is done, and whole.

    Raises:
        DataError: The set that it reads cannot be had.
        PlanError: A setting does not exist or does not fit.
        TrainError: What the lesson asserts does not hold with these settings.
    """
    begin = perf_counter()
    chosen = lesson.choose(settings)
    folder = _data_folder(lesson, observer)
    import_torch(observer)
    from torchsmith.train.randomness import own_randomness

    try:
        with own_randomness():
            result = lesson.run(chosen, observer.stage, folder)
    except AssertionError as error:
        raise TrainError(
            f"{lesson.name}: with these settings the lesson does not come out as it "
            f"must: {error or 'an assertion failed'}"
        ) from error
    except ValueError as error:
        raise PlanError(f"{lesson.name}: {error}") from error
    record = LessonRecord(
        lesson=lesson.name,
        title=lesson.title,
        text=lesson.text,
        settings=chosen,
        result=result,
        seconds=round(perf_counter() - begin, 3),
    )
    observer.stage("Writing the report")
    return _write(record, lesson.program(chosen, folder), runs, name or lesson.name)


def _write(record: LessonRecord, program: str, runs: Path, name: str) -> LessonRun:
    from torchsmith.report.lesson import lesson_figures, lesson_page

    figures = lesson_figures(record)
    files = {
        "lesson.json": record.model_dump_json(indent=1),
        "lesson.py": program,
        "environment.json": json.dumps(environment.environment(), indent=1),
        "report.html": lesson_page(record, program),
        **{f"figures/{stem}.svg": svg for stem, svg in figures.items()},
    }
    return LessonRun(RunFolder.create(runs, name, files).path)


def _data_folder(lesson: Lesson, observer: Observer) -> str:
    """Return where the set lies that a lesson reads, or an empty text."""
    if not lesson.data:
        return ""
    entry = entry_named(lesson.data)
    if entry is None or not entry.folder:
        raise PlanError(f"{lesson.name}: there are no files of a set {lesson.data!r}")
    return str(obtain(entry, observer))
