"""Step 5 of the flow and what follows from it: train, evaluate, report."""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from torchsmith.api import planning
from torchsmith.api.carrying import carry_out, first_files, is_complete, make_ready
from torchsmith.api.planning import Planned, Source
from torchsmith.api.run import Run
from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.run_folder import RunFolder
from torchsmith.data import load as reading
from torchsmith.data.data import Data
from torchsmith.inspect.examine import inspect as examine
from torchsmith.plan.check import check
from torchsmith.plan.decide import decide
from torchsmith.plan.file import read_plan
from torchsmith.plan.machine import Machine, measure
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences, set_values
from torchsmith.train.watch import TrainingObserver

QUIET = TrainingObserver()

IN_MEMORY = ("rows", "columns", "arrays")
"""What sources are called that are no files."""


def train(
    what: Source | Plan | None = None,
    *,
    target: str | None = None,
    budget: float | None = None,
    settings: Mapping[str, object] | None = None,
    runs: str | Path = "runs",
    name: str | None = None,
    resume: bool | str | Path = False,
    observer: TrainingObserver = QUIET,
) -> Run:
    """Train, evaluate and report: the whole job, into a run folder.

    Args:
        what: A source as for `load`, a `Plan`, or the path of a plan file.
        target: The column to predict, for a source that does not know it.
        budget: Seconds for the whole run, 180 where not given; for sources.
        settings: Values to set by dotted path, such as `{"training.epochs": 3}`.
        runs: The folder in which the run folder is made.
        name: What to call the run; the source's name where not given.
        resume: Go on with an interrupted run: its path or name, or True for the
            newest. It ends with the same weights as if it had not been interrupted.
        observer: Is told how it goes.

    Raises:
        DataError: The data cannot be read or learned from.
        PlanError: The plan cannot be carried out.
        TrainError: Training failed, or the run folder cannot be used.
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
    """
    begin = perf_counter()
    runs = Path(runs)
    if resume:
        if settings or budget or name:
            raise PlanError(
                "a resumed run keeps its own plan: settings, budget and name cannot be "
                "changed; train with a changed copy of its plan.yaml instead"
            )
        folder = RunFolder.find("last" if resume is True else resume, runs)
        return _resume(folder, what, target, observer, begin)
    if what is None:
        raise DataError("nothing to train on; give a source, a plan, or resume")
    planned = _planned(what, target, budget, settings, observer)
    # What cannot be prepared or built is told before there is a run folder.
    setup = make_ready(planned.plan, planned.data, observer)
    folder = RunFolder.create(
        runs, name or planned.plan.data.source, first_files(planned)
    )
    with folder.locked():
        return carry_out(folder, planned.plan, planned.data, setup, observer, begin)


def _planned(
    what: Source | Plan,
    target: str | None,
    budget: float | None,
    settings: Mapping[str, object] | None,
    observer: TrainingObserver,
) -> Planned:
    plan = what if isinstance(what, Plan) else _plan_file(what)
    if plan is None:
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
    data = load_planned(plan, observer)
    inspection = examine(data, observer, task=plan.problem.task)
    sized = plan.sized_for
    machine = measure() if sized is None else Machine(sized.cores, sized.gflops)
    default = decide(inspection, machine, None if sized is None else sized.budget)
    return Planned(data, inspection, plan, default)


def _plan_file(what: object) -> Plan | None:
    if isinstance(what, (str, Path)) and Path(what).suffix in {".yaml", ".yml"}:
        return read_plan(Path(what))
    return None


def load_planned(
    plan: Plan, observer: TrainingObserver = QUIET, source: Source | None = None
) -> Data:
    """Read the data that a plan names, as the plan says.

    Args:
        plan: Says what to read and how.
        observer: Is told what is going on.
        source: The same data from somewhere else, such as arrays in memory.

    Raises:
        DataError: It is not there, does not fit the plan, or is not the same any more.
    """
    if source is None and plan.data.source in IN_MEMORY:
        raise DataError(
            f"the plan was made of {plan.data.source} in memory, which it does not "
            "hold; train on these themselves, with the plan's values as settings, or "
            "save them as a file first"
        )
    data = reading.load(
        plan.data.source if source is None else source,
        target=plan.problem.target,
        roles=plan.data.columns,
        drop_missing_target=plan.data.drop_missing_target,
        skip_damaged=plan.data.skip_damaged,
        observer=observer,
    )
    check_fingerprint(plan, data)
    return data


def check_fingerprint(plan: Plan, data: Data) -> None:
    """Refuse data that is not what the plan was made for.

    Raises:
        DataError: The fingerprints differ.
    """
    if plan.data.fingerprint and plan.data.fingerprint != data.fingerprint:
        raise DataError(
            f"{data.source}: the data is not what the plan was made for (fingerprint "
            f"{data.fingerprint[:23]}…, planned {plan.data.fingerprint[:23]}…); bring "
            "back the old data, or make a new plan, or set data.fingerprint: ''"
        )


def _resume(
    folder: RunFolder,
    what: Source | Plan | None,
    target: str | None,
    observer: TrainingObserver,
    begin: float,
) -> Run:
    if folder.fit.is_file():
        raise PlanError(f"{folder.path}: was made by fit; go on with: {folder.go_on}")
    plan = read_plan(folder.plan)
    _require_same(folder, plan, what, target)
    source = None if isinstance(what, (str, Path, Plan)) else what
    with folder.locked():
        if is_complete(run := Run(folder.path)):
            observer.note(f"{folder.path} is complete; there is nothing to resume")
            return run
        data = load_planned(plan, observer, source)
        setup = make_ready(plan, data, observer)
        return carry_out(folder, plan, data, setup, observer, begin)


def _require_same(
    folder: RunFolder, plan: Plan, what: Source | Plan | None, target: str | None
) -> None:
    """Refuse to resume with another plan, source or target than the run was made of.

    Raises:
        PlanError: They differ.
    """
    asked = what if isinstance(what, Plan) else _plan_file(what)
    wrong = ""
    if asked is not None and (found := differences(plan, asked)):
        wrong = f"another plan (not the same: {', '.join(found)})"
    elif asked is None and isinstance(what, (str, Path)):
        wrong = "" if str(what) == plan.data.source else repr(plan.data.source)
    if not wrong and target not in (None, plan.problem.target):
        wrong = f"the target {plan.problem.target!r}"
    if wrong:
        raise PlanError(
            f"{folder.path}: was made of {wrong}; a run is resumed as it was begun, "
            "so leave it out, or start a new run without --resume"
        )
