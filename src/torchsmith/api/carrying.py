"""Carrying a plan out in its run folder: train, evaluate, report."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from torchsmith.api.choosing import choose_engine_and_threads
from torchsmith.api.doctoring import (
    conclude_diagnosis,
    diagnose_diverged,
    examine_planned,
    watch_of,
)
from torchsmith.api.inspected import mend_default, mend_inspection
from torchsmith.api.keeping import keeping_best, stopping_in
from torchsmith.api.part_notes import part_notes
from torchsmith.api.planning import Planned
from torchsmith.api.run import Outcome, Run
from torchsmith.api.sizing import size_to_budget
from torchsmith.api.torchrun import (
    announce,
    shared_engine,
    shared_notes,
    threads_here,
)
from torchsmith.core import environment
from torchsmith.core.commands import command
from torchsmith.core.errors import Diverged, PlanError, TrainError
from torchsmith.core.files import require_room, write_atomic
from torchsmith.core.observer import Observer
from torchsmith.core.randomness import own_turn
from torchsmith.core.run_folder import RunFolder
from torchsmith.core.torch_library import let_threads_sleep, without_collection
from torchsmith.data.data import Data
from torchsmith.data.picture_cache import decoded_once
from torchsmith.evaluate.outlook import outlook
from torchsmith.plan.file import parse_plan
from torchsmith.plan.plan import Plan, Training
from torchsmith.plan.settings import differences
from torchsmith.plan.text import plan_text
from torchsmith.train.watch import TrainingObserver

if TYPE_CHECKING:
    from torchsmith.api.calibrating import Calibrated
    from torchsmith.doctor.watch import Watch
    from torchsmith.train.session import Session, Stop
    from torchsmith.train.setup import Setup
    from torchsmith.train.state import TrainState
    from torchsmith.train.tensorboard import TensorBoardEvents


SAME_BITS = frozenset({"eager", "captured"})
"""Engines of which each may go on with what the other began."""


def first_files(planned: Planned) -> dict[str, str]:
    """Return what a run folder begins with: name and content."""
    files = {
        "plan.yaml": plan_text(planned.plan),
        "inspection.json": planned.inspection.model_dump_json(indent=1),
        "environment.json": json.dumps(_environment(planned.plan), indent=1),
    }
    if planned.plan != planned.default:
        files["default.yaml"] = plan_text(planned.default)
    return files


def is_complete(run: Run) -> bool:
    """Whether the run has its model, its scores, its report and its inspection."""
    try:
        run.folder.check_model()
        made = run.evaluation, run.outcome, run.inspection
    except TrainError:
        return False
    return bool(made) and run.folder.report.is_file()


def run_planned(
    planned: Planned, name: str, runs: Path, observer: TrainingObserver, begin: float
) -> Run:
    """Carry a plan out in a new run folder.

    Args:
        planned: The plan, with its data.
        name: What to call the run.
        runs: The folder in which the run folder is made.
        observer: Is told how it goes.
        begin: When the whole run began, by `perf_counter`.
    """
    # What cannot be prepared or built is told before there is a run folder.
    setup = make_ready(planned.plan, planned.data, observer)
    planned, setup = choose_engine_and_threads(planned, setup, observer)
    diagnosis = examine_planned(planned, setup, observer)
    planned, setup = size_to_budget(planned, setup, begin, observer)
    require_room(runs, setup.state.num_bytes)
    files = first_files(planned)
    if diagnosis is not None:
        files["diagnosis.json"] = diagnosis.model_dump_json(indent=1)
    folder = RunFolder.create(runs, name, files)
    with folder.locked(), own_turn(observer.note):
        return carry_out(folder, planned.plan, planned.data, setup, observer, begin)


def make_ready(plan: Plan, data: Data, observer: TrainingObserver) -> "Setup":
    """Split, prepare and build; what cannot be prepared or built is told here.

    Raises:
        DataError: The data cannot be split or prepared as planned.
        PlanError: The network does not fit the data.
    """
    import_torch(observer)
    from torchsmith.train.setup import set_up

    announce(plan)
    observer.stage("Preparing")
    data = decoded_once(data, plan.prepare, observer)
    with torch_threads(plan.training.threads):
        return set_up(plan, data)


def carry_out(
    folder: RunFolder,
    plan: Plan,
    data: Data,
    setup: "Setup",
    observer: TrainingObserver,
    begin: float,
    *,
    rivals: bool = True,
) -> Run:
    """Train from the newest good checkpoint or from the start, evaluate, report.

    Args:
        folder: Of the run; held by this process.
        plan: What to do.
        data: All examples.
        setup: As `make_ready` made it of them.
        observer: Is told how it goes.
        begin: When the whole run began, by `perf_counter`.
        rivals: Whether simple rivals and the importance of columns are worth their
            time; a study compares its members with each other.
    """
    from torchsmith.train.engines.choose import choose_engine
    from torchsmith.train.loop import fit

    with stopping_in(folder), torch_threads(plan.training.threads):
        ready = ready_to_train(folder, plan, data, setup, observer)
        shared = shared_engine(plan, setup, ready.session)
        engine = shared or choose_engine(setup.job, setup.state, observer.note)
        with keeping_best(setup.state, folder, ready.save_model):
            try:
                fit(setup.job, setup.state, ready.session, engine.train_epoch)
            except Diverged:
                if ready.watch is not None:
                    diagnose_diverged(folder, plan, ready.watch, observer)
                raise
        return conclude(ready, observer, begin, rivals=rivals)


@dataclass(frozen=True)
class Ready:
    """A run whose training may begin, or go on.

    Attributes:
        folder: Of the run; held by this process.
        plan: What to do.
        data: All examples.
        setup: Made of them; its state is at the newest good checkpoint.
        session: Is told after each step and each epoch.
        recorders: Write as training goes on.
        events: That of them which is told the results, too.
        watch: The doctor's, where the plan asks for it.
        notes: What the report shall say of earlier sessions.
        earlier: Seconds of training in them.
    """

    folder: RunFolder
    plan: Plan
    data: Data
    setup: "Setup"
    session: "Session"
    recorders: tuple[TrainingObserver, ...]
    events: "TensorBoardEvents"
    watch: "Watch | None"
    notes: tuple[str, ...]
    earlier: float

    def calibrated(self) -> "Calibrated":
        """Return the model as it is trained, with the plan's `calibration` fitted."""
        from torchsmith.api.calibrating import calibrate

        setup = self.setup
        return calibrate(setup.model(self.plan), self.plan, setup, self.data)

    def save_model(self, path: Path) -> None:
        """Write the model as it is trained into a folder."""
        self.calibrated().model.save(path)


def ready_to_train(
    folder: RunFolder,
    plan: Plan,
    data: Data,
    setup: "Setup",
    observer: TrainingObserver,
    stop: "Stop | None" = None,
) -> Ready:
    """Load the newest good checkpoint, if there is one, and open what records.

    Args:
        folder: Of the run; held by this process.
        plan: What to do.
        data: All examples.
        setup: As `make_ready` made it of them.
        observer: Is told how it goes.
        stop: That several sessions share; one of its own where not given.
    """
    from torchsmith.api.recording import events_of
    from torchsmith.train.processor import slow_precision
    from torchsmith.train.recorders import MetricsFile
    from torchsmith.train.rehearsal import rehearse
    from torchsmith.train.session import Session
    from torchsmith.train.snapshots import WeightSnapshots

    state = setup.state
    mend_inspection(folder, plan, data, observer)
    mend_default(folder, observer)
    notes = _load_newest(folder, plan, state, observer)
    watch = watch_of(folder, plan, data, setup, observer)  # copies what has no hooks
    events = events_of(folder, setup)
    if plan.training.engine != "eager":
        # Others call no module, and events follow a call to draw the network.
        rehearse(setup.job, state.network)
    recorders = (
        MetricsFile(folder.metrics, state.history),
        events,
        WeightSnapshots(folder, state, plan.training.epochs),
        *([watch] if watch else []),
    )
    session = Session(setup.job, folder, [*recorders, observer], stop=stop)
    observer.on_start(
        plan.training.epochs,
        len(setup.parts.train),
        sum(p.numel() for p in state.network.parameters()),
        f"{setup.job.device}, {_how(plan.training)}",
    )
    slow = slow_precision(plan.training, setup.job.device)
    parts = part_notes(plan, data, setup)
    for note in (new := (*shared_notes(plan, setup), *slow, *parts)):
        observer.note(note)
    noted, seconds = (*notes, *new), state.seconds
    return Ready(
        folder, plan, data, setup, session, recorders, events, watch, noted, seconds
    )


def conclude(
    ready: Ready, observer: TrainingObserver, begin: float, *, rivals: bool = True
) -> Run:
    """Save the model of a run whose training is done, evaluate it, and report.

    Args:
        ready: As training left it.
        observer: Is told how it goes.
        begin: When this session began, by `perf_counter`.
        rivals: As for `carry_out`.
    """
    from torchsmith.api.evaluating import evaluate_run
    from torchsmith.api.recording import record_results
    from torchsmith.api.reporting import report_html

    folder, plan, setup = ready.folder, ready.plan, ready.setup
    state = setup.state
    for watcher in (*ready.recorders, observer):
        watcher.on_end(state.finished)
    calibrated = ready.calibrated()
    model = calibrated.model
    folder.save_model(model.save)
    evaluation = evaluate_run(plan, ready.data, setup, model, observer, rivals=rivals)
    evaluation = evaluation.with_calibration(calibrated.note, calibrated.lacking)
    record_results(ready.events, plan, evaluation)
    write_atomic(folder.evaluation, evaluation.model_dump_json(indent=1))
    total = perf_counter() - begin + ready.earlier
    outcome = Outcome(
        stopped=state.finished,
        ending=state.ending,
        seconds={"total": round(total, 3), "train": round(state.seconds, 3)},
        notes=ready.notes,
        outlook=outlook(plan, state.history, state.ending, total),
    )
    if ready.watch is not None:
        conclude_diagnosis(folder, plan, ready.watch, evaluation)
    observer.stage("Writing the report")
    run = Run(folder.path)
    write_atomic(folder.report, report_html(run, outcome))
    write_atomic(folder.outcome, outcome.model_dump_json(indent=1))
    return run


def _how(training: Training) -> str:
    """Say in a few words with what a network is trained."""
    threads = f"{training.threads} thread{'s' * (training.threads > 1)}"
    engine = f"engine {training.engine}"
    return f"{threads}, {engine}" if training.threads else engine


def _load_newest(
    folder: RunFolder, plan: Plan, state: "TrainState", observer: TrainingObserver
) -> list[str]:
    state.plan = plan_text(plan)
    newest, notes = folder.newest_checkpoint()
    if newest is None and notes:
        notes.append("no checkpoint is whole: training starts again from the beginning")
    if newest is not None:
        _require_unchanged(folder, plan, state.plan_of(newest))
        notes += environment.changes_since(folder.environment)
        state.load(newest)
        where = f"going on from epoch {state.epoch + 1}, step {state.step}"
        observer.note("training is done already" if state.ending else where)
        if len(notes):
            notes.append(f"training went on from checkpoint {newest.name}")
    for note in notes:
        observer.note(note)
    return notes


def _require_unchanged(folder: RunFolder, plan: Plan, begun_with: str) -> None:
    """Refuse to go on with a plan that was edited after training began.

    Raises:
        PlanError: They differ in more than where the same data lies, and in more than
            changes no result.
    """
    changed = differences(plan, parse_plan(begun_with))
    changed.pop("training.num_workers", None)
    changed = {k: v for k, v in changed.items() if not k.startswith("doctor")}
    if SAME_BITS.issuperset(changed.get("training.engine", ())):
        changed.pop("training.engine", None)
    if plan.data.fingerprint:
        changed.pop("data.source", None)
    if changed:
        what = ", ".join(
            f"{path} is {now}, was {before}" for path, (now, before) in changed.items()
        )
        raise PlanError(
            f"{folder.plan}: was changed after training began ({what}); change it back "
            f"to resume, or start a new run with: {command('train', folder.plan)}"
        )


def _environment(plan: Plan) -> dict[str, str]:
    with torch_threads(plan.training.threads):
        return environment.environment()


def import_torch(observer: Observer) -> None:
    """Load PyTorch, which takes seconds."""
    if "torch" not in sys.modules:
        observer.stage("Starting PyTorch")
    let_threads_sleep()
    with without_collection():
        import torch  # noqa: F401


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Use so many threads within one operation; 0 leaves PyTorch's own choice.

    Several processes of `torchrun` then share the cores of their machine.
    """
    import torch

    before = torch.get_num_threads()
    if threads := threads_here(threads):
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
