"""Running a study into a run folder, each member into one of its own."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import perf_counter

from pydantic import ValidationError

from torchsmith.api.carrying import (
    carry_out,
    first_files,
    import_torch,
    is_complete,
    make_ready,
)
from torchsmith.api.choosing import choose_engine_and_threads
from torchsmith.api.planning import Planned, load_planned
from torchsmith.api.run import Run
from torchsmith.core import environment
from torchsmith.core.errors import Diverged, Interrupted, PlanError, TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.run_folder import RunFolder, is_run, run_names
from torchsmith.data.data import Data
from torchsmith.inspect.examine import inspect as examine
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences, take_choices
from torchsmith.recipes.results import Finished, StudyResult, study_result
from torchsmith.recipes.study import Member, Study, members, parse_study, study_text
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import Progress, TrainingObserver


class StudyRun:
    """The run folder of a study, opened.

    Attributes:
        path: The folder.
        folder: Its files.
        study: What was asked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = RunFolder(path)
        file = self.folder.study
        self.study = parse_study(file.read_text("utf-8"), str(file))

    def __repr__(self) -> str:
        return f"StudyRun({str(self.path)!r})"

    @cached_property
    def results(self) -> StudyResult:
        """What the study found.

        Raises:
            TrainError: It did not come to an end; says how to go on.
        """
        path, go_on = self.folder.study_results, f"go on with: {self.folder.go_on}"
        try:
            return StudyResult.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            raise TrainError(f"{path}: is not there: {go_on}") from error
        except ValidationError as error:
            what = error.errors()[0]["msg"]
            raise TrainError(f"{path}: is damaged ({what}); {go_on}") from error

    @property
    def table(self) -> list[dict[str, object]]:
        """One row for each variant: its score, interval, difference, time."""
        return [row.model_dump() for row in self.results.rows]

    @property
    def members(self) -> list[Run]:
        """The run of each variant and seed."""
        folder = self.folder.members
        return [Run(folder / name) for name in run_names(folder)]

    @property
    def report_path(self) -> Path:
        """Where the report is, once it is written."""
        return self.folder.report

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report again, and return its path.

        Args:
            path: Where; `report.html` in the run folder where not given.
        """
        from torchsmith.report.study import study_page

        target = self.report_path if path is None else Path(path)
        write_atomic(target, study_page(self.path.name, self.study, self.results))
        return target

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
    study: Study, name: str, runs: Path, observer: TrainingObserver
) -> StudyRun:
    """Train every member of a study, and put them side by side.

    Raises:
        DataError: The data cannot be read or learned from.
        PlanError: A variant cannot be carried out.
        TrainError: Training or the run folder failed.
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
    """
    begin = perf_counter()
    shared = _Shared(study, observer)
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


def resume_study(folder: RunFolder, observer: TrainingObserver) -> StudyRun:
    """Go on with a study: finished members are kept, the interrupted one goes on.

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
        shared = _Shared(run.study, observer)
        return _carry_out(folder, run.study, shared, observer, begin)


def _is_complete(run: StudyRun) -> bool:
    try:
        return bool(run.results) and run.report_path.is_file()
    except TrainError:
        return False


class _Shared:
    """The data of a study, read once for all members that read it in the same way."""

    def __init__(self, study: Study, observer: TrainingObserver) -> None:
        self._study = study
        self._observer = observer
        self._known: tuple[object, Data, Inspection] | None = None
        self._chosen: dict[str, Plan] = {}

    def data(self, plan: Plan) -> Data:
        return self._read(plan)[0]

    def planned(self, member: Member) -> Planned:
        """Return the plan of a member, with the engine that its variant has."""
        planned = Planned(*self._read(member.plan), member.plan, self._study.base)
        if member.variant not in self._chosen:
            setup = make_ready(member.plan, planned.data, TrainingObserver())
            planned, _ = choose_engine_and_threads(planned, setup)
            self.remember(member, planned.plan)
        chosen = self._chosen[member.variant]
        plan, default = (
            take_choices(p, chosen) for p in (member.plan, planned.default)
        )
        return replace(planned, plan=plan, default=default)

    def remember(self, member: Member, chosen: Plan) -> None:
        """Let the members of a variant train as the first of them does."""
        self._chosen.setdefault(member.variant, chosen)

    def _read(self, plan: Plan) -> tuple[Data, Inspection]:
        how = (plan.data, plan.problem.target, plan.problem.task)
        if self._known is None or self._known[0] != how:
            data = load_planned(plan, self._observer)
            inspection = examine(data, self._observer, task=plan.problem.task)
            self._known = how, data, inspection
        return self._known[1:]


def _carry_out(
    folder: RunFolder,
    study: Study,
    shared: _Shared,
    observer: TrainingObserver,
    begin: float,
) -> StudyRun:
    from torchsmith.report.study import study_figures

    everything = members(study)
    finished: list[Finished] = []
    for number, member in enumerate(everything, start=1):
        title = f"{number} of {len(everything)}: {member.title}"
        watcher = _MemberView(observer, title, finished, len(everything) - number)
        try:
            finished.append(_carry_out_member(folder, member, shared, watcher))
        except Interrupted as stop:
            raise Interrupted(
                f"in {title}; everything is saved. Go on with: {folder.go_on}"
            ) from stop
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


def _carry_out_member(
    study: RunFolder, member: Member, shared: _Shared, observer: TrainingObserver
) -> Finished:
    path = study.members / member.name
    begin = perf_counter()
    if not is_run(path):
        files = first_files(shared.planned(member))
        RunFolder.create_member(study, member.name, files)
    folder = RunFolder(path)
    with folder.locked():
        run = Run(path)
        _require_unchanged(study, run, member)
        shared.remember(member, run.plan)
        failed = ""
        if not is_complete(run):
            plan, data = run.plan, shared.data(member.plan)
            setup = make_ready(plan, data, observer)
            try:
                carry_out(folder, plan, data, setup, observer, begin, rivals=False)
            except Diverged as error:
                failed = str(error)
    return Finished(
        variant=member.variant,
        seed=member.seed,
        run=member.name,
        history=run.history,
        evaluation=None if failed else run.evaluation,
        seconds=0.0 if failed else run.outcome.seconds["train"],
        failed=failed,
    )


def _require_unchanged(study: RunFolder, run: Run, member: Member) -> None:
    """Refuse to go on with a study that was edited after a member was begun.

    Raises:
        PlanError: Says what differs.
    """
    if changed := differences(take_choices(member.plan, run.plan), run.plan):
        raise PlanError(
            f"{study.study}: was changed after {member.title} was begun (not the same: "
            f"{', '.join(changed)}); change it back to resume, or start a new study "
            f"with: torchsmith train {study.study}"
        )


class _MemberView(TrainingObserver):
    """Shows one member as one stage, with the time that is left for all.

    Args:
        watcher: Is told.
        title: Of the stage.
        finished: The members before.
        num_left: How many members come after it.
    """

    def __init__(
        self,
        watcher: TrainingObserver,
        title: str,
        finished: Sequence[Finished],
        num_left: int,
    ) -> None:
        self._watcher = watcher
        self._title = title
        self._num_left = num_left
        self._each = [member.seconds for member in finished if member.seconds]

    def note(self, text: str) -> None:
        self._watcher.note(text)

    def on_start(
        self, num_epochs: int, num_examples: int, num_parameters: int, device: str
    ) -> None:
        del num_examples, num_parameters, device
        self._watcher.stage(self._title, num_epochs)

    def on_progress(self, progress: Progress) -> None:
        each = progress.seconds + progress.seconds_left
        if self._each:
            each = sum(self._each) / len(self._each)
        left = progress.seconds_left + self._num_left * each
        self._watcher.advance(progress.epoch - 1, left)

    def on_epoch_end(self, record: EpochRecord) -> None:
        self._watcher.advance(record.epoch)
