"""What a person's module remembers from step to step where no checkpoint sees it."""

import copy

import torch
from torch import Tensor, nn

from torchsmith.train.batches import epoch_order
from torchsmith.train.buffers import kept_buffers
from torchsmith.train.loop import Job, autocast
from torchsmith.train.randomness import own_randomness, seed_step

Attributes = dict[tuple[str, str], bool | int | float | complex | Tensor]
"""The numbers and tensors that modules hold as such, by module and name."""


def is_torchs(value: object) -> bool:
    """Whether this is PyTorch's, of whose attributes it is known what changes."""
    return type(value).__module__.startswith("torch.")


def forgotten_attributes(job: Job, network: nn.Module) -> list[str]:
    """Name the attributes that go on from batch to batch and are no buffers.

    A copy of the network sees the first batch twice. What only depends on the batch,
    such as weights of attention that are kept to be looked at, is then the same.

    Returns:
        Such as `count of Net`; nothing where the network cannot be copied.
    """
    if all(map(is_torchs, network.modules())):
        return []
    rows = job.steps(epoch_order(len(job.train), job.training.seed, 0), 1)[0][0]
    try:
        twin = _copy(network).train()
        first = _after_a_batch(job, twin, rows)
        second = _after_a_batch(job, twin, rows)
    except Exception:  # noqa: BLE001 -- a person's code may raise any
        return []
    kinds = {name: type(module).__name__ for name, module in twin.named_modules()}
    changed = [
        f"{name} of {kinds[place]}"
        for (place, name), value in second.items()
        if (place, name) in first and not _same(first[place, name], value)
    ]
    return list(dict.fromkeys(changed))


def _copy(network: nn.Module) -> nn.Module:
    """Copy a network; what it keeps of its last batch cannot be, and is shared."""
    values = [value for module in network.modules() for value in vars(module).values()]
    kept = [each for each in values if isinstance(each, Tensor) and not each.is_leaf]
    return copy.deepcopy(network, {id(each): each.detach() for each in kept})


def _after_a_batch(job: Job, network: nn.Module, rows: Tensor) -> Attributes:
    """Send a batch through a network; its buffers stay as they were."""
    with own_randomness(), kept_buffers(network), autocast(job):
        seed_step(job, "step", 0)
        network(job.train.take(rows)[0])
    return {
        (place, name): value.clone() if isinstance(value, Tensor) else value
        for place, module in network.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, bool | int | float | complex | Tensor)
        # What has a gradient is of this batch, and training goes not through the last.
        and not (isinstance(value, Tensor) and value.requires_grad)
    }


def _same(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        same = one.shape == other.shape and one.dtype == other.dtype
        return same and torch.equal(one.nan_to_num(), other.nan_to_num())
    return type(one) is type(other) and one == other
