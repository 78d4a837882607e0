"""What `fit` cannot train or keep, told before training begins."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
)

from torchsmith.core.errors import PlanError, nearest
from torchsmith.core.vocabulary import low_is_good
from torchsmith.nn.losses import LossFunction
from torchsmith.plan.plan import Training
from torchsmith.train.engines.engine import is_torchs_own
from torchsmith.train.loop import Job
from torchsmith.train.pace import pace
from torchsmith.train.state import TrainState


def require_tensors(module: nn.Module) -> None:
    """Refuse a module whose weights cannot be trained, or a checkpoint could not hold.

    Raises:
        PlanError: One has no values, or is no tensor; or autograd shall not know it.
    """
    for name, weight in [*module.named_parameters(), *module.named_buffers()]:
        if weight.is_meta:
            raise PlanError(
                f"fit: {name} is on the device 'meta', where tensors have no values; "
                "make the module on another device"
            )
        if not is_lazy(weight) and weight.is_inference():
            raise PlanError(
                f"fit: {name} was made under torch.inference_mode(), and cannot be "
                "trained; make the module outside of it"
            )
    for name, value in module.state_dict().items():
        if not isinstance(value, Tensor):
            raise PlanError(
                f"fit: the module's state_dict has a {type(value).__name__} at "
                f"{name!r}, and checkpoints hold tensors only; return a tensor from "
                "get_extra_state(), or leave it out"
            )


def require_monitor(
    monitor: str, measures: Iterable[str], loss: LossFunction, *, validates: bool
) -> None:
    """Refuse what will not be measured, before an epoch is trained for it.

    Args:
        monitor: Of `stopping`.
        measures: The names of the metrics.
        loss: Of classes, it comes with an accuracy.
        validates: Whether there is a validation part.

    Raises:
        PlanError: It is none of what is measured.
    """
    known = ["train_loss", "val_loss", *(f"val_{name}" for name in measures)]
    if validates and isinstance(loss, nn.CrossEntropyLoss):
        known.append("val_accuracy")
    if monitor not in known:
        raise PlanError(
            f"fit: stopping.monitor: there is no {monitor!r}; there are: "
            f"{', '.join(dict.fromkeys(known))}{nearest(monitor, known)}"
        )


def require_gradients(state: TrainState, training: Training) -> None:
    """Refuse gradients that the optimizer or clipping cannot take.

    Raises:
        PlanError: They will be sparse or complex; says of which parameter.
    """
    names: dict[Tensor, str] = {p: name for name, p in state.network.named_parameters()}
    trained = [p for p in state.trained if p.requires_grad]
    sparse = {
        module.weight
        for module in state.network.modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse
    }
    mixed = not sparse.issuperset(trained)
    found = [p for p in trained if p in sparse]
    if found and not _takes_sparse(state.optimizer, mixed=mixed):
        raise PlanError(
            f"fit: the gradient of {names[found[0]]} is sparse, and this "
            f"{type(state.optimizer).__name__} cannot take it; give "
            "torch.optim.SGD(module.parameters(), lr=0.1), without momentum and "
            "weight_decay, or make the layer with sparse=False"
        )
    found += [p for p in trained if p.is_complex()]
    if found and training.clip_grad_value:
        kind = "complex" if found[0].is_complex() else "sparse"
        raise PlanError(
            f"fit: clip_grad_value: PyTorch cannot cut the {kind} gradient of "
            f"{names[found[0]]}; use clip_grad_norm"
        )


def require_schedule(state: TrainState, job: Job, *, resumes: bool) -> None:
    """Refuse a schedule that ends before training, or has nothing to look at.

    Args:
        state: Holds the schedule.
        job: What to train on, and how.
        resumes: Whether a checkpoint will say how far the schedule is.

    Raises:
        PlanError: It is too short, or wants high values of what has low ones.
    """
    if state.schedule is None:
        return
    epochs = range(1, job.training.epochs + 1)
    num = sum(pace(state, epoch)[0] is state.schedule for epoch in epochs)
    if state.interval == "step":
        num *= job.steps_per_epoch
    for cycle, count in _cycles(state.schedule, num):
        # SequentialLR sets those back by one that it has not begun.
        left = cycle.total_steps - (0 if resumes else max(cycle.last_epoch, 0))
        if left < count:
            raise PlanError(
                f"fit: schedule: OneCycleLR has {left:,} of its total_steps="
                f"{cycle.total_steps:,} left, and this training steps it {count:,} "
                f"times ({job.training.epochs:,} epochs of {job.steps_per_epoch:,} "
                f"steps); make it anew with total_steps={count}"
            )
    schedule = state.schedule
    if isinstance(schedule, ReduceLROnPlateau) and schedule.mode == "max":
        monitor = job.stopping.monitor
        if low_is_good(monitor, job.lower_is_better):
            raise PlanError(
                "fit: schedule: ReduceLROnPlateau(mode='max') looks at "
                f"stopping.monitor, and that is {monitor!r}, of which low values are "
                "good; write mode='min', or monitor a score of which high values are "
                "good, such as stopping={'monitor': 'val_accuracy'}"
            )


def _cycles(schedule: LRScheduler | None, num: int) -> Iterator[tuple[OneCycleLR, int]]:
    """Find each `OneCycleLR`, also inside another schedule, and its number of steps."""
    if isinstance(schedule, OneCycleLR):
        yield schedule, num
    elif isinstance(schedule, ChainedScheduler):
        for each in schedule._schedulers:
            yield from _cycles(each, num)
    elif isinstance(schedule, SequentialLR):
        edges = [0, *(min(edge, num) for edge in schedule._milestones), num]
        for each, (begin, end) in zip(
            schedule._schedulers, pairwise(edges), strict=False
        ):
            yield from _cycles(each, end - begin)


def _takes_sparse(optimizer: torch.optim.Optimizer, *, mixed: bool) -> bool:
    """Whether it steps by sparse gradients, and what it keeps is dense, to be saved.

    Args:
        optimizer: One that is not PyTorch's own may do as it likes.
        mixed: Whether other gradients are dense.
    """
    if not is_torchs_own(optimizer):
        return True
    unfit = ("momentum", "weight_decay", "fused")
    if any(group.get(key) for group in optimizer.param_groups for key in unfit):
        return False
    if isinstance(optimizer, torch.optim.SparseAdam):
        return not mixed
    return isinstance(optimizer, torch.optim.SGD | torch.optim.Adagrad)
