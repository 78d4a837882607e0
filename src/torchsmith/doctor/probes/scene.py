"""A few examples, and what a network makes of them, on a copy."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.doctor.examples import leaves
from torchsmith.doctor.subject import Subject, trial, without_trace
from torchsmith.nn.folds import first_network
from torchsmith.nn.losses import LossFunction
from torchsmith.train.loop import autocast
from torchsmith.train.state import TrainState
from torchsmith.train.workers import map_leaves

PROBED = 32
"""Examples that are enough to see how a network treats them."""


@dataclass(frozen=True)
class Call:
    """A call of a module that has no modules of its own.

    Attributes:
        name: Of the module, such as `blocks.0.linear`.
        module: The module.
        inputs: The first tensor that it was given; None where there was none.
        output: The first tensor that it gave; None where there was none.
    """

    name: str
    module: nn.Module
    inputs: Tensor | None
    output: Tensor | None


@dataclass(frozen=True)
class Scene:
    """What probes look at.

    Attributes:
        subject: The training; stays as it is.
        loss: A copy of the loss, as it is trained with.
    """

    subject: Subject
    loss: LossFunction

    @classmethod
    def of(cls, subject: Subject) -> "Scene":
        """Return the scene of a training.

        Raises:
            Exception: A loss of the person's own cannot be copied.
        """
        loss = subject.job.loss
        return cls(
            subject, copy.deepcopy(loss) if isinstance(loss, nn.Module) else loss
        )

    @cached_property
    def state(self) -> TrainState:
        """A copy of the network, at its first weights, and of its optimizer."""
        return trial(self.subject)

    @cached_property
    def rows(self) -> Tensor:
        """Numbers of training examples: two times as many as a probe looks at."""
        batch = min(self.subject.job.training.batch_size, PROBED)
        return self.subject.sample(2 * batch)

    @property
    def num(self) -> int:
        """How many examples a probe looks at."""
        return max(len(self.rows) // 2, 1)

    @cached_property
    def _taken(self) -> tuple[Any, Tensor]:
        return self.subject.job.train.take(self.rows)

    @property
    def both(self) -> tuple[Any, Any]:
        """Inputs of two times `num` examples, in two halves."""
        inputs, num = self._taken[0], self.num
        return _cut(inputs, slice(num)), _cut(inputs, slice(num, 2 * num))

    @property
    def inputs(self) -> Any:  # noqa: ANN401 -- as collated
        """Inputs of `num` examples."""
        return self.both[0]

    @property
    def targets(self) -> Any:  # noqa: ANN401 -- as collated
        """Targets of the same."""
        return _cut(self._taken[1], slice(self.num))

    @property
    def is_cut(self) -> bool:
        """Whether inputs have a row for each example, and there are two halves."""
        return len(self.rows) == 2 * self.num and all(
            len(leaf) == len(self.rows) for leaf in leaves(self._taken[0])
        )

    def forward(self, network: nn.Module, inputs: Any, *, position: int = 0) -> Any:  # noqa: ANN401 -- a person's
        """Return the outputs of a network, with random numbers of a place.

        Args:
            network: In the mode that is asked about.
            inputs: As collated.
            position: Another one draws other random numbers.
        """
        with without_trace(self.subject, f"scene {position}"), autocast(self.job):
            return network(inputs)

    @property
    def job(self) -> Any:  # noqa: ANN401
        """What is trained on, and how."""
        return self.subject.job

    @cached_property
    def train_calls(self) -> tuple[tuple[Call, ...], Any]:
        """The calls and outputs of the first step, in train mode, with a graph."""
        with following(self.state.network.train()) as calls:
            outputs = self.forward(self.state.network, self.inputs)
        return tuple(calls), outputs

    @property
    def outputs(self) -> Any:  # noqa: ANN401 -- a person's
        """What the first step gives, with a graph; with folds the first network."""
        _, first = first_network(self.state.network)
        if first is self.state.network:
            return self.train_calls[1]
        return self.forward(first.train(), self.inputs)


@contextmanager
def following(network: nn.Module) -> Iterator[list[Call]]:
    """Note each call of a module that has no modules of its own.

    Args:
        network: Is called meanwhile.
    """
    calls: list[Call] = []

    def noting(name: str) -> Callable[..., None]:
        def note(module: nn.Module, given: Any, output: Any) -> None:  # noqa: ANN401
            first = next(leaves(given), None)
            calls.append(Call(name, module, first, next(leaves(output), None)))

        return note

    handles = [
        module.register_forward_hook(noting(name))
        for name, module in network.named_modules()
        if not list(module.children())
    ]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def joined(first: Any, second: Any) -> Any:  # noqa: ANN401 -- as collated
    """Return inputs whose examples are those of both, one after the other."""
    rest = iter(list(leaves(second)))
    return map_leaves(first, Tensor, lambda leaf: torch.cat([leaf, next(rest)]))


def _cut(inputs: Any, rows: slice) -> Any:  # noqa: ANN401 -- as collated
    return map_leaves(inputs, Tensor, lambda leaf: leaf[rows])


def taken(inputs: Any, rows: Tensor) -> Any:  # noqa: ANN401 -- as collated
    """Return some examples of inputs."""
    return map_leaves(inputs, Tensor, lambda leaf: leaf[rows.to(leaf.device)])
