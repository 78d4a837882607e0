"""The scale of inputs and targets, as the network gets them: D3, D4."""

from collections.abc import Iterator

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from torchsmith.data.steps import ORDERS, SCALERS
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.examples import Examples, leaves
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding

LARGE, VERY_LARGE = 20.0, 50.0
"""Root mean square of the inputs: above it a warning; an error, if the untrained
network's loss is far above chance, too. Pixels from 0 to 16 do no harm."""

SMALL, VERY_SMALL = 0.05, 0.01
"""Root mean square of the inputs below which they hardly reach the network: a warning,
an error."""

FAR_AWAY = 100.0
"""Distance of the inputs' mean from 0, in their deviations, where batch normalisation
comes first: its running mean lags behind the weights by about ten steps, in which these
change by 2 % (10 steps of 10^-2.7), and so is wrong by 2 % of this distance."""

FAR_ABOVE_CHANCE = 3.0
"""The untrained network's loss, divided by that of the best constant answer."""

OFF_CENTRE, FAR_OFF_CENTRE = 5.0, 30.0
"""Distance of the targets' mean from 0, in deviations: a warning; an error, if the
untrained network's loss is far above chance, too."""

NARROW, WIDE = 0.1, 10.0
"""Deviation of targets that a network can learn without scaling them."""

VERY_NARROW, VERY_WIDE = 0.02, 100.0
"""Beyond them it is an error, if the untrained network's loss is far above chance."""

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_NORMS = (
    *_BATCH_NORMS,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
)


def find_in_scale(
    subject: Subject, reference: Reference, examples: Examples
) -> Iterator[Finding]:
    """Find inputs and targets that are not scaled: D3, D4.

    Args:
        subject: At step 0; stays as it is.
        reference: With what to compare.
        examples: Of the training part.
    """
    yield from _find_inputs(subject, reference, examples)
    if subject.is_regression and examples.codes is None:
        yield from _find_targets(subject, reference, examples)


def _find_inputs(
    subject: Subject, reference: Reference, examples: Examples
) -> Iterator[Finding]:
    values = _numbers(subject, examples)
    if values is None:
        return
    first = _first_layers(subject.state.network)
    if any(isinstance(layer, _NORMS) for layer in first):
        if any(isinstance(layer, _BATCH_NORMS) for layer in first):
            # Pixels and steps of a channel are normalised together.
            columns = all(leaf.ndim == 2 for leaf in leaves(examples.inputs))
            yield from _find_far_away(
                subject, values if columns else values.reshape(-1, 1)
            )
        return
    varying = torch.nonzero(values.amax(dim=0) > values.amin(dim=0)).flatten()
    # Columns of 0 and 1 are scaled; beside others they hide how large these are.
    wide = (values[:, varying] * (1 - values[:, varying]) != 0).any(dim=0)
    varying = varying[wide] if wide.any() else varying
    if not len(varying):
        return
    values = values[:, varying]
    each = values.square().mean(dim=0).sqrt()
    size = each.square().mean().sqrt().item()
    if SMALL <= size <= LARGE:
        return
    untrained = _above_chance(reference)
    wild = size > VERY_LARGE and untrained > FAR_ABOVE_CHANCE
    is_error = wild or size < VERY_SMALL
    evidence = f"root mean square {size:.3g}, where about 1 is right"
    if size > LARGE:
        evidence += f"; {_largest(subject, varying, each)}"
    if untrained > FAR_ABOVE_CHANCE:
        evidence += f"; the untrained network's loss is {untrained:.3g} times chance"
    yield Finding(
        code="D3",
        severity="error" if is_error else "warning",
        message="The network gets inputs that are far too "
        + ("large." if size > LARGE else "small."),
        where="prepare" if subject.plan else "",
        evidence=evidence,
        remedy="Subtract the mean and divide by the deviation of the training part.",
        changes=_with_step(subject, _scaler(subject)),
    )


def _find_far_away(subject: Subject, values: Tensor) -> Iterator[Finding]:
    """Find inputs so far from 0 that running statistics cannot follow the weights."""
    spread = values.double().std(dim=0)
    away = (values.double().mean(dim=0).abs() / spread)[spread > 0]
    if not len(away) or away.median() <= FAR_AWAY:
        return
    yield Finding(
        code="D3",
        severity="warning",
        message="The network gets inputs that are far from 0, which its running "
        "statistics cannot follow.",
        where="prepare" if subject.plan else "",
        evidence=f"their mean is {away.median().item():,.0f} deviations from 0; batch "
        "normalisation takes it out by a running mean that lags behind the weights",
        remedy="Subtract the mean and divide by the deviation of the training part.",
        changes=_with_step(subject, _scaler(subject)),
    )


def _find_targets(
    subject: Subject, reference: Reference, examples: Examples
) -> Iterator[Finding]:
    targets = examples.numbers.double()
    mean, deviation = targets.mean().item(), targets.std(correction=0).item()
    if deviation == 0:
        return
    away = abs(mean) / deviation
    if NARROW <= deviation <= WIDE and away <= OFF_CENTRE:
        return
    untrained = _above_chance(reference)
    wild = not VERY_NARROW <= deviation <= VERY_WIDE or away > FAR_OFF_CENTRE
    evidence = f"mean {mean:.4g}, deviation {deviation:.4g}, where 0 and 1 are right"
    if untrained:
        evidence += f"; the untrained network's loss is {untrained:.3g} times chance"
    if away > OFF_CENTRE and untrained and untrained < FAR_ABOVE_CHANCE:
        return  # the last layer begins with the mean
    yield Finding(
        code="D4",
        severity="error" if wild and untrained > FAR_ABOVE_CHANCE else "warning",
        message="The targets are not scaled.",
        where="prepare" if subject.plan else "",
        evidence=evidence,
        remedy="Subtract their mean, divide by their deviation, and turn predictions "
        "back.",
        changes=_with_step(subject, "StandardizeTarget"),
    )


def _above_chance(reference: Reference) -> float:
    """Return the untrained network's loss, divided by chance; 0 where not known."""
    if not reference.chance_loss or not reference.initial_loss:
        return 0.0
    return reference.initial_loss / reference.chance_loss


def _numbers(subject: Subject, examples: Examples) -> Tensor | None:
    """Return `(n, D)` inputs that are numbers, not codes; None where there are none."""
    tensors = [leaf for leaf in leaves(examples.inputs) if leaf.is_floating_point()]
    if not tensors:
        return None
    if subject.case is None:
        return torch.cat([leaf.detach().cpu().flatten(1) for leaf in tensors], dim=1)
    preparation = subject.case.setup.preparation
    if preparation.sequences is not None and preparation.sequences.symbols:
        return None
    flat = tensors[0].detach().cpu().flatten(1)
    if preparation.table is not None:
        flat = flat[:, : preparation.num_numbers]
    return flat


def _first_layers(network: nn.Module) -> list[nn.Module]:
    """Return the first two layers with parameters; a norm there scales the inputs."""
    layers = [
        module
        for module in network.modules()
        if not list(module.children()) and list(module.parameters())
    ]
    return layers[:2]


def _largest(subject: Subject, varying: Tensor, each: Tensor) -> str:
    """Say which input is the largest, by its name where it has one."""
    place = int(each.argmax())
    name = f"input {int(varying[place])}"
    if subject.case is not None and subject.case.setup.preparation.table is not None:
        name = f"'{subject.case.setup.preparation.feature_names[int(varying[place])]}'"
    return f"the largest, {name}, has {each[place].item():.3g}"


def _scaler(subject: Subject) -> str:
    """Return the step that scales inputs of a kind."""
    case = subject.case
    is_table = case is not None and case.setup.preparation.table is not None
    return "RobustScale" if is_table else "Standardize"


def _with_step(subject: Subject, name: str) -> dict[str, JsonValue]:
    """Return a plan's steps with one more, at its place in their order."""
    case = subject.case
    if case is None:
        return {}
    order = [step.spec_name() for step in ORDERS[case.setup.preparation.kind]]
    scalers = {step.spec_name() for step in SCALERS}
    kept: list[tuple[str, JsonValue]] = [
        (step.spec_name(), step.model_dump(mode="json"))
        for step in case.plan.prepare
        if not (name in scalers and step.spec_name() in scalers)
    ]
    if name not in order or name in [own for own, _ in kept]:
        return {}
    steps = sorted([*kept, (name, name)], key=lambda pair: order.index(pair[0]))
    return {"prepare": [step for _, step in steps]}
