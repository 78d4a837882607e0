"""What each layer gives for one example."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torchsmith.explain.layers import LayerKind, constructor, kind_of
from torchsmith.nn.folds import first_network


@dataclass(frozen=True)
class Activation:
    """The output of a layer for one example.

    Attributes:
        name: Of the layer; a second call ends in `_1`.
        kind: What the layer does.
        text: As one would write it in PyTorch.
        values: The batch dimension left out, float32.
    """

    name: str
    kind: LayerKind
    text: str
    values: np.ndarray


def activations(network: nn.Module, inputs: Tensor) -> tuple[Activation, ...]:
    """Run one example through a network in eval mode, and keep what each layer gives.

    Of networks side by side, what those of the first give.

    Args:
        network: Left as it was.
        inputs: `(1, …)`, on the network's device.
    """
    found: list[Activation] = []
    prefix, first = first_network(network)
    handles = [
        module.register_forward_hook(partial(_keep, found, name))
        for name, module in first.named_modules(prefix=prefix)
        if not list(module.children()) or _has_own(module)
    ]
    modes = {module: module.training for module in network.modules()}
    try:
        # Without gradients PyTorch may take a way through attention that calls no
        # layers; with them it calls each.
        with torch.enable_grad():
            network.eval()(inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return tuple(_numbered(found))


def _has_own(module: nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))


def _keep(
    found: list[Activation],
    name: str,
    module: nn.Module,
    inputs: Any,  # noqa: ANN401 -- what PyTorch gives a hook
    output: Any,  # noqa: ANN401
) -> None:
    del inputs
    first = output[0] if isinstance(output, tuple) else output
    if isinstance(first, Tensor) and len(first) == 1:
        values = first.detach()[0].cpu().float().numpy()
        kind, text = kind_of(module), constructor(module)
        name = name or type(module).__name__
        found.append(Activation(name, kind, text, np.array(values)))


def _numbered(found: Sequence[Activation]) -> list[Activation]:
    calls: dict[str, int] = {}
    named = []
    for one in found:
        again = calls.get(one.name, 0)
        calls[one.name] = again + 1
        name = f"{one.name}_{again}" if again else one.name
        named.append(Activation(name, one.kind, one.text, one.values))
    return named
