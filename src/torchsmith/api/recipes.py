"""Running a recipe, whichever kind it is, and opening what came of it."""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import assert_never

from torchsmith.api.carrying import make_ready, run_planned
from torchsmith.api.choosing import choose_engine_and_threads
from torchsmith.api.inspected import inspect_planned
from torchsmith.api.lessons import LessonRun, run_lesson
from torchsmith.api.planning import Planned, load_planned
from torchsmith.api.run import Run
from torchsmith.api.sizing import size_to_budget
from torchsmith.api.studying import StudyRun, run_study
from torchsmith.core.errors import PlanError
from torchsmith.core.processes import require_alone
from torchsmith.core.run_folder import RunFolder
from torchsmith.core.slugs import named_after
from torchsmith.plan.file import is_plan_file
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import set_values
from torchsmith.plan.text import flow
from torchsmith.recipes.catalogue import entry_named, recipe
from torchsmith.recipes.lesson import Lesson
from torchsmith.recipes.study import (
    Seeds,
    Study,
    is_study,
    parse_study,
    seeds_study,
    set_study,
)
from torchsmith.train.watch import TrainingObserver

AnyRun = Run | StudyRun | LessonRun
"""What a run folder is opened as."""


def train_recipe(
    name: str,
    settings: Mapping[str, object],
    runs: Path,
    run_name: str | None,
    observer: TrainingObserver,
    seeds: Seeds | None = None,
) -> AnyRun:
    """Run a recipe into a new run folder.

    Args:
        name: Of the recipe.
        settings: Values by dotted path, of a lesson by name.
        runs: The folder in which the run folder is made.
        run_name: What to call the run; the recipe's name where not given.
        observer: Is told how it goes.
        seeds: Of a plan, how many or which to train it with.

    Raises:
        PlanError: There is no such recipe, or a setting does not exist or fit.
        DataError: The data of the recipe cannot be had.
        TrainError: Training failed, or the run folder cannot be used.
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
    """
    found = recipe(name)
    called = run_name or entry_named(name).name
    if seeds is not None and not isinstance(found, Plan):
        raise no_seeds(f"the recipe {entry_named(name).name!r}", found)
    match found:
        case Plan():
            begin = perf_counter()
            plan = set_values(found, settings) if settings else found
            data = load_planned(plan, observer)
            inspection = inspect_planned(data, plan, observer)
            planned = Planned(data, inspection, plan, found)
            if seeds is not None:
                return run_seeds(planned, seeds, called, runs, observer, begin)
            return run_planned(planned, called, runs, observer, begin)
        case Study():
            require_alone("a study")
            study = set_study(found, settings) if settings else found
            return run_study(study, called, runs, observer)
        case Lesson():
            require_alone("a lesson")
            return run_lesson(
                found, settings, runs=runs, name=run_name, observer=observer
            )
        case _:
            assert_never(found)


def run_seeds(
    planned: Planned,
    seeds: Seeds,
    name: str,
    runs: Path,
    observer: TrainingObserver,
    begin: float,
) -> StudyRun:
    """Train one plan with several seeds, together where it can.

    Args:
        planned: The plan, with its data.
        seeds: How many, from 0 on, or which.
        name: What to call the run.
        runs: The folder in which the run folder is made.
        observer: Is told how it goes.
        begin: When the whole run began, by `perf_counter`.

    Raises:
        DataError: The data cannot be split or prepared as planned.
        PlanError: The seeds or the plan cannot be used.
        TrainError: Training or the run folder failed.
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
    """
    require_alone("a study")
    planned = _chosen(planned, observer, begin)
    study = seeds_study(planned.plan, seeds, named_after(name))
    return run_study(study, name, runs, observer, planned)


def _chosen(planned: Planned, observer: TrainingObserver, begin: float) -> Planned:
    """Choose engine, threads and epochs for all seeds, as for one of them alone."""
    setup = make_ready(planned.plan, planned.data, observer)
    planned, setup = choose_engine_and_threads(planned, setup, observer)
    return size_to_budget(planned, setup, begin, observer)[0]


def no_seeds(what: str, found: Study | Lesson) -> PlanError:
    """Say that only a plan can be trained with `seeds`."""
    if isinstance(found, Study):
        return PlanError(
            f"{what} is a study, which has seeds of its own ({flow(found.seeds)}); "
            "set others with --set seeds=[0,1,2]"
        )
    if "seed" in found.settings:
        return PlanError(f"{what} is a lesson, which has one seed; set it with --seed")
    return PlanError(f"{what} is a lesson, which has no seed; leave --seeds out")


def study_file(what: object) -> Study | None:
    """Read a study, where a YAML file with its heading is named; else None.

    Raises:
        PlanError: The study is wrong; names the line.
    """
    if not is_plan_file(what):
        return None
    try:
        text = Path(what).read_text("utf-8")
    except (OSError, UnicodeDecodeError):  # reading it as a plan says what is wrong
        return None
    return parse_study(text, str(what)) if is_study(text) else None


def open_run(run: str | Path = "last", *, runs: str | Path = "runs") -> AnyRun:
    """Open a run folder of a plan, of a study or of a lesson.

    Args:
        run: Its path, its name, or `"last"`.
        runs: The folder of all runs.

    Raises:
        DataError: There is no such run, or it holds a person's own module.
    """
    folder = RunFolder.find(run, Path(runs))
    match folder.kind:
        case "plan" | "fit":
            return Run(folder.path)
        case "study":
            return StudyRun(folder.path)
        case "lesson":
            return LessonRun(folder.path)
        case _:
            assert_never(folder.kind)
