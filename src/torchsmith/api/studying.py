"""Running a study into a run folder, each member into one of its own."""

import json
from functools import cached_property
from pathlib import Path
from time import perf_counter

from pydantic import ValidationError

from torchsmith.api.carrying import import_torch
from torchsmith.api.keeping import stopping_in
from torchsmith.api.opened import Opened
from torchsmith.api.planning import Planned, Source
from torchsmith.api.run import Run
from torchsmith.api.study_members import SharedData, StudyMembers
from torchsmith.core import environment
from torchsmith.core.errors import TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.run_folder import RunFolder, run_names
from torchsmith.plan.file import read_yaml
from torchsmith.recipes.results import StudyResult, study_result
from torchsmith.recipes.study import Study, members, parse_study, study_text
from torchsmith.train.watch import TrainingObserver


class StudyRun(Opened):
    """The run folder of a study, opened.

    Attributes:
        path: The folder.
        folder: Its files.
        study: What was asked.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        file = self.folder.study
        self.study = parse_study(read_yaml(file), str(file))

    @cached_property
    def results(self) -> StudyResult:
        """What the study found.

        Raises:
            TrainError: It did not come to an end; says how to go on.
        """
        path = self.folder.study_results
        try:
            return StudyResult.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            raise TrainError(f"{path}: is not there: {self.folder.way_on}") from error
        except ValidationError as error:
            what = error.errors()[0]["msg"]
            raise TrainError(
                f"{path}: is damaged ({what}); {self.folder.way_on}"
            ) from error

    @property
    def table(self) -> list[dict[str, object]]:
        """One row for each variant: its score, interval, difference, time."""
        return [row.model_dump() for row in self.results.rows]

    @property
    def members(self) -> list[Run]:
        """The run of each variant and seed."""
        folder = self.folder.members
        return [Run(folder / name) for name in run_names(folder)]

    def _report_html(self) -> str:
        from torchsmith.report.study import study_page

        return study_page(self.path.name, self.study, self.results)

    def summary(self) -> dict[str, object]:
        """Return what `train --json` prints."""
        return {
            "run": str(self.path),
            "study": self.study.title,
            "metric": self.results.metric,
            "seeds": list(self.results.seeds),
            "table": self.table,
            "seconds": {"total": self.results.seconds},
            "report": str(self.report_path),
        }


def run_study(
    study: Study,
    name: str,
    runs: Path,
    observer: TrainingObserver,
    planned: Planned | None = None,
) -> StudyRun:
    """Train every member of a study, and put them side by side.

    Args:
        study: What is asked.
        name: What to call its run.
        runs: The folder in which the run folder is made.
        observer: Is told how it goes.
        planned: The base plan with its data, where that is read already.

    Raises:
        DataError: The data cannot be read or learned from.
        PlanError: A variant cannot be carried out.
        TrainError: Training or the run folder failed.
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
    """
    begin = perf_counter()
    shared = SharedData(study, observer, planned)
    import_torch(observer)
    observer.stage("Building each variant")
    # What cannot be prepared or built is told before there is a run folder.
    for member in members(study)[: len(study.variants)]:
        shared.planned(member)
    files = {
        "study.yaml": study_text(study),
        "environment.json": json.dumps(environment.environment(), indent=1),
    }
    folder = RunFolder.create(runs, name, files)
    with folder.locked():
        return _carry_out(folder, study, shared, observer, begin)


def resume_study(
    folder: RunFolder, observer: TrainingObserver, source: Source | None = None
) -> StudyRun:
    """Go on with a study: finished members are kept, interrupted ones go on.

    Args:
        folder: Of the study.
        observer: Is told how it goes.
        source: The same data from somewhere else, such as arrays in memory.

    Raises:
        TrainError: Training or the run folder failed.
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
    """
    begin = perf_counter()
    run = StudyRun(folder.path)
    with folder.locked():
        if _is_complete(run):
            observer.note(f"{folder.path} is complete; there is nothing to resume")
            return run
        shared = SharedData(run.study, observer, source=source, resumes=True)
        return _carry_out(folder, run.study, shared, observer, begin)


def _is_complete(run: StudyRun) -> bool:
    try:
        return bool(run.results) and run.report_path.is_file()
    except TrainError:
        return False


def _carry_out(
    folder: RunFolder,
    study: Study,
    shared: SharedData,
    observer: TrainingObserver,
    begin: float,
) -> StudyRun:
    from torchsmith.report.study import study_figures

    with stopping_in(folder):
        finished = StudyMembers(folder, members(study), shared, observer).carry_out()
        observer.stage("Writing the report")
        # Members that an earlier session trained took their time, too.
        spent = sum(member.seconds for member in finished)
        result = study_result(study, finished, max(perf_counter() - begin, spent))
        folder.figures.mkdir(exist_ok=True)
        for stem, svg in study_figures(result).items():
            write_atomic(folder.figures / f"{stem}.svg", svg)
        write_atomic(folder.study_results, result.model_dump_json(indent=1))
        run = StudyRun(folder.path)
        run.report()
        return run
