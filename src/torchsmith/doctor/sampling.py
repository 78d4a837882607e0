"""Taking a sample of a training on a copy of its network and optimizer."""

import copy
import math
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy

from torchsmith.doctor.instruments import Instruments, Seen, weights_of
from torchsmith.doctor.signals import LayerSignals, Signals
from torchsmith.doctor.subject import Subject, trial, without_trace
from torchsmith.nn.folds import first_network
from torchsmith.train.batches import TensorBatches, epoch_order
from torchsmith.train.forward_trace import is_compiled
from torchsmith.train.gradients import (
    clear_gradients,
    clip_gradients,
    gradient_norm,
)
from torchsmith.train.loop import autocast, backward
from torchsmith.train.state import TrainState

FEWEST_EXAMPLES, MOST_EXAMPLES = 256, 2048
"""The fewest where nothing convolves: maps are seen in many places of each example."""

MOST_NUMBERS = 2**18
"""Of the inputs that are probed in each sample: 334 pictures of MNIST."""

SHARE_OF_WORK = 1024
"""One example is probed for so many that training goes through."""

MOST_WEIGHTS = 2**25
"""A larger network is not copied: it could be all that fits into memory."""


class Sampler:
    """Takes samples; the network that is trained is read, and nothing else.

    The same examples are probed each time, as the training part has them. Of networks
    that are trained side by side the layers of the first are shown.

    Args:
        subject: Whose state is trained.

    Raises:
        Exception: The network or its optimizer cannot be copied, or an example cannot
            be read; whatever a person's own code raises.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        with without_trace(subject, "watch"):
            rows = rows_to_probe(subject)
            self._inputs, self._targets = subject.job.train.take(rows)
            self._batch = self._inputs, self._targets
            if len(rows) > (size := subject.job.training.batch_size):
                self._batch = self._inputs[:size], self._targets[:size]
            self._twin = trial(subject)
            self._instruments = Instruments(self._twin.network)
            self._prefix, first = first_network(self._twin.network)
            self._layers = {
                name: weights
                for name, module in first.named_modules(prefix=self._prefix)
                if (weights := list(weights_of(module)))
            }

    def take(self) -> Signals:
        """Return a sample of the training as it is now."""
        begin, state = perf_counter(), self._subject.state
        with without_trace(self._subject, "watch"):
            self._follow(state)
            loss, batch_loss, spread, seen = self._evaluate()
            before = [w.detach().clone() for w in self._weights]
            train_mode_loss, gradients, norm = self._step()
        after = [w.detach() for w in self._weights]
        layers = self._layers_of(
            seen,
            self._by_layer(before),
            self._by_layer(list(torch._foreach_sub(after, before))),
            self._by_layer(gradients),
        )
        lost = self._not_finite(seen)
        self._forget()
        return Signals(
            epoch=state.epoch,
            step=state.step,
            lr=float(state.optimizer.param_groups[0]["lr"]),
            loss=loss,
            batch_loss=batch_loss,
            train_mode_loss=train_mode_loss,
            grad_norm=norm,
            spread=spread,
            examples=len(self._targets),
            layers=layers,
            not_finite=lost,
            seconds=round(perf_counter() - begin, 6),
        )

    def _layers_of(
        self,
        seen: list[Seen],
        weights: dict[str, float],
        updates: dict[str, float],
        slopes: dict[str, float],
    ) -> tuple[LayerSignals, ...]:
        """Return what was seen, and then layers of which no call was seen."""
        modules = dict(self._twin.network.named_modules())
        numbers = {one.name: one.numbers for one in seen}
        types = {one.name: one.type for one in seen}
        return tuple(
            LayerSignals(
                name=name or type(self._twin.network).__name__,
                type=types.get(name) or type(modules[name]).__name__,
                weight_rms=weights.get(name),
                update_rms=updates.get(name),
                grad_rms=slopes.get(name),
                **{what: float(n) for what, n in numbers.get(name, {}).items()},
            )
            for name in dict.fromkeys((*numbers, *self._layers))
            if name.startswith(self._prefix)
        )

    def _forget(self) -> None:
        """Give memory back until the next sample, which copies all of it anyway."""
        self._instruments.seen = []
        clear_gradients(self._twin)
        self._twin.optimizer.state.clear()

    @property
    def _weights(self) -> list[nn.Parameter]:
        return [w for weights in self._layers.values() for w in weights]

    def _follow(self, state: TrainState) -> None:
        """Bring the copy to where training is."""
        ours, theirs = self._twin.network, state.network
        with torch.no_grad():
            for mine, its in (
                (list(ours.parameters()), list(theirs.parameters())),
                (list(ours.buffers()), list(theirs.buffers())),
            ):
                for to, source in zip(mine, its, strict=True):
                    to.copy_(source)
        groups = zip(
            self._twin.optimizer.param_groups, state.optimizer.param_groups, strict=True
        )
        for to_group, from_group in groups:
            to_group.update(
                {k: _copied(v) for k, v in from_group.items() if k != "params"}
            )
            for p, q in zip(to_group["params"], from_group["params"], strict=True):
                values = state.optimizer.state.get(q, {})
                kept = {key: _copied(value) for key, value in values.items()}
                self._twin.optimizer.state[p] = kept

    @torch.no_grad()
    def _evaluate(self) -> tuple[float, float, float | None, list[Seen]]:
        job, network = self._subject.job, self._twin.network.eval()
        with autocast(job), self._instruments.looking() as seen:
            outputs = network(self._inputs)
        batch = self._batch[1]
        with autocast(job):
            loss = job.loss(outputs, self._targets)
            batch_loss = job.loss(outputs[: len(batch)], batch)
        # From the first: of rows that are all the same it is 0, not a rounding error.
        deviation = (outputs - outputs[:1]).float().std(dim=0, correction=0)
        spread = float(deviation.square().mean().sqrt())
        for one in seen:
            if one.output is outputs:
                one.numbers.pop("saturated", None)
        return (
            float(loss) / self._divisor(self._targets),
            float(batch_loss) / self._divisor(batch),
            spread if len(outputs) > 1 else None,
            seen,
        )

    def _step(self) -> tuple[float, list[Tensor], float]:
        """Do one step of the copy; return its loss and its gradients."""
        job, twin = self._subject.job, self._twin
        inputs, targets = self._batch
        twin.network.train()
        clear_gradients(twin)
        with autocast(job):
            loss = job.loss(twin.network(inputs), targets)
        backward(loss)
        gradients = [
            torch.zeros_like(w) if w.grad is None else w.grad.detach().clone()
            for w in self._weights
        ]
        norm = gradient_norm(twin.trained)
        clip_gradients(job.training, twin, is_last=False)
        twin.optimizer.step()
        return float(loss.detach()) / self._divisor(targets), gradients, float(norm)

    def _divisor(self, targets: Tensor) -> int:
        return len(targets) if self._subject.job.loss_is_sum else 1

    def _by_layer(self, tensors: list[Tensor]) -> dict[str, float]:
        """Return the root mean square over each layer's weights."""
        squares = [float(n) ** 2 for n in torch._foreach_norm(tensors)]
        found, place = {}, 0
        for name, weights in self._layers.items():
            end = place + len(weights)
            numbers = sum(w.numel() for w in weights)
            found[name] = (sum(squares[place:end]) / numbers) ** 0.5
            place = end
        return found

    def _not_finite(self, seen: list[Seen]) -> tuple[str, ...]:
        state = self._subject.state
        named = list(state.network.named_parameters())
        norms = torch._foreach_norm([p.detach() for _, p in named])
        lost = [
            name.rpartition(".")[0]
            for (name, _), norm in zip(named, norms, strict=True)
            if not math.isfinite(norm)
        ]
        outputs = [one.name for one in seen if not math.isfinite(one.numbers["mean"])]
        order = [one.name for one in seen if one.name in {*lost, *outputs}]
        names = [name or type(state.network).__name__ for name in (*order, *lost)]
        return tuple(dict.fromkeys(names))


def rows_to_probe(subject: Subject) -> Tensor:
    """Return the examples that are probed; the first are the batch of the trial step.

    Of data that does not lie in memory that batch is all.
    """
    job = subject.job
    size, order = (
        job.training.batch_size,
        epoch_order(len(job.train), job.training.seed, 0),
    )
    if not isinstance(job.train, TensorBatches):
        return order[:size]
    inputs, _ = job.train.take(order[:1])
    work = len(order) * job.training.epochs // SHARE_OF_WORK
    convolves = any(isinstance(m, _ConvNd) for m in subject.state.network.modules())
    fewest = size if convolves else FEWEST_EXAMPLES
    most = min(MOST_NUMBERS // max(inputs.numel(), 1), MOST_EXAMPLES)
    return order[: max(size, min(most, max(work, fewest)))]


def reason_against(subject: Subject) -> str:
    """Say why no samples can be taken of a training; empty where they can."""
    network = subject.state.network
    if is_compiled(network):
        return "torch.compile was used on the network"
    if any(is_lazy(p) for p in network.parameters()):
        return "the network is lazy: its weights are made at the first step"
    if sum(p.numel() for p in network.parameters()) > MOST_WEIGHTS:
        return f"a copy of more than {MOST_WEIGHTS:,} weights would fill the memory"
    return ""


def _copied(value: object) -> object:
    return value.detach().clone() if isinstance(value, Tensor) else copy.deepcopy(value)
