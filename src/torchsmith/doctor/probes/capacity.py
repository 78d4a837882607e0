"""Whether a network can learn a few examples by heart."""

from collections.abc import Iterator
from time import thread_time

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from torchsmith.doctor.examples import leaves
from torchsmith.doctor.probes.scene import Scene
from torchsmith.doctor.subject import OVERDRAFT, Allowance, trial, without_trace
from torchsmith.inspect.inspection import Finding
from torchsmith.nn.folds import first_network
from torchsmith.nn.losses import ClassTargets, LossFunction
from torchsmith.nn.optimizers import unmarked
from torchsmith.train.loop import autocast

STEPS = 200
"""Of Adam, on the same examples."""

RATE = 3e-3
"""Its learning rate."""

WIDTH = 64
"""Of both hidden layers of the network beside which it is measured."""

FITTED = 0.2
"""Share of the first loss that the other network must fall below."""

STUCK = 0.6
"""Share of the first loss above which a network has learned hardly anything."""

LEAST = 8
"""Examples; fewer are learned by anything."""

NARROW = 8
"""Units or channels of a layer, of fewer than which it may be a bottleneck: worth a
probe that takes longer, and enough to know why not all examples are learned."""


def narrowest(network: nn.Module) -> int:
    """Return the units or channels of the narrowest layer but the last.

    Args:
        network: That of one without hidden layers is the width of a plain one.
    """
    widths = [
        len(module.weight)
        for module in first_network(network)[1].modules()
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
    ]
    return min(widths[:-1], default=WIDTH)


def find_in_capacity(
    scene: Scene, allowance: Allowance, left_out: list[str]
) -> Iterator[Finding]:
    """Find P11: a network that cannot learn by heart what a plain MLP can.

    Args:
        scene: Of a training at step 0.
        allowance: How long it may take.
        left_out: Is told what was not tried, and why.
    """
    _, network = first_network(trial(scene.subject).network.train())
    inputs, outputs = scene.inputs, scene.outputs
    flat = [leaf.float().flatten(1) for leaf in leaves(inputs) if leaf.ndim > 1]
    weights = [p for p in network.parameters() if p.ndim > 1]
    if len(weights) < 2 or not flat or scene.num < LEAST:
        return  # a linear model is meant to be one
    if not isinstance(outputs, Tensor) or len(outputs) != scene.num:
        return
    for module in network.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()
    _fit(scene, network, inputs, 1)  # the first step of a process takes longer
    begin = thread_time()
    _fit(scene, network, inputs, 1)
    seconds = (thread_time() - begin) * STEPS * 1.5
    width = narrowest(network)
    if seconds > (OVERDRAFT if width < NARROW else allowance.left):
        left_out.append(f"learning one batch by heart: takes about {seconds:.1f} s")
        return
    losses = _fit(scene, network, inputs, STEPS)
    features = torch.cat(flat, dim=1)
    deviation = features.std(dim=0).clamp(min=1e-6)
    features = (features - features.mean(dim=0)) / deviation
    with without_trace(scene.subject, "plain network"):
        plain = _plain(features.shape[1], outputs, scene.subject.loss)
    others = _fit(scene, plain.to(features.device), features, STEPS)
    first = max(losses[0], others[0])
    # To press many numbers through few is what an autoencoder is for.
    is_meant = scene.subject.is_regression and outputs[0].numel() > width
    is_narrow = width < NARROW and not is_meant
    enough = FITTED if is_narrow else STUCK
    if losses[-1] < enough * first or others[-1] > FITTED * first:
        return
    where, changes = _wider(scene) if is_narrow else ("", {})
    layer = f", and its narrowest layer lets {width} numbers through"
    yield Finding(
        code="P11",
        severity="warning",
        message=f"The network cannot learn {scene.num} examples by heart"
        + (f"{layer}." if is_narrow else "."),
        where=where,
        evidence=(
            f"After {STEPS} steps of Adam on the same {scene.num} examples the loss "
            f"goes from {losses[0]:.3g} to {losses[-1]:.3g}; that of an MLP of two "
            f"layers of {WIDTH} goes from {others[0]:.3g} to {others[-1]:.3g}."
        ),
        remedy="Make its narrowest layer wider, or see what forward leaves out.",
        changes=changes,
    )


def _wider(scene: Scene) -> tuple[str, dict[str, JsonValue]]:
    """Return the plan's setting of widths, and wider ones; empty where it has none."""
    plan = scene.subject.plan
    for name in ("hidden", "channels"):
        widths = None if plan is None else getattr(plan.network, name, None)
        if plan is not None and isinstance(widths, tuple) and widths:
            path = f"network.{plan.network.spec_name()}.{name}"
            return path, {path: [max(WIDTH, *widths)] * len(widths)}
    return "", {}


def _plain(width: int, outputs: Tensor, loss: LossFunction) -> nn.Module:
    """Return an MLP with outputs of this shape, which the loss can take."""
    ends: dict[type, nn.Module] = {
        nn.BCELoss: nn.Sigmoid(),
        nn.NLLLoss: nn.LogSoftmax(dim=1),
    }
    bare = loss.loss if isinstance(loss, ClassTargets) else loss
    return nn.Sequential(
        nn.Linear(width, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, outputs[0].numel()),
        nn.Unflatten(1, outputs.shape[1:]) if outputs.ndim > 1 else nn.Flatten(0),
        ends.get(type(bare), nn.Identity()),
    )


def _fit(
    scene: Scene, network: nn.Module, inputs: object, num: int
) -> tuple[float, float]:
    """Train a network on the same examples, and return the first and the last loss."""
    optimizer = unmarked(torch.optim.Adam)(network.parameters(), lr=RATE, fused=True)
    found = []
    with without_trace(scene.subject, "by heart"), autocast(scene.job):
        for _ in range(num):
            optimizer.zero_grad()
            loss = scene.loss(network(inputs), scene.targets)
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    return found[0], found[-1]
