"""The weights that training begins with, and the types of numbers."""

from collections.abc import Iterator, Sequence

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.examples import leaves
from torchsmith.doctor.probes.place import at, forward_of
from torchsmith.doctor.probes.scene import Call, Scene
from torchsmith.doctor.probes.steps import Trace, steps_of
from torchsmith.doctor.rules_layers import lets_through
from torchsmith.inspect.inspection import Finding
from torchsmith.nn.folds import first_network

SMALL, LARGE = 0.02, 5.0
"""Root mean square of a weight times the root of its fan-in: about 0.6 as PyTorch draws
it, 1.4 after Kaiming; what lies beyond these is tried beside weights drawn anew."""

BETTER = 0.8
"""Share of a loss below which that of weights drawn anew is clearly better."""

NO_BETTER, MORE = 0.95, 0.9
"""Shares of the chance loss: above the first nothing is learned, below the second
something is."""

FADED = 0.05
"""By how much examples differ in the last layer, of that in the first; as PyTorch draws
weights, each layer before a ReLU leaves 0.4."""

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_SQUASH = (nn.Sigmoid, nn.Tanh)

ALIKE = 1e-6
"""By which units differ, of their size, that are still the same."""


def find_in_numbers(scene: Scene) -> Iterator[Finding]:
    """Find C11, and T1 where the network itself gives what is no number.

    Args:
        scene: Of a training at step 0.
    """
    network = scene.subject.state.network
    kinds = {p.dtype for p in network.parameters() if p.is_floating_point()}
    inputs = [leaf for leaf in leaves(scene.inputs) if leaf.is_floating_point()]
    if not all(leaf.isfinite().all() for leaf in inputs):
        return  # which a finding of the data tells
    calls, outputs = scene.train_calls
    half = kinds & {torch.float16}
    if not all(leaf.isfinite().all() for leaf in leaves(outputs)):
        name = next((call.name for call in calls if _breaks(call)), "")
        yield Finding(
            code="C11" if half else "T1",
            severity="error",
            message="The untrained network gives outputs that are no finite numbers.",
            where=at(name, forward_of(scene.state.network, name)),
            evidence=(
                f"All inputs are finite; {name or 'a function'} is the first to give "
                "infinity or NaN." + " Its numbers end at 65,504." * bool(half)
            ),
            remedy=(
                "Train in float32, or with training.precision: bfloat16."
                if half
                else "Look there for a division by 0, a logarithm of 0 or a root of it."
            ),
        )
    elif half and not all(p.isfinite().all() for p in scene.state.network.parameters()):
        yield Finding(
            code="C11",
            severity="error",
            message="Weights of float16 are no numbers after a few steps.",
            where="network",
            evidence=(
                "The untrained network is finite; in float16 an optimizer's eps of "
                "1e-8 is 0, and numbers end at 65,504."
            ),
            remedy="Train in float32, or with training.precision: bfloat16.",
        )
    if torch.float64 in kinds:
        yield Finding(
            code="C11",
            severity="note",
            message="The network computes in float64.",
            where="network",
            evidence="That takes twice the memory, and gains a network nothing.",
            remedy="Leave out double(), or give inputs as float32.",
        )


def _breaks(call: Call) -> bool:
    given = call.inputs is None or bool(call.inputs.detach().isfinite().all())
    gives = call.output is None or bool(call.output.detach().isfinite().all())
    return given and not gives


def find_in_weights(
    scene: Scene, reference: Reference, trace: Trace | None
) -> Iterator[Finding]:
    """Find C10 and T3: weights that are alike, far too large or small, or fade.

    Args:
        scene: Of a training; its copy of the network has trained for a few steps.
        reference: With what to compare.
        trace: Of the first steps; None where there was no time for them.
    """
    layers = list(_layers(scene.subject.state.network))
    alike = [name for name, weight in layers if _is_alike(weight)]
    stuck = [
        name
        for name in alike
        if _is_alike(scene.state.network.get_parameter(f"{name}.weight"), ALIKE)
    ]
    constant = [n for n, w in layers if w.numel() > 1 and w.min() == w.max()]
    if stuck or (len(constant) > 1 and 2 * len(constant) > len(layers)):
        name = (stuck or constant)[0]
        weight = dict(layers)[name]
        yield Finding(
            code="C10",
            severity="error",
            message="All units of a layer begin with the same weights, and stay alike.",
            where=name,
            evidence=(
                f"{len(alike)} of {len(layers)} layers have equal rows of weights; the "
                f"first of {name} are {_shown(weight)}."
            ),
            remedy="Draw the weights at random, as PyTorch does by itself.",
            changes=_default(scene),
        )
        return
    if trace is not None:
        scaled = list(_badly_scaled(scene, reference, trace, layers))
        yield from scaled or _fades(scene, reference, trace)


def _badly_scaled(
    scene: Scene,
    reference: Reference,
    trace: Trace,
    layers: list[tuple[str, Tensor]],
) -> Iterator[Finding]:
    """Compare the first steps with those from weights that are drawn anew."""
    sizes = {name: _size(weight) for name, weight in layers}
    odd = {k: v for k, v in sizes.items() if not SMALL < v < LARGE and v > 0}
    if not odd:
        return
    num = trace.num
    anew = steps_of(scene.subject, num, change=_drawn_anew)
    first, chance = trace.losses[0], reference.chance_loss
    at_chance = chance is not None and trace.late > NO_BETTER * chance
    learns = chance is not None and anew.late < MORE * chance and at_chance
    if not anew.late < BETTER * trace.late and not learns:
        return
    name, size = next(iter(odd.items()))
    yield Finding(
        code="C10",
        severity="error" if at_chance else "warning",
        message=(
            f"The initial weights of {name} are far too "
            f"{'large' if size > LARGE else 'small'}."
        ),
        where=name,
        evidence=(
            f"Their root mean square is {size:.3g} / sqrt(fan_in), where 0.6 to 1.4 is "
            f"usual. Tried on a copy, the loss is {trace.late:.3g} after {num} steps "
            f"({first:.3g} at first); with weights that PyTorch draws {anew.late:.3g}."
        ),
        remedy="Leave the weights as PyTorch draws them, or use kaiming_normal_.",
        changes=_default(scene),
    )


def _fades(scene: Scene, reference: Reference, trace: Trace) -> Iterator[Finding]:
    """Compare a depth in which the signal fades with weights that keep its size."""
    chance, spreads = reference.chance_loss, list(_spreads(scene))
    if chance is None or trace.late <= NO_BETTER * chance or len(spreads) < 2:
        return
    (first, begun), (last, left) = spreads[0], spreads[-1]
    if left >= FADED * begun:
        return
    squash = [
        c.name for c in scene.train_calls[0][:-1] if isinstance(c.module, _SQUASH)
    ]
    kept = steps_of(
        scene.subject, trace.num, change=lambda network: _keep_size(network, squash)
    )
    if kept.late >= MORE * chance:
        return
    num_steps = scene.subject.job.training.epochs * scene.subject.job.steps_per_epoch
    yield Finding(
        code="T3" if squash else "C10",
        severity="error" if trace.num == num_steps else "warning",
        message="Signals and gradients vanish from layer to layer."
        if squash
        else "The initial weights let the signal fade from layer to layer.",
        where=first if squash else last,
        evidence=(
            f"What tells examples apart is {left / begun:.2g} times as large in {last} "
            f"as in {first}. Tried on a copy, the loss is {trace.late:.3g} after "
            f"{trace.num} steps (a constant answer's is {chance:.3g}); with weights of "
            f"kaiming_normal_{' and ReLU' * bool(squash)} {kept.late:.3g}."
        ),
        remedy="Use ReLU, begin with kaiming_normal_, normalise between layers, or "
        "build fewer.",
        changes=lets_through(scene.subject.plan),
    )


def _spreads(scene: Scene) -> Iterator[tuple[str, float]]:
    """Give for each layer, in the order of computing, how much its outputs differ."""
    first, _ = first_network(scene.state.network)
    for call in scene.train_calls[0]:
        output = call.output
        if not isinstance(call.module, _LAYERS) or not call.name.startswith(first):
            continue
        if output is not None and len(output) > 1:
            yield call.name, output.detach().float().flatten(1).std(dim=0).mean().item()


def _keep_size(network: nn.Module, squash: Sequence[str]) -> None:
    """Draw weights anew, and put ReLU in places, so that signals keep their size."""
    for name in squash:
        network.set_submodule(name, nn.ReLU())
    for module in network.modules():
        if isinstance(module, _LAYERS):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _layers(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, module in network.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if (
            isinstance(module, _LAYERS)
            and "weight" in own
            and own["weight"].requires_grad
        ):
            yield name, own["weight"].detach()


def _is_alike(weight: Tensor, tolerance: float = 0.0) -> bool:
    """Whether all units, of which there are several, have the same weights."""
    rows = weight.detach().flatten(1)
    if len(rows) < 2:
        return False
    spread = (rows - rows[:1]).abs().max().item()
    return spread <= tolerance * rows.abs().max().item()


def _size(weight: Tensor) -> float:
    rms = weight.float().square().mean().sqrt().item()
    return float(rms * weight[0].numel() ** 0.5)


def _drawn_anew(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, _LAYERS):
            module.reset_parameters()


def _shown(weight: Tensor) -> str:
    return ", ".join(f"{value:.3g}" for value in weight.flatten()[:3].tolist())


def _default(scene: Scene) -> dict[str, JsonValue]:
    plan = scene.subject.plan
    return {} if plan is None or not plan.init else {"init": []}
