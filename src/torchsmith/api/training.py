"""Step 5 of the flow and what follows from it: train, evaluate, report."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from torchsmith.api import planning
from torchsmith.api.planning import Planned, Source
from torchsmith.api.run import Outcome, Run
from torchsmith.core import environment
from torchsmith.core.errors import DataError, PlanError, TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.run_folder import RunFolder
from torchsmith.data import load as reading
from torchsmith.data.data import Data
from torchsmith.inspect.examine import inspect as examine
from torchsmith.plan.check import check
from torchsmith.plan.decide import decide
from torchsmith.plan.file import parse_plan, read_plan
from torchsmith.plan.machine import Machine, measure
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences, set_values
from torchsmith.plan.text import plan_text
from torchsmith.train.watch import TrainingObserver

if TYPE_CHECKING:
    from torchsmith.train.setup import Setup
    from torchsmith.train.state import TrainState

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
    setup = _set_up(planned.plan, planned.data, observer)
    files = {
        "plan.yaml": plan_text(planned.plan),
        "inspection.json": planned.inspection.model_dump_json(indent=1),
        "environment.json": json.dumps(_environment(planned.plan), indent=1),
    }
    if planned.plan != planned.default:
        files["default.yaml"] = plan_text(planned.default)
    folder = RunFolder.create(runs, name or planned.plan.data.source, files)
    with folder.locked():
        return _carry_out(folder, planned.plan, planned.data, setup, observer, begin)


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
        if _is_complete(run := Run(folder.path)):
            observer.note(f"{folder.path} is complete; there is nothing to resume")
            return run
        data = load_planned(plan, observer, source)
        setup = _set_up(plan, data, observer)
        return _carry_out(folder, plan, data, setup, observer, begin)


def _is_complete(run: Run) -> bool:
    try:
        run.folder.check_model()
        made = run.evaluation, run.outcome
    except TrainError:
        return False
    return bool(made) and run.folder.report.is_file()


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


def _set_up(plan: Plan, data: Data, observer: TrainingObserver) -> "Setup":
    _import_torch(observer)
    from torchsmith.train.setup import set_up

    observer.stage("Preparing")
    with torch_threads(plan.training.threads):
        return set_up(plan, data)


def _carry_out(
    folder: RunFolder,
    plan: Plan,
    data: Data,
    setup: "Setup",
    observer: TrainingObserver,
    begin: float,
) -> Run:
    """Train from the newest good checkpoint or from the start, evaluate, report."""
    from torchsmith.api.evaluating import evaluate_run
    from torchsmith.api.reporting import report_html
    from torchsmith.train.loop import fit
    from torchsmith.train.recorders import MetricsFile, TensorBoardEvents
    from torchsmith.train.session import Session

    with torch_threads(plan.training.threads):
        state = setup.state
        notes = _load_newest(folder, plan, state, observer)
        recorders = [
            MetricsFile(folder.metrics, state.history),
            TensorBoardEvents(folder.tensorboard, state.epoch + 1),
        ]
        session = Session(
            folder,
            [*recorders, observer],
            num_epochs=plan.training.epochs,
            steps_per_epoch=setup.steps_per_epoch,
            seconds=plan.training.seconds,
        )
        earlier = state.seconds
        observer.on_start(
            plan.training.epochs,
            len(setup.parts.train),
            sum(p.numel() for p in state.network.parameters()),
            str(setup.job.device),
        )
        fit(setup.job, state, session)
        for watcher in (*recorders, observer):
            watcher.on_end(state.finished)
        model = setup.model(plan)
        folder.save_model(model.save)
        evaluation = evaluate_run(plan, data, setup, model, observer)
    write_atomic(folder.evaluation, evaluation.model_dump_json(indent=1))
    outcome = Outcome(
        stopped=state.finished,
        seconds={
            "total": round(perf_counter() - begin + earlier, 3),
            "train": round(state.seconds, 3),
        },
        notes=tuple(notes),
    )
    observer.stage("Writing the report")
    run = Run(folder.path)
    write_atomic(folder.report, report_html(run, outcome))
    write_atomic(folder.outcome, outcome.model_dump_json(indent=1))
    return run


def _load_newest(
    folder: RunFolder, plan: Plan, state: "TrainState", observer: TrainingObserver
) -> list[str]:
    state.plan = plan_text(plan)
    newest, notes = folder.newest_checkpoint()
    if newest is None and notes:
        notes.append("no checkpoint is whole: training starts again from the beginning")
    if newest is not None:
        _require_unchanged(folder, plan, state.plan_of(newest))
        notes += [
            f"the environment differs, so the weights may too: {line}"
            for line in _environment_differences(folder)
        ]
        state.load(newest)
        where = f"going on from epoch {state.epoch + 1}, step {state.step}"
        observer.note("training is done already" if state.finished else where)
        if len(notes):
            notes.append(f"training went on from checkpoint {newest.name}")
    for note in notes:
        observer.note(note)
    return notes


def _require_unchanged(folder: RunFolder, plan: Plan, begun_with: str) -> None:
    """Refuse to go on with a plan that was edited after training began.

    Raises:
        PlanError: They differ in more than where the same data lies.
    """
    changed = differences(plan, parse_plan(begun_with))
    if plan.data.fingerprint:
        changed.pop("data.source", None)
    if changed:
        what = ", ".join(
            f"{path} is {now}, was {before}" for path, (now, before) in changed.items()
        )
        raise PlanError(
            f"{folder.plan}: was changed after training began ({what}); change it back "
            f"to resume, or start a new run with: torchsmith train {folder.plan}"
        )


def _environment(plan: Plan) -> dict[str, str]:
    with torch_threads(plan.training.threads):
        return environment.environment()


def _environment_differences(folder: RunFolder) -> list[str]:
    try:
        before = json.loads(folder.environment.read_bytes())
    except (OSError, ValueError):
        return [f"{folder.environment.name} cannot be read"]
    return environment.differences(before, environment.environment())


def _import_torch(observer: TrainingObserver) -> None:
    observer.stage("Starting PyTorch")
    # Threads that wait for each other spin, which starves them where another process
    # wants a core; a short spin costs nothing elsewhere. Read when torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import torch  # noqa: F401


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Use so many threads within one operation; 0 leaves PyTorch's own choice."""
    import torch

    before = torch.get_num_threads()
    if threads:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
