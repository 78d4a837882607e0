"""What a person's code remembers from step to step where no checkpoint sees it."""

import copy

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from torchsmith.nn.losses import ClassTargets
from torchsmith.train.batches import epoch_order
from torchsmith.train.buffers import kept_buffers
from torchsmith.train.loop import Job, autocast, backward
from torchsmith.train.randomness import own_randomness, seed_step
from torchsmith.train.state import NotPlain, TrainState, require_plain

Attributes = dict[tuple[str, str], bool | int | float | complex | Tensor]
"""The numbers and tensors that modules hold as such, by module and name."""

OPTIMIZER = "optimizer"
"""Stands for the module where it is the optimizer that holds them."""


def is_torchs(value: object) -> bool:
    """Whether this is PyTorch's, of whose attributes it is known what changes."""
    return type(value).__module__.startswith("torch.")


def forgotten_attributes(job: Job, state: TrainState) -> dict[str, str]:
    """Name the attributes that go on from batch to batch and are in no checkpoint.

    A copy is trained on the first batch twice, from the same weights. What only depends
    on the batch, such as weights of attention that are kept to be looked at, is then
    the same.

    Returns:
        Such as `count of Net`, and what is wrong with it; nothing where network, loss
        or optimizer cannot be copied.

    Raises:
        TrainError: After a step the optimizer holds what no checkpoint can hold.
    """
    modules, optimizer = _modules(job.loss, state.network), state.optimizer
    own = [each for each in modules.modules() if not isinstance(each, ClassTargets)]
    if all(map(is_torchs, (*own, optimizer))):
        return {}
    rows = job.steps(epoch_order(len(job.train), job.training.seed, 0), 1)[0][0]
    try:
        modules, optimizer = _copy(modules, optimizer)
        first = _after_a_batch(job, modules, optimizer, rows)
        second = _after_a_batch(job, modules, optimizer, rows)
    except NotPlain:
        raise
    except Exception:  # noqa: BLE001 -- a person's code may raise any
        return {}
    owners = dict(modules.named_modules()) | {OPTIMIZER: optimizer}
    return {
        f"{name} of {type(owners[place]).__name__}": (
            "is in no checkpoint: keep it in param_groups"
            if place == OPTIMIZER
            else "is no buffer: use register_buffer"
        )
        for (place, name), value in second.items()
        if (place, name) in first and not _same(first[place, name], value)
    }


def _modules(loss: object, network: nn.Module) -> nn.ModuleList:
    """Return what has buffers: the network, and a loss that is a module."""
    return nn.ModuleList([network, *([loss] if isinstance(loss, nn.Module) else [])])


def _copy(
    modules: nn.ModuleList, optimizer: Optimizer
) -> tuple[nn.ModuleList, Optimizer]:
    """Copy what is trained; what a network keeps of its last batch is shared."""
    values = [value for module in modules.modules() for value in vars(module).values()]
    kept = [each for each in values if isinstance(each, Tensor) and not each.is_leaf]
    # PyTorch copies no more of an optimizer than its state; and where there is a
    # schedule, the step that it has put there is that of the original.
    beside = {name: each for name, each in vars(optimizer).items() if name != "step"}
    twins, twin, beside = copy.deepcopy(
        (modules, optimizer, beside), {id(each): each.detach() for each in kept}
    )
    for name, value in beside.items():
        vars(twin).setdefault(name, value)
    return twins.train(), twin


def _after_a_batch(
    job: Job, modules: nn.ModuleList, optimizer: Optimizer, rows: Tensor
) -> Attributes:
    """Train on a batch; what a checkpoint holds is then as it was."""
    network, *losses = modules
    loss = losses[0] if losses else job.loss
    with own_randomness(), kept_buffers(modules), autocast(job):
        seed_step(job, "step", 0)
        inputs, targets = job.train.take(rows)
        found = loss(network(inputs), targets)
        if not is_torchs(optimizer):
            _step_and_back(modules, optimizer, found)
    held: dict[str, object] = dict(modules.named_modules()) | {OPTIMIZER: optimizer}
    return {
        (place, name): value.clone() if isinstance(value, Tensor) else value
        for place, owner in held.items()
        for name, value in vars(owner).items()
        if isinstance(value, bool | int | float | complex | Tensor)
        # What has a gradient is of this batch, and training goes not through the last.
        and not (isinstance(value, Tensor) and value.requires_grad)
    }


def _step_and_back(modules: nn.Module, optimizer: Optimizer, loss: Tensor) -> None:
    """Do a step of an optimizer, and take back what a checkpoint knows of it."""
    weights = [parameter.detach().clone() for parameter in modules.parameters()]
    before = copy.deepcopy(optimizer.state_dict())
    optimizer.zero_grad()
    backward(loss)
    optimizer.step()
    require_plain(optimizer)
    optimizer.load_state_dict(before)
    with torch.no_grad():
        for parameter, weight in zip(modules.parameters(), weights, strict=True):
            parameter.copy_(weight)


def _same(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        same = one.shape == other.shape and one.dtype == other.dtype
        return same and torch.equal(one.nan_to_num(), other.nan_to_num())
    return type(one) is type(other) and one == other
