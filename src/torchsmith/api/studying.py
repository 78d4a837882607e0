"""Running a study into a run folder, each member into one of its own."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from pydantic import ValidationError

from torchsmith.api.carrying import first_files, import_torch, is_complete, make_ready
from torchsmith.api.choosing import choose_engine_and_threads
from torchsmith.api.companies import (
    MOST_TOGETHER,
    CompanyView,
    carry_out_alone,
    carry_out_together,
    kind_of_company,
    set_up_company,
)
from torchsmith.api.planning import Planned, load_planned
from torchsmith.api.run import Run
from torchsmith.core import environment
from torchsmith.core.errors import Interrupted, PlanError, TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.run_folder import RunFolder, is_run, run_names
from torchsmith.data.data import Data
from torchsmith.inspect.examine import inspect as examine
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences, take_choices
from torchsmith.recipes.results import Finished, StudyResult, study_result
from torchsmith.recipes.study import Member, Study, members, parse_study, study_text
from torchsmith.train.watch import TrainingObserver

if TYPE_CHECKING:
    from torchsmith.train.setup import Setup


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

    finished = _Members(folder, members(study), shared, observer).carry_out()
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


class _Members:
    """The members of a study, as they come to an end.

    Args:
        study: Its folder; held by this process.
        everything: The members.
        shared: Their data and their plans.
        observer: Is told how it goes.
    """

    def __init__(
        self,
        study: RunFolder,
        everything: Sequence[Member],
        shared: _Shared,
        observer: TrainingObserver,
    ) -> None:
        self._study = study
        self._all = everything
        self._shared = shared
        self._observer = observer
        self._finished: dict[int, Finished] = {}

    def carry_out(self) -> list[Finished]:
        """Train those that are not complete: together where they can.

        Raises:
            PlanError: The study was edited after a member was begun.
            TrainError: Training or a run folder failed.
            Interrupted: Ctrl-C or SIGTERM; everything is saved.
        """
        plans = [self._plan(member) for member in self._all]
        kinds = [kind_of_company(plan) for plan in plans]
        for place, member in enumerate(self._all):
            path = self._study.members / member.name
            if is_run(path) and is_complete(Run(path)):
                self._finished[place] = _finished(member, Run(path))
        alone: set[str] = set()
        while left := [n for n in range(len(plans)) if n not in self._finished]:
            kind = kinds[left[0]]
            company = [n for n in left if kinds[n] == kind][:MOST_TOGETHER]
            setups = None
            if len(company) > 1 and kind not in alone:
                setups = self._set_up([plans[n] for n in company])
            if setups is None:
                alone.add(kind)
                company = left[:1]
            self._train(company, setups)
        return [self._finished[place] for place in range(len(plans))]

    def _plan(self, member: Member) -> Plan:
        """Return the plan of a member, as it was begun where it was."""
        path = self._study.members / member.name
        if not is_run(path):
            return self._shared.planned(member).plan
        plan = Run(path).plan
        _require_unchanged(self._study, plan, member)
        self._shared.remember(member, plan)
        return plan

    def _set_up(self, plans: Sequence[Plan]) -> "list[Setup] | None":
        """Build members that can train together, or say why they cannot."""
        from torchsmith.train.engines.engine import Unsupported

        data = self._shared.data(plans[0])
        try:
            return set_up_company(plans, data, self._observer)
        except Unsupported as error:
            self._observer.note(
                f"{len(plans)} members train one after the other, not together: {error}"
            )
            return None

    def _train(self, company: Sequence[int], setups: "list[Setup] | None") -> None:
        title = self._title(company)
        seconds = [one.seconds for one in self._finished.values() if one.seconds]
        num_left = len(self._all) - len(self._finished) - len(company)
        view = CompanyView(self._observer, title, seconds, num_left)
        try:
            with ExitStack() as held:
                folders = [self._held(self._all[n], held) for n in company]
                data = self._shared.data(self._all[company[0]].plan)
                if setups is None:
                    failed = [carry_out_alone(folders[0], data, view.member(0))]
                else:
                    failed = carry_out_together(folders, setups, data, view)
        except Interrupted as stop:
            raise Interrupted(
                f"in {title}; everything is saved. Go on with: {self._study.go_on}"
            ) from stop
        for place, folder, why in zip(company, folders, failed, strict=True):
            member = self._all[place]
            self._finished[place] = _finished(member, Run(folder.path), why)

    def _held(self, member: Member, held: ExitStack) -> RunFolder:
        """Return the run folder of a member, made where there is none, and locked."""
        path = self._study.members / member.name
        if not is_run(path):
            files = first_files(self._shared.planned(member))
            RunFolder.create_member(self._study, member.name, files)
        folder = RunFolder(path)
        held.enter_context(folder.locked())
        return folder

    def _title(self, company: Sequence[int]) -> str:
        total = len(self._all)
        if len(company) == 1:
            return f"{company[0] + 1} of {total}: {self._all[company[0]].title}"
        variants = list(dict.fromkeys(self._all[n].variant for n in company))
        seeds = sorted({self._all[n].seed for n in company})
        what = variants[0] if len(variants) == 1 else f"{len(variants)} variants"
        numbers = ", ".join(map(str, seeds))
        called = f"{what}, seed{'s' * (len(seeds) > 1)} {numbers}"
        return f"{len(company)} of {total} together: {called}"


def _finished(member: Member, run: Run, failed: str = "") -> Finished:
    return Finished(
        variant=member.variant,
        seed=member.seed,
        run=member.name,
        history=run.history,
        evaluation=None if failed else run.evaluation,
        seconds=0.0 if failed else run.outcome.seconds["train"],
        failed=failed,
    )


def _require_unchanged(study: RunFolder, begun: Plan, member: Member) -> None:
    """Refuse to go on with a study that was edited after a member was begun.

    Raises:
        PlanError: Says what differs.
    """
    if changed := differences(take_choices(member.plan, begun), begun):
        raise PlanError(
            f"{study.study}: was changed after {member.title} was begun (not the same: "
            f"{', '.join(changed)}); change it back to resume, or start a new study "
            f"with: torchsmith train {study.study}"
        )
