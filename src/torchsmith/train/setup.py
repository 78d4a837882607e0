"""From a plan and its data to everything that training needs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.vocabulary import (
    CALIBRATED,
    CALIBRATED_LOSS,
    Metric,
    Part,
    metrics_for,
)
from torchsmith.data.data import Data
from torchsmith.data.pixels import Prepared
from torchsmith.data.prepare import Preparation, fit
from torchsmith.data.split import Parts, split_rows
from torchsmith.metrics.score import score
from torchsmith.nn.augment import build_augmentation, build_change
from torchsmith.nn.averaging import build_average
from torchsmith.nn.build import build_network, refuse_folds
from torchsmith.nn.init import initialise
from torchsmith.nn.losses import MeanOverMembers, build_loss, num_outputs
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.nn.precision import empty_sum
from torchsmith.nn.schedules import build_schedule
from torchsmith.plan.networks import num_members
from torchsmith.plan.plan import Plan
from torchsmith.plan.schedules import interval_of
from torchsmith.train.batches import CHANNELS_LAST, Batches
from torchsmith.train.calibrate import calibrated_loss
from torchsmith.train.loop import Job, ScoreFunction
from torchsmith.train.model import (
    Model,
    ModelFile,
    batches_of,
    finish_outputs,
    layout_of,
)
from torchsmith.train.rehearsal import refuse_small
from torchsmith.train.state import TrainState
from torchsmith.train.unknown import unknown_codes


@dataclass(frozen=True)
class Setup:
    """A training that is ready to begin.

    Attributes:
        parts: The rows of train, val and test.
        preparation: Fitted on the training rows.
        inputs: Of `train` and `val`, prepared; with folds, those of `val` have theirs
            as the last column.
        job: What to train on, and how.
        state: At step 0.
        robustness: The changes of `plan.robustness`, one module for each.
    """

    parts: Parts
    preparation: Preparation
    inputs: Mapping[Part, Prepared]
    job: Job
    state: TrainState
    robustness: tuple[nn.Module, ...]

    def model(self, plan: Plan) -> Model:
        """Return the network, as it is now, with its preparation."""
        file = ModelFile(
            problem=plan.problem,
            network=plan.network,
            folds=plan.split.num_folds,
            loss=plan.loss,
            preparation=self.preparation,
        )
        return Model(file, self.state.network)


def set_up(plan: Plan, data: Data, parts: Parts | None = None) -> Setup:
    """Split, prepare, and build what the plan says.

    Args:
        plan: What to build.
        data: All examples.
        parts: The rows of each part, where the plan's split is not to be used.

    Raises:
        DataError: The data cannot be split or prepared as planned.
        PlanError: The network does not fit the data.
    """
    if data.target is None:
        raise DataError(f"{data.source}: there is no target {plan.problem.target!r}")
    device = choose_device(plan.training.device)
    if parts is None:
        parts = split_rows(data, plan.split, plan.data.columns)
    preparation = fit_planned(plan, data, parts.train)
    learned = preparation.inputs(data, parts.train)
    if parts.folds is None:
        fed, held = learned, preparation.inputs(data, parts.val)
    else:
        refuse_folds(learned.shape[1:], preparation.kind)
        fed = held = _with_folds(learned, parts.folds)

    def batches(inputs: Prepared, rows: np.ndarray) -> tuple[Batches, Tensor]:
        targets = torch.from_numpy(preparation.targets(data, rows)).to(device)
        num_workers = plan.training.num_workers
        return batches_of(preparation, inputs, targets, num_workers), targets

    train, train_targets = batches(fed, parts.train)
    val = batches(held, parts.val)[0] if len(parts.val) else None
    classes = len(plan.problem.classes)
    counts = torch.bincount(train_targets, minlength=classes) if classes else None
    loss = build_loss(plan.loss, counts)
    if num_members(plan.network) > 1 or plan.split.num_folds:
        loss = MeanOverMembers(loss)
    job = Job(
        train=train,
        val=val,
        loss=loss.to(device),
        training=plan.training,
        stopping=plan.stopping,
        device=device,
        score=_scorer(plan, preparation),
        augment=build_augmentation(plan.augment, preparation.input_shape),
        settle=unknown_codes(plan, preparation, learned, device),
    )
    state = initial_state(plan, preparation, job)
    shape = preparation.input_shape
    robustness = tuple(
        build_change(spec, shape, f"robustness.{place}")
        for place, spec in enumerate(plan.robustness)
    )
    inputs: dict[Part, Prepared] = {"train": learned, "val": held}
    return Setup(parts, preparation, inputs, job, state, robustness)


def _with_folds(inputs: Prepared, folds: np.ndarray) -> np.ndarray:
    return np.column_stack([np.asarray(inputs), folds.astype(np.float32)])


def set_up_beside(setup: Setup, plan: Plan) -> Setup:
    """Build another training of the same prepared data.

    Args:
        setup: Of a plan that differs from this one in seed, initial weights, optimizer,
            schedule, averaging, training and stopping only.
        plan: What to build.

    Raises:
        PlanError: The network does not fit the data.
    """
    job = replace(
        setup.job,
        training=plan.training,
        stopping=plan.stopping,
        score=_scorer(plan, setup.preparation),
    )
    state = initial_state(plan, setup.preparation, job)
    return replace(setup, job=job, state=state)


def initial_state(plan: Plan, preparation: Preparation, job: Job) -> TrainState:
    """Return the network at step 0 and what trains it, the same each time.

    Args:
        plan: What to build.
        preparation: Fitted on the training rows.
        job: What to train on.

    Raises:
        PlanError: The network does not fit the data.
    """
    network = initial_network(plan, preparation).to(job.device)
    if preparation.kind in ("images", "volumes"):
        channels_last(network)  # in which convolutions are faster on the CPU
    refuse_small(job, network)
    optimizer = build_optimizer(plan.optimizer, network.named_parameters())
    epochs, steps = plan.training.epochs, job.steps_per_epoch
    return TrainState(
        network,
        optimizer,
        build_schedule(plan.schedule, optimizer, epochs, steps),
        interval_of(plan.schedule),
        build_average(plan.averaging, network, optimizer, epochs),
        loss_sum=empty_sum(job.device),
    )


def fit_planned(plan: Plan, data: Data, rows: np.ndarray) -> Preparation:
    """Fit the preparation of a plan.

    Args:
        plan: Says how to prepare.
        data: All examples.
        rows: Those of the training part.

    Raises:
        DataError: The data cannot be prepared as planned.
        PlanError: Its steps do not fit the data.
    """
    return fit(
        data,
        rows,
        plan.prepare,
        roles=plan.data.columns,
        task=plan.problem.task,
        classes=plan.problem.classes,
    )


def initial_network(plan: Plan, preparation: Preparation) -> nn.Module:
    """Return the network of a plan with its initial weights, the same each time.

    Args:
        plan: What to build.
        preparation: Fitted on the training rows.

    Raises:
        PlanError: The network does not fit the data.
    """
    network = build_network(
        plan.network,
        layout_of(preparation),
        num_outputs(plan.loss, len(plan.problem.classes)),
        plan.training.seed,
        plan.split.num_folds,
    )
    initialise(network, plan.init, plan.training.seed)
    return network


def channels_last(network: nn.Module) -> None:
    """Lay the weights of convolutions out as `(N, [D,] H, W, C)`, in place."""
    for parameter in network.parameters():
        layout = CHANNELS_LAST.get(parameter.ndim)
        if parameter.ndim == 4:
            # `contiguous` keeps the strides of a weight of one channel, whose outputs
            # would then not lie so: all that follows would be copied, back and forth.
            parameter.data = parameter.data.to(memory_format=layout)
        elif layout is not None:
            parameter.data = parameter.data.contiguous(memory_format=layout)


def choose_device(name: str) -> torch.device:
    """Return the device that a plan names; `auto` takes CUDA where there is such a GPU.

    Raises:
        PlanError: There is no such device here.
    """
    available = {"cpu": True}
    available["cuda"] = torch.cuda.is_available()
    available["mps"] = torch.backends.mps.is_available()
    if name == "auto":
        # Not mps: nothing was tested there, so that it is for whoever asks for it.
        name = "cuda" if available["cuda"] else "cpu"
    if not available[name]:
        there = ", ".join(n for n, here in available.items() if here)
        raise PlanError(
            f"training.device: there is no {name!r} on this machine; there is: {there}"
        )
    return torch.device(name)


def _scorer(plan: Plan, preparation: Preparation) -> ScoreFunction:
    names: tuple[Metric, ...] = ("rmse", "mae", "r2")
    if plan.problem.task != "regression":
        names = ("accuracy",)
    wanted = (plan.problem.metric, plan.stopping.monitor.removeprefix("val_"))
    names = (*(m for m in metrics_for(plan.problem.task) if m in wanted), *names)

    distinct = tuple(dict.fromkeys(names))

    def scores(outputs: Tensor, targets: Tensor) -> dict[str, float]:
        finished = finish_outputs(plan.problem, plan.loss, preparation, outputs)
        truth = targets.cpu().numpy()
        if plan.problem.task == "regression":
            truth = preparation.target_values(truth).reshape(-1)
        found: dict[str, float] = {
            name: score(name, truth, finished) for name in distinct
        }
        if plan.stopping.monitor == CALIBRATED:
            found[CALIBRATED_LOSS] = calibrated_loss(plan.loss, outputs, targets)
        return found

    return scores
