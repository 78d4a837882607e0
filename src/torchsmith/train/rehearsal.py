"""A first batch that leaves no trace: what cannot work is told before training."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.core.errors import PlanError, TorchsmithError, TrainError
from torchsmith.core.wording import listed
from torchsmith.train.batches import Batches, TensorBatches, epoch_order
from torchsmith.train.buffers import kept_buffers
from torchsmith.train.finite import find_not_finite
from torchsmith.train.first_batch import check_first_batch
from torchsmith.train.loop import Job, autocast, without_gradients
from torchsmith.train.randomness import own_randomness, seed_step

BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def rehearse(job: Job, network: nn.Module) -> None:
    """Send a first batch of each part through a person's network and loss.

    Nothing is learned.

    Raises:
        TrainError: The network or the loss cannot take it; says which, and why.
    """
    rows = job.steps(epoch_order(len(job.train), job.training.seed, 0), 1)[0][0]
    kept = kept_buffers(network, job.loss)
    with own_randomness(), kept, _same_modes(network), autocast(job):
        seed_step(job, "step", 0)
        _try(job, network.train(), job.train.take(rows), "the first batch", rows)
        if job.val is not None:
            seed_step(job, "val", 0)
            rows = torch.arange(min(len(rows), len(job.val)))
            batch, name = job.val.take(rows), "the first batch of val"
            with without_gradients(job):
                _try(job, network.eval(), batch, name, rows)


def refuse_small(job: Job, network: nn.Module) -> None:
    """Refuse layers of a plan's network for which examples, or batches, are too small.

    Raises:
        PlanError: Says which layer, and what to set.
    """
    ends = [*job.starts[1:], len(job.train)]
    alone = any(end - start == 1 for start, end in zip(job.starts, ends, strict=True))
    on_cpu = job.device.type == "cpu"
    lowered = job.training.precision == "bfloat16" and on_cpu
    hooks = []
    for module in network.modules():
        if alone and isinstance(module, BATCH_NORM):
            hooks.append(module.register_forward_pre_hook(_refuse_one_value))
        if lowered and isinstance(module, nn.Conv3d):
            hooks.append(module.register_forward_pre_hook(_refuse_flat))
    if not hooks:
        return
    inputs, _ = job.train.take(torch.tensor([0, 0]))  # one alone may be refused
    try:
        with own_randomness(), _same_modes(network), without_gradients(job):
            network.eval()(inputs)
    finally:
        for hook in hooks:
            hook.remove()


def _refuse_one_value(module: nn.Module, given: tuple[Tensor, ...]) -> None:
    if given[0].numel() == 2 * given[0].shape[1]:
        name = type(module).__name__
        raise PlanError(
            f"training.batch_size: a batch of one example gives {name} one "
            f"value of each of {given[0].shape[1]} features, and it needs two or "
            "more to normalise; set batch_size to 2 or more, or leave that layer out"
        )


def _refuse_flat(module: nn.Conv3d, given: tuple[Tensor, ...]) -> None:
    """Refuse a kernel that always reaches into the padding before or behind a volume.

    PyTorch 2.13 leaves parts of the gradient of its weight unwritten in bfloat16 (seen
    on CPUs): they are what the memory held before.
    """
    if module.padding == "valid" or module.padding_mode != "zeros":
        return
    depth, reach = given[0].shape[2], module.dilation[0] * (module.kernel_size[0] - 1)
    before = reach // 2 if module.padding == "same" else int(module.padding[0])
    wholes = range(depth - reach)
    if not any((place + before) % module.stride[0] == 0 for place in wholes):
        raise PlanError(
            "training.precision: in bfloat16 PyTorch computes wrong gradients of a "
            f"Conv3d whose kernel ({reach + 1} deep, stride {module.stride[0]}) never "
            f"lies whole within the volume that it gets ({depth} deep); set float32, "
            "or halve the volume less often"
        )


def check_all_rows(job: Job, network: nn.Module) -> None:
    """Refuse tensors with values that are not finite, where these make the loss NaN.

    A module or loss that fills them in, or leaves them out, may have them.

    Raises:
        TrainError: Says which examples of which part it is.
    """
    for name, part in (("train", job.train), ("val", job.val)):
        if isinstance(part, TensorBatches):
            for found in find_not_finite(part):
                if not _is_taken(job, network, part, found.rows[0]):
                    raise TrainError(f"the loss will not be finite: {found.told(name)}")


def _is_taken(job: Job, network: nn.Module, part: Batches, row: int) -> bool:
    """Whether the loss of an example among others is a finite number."""
    others = torch.arange(min(len(part), job.training.batch_size))
    rows = torch.cat([torch.tensor([row]), others[others != row][: len(others) - 1]])
    kept = kept_buffers(network, job.loss)
    with own_randomness(), kept, _same_modes(network), without_gradients(job):
        seed_step(job, "val", 0)
        try:
            inputs, targets = part.take(rows)
            with autocast(job):
                loss = job.loss(network.eval()(inputs), targets)
            return bool(loss.isfinite().all())
        except Exception:  # noqa: BLE001 -- a person's module may raise any
            return True  # what else there is to say of it, training says


def shape_of(value: object) -> str:
    """Return shape and type of a tensor, of what else there may be its type."""
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, Mapping):
        return f"{type(value).__name__} of {listed(map(repr, value))}"
    return type(value).__name__


def _try(
    job: Job, network: nn.Module, batch: tuple[Any, Any], name: str, rows: Tensor
) -> None:
    inputs, targets = batch
    what, shapes = type(network).__name__, f"inputs {shape_of(inputs)}"
    try:
        outputs = network(inputs)
        check_first_batch(network, job.loss, outputs, targets)
        what = "the loss"
        shapes = f"outputs {shape_of(outputs)}, targets {shape_of(targets)}"
        _check_loss(job.loss(outputs, targets), inputs, targets, name, rows)
    except TorchsmithError:
        raise
    except Exception as error:  # a person's module may raise any
        reason = str(error).strip().partition("\n")[0]
        if not isinstance(error, RuntimeError | ValueError | IndexError | TypeError):
            reason = f"{type(error).__name__} {reason}".rstrip()
        if isinstance(inputs, list | Mapping) and isinstance(error, TypeError):
            several = "list" if isinstance(inputs, list) else "dict"
            reason += (
                f"; an input of several parts is one argument, a {several} of their "
                "batches: take it apart in forward"
            )
        if what == "the loss" and "out of bounds" in reason:
            highest = outputs.shape[1] - 1
            reason += f" {highest + 1} outputs are for the classes 0 to {highest}"
        reason += _other_type(network, inputs, reason) if "type" in reason else ""
        raise TrainError(f"{what} cannot take {name} ({shapes}): {reason}") from error


def _other_type(network: nn.Module, inputs: object, reason: str) -> str:
    """Say to which type inputs can be converted, where they are of another."""
    if not isinstance(inputs, Tensor):
        return ""
    if "'indices'" in reason:  # the codes of an Embedding
        return "; convert the inputs with .long()"
    kind = next((p.dtype for p in network.parameters()), inputs.dtype)
    loses = inputs.is_complex() and not kind.is_complex
    if kind == inputs.dtype or loses:
        return ""
    return f"; convert the inputs with .to({kind})"


def _check_loss(
    loss: object, inputs: object, targets: object, name: str, rows: Tensor
) -> None:
    """Refuse a loss without gradients, and one that the examples have made NaN."""
    if not isinstance(loss, Tensor):
        remedy = "return that alone"
        if isinstance(loss, float | int):
            remedy = "leave out float() and item() on the way to it"
        raise TrainError(
            f"the loss is a {type(loss).__name__}, but must be a tensor of one number; "
            f"{remedy}"
        )
    if loss.detach().isfinite().all():
        return
    for what, values in (("inputs", inputs), ("targets", targets)):
        if isinstance(values, Tensor) and not values.isfinite().all():
            wrong = ~values.isfinite().reshape(len(rows), -1)
            first = int(rows[int(wrong.any(dim=1).nonzero()[0])])
            raise TrainError(
                f"the loss of {name} is not finite, because its {what} hold NaN or "
                f"infinite values (first seen: example {first}); fill these in, or "
                "leave the examples out"
            )


@contextmanager
def _same_modes(network: nn.Module) -> Iterator[None]:
    """Give a network its mode back."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
