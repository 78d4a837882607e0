"""Whether what a network gives is what its loss takes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from torchsmith.core.wording import percent
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.probes.graph import last_operation, operations_of_loss
from torchsmith.doctor.probes.place import line_with
from torchsmith.doctor.probes.scene import Scene
from torchsmith.doctor.rules_plan import last_layer
from torchsmith.inspect.inspection import Finding
from torchsmith.nn.losses import LossFunction

OUTSIDE = 0.01
"""Share of targets that may lie where the outputs cannot go."""

FLOOR = 0.05
"""Of the chance loss: what the best reachable outputs may still cost."""

SUM = (1.8, 2.2)
"""A loss of a batch, taken twice, over that of the batch, if it is a sum."""

PAIRED = 1e-5
"""By how much a loss changes, relative, when targets are given to other outputs; one
that changes by less does not compare an output with its own target."""

FEW = 6
"""Outputs and targets of which all pairs are looked at."""

_RANGES = {
    "Sigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Relu": (0.0, math.inf),
}
_LAYERS = {
    "Sigmoid": r"sigmoid\(",
    "Softmax": r"softmax\(",
    "Tanh": r"tanh\(",
    "Relu": r"relu\(",
}


@dataclass(frozen=True)
class Head:
    """Outputs, targets, and how they meet.

    Attributes:
        loss: The loss.
        outputs: `(N, …)` of one batch, in train mode, with a graph.
        targets: Of the same.
        last: The last operation of the network, such as `Softmax`.
        operations: Of the loss.
    """

    loss: LossFunction
    outputs: Tensor
    targets: Tensor
    last: str
    operations: set[str]

    @property
    def takes_logits_of_classes(self) -> bool:
        """Whether the loss is a cross-entropy of raw outputs."""
        return "LogSoftmax" in self.operations

    @property
    def takes_logits(self) -> bool:
        """Whether the loss squashes raw outputs one by one."""
        return bool({"BinaryCrossEntropyWithLogits", "LogSigmoid"} & self.operations)


def find_in_head(scene: Scene, reference: Reference) -> Iterator[Finding]:
    """Find C4, C12, P5 and P6 in one batch of outputs.

    Args:
        scene: Of a training at step 0.
        reference: With what to compare.
    """
    outputs, targets = scene.outputs, scene.targets
    if not isinstance(outputs, Tensor) or not isinstance(targets, Tensor):
        return
    head = Head(
        scene.loss,
        outputs,
        targets,
        last_operation(outputs),
        operations_of_loss(scene.loss, outputs, targets),
    )
    mismatch = list(_wrong_head(scene, head))
    yield from mismatch
    if not mismatch:
        yield from _unreachable(scene, head, reference)
    if len(outputs) == len(targets) >= 4:
        with torch.no_grad():
            yield from _summed(scene, head)
            yield from _all_pairs(scene, head)


def _wrong_head(scene: Scene, head: Head) -> Iterator[Finding]:
    """Find outputs that are squashed before a loss that wants raw ones."""
    if head.last not in _RANGES:
        return
    network = scene.state.network
    low, high = _RANGES[head.last]
    seen = head.outputs.detach()
    shown = f"all outputs lie in [{seen.min():.3g}, {seen.max():.3g}]"
    where = line_with(network, _LAYERS[head.last]) or _last_name(scene)
    if head.takes_logits_of_classes and head.last != "Relu":
        num = head.outputs.shape[1] if head.outputs.ndim > 1 else 1
        least = math.log1p((num - 1) * math.exp(low - high))
        yield Finding(
            code="P5",
            severity="error",
            message=f"The network ends in {head.last}, and the loss wants raw outputs.",
            where=where,
            evidence=(
                f"{shown}; a cross-entropy of such outputs cannot fall below "
                f"{least:.3g}, however sure the network is."
            ),
            remedy=f"Leave out the {head.last}: the loss applies softmax itself.",
        )
    elif head.takes_logits and head.last != "Relu":
        yield Finding(
            code="P5",
            severity="error",
            message=f"The network ends in {head.last}, and the loss wants raw outputs.",
            where=where,
            evidence=f"{shown}; the loss takes the sigmoid of them once more.",
            remedy=f"Leave out the {head.last}, or use BCELoss after a sigmoid.",
        )
    elif (head.takes_logits_of_classes or head.takes_logits) and not _is_plain(scene):
        zero = (seen == 0).float().mean().item()
        yield Finding(
            code="P6",
            severity="warning",
            message="The network ends in ReLU, and the loss wants raw outputs.",
            where=where,
            evidence=f"No output can be below 0; {percent(zero)} of them are 0.",
            remedy="Leave out the activation after the last layer.",
        )
    elif "NllLoss" in head.operations and head.last == "Softmax":
        yield Finding(
            code="P5",
            severity="error",
            message="The network ends in softmax, and NLLLoss wants its logarithm.",
            where=where,
            evidence=f"{shown}; the loss is {_loss(head):.3g}, below 0.",
            remedy="End in log_softmax, or use CrossEntropyLoss on raw outputs.",
        )


def _loss(head: Head) -> float:
    return head.loss(head.outputs, head.targets).item()


def _is_plain(scene: Scene) -> bool:
    """Whether the last layer of an `nn.Sequential` says it: the plan's rules see it."""
    return last_layer(scene.state.network) is not None


def _last_name(scene: Scene) -> str:
    calls, _ = scene.train_calls
    return calls[-1].name if calls else ""


def _unreachable(scene: Scene, head: Head, reference: Reference) -> Iterator[Finding]:
    """Find numbers to predict that lie outside of what the last layer can give."""
    targets = head.targets
    if head.last not in _RANGES or not targets.is_floating_point():
        return
    if _is_plain(scene):
        return
    low, high = _RANGES[head.last]
    every = scene.subject.job.train.take(scene.subject.sample(1_000))[1]
    outside = ((every < low) | (every > high)).float().mean().item()
    if outside <= OUTSIDE:
        return
    best = targets.clamp(low, high).reshape(targets.shape)
    severity, least = "warning", None
    if head.outputs.shape == targets.shape and reference.chance_loss:
        least = scene.loss(best.to(head.outputs.dtype), targets).item()
        if least > FLOOR * reference.chance_loss:
            severity = "error"
    cost = f" The best outputs it can give cost {least:.3g};" if least else ""
    chance = f" the best constant costs {reference.chance_loss:.3g}." if least else ""
    reach = f"[{low:g}, {high:g}]" if high < math.inf else "[0, ∞)"
    yield Finding(
        code="P6",
        severity="error" if severity == "error" else "warning",
        message=f"The network ends in {head.last} and cannot reach the targets.",
        where=line_with(scene.state.network, _LAYERS[head.last]) or _last_name(scene),
        evidence=(
            f"{percent(outside)} of the targets lie outside of {reach}: they go from "
            f"{every.min():.3g} to {every.max():.3g}.{cost}{chance}"
        ),
        remedy="Leave out the activation after the last layer, or scale the targets.",
    )


def _summed(scene: Scene, head: Head) -> Iterator[Finding]:
    """Find a loss that is a sum over the batch, and does not say so."""
    if scene.subject.job.loss_is_sum:
        return
    outputs, targets = head.outputs.detach(), head.targets
    once = scene.loss(outputs, targets).item()
    twice = scene.loss(
        torch.cat([outputs, outputs]), torch.cat([targets, targets])
    ).item()
    if once and SUM[0] <= twice / once <= SUM[1]:
        yield Finding(
            code="C12",
            severity="warning",
            message="The loss is a sum over the batch, not a mean.",
            where="loss",
            evidence=(
                f"Of a batch taken twice it is {twice / once:.2f} times that of the "
                f"batch ({twice:.4g} and {once:.4g}): a learning rate then suits one "
                "batch size only, and the last batch counts less."
            ),
            remedy="Return the mean over the examples.",
        )


def _all_pairs(scene: Scene, head: Head) -> Iterator[Finding]:
    """Find a loss that compares every output with every target."""
    outputs, targets = head.outputs.detach(), head.targets
    order = torch.arange(len(targets)).roll(1)
    if torch.equal(targets[order], targets) or not outputs.isfinite().all():
        return
    if outputs.numel() <= len(outputs) and not outputs.std() > 0:
        return
    varied = outputs + outputs.std().clamp(min=1e-3) * torch.linspace(
        -1, 1, len(outputs)
    ).to(outputs).reshape(-1, *[1] * (outputs.ndim - 1))
    if head.last in ("Sigmoid", "Softmax", "LogSoftmax"):
        varied = outputs
    paired = scene.loss(varied, targets).item()
    crossed = scene.loss(varied, targets[order]).item()
    alone = _mean_of_each(scene.loss, varied, targets)
    if alone is None or not math.isfinite(paired):
        return
    size = max(abs(paired), 1e-12)
    same = abs(paired - crossed) <= PAIRED * size
    if same and abs(alone - paired) > 1e-3 * size and _is_mean_of_pairs(head, varied):
        yield Finding(
            code="C4",
            severity="error",
            message="The loss compares every output with every target of the batch.",
            where="loss",
            evidence=(
                f"Outputs have shape {tuple(outputs.shape)}, targets "
                f"{tuple(targets.shape)}. The loss stays {paired:.4g} when targets are "
                f"given to other outputs; of the examples one by one it is {alone:.4g}."
            ),
            remedy="Give both the same shape, such as outputs.squeeze(1).",
        )


def _is_mean_of_pairs(head: Head, outputs: Tensor) -> bool:
    """Whether the loss is that of all pairs of an output and a target.

    A loss that compares two distributions does not care for pairs either.
    """
    targets = head.targets
    if outputs.shape != targets.shape:
        try:
            shape = torch.broadcast_shapes(outputs.shape, targets.shape)
        except RuntimeError:
            return False
        return bool(shape.numel() > max(outputs.numel(), targets.numel()))
    few = range(min(len(targets), FEW))
    whole = head.loss(outputs[: len(few)], targets[: len(few)]).item()
    each = [
        head.loss(outputs[i : i + 1], targets[j : j + 1]).item()
        for i in few
        for j in few
    ]
    return math.isclose(whole, sum(each) / len(each), rel_tol=1e-3)


def _mean_of_each(loss: LossFunction, outputs: Tensor, targets: Tensor) -> float | None:
    """Return the mean loss of examples one by one; None where it takes none."""
    try:
        each = [
            loss(outputs[i : i + 1], targets[i : i + 1]).item()
            for i in range(len(targets))
        ]
    except (RuntimeError, ValueError, IndexError):
        return None
    return sum(each) / len(each)
