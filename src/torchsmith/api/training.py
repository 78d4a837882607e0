"""Step 5 of the flow and what follows from it: train, evaluate, report."""

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import assert_never, overload

from torchsmith.api import planning
from torchsmith.api.carrying import (
    carry_out,
    is_complete,
    make_ready,
    run_planned,
)
from torchsmith.api.inspected import inspect_planned
from torchsmith.api.keeping import stopping_in
from torchsmith.api.lessons import LessonRun
from torchsmith.api.lines import Watching, watching
from torchsmith.api.planning import Planned, Source, load_planned
from torchsmith.api.recipes import (
    AnyRun,
    no_seeds,
    run_seeds,
    study_file,
    train_recipe,
)
from torchsmith.api.run import Run
from torchsmith.api.studying import StudyRun, resume_study, run_study
from torchsmith.api.surroundings import as_planned
from torchsmith.api.torchrun import in_each_process
from torchsmith.core.commands import command
from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.observer import Observer
from torchsmith.core.processes import require_alone
from torchsmith.core.randomness import own_turn
from torchsmith.core.run_folder import RunFolder
from torchsmith.core.torch_library import load_beside
from torchsmith.data.data import Data
from torchsmith.data.load import target_name
from torchsmith.plan.check import check
from torchsmith.plan.decide import decide
from torchsmith.plan.file import is_plan_file, naming_lines, read_plan
from torchsmith.plan.machine import Machine, measure
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import (
    asked_settings,
    differences,
    set_values,
    take_choices,
)
from torchsmith.recipes.study import Seeds, chosen_seeds, set_study, study_text
from torchsmith.train.watch import TrainingObserver


@overload
def train(
    what: Source | Plan,
    *,
    target: str | int | None = None,
    budget: float | None = None,
    settings: Mapping[str, object] | None = None,
    runs: str | Path = "runs",
    name: str | None = None,
    observer: Watching = None,
) -> Run: ...


@overload
def train(
    what: Source | Plan | None = None,
    *,
    recipe: str | None = None,
    target: str | int | None = None,
    budget: float | None = None,
    settings: Mapping[str, object] | None = None,
    runs: str | Path = "runs",
    name: str | None = None,
    resume: bool | str | Path = False,
    seeds: Seeds | None = None,
    observer: Watching = None,
) -> AnyRun: ...


@in_each_process
@as_planned()
def train(  # noqa: PLR0913 -- what a whole job takes; all have defaults
    what: Source | Plan | None = None,
    *,
    recipe: str | None = None,
    target: str | int | None = None,
    budget: float | None = None,
    settings: Mapping[str, object] | None = None,
    runs: str | Path = "runs",
    name: str | None = None,
    resume: bool | str | Path = False,
    seeds: Seeds | None = None,
    observer: Watching = None,
) -> AnyRun:
    """Train, evaluate and report: the whole job, into a run folder.

    Args:
        what: A source as for `load`, a `Plan`, or the path of a plan file. The file of
            a study is run as the recipe of a study is.
        recipe: The name of a recipe instead, such as `"mnist-mlp-64"`; a study gives a
            `StudyRun`, a lesson a `LessonRun`.
        target: The column to predict, for a source that does not know it.
        budget: Seconds for the whole run, 180 where not given; for sources.
        settings: Values to set by dotted path, such as `{"training.epochs": 3}`; of a
            lesson, by their names.
        runs: The folder in which the run folder is made.
        name: What to call the run; the source's name where not given.
        resume: Go on with an interrupted run: its path or name, or True for the
            newest. It ends with the same weights as if it had not been interrupted.
        seeds: Train with several seeds, how many (8 are 0 to 7) or which, and give a
            `StudyRun` of the mean score and its interval. Networks of linear layers
            train together, which takes far less time than one after the other.
        observer: Is told how it goes; `print`, or another function of a line of text,
            is given a line for each stage and epoch.

    Raises:
        DataError: The data cannot be read or learned from.
        PlanError: The plan cannot be carried out.
        TrainError: Training failed, or the run folder cannot be used.
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
    """
    begin = perf_counter()
    runs = Path(runs)
    target = target_name(target)
    observer, settings = watching(observer), asked_settings(settings)
    if name is not None and "/" in name:
        raise PlanError(
            f"name: {name!r} has a '/', and the name of a run is that of one folder; "
            "leave it out, or choose another folder for all runs (runs, --runs)"
        )
    if seeds is not None:
        chosen_seeds(seeds)
        if "training.seed" in settings:
            raise PlanError("give one of seeds and training.seed (--seed), not both")
    if recipe is not None:
        _require_alone(recipe, what, target, budget, resume)
        return train_recipe(recipe, settings, runs, name, observer, seeds)
    if resume:
        if settings or budget or name or seeds is not None:
            raise PlanError(
                "a resumed run keeps its own plan: settings, budget, seeds and name "
                "cannot be changed; train with a changed copy of its plan.yaml instead"
            )
        folder = RunFolder.find("last" if resume is True else resume, runs)
        return _resume(folder, what, target, observer, begin)
    if what is None:
        raise DataError(
            "nothing to train on; give a source, a plan, a recipe, or resume"
        )
    if (study := study_file(what)) is not None:
        require_alone("a study")
        if target is not None or budget is not None:
            raise PlanError("a study takes no target and no budget; set values of it")
        if seeds is not None:
            raise no_seeds(str(what), study)
        study = set_study(study, settings) if settings else study
        return run_study(study, name or str(what), runs, observer)
    with (
        naming_lines(Path(what), settings or ())
        if is_plan_file(what)
        else nullcontext()
    ):
        planned = planned_of(what, target, budget, settings, observer)
        called = name or planned.plan.data.source
        if seeds is not None:
            return run_seeds(planned, seeds, called, runs, observer, begin)
        return run_planned(planned, called, runs, observer, begin)


def _require_alone(
    recipe: str, what: object, target: object, budget: object, resume: object
) -> None:
    """Refuse what a recipe says itself.

    Raises:
        PlanError: Names the first.
    """
    given = {
        f"the source {what!r}": what,
        f"the target {target!r}": target,
        "a budget": budget,
        "resume": resume or None,
    }
    for name, value in given.items():
        if value is not None:
            raise PlanError(
                f"the recipe {recipe!r} and {name} cannot go together; a recipe names "
                "its data and its length itself: leave one out, or set values of the "
                "recipe (--set)"
            )


def planned_of(
    what: Source | Plan,
    target: str | None,
    budget: float | None,
    settings: Mapping[str, object] | None,
    observer: Observer,
) -> Planned:
    """Make a plan of data, or read the data of a plan, as `train` does.

    Raises:
        DataError: The data cannot be read or learned from.
        PlanError: The plan cannot be carried out, or a target or budget is given to it.
    """
    plan = what if isinstance(what, Plan) else _plan_file(what)
    if plan is None:
        load_beside()
        return planning.make_plan(
            what, target=target, budget=budget, settings=settings, observer=observer
        )
    if target is not None or budget is not None:
        raise PlanError(
            "a plan names its target and its length itself; change the plan, or use "
            "--set problem.target=… and --set training.epochs=…"
        )
    plan = set_values(plan, settings) if settings else plan
    check(plan)
    load_beside()
    data = load_planned(plan, observer)
    inspection = inspect_planned(data, plan, observer)
    sized = plan.sized_for
    machine = (
        measure(plan.training.device)
        if sized is None
        else Machine(sized.cores, sized.gflops, sized.device, sized.bfloat16)
    )
    decided = partial(
        decide, inspection, machine, None if sized is None else sized.budget
    )
    default = decided()
    if (metric := plan.problem.metric) != default.problem.metric:
        default = decided(metric=metric)  # which whoever made the plan asked for
    return Planned(data, inspection, plan, default)


def _plan_file(what: object) -> Plan | None:
    return read_plan(Path(what)) if is_plan_file(what) else None


def _resume(
    folder: RunFolder,
    what: Source | Plan | None,
    target: str | None,
    observer: TrainingObserver,
    begin: float,
) -> AnyRun:
    match folder.kind:
        case "fit":
            raise PlanError(
                f"{folder.path}: was made by fit; go on with: {folder.go_on}"
            )
        case "study":
            require_alone("a study")
            _require_same_study(folder, what, target)
            source = None if isinstance(what, (str, Path, Plan)) else what
            return resume_study(folder, observer, source)
        case "lesson":
            if what is not None or target is not None:
                raise PlanError(
                    f"{folder.path}: is a lesson, which has no source and no target; "
                    "leave them out"
                )
            observer.note(f"{folder.path} is complete; there is nothing to resume")
            return LessonRun(folder.path)
        case "plan":
            return _resume_plan(folder, what, target, observer, begin)
        case _:
            assert_never(folder.kind)


def _resume_plan(
    folder: RunFolder,
    what: Source | Plan | None,
    target: str | None,
    observer: TrainingObserver,
    begin: float,
) -> Run:
    plan = read_plan(folder.plan)
    place = _other_place(plan, what)
    _require_same(folder, plan, what if place is None else None, target)
    with folder.locked(), stopping_in(folder), own_turn(observer.note):
        data = None if place is None else _moved(folder, plan, place, observer)
        if is_complete(run := Run(folder.path)):
            observer.note(f"{folder.path} is complete; there is nothing to resume")
            return run
        if data is None:
            source = None if isinstance(what, (str, Path, Plan)) else what
            data = _found(folder, plan, source, observer)
        setup = make_ready(plan, data, observer)
        return carry_out(folder, plan, data, setup, observer, begin)


def _other_place(plan: Plan, what: Source | Plan | None) -> str | Path | None:
    """Return a source that is not the one that a run names, but may hold its data."""
    if not isinstance(what, (str, Path)) or is_plan_file(what):
        return None
    is_other = plan.data.fingerprint and str(what) != plan.data.source
    return what if is_other else None


def _moved(
    folder: RunFolder, plan: Plan, place: str | Path, observer: TrainingObserver
) -> Data:
    """Read the data of a run from where it is now.

    Raises:
        PlanError: It is not there, or is other data.
    """
    load_beside()
    try:
        return load_planned(plan, observer, place, resumes=True)
    except DataError as error:
        why = str(error).partition(";")[0]
        raise _made_of(folder, f"{plan.data.source!r}, and not this: {why}") from error


def _found(
    folder: RunFolder, plan: Plan, source: Source | None, observer: TrainingObserver
) -> Data:
    """Read the data of a run from where its plan says that it is.

    Raises:
        DataError: It is not there, or is not the same any more.
    """
    load_beside()
    try:
        return load_planned(plan, observer, source, resumes=True)
    except DataError as error:
        name = plan.data.source
        if source is not None or "." not in name or Path(name).exists():
            raise
        raise DataError(
            f"{error}; the run was made of it (data.source in its plan): bring it back,"
            " or name where it is now: "
            f"{command('train', 'PLACE', '--resume', folder.path)}"
        ) from error


def _require_same(
    folder: RunFolder, plan: Plan, what: Source | Plan | None, target: str | None
) -> None:
    """Refuse to resume with another plan, source or target than the run was made of.

    Raises:
        PlanError: They differ.
    """
    asked = what if isinstance(what, Plan) else _plan_file(what)
    wrong = ""
    if asked is not None and (found := differences(plan, take_choices(asked, plan))):
        wrong = f"another plan (not the same: {', '.join(found)})"
    elif asked is None and isinstance(what, (str, Path)):
        wrong = "" if str(what) == plan.data.source else repr(plan.data.source)
    if not wrong and target not in (None, plan.problem.target):
        wrong = f"the target {plan.problem.target!r}"
    if wrong:
        raise _made_of(folder, wrong)


def _require_same_study(
    folder: RunFolder, what: Source | Plan | None, target: str | None
) -> None:
    """Refuse to resume with another study, source or target than it was made of.

    Raises:
        PlanError: They differ.
    """
    study, asked = StudyRun(folder.path).study, study_file(what)
    if asked is not None and study_text(asked) != study_text(study):
        raise _made_of(folder, "another study")
    _require_same(folder, study.base, what if asked is None else None, target)


def _made_of(folder: RunFolder, what: str) -> PlanError:
    return PlanError(
        f"{folder.path}: was made of {what}; a run is resumed as it was begun, so "
        "leave it out, or start a new run without --resume"
    )
