"""`fit`: a person's own module and data, through the same loop."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from torchsmith.api.carrying import torch_threads
from torchsmith.api.fit_begin import look_before, materialise_lazy
from torchsmith.api.fit_choices import (
    GivenSchedule,
    choice,
    chosen_loss,
    chosen_optimizer,
    chosen_schedule,
    section_settings,
    training_settings,
)
from torchsmith.api.fit_doctor import FitDoctor, doctor_settings, telling_of_divergence
from torchsmith.api.fit_examples import Examples, batches_of
from torchsmith.api.fit_limits import (
    require_gradients,
    require_monitor,
    require_schedule,
    require_tensors,
)
from torchsmith.api.fit_record import FitRecord
from torchsmith.api.fit_values import ValLossWatch
from torchsmith.api.keeping import keeping_best, save_weights
from torchsmith.api.lines import Watching, watching
from torchsmith.api.measures import (
    Measures,
    by_name,
    lower_is_better,
    score_function,
)
from torchsmith.core import environment
from torchsmith.core.errors import PlanError
from torchsmith.core.files import require_room
from torchsmith.core.processes import require_alone
from torchsmith.core.randomness import own_turn
from torchsmith.core.run_folder import RunFolder
from torchsmith.core.spec import Spec
from torchsmith.core.vocabulary import Ending
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.nn.averaging import build_average
from torchsmith.nn.losses import LossFunction
from torchsmith.nn.precision import empty_sum
from torchsmith.plan.averaging import Averaging
from torchsmith.plan.cost import LARGE_BATCH_MACS
from torchsmith.plan.doctor import Doctor
from torchsmith.plan.plan import Stopping, Training
from torchsmith.train.engines.choose import choose_engine
from torchsmith.train.gradients import with_gradients
from torchsmith.train.history import EpochRecord
from torchsmith.train.loop import Job
from torchsmith.train.loop import fit as run_loop
from torchsmith.train.recorders import MetricsFile
from torchsmith.train.rehearsal import rehearse
from torchsmith.train.session import Session
from torchsmith.train.setup import choose_device
from torchsmith.train.snapshots import WeightSnapshots
from torchsmith.train.state import TrainState
from torchsmith.train.tensorboard import TensorBoardEvents
from torchsmith.train.watch import TrainingObserver


@dataclass(frozen=True)
class Fit:
    """A module that was trained by `fit`.

    Attributes:
        module: The person's module, with its best weights.
        history: One record for each epoch.
        best_epoch: The epoch whose weights it has.
        stopped: Why training ended, a sentence.
        ending: The same, to be compared with.
        path: The run folder, or None.
        diagnosis: What the doctor says of module, data and training.
    """

    module: nn.Module
    history: tuple[EpochRecord, ...]
    best_epoch: int
    stopped: str
    ending: Ending
    path: Path | None
    diagnosis: Diagnosis


def fit(  # noqa: PLR0913 -- what training a module takes; all but four have defaults
    module: nn.Module,
    train: Examples,
    val: Examples | None = None,
    *,
    loss: LossFunction | str | Mapping[str, Any] | Spec,
    optimizer: torch.optim.Optimizer | str | Mapping[str, Any] | Spec = "Adam",
    schedule: GivenSchedule = None,
    averaging: str | Mapping[str, Any] | Spec | None = None,
    metrics: Measures | None = None,
    training: Training | Mapping[str, Any] | None = None,
    stopping: Stopping | Mapping[str, Any] | None = None,
    runs: str | Path | None = "runs",
    name: str | None = None,
    resume: str | Path | bool | None = None,
    observer: Watching = None,
    doctor: Doctor | Mapping[str, Any] | bool | None = None,
    **settings: Any,  # noqa: ANN401 -- the fields of Training
) -> Fit:
    """Train a person's own `nn.Module` on a person's own data, with the same loop.

    The module is trained in place, with checkpoints, early stopping on `val`, metrics
    and TensorBoard events in a run folder. What a module draws from `random`, NumPy's
    global numbers and PyTorch's is a function of (seed, step), and what a `Dataset`
    draws one of (seed, epoch, index): a resumed fit, and one with any `num_workers`,
    ends with the same weights, bit for bit on the CPU.

    Args:
        module: Any network; it is called with the collated inputs of a batch.
        train: A map-style `Dataset` of (input, target), or a pair of tensors.
        val: Examples for validation after each epoch; without it the training loss
            is monitored.
        loss: From outputs and targets to the mean loss (or the sum, where it has
            `reduction="sum"`); a callable such as `torch.nn.CrossEntropyLoss()`, or the
            name of one.
        optimizer: A `torch.optim.Optimizer` over the module's parameters, or a choice
            as in a plan: `"SGD"`, `{"Adam": {"lr": 0.01}}`.
        schedule: A `torch.optim.lr_scheduler`, stepped once an epoch (`OneCycleLR` and
            `CyclicLR` once a step; `(schedule, "step")` says so of another), or a
            choice as in a plan.
        averaging: Of the weights, as in a plan: `"EMA"`, `{"SWA": {"start": 0.5}}`; the
            averaged weights are validated and, at the end, those of the module.
        metrics: More scores on all of `val`: names such as `"f1_macro"`, functions of
            outputs and targets, objects of torchmetrics; a list of these, or a mapping
            from names of yours. Accuracy is there for `CrossEntropyLoss`; of outputs
            `(N, K, …)`, such as of pixels, each place counts.
        training: `{"epochs": 3}`, `batch_size`, `seed`, … as in a plan; each may also
            be given as a keyword: `fit(…, epochs=3)`. `threads` of 0 are one where a
            batch has fewer than 200 million multiply-adds, which is faster.
        stopping: When to stop early, and whether to restore the best weights, as in a
            plan: `{"patience": 3}`. Where not given, it is not stopped early.
        runs: Where the run folder is made; None keeps everything in memory.
        name: What to call the run; the module's class where not given.
        resume: The path or name of an interrupted fit, given the same objects again;
            True is the last.
        observer: Is told how it goes; `print`, or another function of a line of text,
            is given a line for each epoch.
        doctor: As in a plan: `{"ignore": ["P12"]}`; False does not examine. It looks
            at module, data, loss and optimizer before training, and on while it goes
            on, and changes no weight.
        **settings: Fields of `training`, one by one.

    Raises:
        DataError: The examples are no pairs, or there are none.
        PlanError: A choice, a metric or a setting does not exist.
        TrainError: Training or a metric failed, or the run folder cannot be used.
        Interrupted: Ctrl-C or SIGTERM; everything is saved.

    >>> inputs = torch.linspace(-1, 1, 64).unsqueeze(1)
    >>> done = fit(nn.Linear(1, 1), (inputs, 3 * inputs), loss="MSELoss",
    ...            optimizer={"SGD": {"lr": 0.3}}, epochs=30, runs=None)
    >>> round(done.module.weight.item(), 2)
    3.0
    """
    require_alone("the module of fit")
    chosen = training_settings(training, settings)
    until = Stopping(patience=0)
    if stopping is not None:
        until = section_settings(Stopping, stopping, "stopping")
    care = doctor_settings(doctor)
    resumed = "last" if resume is True else resume or None
    if isinstance(module, type):
        raise PlanError(
            f"fit: give an object, {module.__name__}(…), not the class "
            f"{module.__name__}"
        )
    if not isinstance(module, nn.Module) or not list(module.parameters()):
        raise PlanError(
            f"fit: a {type(module).__name__} has no parameters to train; give an "
            "nn.Module that has some"
        )
    require_tensors(module)
    measures = by_name(metrics)
    if measures and val is None:
        raise PlanError(
            "fit: metrics are computed on the validation part, and there is none; give "
            "val, or leave metrics out"
        )
    watcher = watching(observer)
    with own_turn(watcher.note), with_gradients():
        device = choose_device(chosen.device)
        loss_function = chosen_loss(loss, device)
        require_monitor(
            until.monitor, measures, loss_function, validates=val is not None
        )
        module.to(device)
        job = Job(
            train=batches_of(train, device, "train", chosen),
            val=None if val is None else batches_of(val, device, "val", chosen),
            loss=loss_function,
            training=chosen,
            stopping=until,
            device=device,
            score=score_function(measures, loss_function, device),
            lower_is_better=lower_is_better(measures),
            own_code=True,
        )
        materialise_lazy(job, module)
        steps = job.steps_per_epoch
        built = chosen_optimizer(optimizer, module, loss_function)
        pace, interval = chosen_schedule(schedule, built, chosen.epochs, steps)
        spec = (
            None if averaging is None else choice(Averaging, averaging, "averaging", "")
        )
        state = TrainState(
            module,
            built,
            pace,
            interval,
            build_average(spec, module, built, chosen.epochs),
            loss_function if isinstance(loss_function, nn.Module) else None,
            loss_sum=empty_sum(device),
        )
        require_gradients(state, chosen)
        require_schedule(state, job, resumes=resumed is not None)
        with torch_threads(_threads(job, module)):
            if runs is None and resumed is None:
                return _in_memory(job, state, watcher, care)
            return _carry_out(job, state, watcher, care, runs, name, resumed)


def _threads(job: Job, module: nn.Module) -> int:
    """Return one where a batch has little work and the person names no number."""
    if job.training.threads or job.device.type != "cpu":
        return job.training.threads
    return 1 if 0 < _macs(job, module) < LARGE_BATCH_MACS else 0


def _macs(job: Job, module: nn.Module) -> float:
    """Return the multiply-adds of a batch; 0 where they cannot be counted."""
    from torch.utils.flop_counter import FlopCounterMode  # no plan waits for it

    if any(isinstance(part, nn.RNNBase) for part in module.modules()):
        return 0.0  # what a fused LSTM computes is not counted
    try:
        with FlopCounterMode(display=False) as counter:
            rehearse(job, module)
    except Exception:  # noqa: BLE001 -- the rehearsal that follows tells what is wrong
        return 0.0  # some modules cannot be watched, as those that differentiate inside
    parts = 1 if job.val is None else 2
    return float(counter.get_total_flops()) / (2 * parts)


def _in_memory(
    job: Job, state: TrainState, watcher: TrainingObserver, care: Doctor
) -> Fit:
    beside = look_before(job, state, care, watcher, saves=False)
    engine = choose_engine(job, state, watcher.note)
    looking = ValLossWatch(job, watcher)
    watchers = [*([beside.begin()] if beside else []), looking, watcher]
    session = Session(job, observers=watchers)
    _tell_begin(job, state, watcher)
    with (
        keeping_best(state, None, told="the module"),
        telling_of_divergence(job, state, beside, watcher),
    ):
        run_loop(job, state, session, engine.train_epoch)
    watcher.on_end(state.finished)
    return _result(state, None, beside)


def _carry_out(
    job: Job,
    state: TrainState,
    watcher: TrainingObserver,
    care: Doctor,
    runs: str | Path | None,
    name: str | None,
    resume: str | Path | None,
) -> Fit:
    module, chosen = state.network, job.training
    beside = None
    if resume is None:
        beside = look_before(job, state, care, watcher, saves=True)
        require_room(Path(runs or "runs"), state.num_bytes)
    engine = choose_engine(job, state, watcher.note)
    record = FitRecord.of(job, state)
    name = name or type(module).__name__
    folder = _folder(record, Path(runs or "runs"), name, resume)
    if resume is not None and care.examine:
        beside = FitDoctor.resuming(job, state, care, folder, watcher)
    with (
        folder.locked(),
        closing(TensorBoardEvents(folder.tensorboard, state)) as events,
    ):
        if engine.name != "eager":
            rehearse(job, module)  # is followed by the events; others call no module
        newest, notes = folder.newest_checkpoint()
        if newest is not None:
            notes += environment.changes_since(folder.environment)
            state.load(newest)
        for note in notes:
            watcher.note(note)
        watchers = [
            MetricsFile(folder.metrics, state.history),
            events,
            WeightSnapshots(folder, state, chosen.epochs),
            *([beside.begin(folder)] if beside else []),
            ValLossWatch(job, watcher),
            watcher,
        ]
        session = Session(job, folder, watchers)
        _tell_begin(job, state, watcher)
        save = partial(save_weights, module)
        with (
            keeping_best(state, folder, save, told="the module"),
            telling_of_divergence(job, state, beside, watcher),
        ):
            run_loop(job, state, session, engine.train_epoch)
        for each in watchers:
            each.on_end(state.finished)
        folder.save_model(save)
        return _result(state, folder.path, beside)


def _tell_begin(job: Job, state: TrainState, watcher: TrainingObserver) -> None:
    size = sum(p.numel() for p in state.network.parameters())
    watcher.on_start(job.training.epochs, len(job.train), size, str(job.device))


def _folder(
    record: FitRecord, runs: Path, name: str, resume: str | Path | None
) -> RunFolder:
    if resume is not None:
        folder = RunFolder.find(resume, runs)
        if not folder.fit.is_file():
            raise PlanError(
                f"fit: {folder.path} was made by train; go on with: {folder.go_on}"
            )
        if told := FitRecord.read(folder.fit).told_against(record):
            raise PlanError(
                f"fit: {folder.path} was begun with {'; '.join(told)}; resume with the "
                "same"
            )
        return folder
    files = {
        "fit.json": record.model_dump_json(indent=1),
        "environment.json": json.dumps(environment.environment(), indent=1),
    }
    return RunFolder.create(runs, name, files)


def _result(state: TrainState, path: Path | None, beside: FitDoctor | None) -> Fit:
    return Fit(
        module=state.network.eval(),
        history=tuple(state.history),
        best_epoch=state.best_epoch,
        stopped=state.finished,
        ending=state.ending,
        path=path,
        diagnosis=beside.conclude() if beside else Diagnosis(),
    )
