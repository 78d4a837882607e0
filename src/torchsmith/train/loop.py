"""The loop that every PyTorch page shows: zero_grad, forward, loss, backward, step."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torchsmith.core.errors import TrainError
from torchsmith.core.vocabulary import LOWER_IS_BETTER
from torchsmith.nn.losses import LossFunction, example_weights, weighing
from torchsmith.nn.precision import empty_sum
from torchsmith.plan.plan import Stopping, Training
from torchsmith.train.batches import (
    Batches,
    TensorBatches,
    at_once,
    batch_starts,
    epoch_order,
    steps_in_epoch,
)
from torchsmith.train.buffers import hidden_buffers, set_buffers
from torchsmith.train.ending import reason_to_stop
from torchsmith.train.first_batch import check_first_batch
from torchsmith.train.gpu_memory import told_when_full
from torchsmith.train.gradients import clip_gradients
from torchsmith.train.history import EpochRecord
from torchsmith.train.joined import joined
from torchsmith.train.looking import looking
from torchsmith.train.monitor import is_better, monitored
from torchsmith.train.pace import count_step, step_schedule
from torchsmith.train.processor import flushed_denormals, kept_memory
from torchsmith.train.randomness import own_randomness, seed_step
from torchsmith.train.session import Session, diverged
from torchsmith.train.state import TrainState
from torchsmith.train.workers import map_leaves

VAL_BATCH_SIZE = 512
"""Examples that are validated at once; fewer where they are large."""

ScoreFunction = Callable[[Tensor, Tensor], dict[str, float]]
"""From raw outputs and targets of the whole val part to scores by name."""


@dataclass(frozen=True)
class Job:
    """What to train on, and how.

    Attributes:
        train: The training part.
        val: The validation part, or None.
        loss: The mean loss of a batch, or the sum where its `reduction` is `sum`.
        training: Length, batch size, precision, seed.
        stopping: Early stopping and which weights to keep.
        device: Where the network and the batches are.
        score: Scores on the val part after each epoch, if there are any.
        lower_is_better: The names of those scores of which low values are good.
        augment: Changes a training batch at random; the label stays.
        settle: Makes up, before a network is scored, for what training cannot teach it.
        own_code: Whether a person's own module, loss or data set runs in it.
    """

    train: Batches
    val: Batches | None
    loss: LossFunction
    training: Training
    stopping: Stopping
    device: torch.device
    score: ScoreFunction | None = None
    lower_is_better: frozenset[str] = LOWER_IS_BETTER
    augment: Callable[[Any], Any] = lambda inputs: inputs
    settle: Callable[[torch.nn.Module], None] = lambda _: None
    own_code: bool = False

    @cached_property
    def loss_is_sum(self) -> bool:
        """Whether the loss of a batch is the sum over its examples, not their mean."""
        return getattr(self.loss, "reduction", "mean") == "sum"

    @cached_property
    def val_batch_size(self) -> int:
        """How many examples are validated at once: few where they are large.

        A person chose `batch_size` so that it fits, with gradients, too.
        """
        size = 0 if self.val is None else self.val.example_size
        return max(self.training.batch_size, at_once(size, VAL_BATCH_SIZE))

    @property
    def needs_less_memory(self) -> str:
        """What to do where a step does not fit into the memory of the GPU."""
        size = self.training.batch_size
        return f"lower training.batch_size, {size} now, or choose a smaller network"

    @cached_property
    def starts(self) -> list[int]:
        """Where each batch of an epoch begins."""
        return batch_starts(len(self.train), self.training.batch_size)

    def share_of(self, rows: Tensor, targets: Tensor) -> float:
        """Return what a batch counts in the mean over several: what its rows weigh."""
        weights = example_weights(self.loss, targets)
        return len(rows) if weights is None else weights.sum().item()

    def learned_share_of(self, rows: Tensor, targets: Tensor) -> float:
        """Return what a training batch counts in the mean over an epoch.

        Raises:
            TrainError: Its loss leaves all targets out.
        """
        share = self.share_of(rows, targets) if self._weighs else len(rows)
        loss = weighing(self.loss, targets) if not share else None
        if loss is not None:
            raise TrainError(
                f"all targets of a batch are ignore_index ({loss.ignore_index})"
                f"{'' if loss.weight is None else ', or of classes with weight 0'}: "
                "the mean over no target is no number; leave such examples out of the "
                "training part, or take a larger batch_size"
            )
        return share

    @cached_property
    def _weighs(self) -> bool:
        """Whether one training example may weigh more than another."""
        if not isinstance(self.train, TensorBatches):
            return True  # each batch tells
        return weighing(self.loss, self.train.tensors[1]) is not None

    def close(self) -> None:
        """End the processes that prepare batches."""
        for batches in (self.train, self.val):
            if batches is not None:
                batches.close()

    @cached_property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in each epoch."""
        return steps_in_epoch(len(self.train), self.training)

    def steps(self, order: Tensor, most: int | None = None) -> list[tuple[Tensor, ...]]:
        """Divide an epoch's rows into batches, and these into optimizer steps.

        Args:
            order: The rows.
            most: Only so many steps, the first.
        """
        num = self.training.accumulate
        starts = self.starts
        if most is not None and most * num < len(starts):
            order, starts = order[: starts[most * num]], starts[: most * num]
        batches = order.tensor_split(starts[1:])
        return [batches[i : i + num] for i in range(0, len(batches), num)]


TrainEpoch = Callable[[Job, TrainState, Session], None]
"""Trains on every example once, or on what a checkpoint left of the epoch."""


def fit(
    job: Job,
    state: TrainState,
    session: Session,
    train_epoch: TrainEpoch | None = None,
) -> None:
    """Train until the plan says stop; `state.ending` is then why.

    A state that was loaded from a checkpoint goes on where it was, and ends with the
    same weights as if it had never stopped.

    Args:
        job: What to train on, and how.
        state: At step 0, or where a checkpoint left it.
        session: Is told after each step and each epoch.
        train_epoch: Of another engine; the eager one where not given.

    Raises:
        Interrupted: The person asked to stop; a checkpoint is saved.
        TrainError: The loss is no longer finite, a checkpoint cannot be saved, or the
            memory of the GPU is full.
    """
    was_finished = bool(state.ending)
    train_epoch = train_epoch or eager_epoch
    one_thread = job.device.type == "cpu" and job.training.threads == 1
    with (
        closing(job),
        told_when_full("a step of training", job.needs_less_memory),
        own_randomness(),
        flushed_denormals(flush=one_thread),
        kept_memory(),
        session.signals(),
    ):
        while not state.ending:
            train_epoch(job, state, session)
            end_epoch(job, state, session)
        keep_best(job, state)
        if not was_finished:
            session.save(state)


def eager_epoch(job: Job, state: TrainState, session: Session) -> None:
    """Train on every example once, or on what a checkpoint left of the epoch."""
    network, optimizer = state.network, state.optimizer
    order = epoch_order(len(job.train), job.training.seed, state.epoch)
    steps = job.steps(order)
    left = steps[state.step_in_epoch :]
    stream = job.train.stream([rows for step in left for rows in step], state.epoch)
    network.train()
    others = state.untrained
    for batches in left:
        seed_step(job, "step", state.step)
        optimizer.zero_grad()
        for parameter in others:
            parameter.grad = None  # what nobody clears adds up for ever
        num_examples = sum(map(len, batches))
        for rows in batches:
            inputs, targets = next(stream)
            inputs = job.augment(inputs)
            with autocast(job):
                outputs = network(inputs)
                if state.step == 0:
                    check_first_batch(network, job.loss, outputs, targets)
                loss = job.loss(outputs, targets)
            share = job.learned_share_of(rows, targets)
            is_part = len(batches) > 1 and not job.loss_is_sum
            backward(loss * (len(rows) / num_examples) if is_part else loss)
            state.loss_sum += loss.detach() * (1 if job.loss_is_sum else share)
            state.loss_weight += share
            state.num_seen += len(rows)
        is_last = state.step_in_epoch == len(steps) - 1
        clip_gradients(job.training, state, is_last=is_last)
        optimizer.step()
        if state.average is not None:
            state.average.after_step(network)
        count_step(state)
        session.after_step(state)
        if session.out_of_time(state):
            return


def end_epoch(job: Job, state: TrainState, session: Session) -> None:
    """Validate, record, step the schedule, and decide whether to go on."""
    session.add_time(state)
    speed = state.num_seen / max(state.epoch_seconds, 1e-9)
    train_loss = state.mean_loss
    if not np.isfinite(train_loss):
        raise diverged(state)
    many = job.val is not None and len(job.val) > job.val_batch_size
    look = looking(state, session, job.loss, many=many)
    average_epoch(job, state, look)
    job.settle(state.scored)
    val_loss, metrics = None, {}
    if job.val is not None:
        seed_step(job, "val", state.epoch)
        val_loss, outputs, targets = evaluate_loss(
            job, state.scored, job.val, state.epoch, look, keep=job.score is not None
        )
        if job.score is not None:
            metrics = job.score(outputs, targets)
    state.epoch += 1
    value = monitored(job.stopping.monitor, train_loss, val_loss, metrics)
    best = is_better(job.stopping, value, state.best_value, job.lower_is_better)
    if best:
        state.best_value, state.best_epoch, state.bad_epochs = value, state.epoch, 0
        state.best_weights = _copied(state.scored.state_dict())
        state.best_hidden = _copied(hidden_buffers(state.scored))
    else:
        state.bad_epochs += 1
    loss = train_loss if val_loss is None else val_loss
    step_schedule(state, "epoch", loss, value)
    session.add_time(state)
    record = EpochRecord(
        epoch=state.epoch,
        step=state.step,
        train_loss=train_loss,
        val_loss=val_loss,
        metrics=metrics,
        lr=state.lr,
        seconds=state.epoch_seconds,
        examples_per_second=speed,
        grad_norm=state.grad_norm,
        best=best,
    )
    state.history.append(record)
    state.ending, state.finished = reason_to_stop(job, state, session)
    state.clear_losses()
    state.epoch_seconds = 0.0
    session.after_epoch(state, record)


def evaluate_loss(
    job: Job,
    network: torch.nn.Module,
    batches: Batches,
    epoch: int = 0,
    look: Callable[[], None] = lambda: None,
    *,
    keep: bool = True,
) -> tuple[float, Any, Any]:
    """Return the mean loss per example, all outputs and all targets, on the device.

    Where examples have weights, it is the sum of their weighted losses over the sum of
    their weights, whatever the batches are.

    Outputs and targets are tensors, or what a person's module and data give: mappings
    and lists of them. Without `keep` they are not kept, and None.
    """
    network.eval()
    weight = 0.0
    outputs, targets = [], []
    rows = torch.arange(len(batches))
    parts = rows.split(job.val_batch_size)
    streamed = batches.stream(parts, epoch)
    with without_gradients(job):
        total = empty_sum(job.device)
        for part, (inputs, target) in zip(parts, streamed, strict=True):
            look()
            with autocast(job):
                output = network(inputs)
                loss = job.loss(output, target)
            share = job.share_of(part, target)
            if share:  # of a batch whose targets are all left out the mean is 0 / 0
                total += loss * (1 if job.loss_is_sum else share)
            weight += share
            if keep:
                if job.own_code:  # it may have turned gradients on again
                    output = map_leaves(output, Tensor, Tensor.detach)
                reduced = isinstance(output, Tensor) and not output.is_complex()
                outputs.append(output.float() if reduced else output)
                targets.append(target)
        mean = (total / weight).item()
    return (mean, joined(outputs), joined(targets)) if keep else (mean, None, None)


def keep_best(job: Job, state: TrainState) -> None:
    """Give the network the weights that the plan keeps: of the best epoch, or last."""
    if job.stopping.restore_best and state.best_weights:
        state.network.load_state_dict(state.best_weights)
        set_buffers(state.network, state.best_hidden)
    elif state.scored is not state.network:
        state.network.load_state_dict(state.scored.state_dict())
        set_buffers(state.network, hidden_buffers(state.scored))


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: each.detach().cpu().clone() for name, each in tensors.items()}


def average_epoch(
    job: Job, state: TrainState, look: Callable[[], None] = lambda: None
) -> None:
    """Bring the average of the weights up to date after an epoch."""
    if state.average is None:
        return
    seed_step(job, "averaging", state.epoch)
    rows = torch.arange(len(job.train))
    batches = [batch for step in job.steps(rows) for batch in step]
    taken = job.train.stream(batches, state.epoch)

    def given() -> Iterator[Any]:
        for inputs, _ in taken:
            look()
            yield job.augment(inputs)

    with autocast(job):
        state.average.after_epoch(state.network, state.epoch + 1, given())


def without_gradients(job: Job) -> torch.no_grad | torch.inference_mode:
    """Return the context of validation: a person's module may differentiate in it."""
    return torch.no_grad() if job.own_code else torch.inference_mode()


def backward(loss: Tensor) -> None:
    """Compute the gradients of a loss that is one number."""
    if loss.ndim != 0:
        raise TrainError(
            f"the loss has shape {tuple(loss.shape)}, but must be one number; "
            "use reduction='mean'"
        )
    if not loss.requires_grad:
        raise TrainError(
            "the loss depends on no parameter that can be trained: the graph of "
            "gradients is cut, or all parameters are frozen; leave out detach(), "
            ".data, .numpy() and no_grad() on the way from the inputs to the loss"
        )
    loss.backward()


def autocast(job: Job) -> torch.autocast:
    """Return the context that computes in the plan's precision."""
    bfloat16 = job.training.precision == "bfloat16"
    return torch.autocast(job.device.type, dtype=torch.bfloat16, enabled=bfloat16)
