"""From PyTorch's modules, losses and optimizers to what the native code knows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.nn.losses import ClassTargets, LossFunction
from torchsmith.nn.tabular import TabularMLP
from torchsmith.train.engines.engine import (
    Unsupported,
    is_torchs_own,
    refuse_hooks,
)

ACTIVATIONS: dict[type[nn.Module], Callable[[Any], tuple[int, float]]] = {
    nn.ReLU: lambda _: (1, 0.0),
    nn.LeakyReLU: lambda module: (2, module.negative_slope),
    nn.ELU: lambda module: (3, module.alpha),
    nn.SELU: lambda _: (4, 0.0),
    nn.GELU: lambda module: (5 + (module.approximate == "tanh"), 0.0),
    nn.SiLU: lambda _: (7, 0.0),
    nn.Mish: lambda _: (8, 0.0),
    nn.Sigmoid: lambda _: (9, 0.0),
    nn.Tanh: lambda _: (10, 0.0),
}
"""The number of an activation in pointwise.h, and its argument."""

LOSSES: dict[type[nn.Module], int] = {
    nn.CrossEntropyLoss: 0,
    nn.MSELoss: 1,
    nn.L1Loss: 2,
    nn.SmoothL1Loss: 3,
    nn.HuberLoss: 4,
    nn.BCEWithLogitsLoss: 5,
}
"""The number of a loss in pointwise.h."""

OPTIMIZERS = {
    "SGD": (torch.optim.SGD, 0),
    "Adam": (torch.optim.Adam, 1),
    "AdamW": (torch.optim.AdamW, 2),
}
"""By name: PyTorch's class, and its number in train.cpp."""


@dataclass(frozen=True)
class Linear:
    """A linear layer and the activation after it.

    Attributes:
        module: The layer.
        activation: In pointwise.h; 0 is none.
        argument: Of the activation.
    """

    module: nn.Linear
    activation: int = 0
    argument: float = 0.0


@dataclass(frozen=True)
class Criterion:
    """A loss as the native code takes it.

    Attributes:
        kind: In pointwise.h.
        is_sum: Whether a batch's loss is a sum, not a mean.
        argument: `beta`, `delta` or `label_smoothing`.
        weight: `(K,)` of each class or output, or None.
        classes: `(N,)` class indices, or None.
        targets: `(N, K)` numbers, or None; classes are then compared as one-hot rows.
    """

    kind: int
    is_sum: bool
    argument: float
    weight: Tensor | None
    classes: Tensor | None
    targets: Tensor | None


def read_network(network: nn.Module) -> list[Linear]:
    """Return the linear layers of a multilayer perceptron, in order.

    Raises:
        Unsupported: It has another layer, or is changed from outside; says which.
    """
    layers: list[Linear] = []
    for module in _modules(network):
        if type(module) is nn.Identity:
            continue
        if type(module) is nn.Flatten and not layers and module.end_dim == -1:
            if module.start_dim == 1:
                continue
        elif type(module) is nn.Linear:
            layers.append(Linear(module))
            continue
        elif layers and layers[-1].activation == 0 and type(module) in ACTIVATIONS:
            read = ACTIVATIONS[type(module)]
            layers[-1] = Linear(layers[-1].module, *read(module))
            continue
        raise Unsupported(f"it has no case for {type(module).__name__} here")
    if not layers:
        raise Unsupported("the network has no Linear")
    parameters = [p for layer in layers for p in layer.module.parameters()]
    if len({id(p) for p in parameters}) < len(parameters):
        raise Unsupported("two layers share a weight")
    if wrong := [p for p in parameters if p.dtype != torch.float32 or not p.is_cpu]:
        raise Unsupported(f"a weight is {wrong[0].dtype} on {wrong[0].device.type}")
    if not all(p.requires_grad for p in parameters):
        raise Unsupported("a weight is frozen (requires_grad is False)")
    return layers


def _modules(network: nn.Module) -> list[nn.Module]:
    """Return the layers of a `Sequential`, those inside of it in their place."""
    refuse_hooks(network)
    if type(network) is TabularMLP:
        if network.numbers is not None or len(network.categories):
            raise Unsupported("it has no case for the embeddings of TabularMLP")
        return _modules(network.mlp)
    is_plain = type(network).forward is nn.Sequential.forward
    if isinstance(network, nn.Sequential) and is_plain:
        return [inner for module in network for inner in _modules(module)]
    return [network]


def read_loss(loss: LossFunction, targets: Tensor, outputs: int) -> Criterion:
    """Return a loss with the targets of all examples as it takes them.

    Args:
        loss: One of PyTorch's, perhaps in `ClassTargets`.
        targets: `(N,)` or `(N, K)`.
        outputs: K, of the network.

    Raises:
        Unsupported: There is no case for the loss, or for such targets.
    """
    inner = loss.loss if isinstance(loss, ClassTargets) else loss
    if not isinstance(inner, nn.Module) or type(inner) not in LOSSES:
        raise Unsupported(f"it has no case for {type(inner).__name__} as a loss")
    kind = LOSSES[type(inner)]
    if inner.reduction == "none":
        raise Unsupported("the loss has reduction='none'")
    weight = getattr(inner, "weight", None)
    argument = 0.0
    match inner:
        case nn.CrossEntropyLoss():
            argument = inner.label_smoothing
            if bool((targets == inner.ignore_index).any()):
                raise Unsupported("CrossEntropyLoss ignores a class (ignore_index)")
        case nn.SmoothL1Loss():
            argument = inner.beta
        case nn.HuberLoss():
            argument = inner.delta
        case nn.BCEWithLogitsLoss() if weight is not None:
            raise Unsupported("BCEWithLogitsLoss has a weight of each element")
        case nn.BCEWithLogitsLoss():
            weight = inner.pos_weight
    if kind == 0:
        classes: Tensor | None = _classes(targets, outputs)
        numbers = None
    elif targets.is_floating_point() or isinstance(loss, ClassTargets):
        classes, numbers = _numbers(targets, outputs)
    else:
        raise Unsupported(f"{type(inner).__name__} of class indices")
    if weight is not None:
        weight = weight.float().expand(outputs).contiguous()
    is_sum = inner.reduction == "sum"
    return Criterion(kind, is_sum, float(argument), weight, classes, numbers)


def _classes(targets: Tensor, outputs: int) -> Tensor:
    if targets.is_floating_point() or targets.ndim != 1:
        raise Unsupported("CrossEntropyLoss of targets that are not class indices (N,)")
    if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < outputs:
        raise Unsupported(f"a class index is not from 0 to {outputs - 1}")
    return targets.long().contiguous()


def _numbers(targets: Tensor, outputs: int) -> tuple[Tensor | None, Tensor | None]:
    """Return classes, or numbers: one of the two."""
    if not targets.is_floating_point() and targets.ndim == 1:
        if outputs > 1:
            return _classes(targets, outputs), None
        targets = targets.unsqueeze(1)
    if targets.shape[1:] != (outputs,):
        raise Unsupported(
            f"targets {tuple(targets.shape)} for outputs (N, {outputs}) of the network"
        )
    return None, targets.float().contiguous()


def read_optimizer(
    optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter]
) -> tuple[int, tuple[str, ...]]:
    """Return the number of an optimizer in train.cpp, and what it keeps.

    Args:
        optimizer: One of PyTorch's.
        parameters: Of the network.

    Raises:
        Unsupported: There is no case for it, or for one of its arguments.
    """
    name = type(optimizer).__name__
    known, kind = OPTIMIZERS.get(name, (None, 0))
    if known is None or not (isinstance(optimizer, known) and is_torchs_own(optimizer)):
        raise Unsupported(f"it has no case for the optimizer {name}")
    if optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
        raise Unsupported(f"no case for {name} with hooks")
    owned = [id(p) for group in optimizer.param_groups for p in group["params"]]
    if sorted(owned) != sorted(map(id, parameters)):
        raise Unsupported("the optimizer has other parameters than the network")
    for group in optimizer.param_groups:
        for argument in ("amsgrad", "maximize", "differentiable"):
            if group.get(argument):
                raise Unsupported(f"{name} with {argument}")
        if isinstance(group["lr"], Tensor):
            raise Unsupported("the learning rate is a tensor")
    if name != "SGD":
        if len({bool(g["decoupled_weight_decay"]) for g in optimizer.param_groups}) > 1:
            raise Unsupported("weight decay is decoupled in some groups only")
        kind = 2 if optimizer.param_groups[0]["decoupled_weight_decay"] else 1
        return kind, ("exp_avg", "exp_avg_sq")
    moving = {group["momentum"] != 0 for group in optimizer.param_groups}
    if len(moving) > 1:
        raise Unsupported("some groups of SGD have momentum, and some have none")
    return kind, ("momentum_buffer",) if moving.pop() else ()
