"""What the plan alone tells: the batch, the last layer, the schedule, the decay."""

from collections.abc import Iterator

from pydantic import JsonValue
from torch import nn

from torchsmith.core.wording import percent
from torchsmith.doctor.reference import some_targets
from torchsmith.doctor.rules_regularisation import find_in_regularisation
from torchsmith.doctor.rules_schedule import find_in_schedule
from torchsmith.doctor.rules_step import find_in_step, in_plan
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding, Severity
from torchsmith.nn.folds import first_network
from torchsmith.nn.losses import ClassTargets
from torchsmith.plan.layers import Dropout, Flatten, Identity
from torchsmith.plan.networks import Sequential

FEW_STEPS = 200
"""Optimizer steps that are few for a network; a note."""

FEW_BATCHES = 5
"""Batches of an epoch; of fewer the batch is the reason for few steps."""

SMALL_BATCH = 8
"""Examples of which batch normalisation's statistics are rough; a note."""

TINY_BATCH = 2
"""Examples of which they are worthless; a warning."""

OUT_OF_REACH = 0.01
"""Share of the targets' variance that outputs in their range cannot explain; a
warning."""

FAR_OUT_OF_REACH = 0.1
"""The same; an error."""

_INFINITY = float("inf")
_RANGES: dict[type[nn.Module], tuple[float, float]] = {
    nn.ReLU: (0.0, _INFINITY),
    nn.Sigmoid: (0.0, 1.0),
    nn.Softmax: (0.0, 1.0),
    nn.Tanh: (-1.0, 1.0),
    nn.LogSoftmax: (-_INFINITY, 0.0),
    nn.ELU: (-1.0, _INFINITY),
    nn.SELU: (-1.7581, _INFINITY),
    nn.SiLU: (-0.2785, _INFINITY),
    nn.GELU: (-0.17, _INFINITY),
    nn.Mish: (-0.3089, _INFINITY),
}
"""What each activation can give."""

_PASSING = (nn.Dropout, nn.Identity, nn.Flatten, nn.Unflatten)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def find_in_plan(subject: Subject) -> Iterator[Finding]:
    """Find settings that cannot work well: P1, P2, P4 to P7, P13 and C12.

    Args:
        subject: At step 0; stays as it is.
    """
    yield from _find_batch(subject)
    yield from find_in_step(subject)
    yield from _find_range(subject)
    yield from find_in_regularisation(subject)
    yield from find_in_schedule(subject)


def _find_batch(subject: Subject) -> Iterator[Finding]:
    job = subject.job
    size = min(job.training.batch_size, len(job.train))
    steps = job.training.epochs * job.steps_per_epoch
    norms = [
        name for name, m in subject.state.network.named_modules() if type(m) in _NORMS
    ]
    if norms and size < SMALL_BATCH:
        yield Finding(
            code="P4",
            severity="warning" if size <= TINY_BATCH else "note",
            message=f"Batch normalisation takes its statistics of batches of {size}.",
            where="training.batch_size" if subject.plan else norms[0],
            evidence=f"{len(norms)} such layers, the first is '{norms[0]}'",
            remedy="Use larger batches, or GroupNorm, which looks at one example.",
            changes=in_plan(subject, {"training.batch_size": 32}),
        )
    if steps < FEW_STEPS and (found := few_steps(subject, "note")) is not None:
        yield found


def few_steps(subject: Subject, severity: Severity) -> Finding | None:
    """Return P4: few steps in all, because a batch takes a large share of the examples.

    Smaller batches are the remedy; more epochs only where these do not suffice.

    Args:
        subject: At step 0; stays as it is.
        severity: How certain it is that they are too few.

    Returns:
        None where the batch is not the reason.
    """
    job, rows = subject.job, len(subject.job.train)
    size, epochs = min(job.training.batch_size, rows), job.training.epochs
    if job.steps_per_epoch >= FEW_BATCHES or size <= SMALL_BATCH:
        return None
    smaller = min(rows * epochs // FEW_STEPS, size // 2)
    smaller = max(SMALL_BATCH, 2 ** (max(smaller, 1).bit_length() - 1))
    enough = -(-FEW_STEPS // -(-rows // smaller))
    changes: dict[str, JsonValue] = {"training.batch_size": smaller}
    if enough > epochs:
        changes["training.epochs"] = enough
    return Finding(
        code="P4",
        severity=severity,
        message=f"There are {epochs * job.steps_per_epoch} optimizer steps in all, "
        "which is few.",
        where="training.batch_size" if subject.plan else "",
        evidence=f"{job.steps_per_epoch} in each of {epochs} epochs, "
        f"of {size} of {rows:,} examples",
        remedy="Use smaller batches, or more epochs.",
        changes=in_plan(subject, changes),
    )


def _find_range(subject: Subject) -> Iterator[Finding]:
    """Compare what the last layer can give with what is to be given."""
    found = last_layer(subject.state.network)
    if found is None or type(found[1]) not in _RANGES:
        return
    name, layer = found
    low, high = _RANGES[type(layer)]
    kind = type(layer).__name__
    where = f"network.Sequential.{name}" if subject.plan else name
    if subject.is_regression:
        yield from _find_unreachable(subject, (low, high), kind, where)
    elif isinstance(_plain(subject), nn.CrossEntropyLoss | nn.BCEWithLogitsLoss):
        if isinstance(layer, nn.Softmax | nn.LogSoftmax | nn.Sigmoid):
            return  # a probe shows them, with what they cost
        yield Finding(
            code="P6",
            severity="warning",
            message=f"The network ends in {kind}, so that no output is below {low:g}"
            + (f" or above {high:g}." if high < _INFINITY else "."),
            where=where,
            evidence=f"{type(_plain(subject)).__name__} takes raw outputs of any size",
            remedy=f"Remove the last {kind}.",
            changes=_without_end(subject),
        )
    elif subject.plan is not None and isinstance(_plain(subject), nn.MSELoss):
        yield Finding(
            code="P5",
            severity="warning",
            message=f"Classes are learned with the squared error behind {kind}, whose "
            "gradient vanishes where it is most wrong.",
            where=where,
            evidence=f"{kind} gives {_range_text(low, high)}",
            remedy=f"Remove the last {kind}, and use CrossEntropyLoss.",
            changes={**_without_end(subject), "loss": "CrossEntropyLoss"},
        )


def _find_unreachable(
    subject: Subject, bounds: tuple[float, float], kind: str, where: str
) -> Iterator[Finding]:
    targets = some_targets(subject).cpu().double()
    low, high = bounds
    lost = (targets - targets.clamp(low, high)).square().mean()
    share = (lost / targets.var(correction=0).clamp(min=1e-300)).item()
    if share < OUT_OF_REACH:
        return
    outside = ((targets < low) | (targets > high)).double().mean().item()
    yield Finding(
        code="P6",
        severity="error" if share >= FAR_OUT_OF_REACH else "warning",
        message=f"The network ends in {kind} and cannot give {percent(outside)} of the "
        "targets.",
        where=where,
        evidence=f"{kind} gives {_range_text(low, high)}; the targets go from "
        f"{targets.min().item():.4g} to {targets.max().item():.4g}, and the nearest "
        f"answers lose {percent(share)} of their variance",
        remedy=f"Remove the last {kind}: numbers are predicted by a linear layer.",
        changes=_without_end(subject),
    )


def _without_end(subject: Subject) -> dict[str, JsonValue]:
    """Return the layers of a plan without the activation that stands last."""
    network = None if subject.plan is None else subject.plan.network
    if not isinstance(network, Sequential):
        return {}
    layers = list(network.layers)
    while layers and isinstance(layers[-1], Dropout | Identity | Flatten):
        layers.pop()
    shorter = network.model_copy(update={"layers": tuple(layers[:-1])})
    return {"network": shorter.model_dump(mode="json")}


def _range_text(low: float, high: float) -> str:
    if high == _INFINITY:
        return f"numbers from {low:g} on"
    return f"numbers up to {high:g}" if low == -_INFINITY else f"{low:g} to {high:g}"


def _plain(subject: Subject) -> object:
    loss = subject.loss
    return loss.loss if isinstance(loss, ClassTargets) else loss


def last_layer(network: nn.Module) -> tuple[str, nn.Module] | None:
    """Return the layer that gives the outputs, and its name; None where it is hidden.

    Args:
        network: Only `nn.Sequential` says in which order its layers come; with folds
            it is the first of them.
    """
    _, network = first_network(network)
    name, module = "", network
    while isinstance(module, nn.Sequential):
        children = [
            (key, child)
            for key, child in module.named_children()
            if not isinstance(child, _PASSING)
        ]
        if not children:
            return None
        key, module = children[-1]
        name = f"{name}.{key}" if name else key
    return None if module is network or list(module.children()) else (name, module)
