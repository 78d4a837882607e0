"""What the published tools look at, taken from a finished run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torchsmith.api.run import Run, read_history
from torchsmith.core.run_folder import RunFolder
from torchsmith.data.data import Data
from torchsmith.doctor.signals import Signals, read_signals
from torchsmith.train.history import EpochRecord
from torchsmith.train.model import scaled

MOST = 512
"""Examples that are looked at."""


@dataclass(frozen=True)
class Activation:
    """One activation of the trained network, on some examples.

    Attributes:
        type: Its class.
        zeros: The share of its outputs that are 0 or less.
        active: `(units,)` the share of examples for which each unit is above 0.
        deviation: Of its outputs.
        beyond: The share of what goes in that lies beyond 5, both ways.
        flat: The share of units that are saturated for half of the examples and more:
            beyond 9.5 of Tanh, below -23 or above 17 of Sigmoid.
    """

    type: str
    zeros: float
    active: np.ndarray
    deviation: float
    beyond: float
    flat: float


@dataclass(frozen=True)
class Observed:
    """A run, as a tool beside it would see it.

    Attributes:
        inputs: What the network gets, some examples.
        targets: Their targets, class codes or numbers, as the loss gets them.
        num_classes: 0 where numbers are predicted.
        lr: As planned.
        dropout: The highest of the network.
        history: Of the epochs.
        signals: Sampled on the way.
        activations: Of the trained network; none where the run gave none.
        has_activation: Whether the network has any.
        diverged: Whether it ended without a network, for numbers that are not finite.
    """

    inputs: np.ndarray
    targets: np.ndarray
    num_classes: int
    lr: float
    dropout: float
    history: Sequence[EpochRecord]
    signals: Sequence[Signals]
    activations: Sequence[Activation]
    has_activation: bool
    diverged: bool = False

    @property
    def accuracy(self) -> list[float]:
        """On the val part, after each epoch; empty where numbers are predicted."""
        names = ("accuracy", "balanced_accuracy")
        if not self.num_classes:
            return []
        return [
            next((r.metrics[name] for name in names if name in r.metrics), 0.0)
            for r in self.history
        ]

    @property
    def train_losses(self) -> list[float]:
        """After each epoch."""
        return [record.train_loss for record in self.history]

    @property
    def val_losses(self) -> list[float]:
        """After each epoch."""
        return [r.val_loss for r in self.history if r.val_loss is not None]


def observe(run: Run, data: Data) -> Observed:
    """Look at a finished run as another tool would.

    Args:
        run: With its network.
        data: That it was trained on.
    """
    model = run.model
    rows = np.arange(min(MOST, len(data)))
    inputs = np.asarray(model.preparation.inputs(data, rows), np.float32)
    tensor = scaled(torch.from_numpy(inputs.copy()), *model.preparation.pixel_scale)
    network = run.network.cpu().eval()
    assert data.target is not None
    targets = np.asarray(data.target.values)[rows]
    return Observed(
        inputs=tensor.numpy(),
        targets=targets,
        num_classes=len(run.plan.problem.classes),
        lr=_lr(run),
        dropout=max((m.p for m in network.modules() if _drops(m)), default=0.0),
        history=run.history,
        signals=read_signals(run.folder.signals),
        activations=list(_activations(network, tensor)),
        has_activation=any(isinstance(m, ACTIVATIONS) for m in network.modules()),
    )


def observe_ended(folder: Path) -> Observed:
    """Look at a run that diverged: there is its course, and no network."""
    kept = RunFolder(folder)
    nothing = np.zeros((0,), np.float32)
    return Observed(
        inputs=nothing,
        targets=nothing,
        num_classes=0,
        lr=0.001,
        dropout=0.0,
        history=read_history(kept.metrics),
        signals=read_signals(kept.signals),
        activations=(),
        has_activation=True,
        diverged=True,
    )


RECTIFIERS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish)
ACTIVATIONS = (*RECTIFIERS, nn.Sigmoid, nn.Tanh)


def _drops(module: nn.Module) -> bool:
    return isinstance(module, nn.Dropout)


def _lr(run: Run) -> float:
    return max((record.lr for record in run.history), default=0.0)


def _activations(network: nn.Module, inputs: Tensor) -> Iterator[Activation]:
    seen: list[tuple[nn.Module, Tensor, Tensor]] = []

    def keep(module: nn.Module, given: Any, output: Tensor) -> None:
        seen.append((module, given[0].clone(), output.clone()))

    with ExitStack() as hooks, torch.no_grad():
        for module in network.modules():
            if isinstance(module, ACTIVATIONS):
                hook = module.register_forward_hook(keep)
                hooks.callback(hook.remove)
        network(inputs)
    for module, given, output in seen:
        units = output.flatten(2).amax(dim=2) if output.ndim > 2 else output
        before = given.flatten(1)
        yield Activation(
            type=type(module).__name__,
            zeros=(output <= 0).float().mean().item(),
            active=(units > 0).float().mean(dim=0).flatten().numpy(),
            deviation=output.std().item(),
            beyond=(given.abs() > 5).float().mean().item(),
            flat=_flat(module, before),
        )


def _flat(module: nn.Module, given: Tensor) -> float:
    limits: Mapping[type, tuple[float, float]] = {
        nn.Tanh: (-9.4999, 9.4999),
        nn.Sigmoid: (-23.0, 16.99999),
    }
    if type(module) not in limits:
        return 0.0
    low, high = limits[type(module)]
    outside = ((given < low) | (given > high)).float().mean(dim=0)
    return (outside > 0.5).float().mean().item()
