"""The members of a study: their data, their plans, and training them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from torchsmith.api.carrying import first_files, is_complete, make_ready
from torchsmith.api.choosing import choose_engine_and_threads
from torchsmith.api.companies import (
    MOST_TOGETHER,
    CompanyView,
    carry_out_alone,
    carry_out_together,
    kind_of_company,
    set_up_company,
)
from torchsmith.api.inspected import inspect_planned
from torchsmith.api.planning import Planned, Source, load_planned
from torchsmith.api.run import Run
from torchsmith.core.commands import command
from torchsmith.core.errors import Interrupted, PlanError
from torchsmith.core.run_folder import RunFolder, is_run
from torchsmith.data.data import Data
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences, take_choices
from torchsmith.recipes.results import Finished
from torchsmith.recipes.study import Member, Study
from torchsmith.train.watch import TrainingObserver

if TYPE_CHECKING:
    from torchsmith.train.setup import Setup


class SharedData:
    """The data of a study, read once for all members that read it in the same way.

    Args:
        study: What is asked.
        observer: Is told how reading goes.
        planned: The base plan with its data, where that is read already.
        source: The same data from somewhere else, such as arrays in memory.
        resumes: Whether training on the data may have begun.
    """

    def __init__(
        self,
        study: Study,
        observer: TrainingObserver,
        planned: Planned | None = None,
        source: Source | None = None,
        *,
        resumes: bool = False,
    ) -> None:
        self._study = study
        self._observer = observer
        self._source = source
        self._resumes = resumes
        self._known: tuple[object, Data, Inspection] | None = None
        if planned is not None:
            how = _how_read(planned.plan)
            self._known = how, planned.data, planned.inspection
        self._chosen: dict[str, Plan] = {}

    def data(self, plan: Plan) -> Data:
        """Return the data that a plan names."""
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
        how = _how_read(plan)
        if self._known is None or self._known[0] != how:
            data = load_planned(
                plan, self._observer, self._source, resumes=self._resumes
            )
            inspection = inspect_planned(data, plan, self._observer)
            self._known = how, data, inspection
        return self._known[1:]


def _how_read(plan: Plan) -> object:
    return plan.data, plan.problem.target, plan.problem.task


class StudyMembers:
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
        shared: SharedData,
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
            f"with: {command('train', study.study)}"
        )
