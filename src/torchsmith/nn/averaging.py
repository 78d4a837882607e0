"""Weights that are averaged while others are trained."""

from collections.abc import Iterable
from typing import Any, assert_never

import torch
from torch import nn
from torch.optim.swa_utils import (
    SWALR,
    AveragedModel,
    get_ema_multi_avg_fn,
    update_bn,
)

from torchsmith.plan import averaging
from torchsmith.plan.averaging import Averaging


def build_average(
    spec: Averaging | None,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    epochs: int,
) -> "Average | None":
    """Build what the plan's `averaging` section says; None averages nothing.

    After the schedule: that sets the rate from which `SWALR` goes on.
    """
    return None if spec is None else Average(spec, network, optimizer, epochs)


class Average:
    """The average of a network's weights, and what makes it.

    Running statistics of batch normalisation belong to the weights they were measured
    with. Those of `EMA` are averaged with the weights (`use_buffers=True`); `SWA` looks
    back too far for that, and measures them anew on the training part.

    Args:
        spec: The plan's `averaging` section.
        network: Whose weights are averaged; it is copied, and itself stays as it is.
        optimizer: Whose rate `SWALR` changes, where asked for.
        epochs: Planned passes over the training part.

    Attributes:
        spec: The plan's `averaging` section.
        model: Holds the average as `model.module`.
        schedule: Of the learning rate in the epochs that are averaged, or None.
    """

    def __init__(
        self,
        spec: Averaging,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        epochs: int,
    ) -> None:
        self.spec = spec
        self._epochs = epochs
        self.schedule: SWALR | None = None
        match spec:
            case averaging.EMA():
                average = get_ema_multi_avg_fn(spec.decay)
                self.model = AveragedModel(
                    network, multi_avg_fn=average, use_buffers=True
                )
            case averaging.SWA():
                self.model = AveragedModel(network)
                if spec.swa_lr is not None:
                    self.schedule = SWALR(
                        optimizer,
                        spec.swa_lr,
                        anneal_epochs=spec.anneal_epochs,
                        anneal_strategy=spec.anneal_strategy,
                    )
            case _:
                assert_never(spec)

    @property
    def has_begun(self) -> bool:
        """Whether there is an average yet."""
        return bool(self.model.n_averaged > 0)

    @property
    def is_of_steps(self) -> bool:
        """Whether the weights after each step go into it."""
        return isinstance(self.spec, averaging.EMA)

    def takes(self, epoch: int) -> bool:
        """Whether the weights after an epoch (1 is the first) go into a `SWA`."""
        spec = self.spec
        if not isinstance(spec, averaging.SWA):
            return False
        # 0.29 and its like are no binary fractions: 0.29 * 100 is 29, not below.
        return epoch > round(spec.start * self._epochs, 9)

    def after_step(self, network: nn.Module) -> None:
        """Bring an `EMA` up to date after an optimizer step."""
        if not self.is_of_steps:
            return
        self.model.update_parameters(network)
        for own, trained in zip(
            self.model.module.buffers(), network.buffers(), strict=True
        ):
            if not own.is_floating_point():  # counts and codes have no average
                own.copy_(trained)

    def after_epoch(
        self, network: nn.Module, epoch: int, inputs: Iterable[Any]
    ) -> None:
        """Bring a `SWA` up to date after an epoch.

        Args:
            network: Is trained.
            epoch: 1 is the first.
            inputs: Batches of the training part, for batch normalisation.
        """
        if self.takes(epoch):
            self.model.update_parameters(network)
            # Of a tuple it takes the first, and an input may have several parts.
            update_bn(((each,) for each in inputs), self.model.module)
