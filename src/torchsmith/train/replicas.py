"""One network in each of several processes; their gradients are added up.

Each process takes its share of the rows of every batch, and the gradient of its share
of the batch's loss. The sum over the processes is then the gradient of the whole
batch's loss, also where shares are uneven or empty and where classes have weights.
`torch.nn.parallel.DistributedDataParallel` takes the mean over processes, which is that
gradient only for equal shares and plain means. Here one `all_reduce` after `backward`
adds up; the loss and a wish to stop travel in it, and the network stays as it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from torchsmith.core.errors import TorchsmithError, TrainError
from torchsmith.core.files import write_atomic
from torchsmith.nn.losses import MeanOverMembers
from torchsmith.train.batches import at_once, epoch_order
from torchsmith.train.first_batch import check_first_batch
from torchsmith.train.gradients import clip_gradients
from torchsmith.train.group import Departed, Group
from torchsmith.train.loop import VAL_BATCH_SIZE, Job, autocast, backward
from torchsmith.train.pace import count_step, step_schedule
from torchsmith.train.randomness import seed_step
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState

_CHECKPOINT = ("state.safetensors", "state.json")


class Replicas:
    """A training that several processes do together, seen from one of them.

    Args:
        group: The processes; it is joined.
        job: What to train on; its batches are those of all processes together.
        state: The first process's goes on where it is; the others' become the same.
    """

    def __init__(self, group: Group, job: Job, state: TrainState) -> None:
        self._group = group
        self._job = job
        self._state = state
        self._parameters = [p for p in state.network.parameters() if p.requires_grad]
        self._least = 2 if batch_norms(state.network) else 1
        self._weights = example_weights(job)
        self._others_wait = False
        self._network = state.network
        self._stream: Iterator[tuple[Any, Tensor]] = iter(())
        rank = group.place.rank
        self._purpose = "step" if rank == 0 else f"step of process {rank}"
        send_state(group, state)

    def lead(self, job: Job, state: TrainState, session: Session) -> None:
        """Train on every example once, with the other processes; a `TrainEpoch`.

        Raises:
            TrainError: Another process failed or has ended; a checkpoint is saved.
        """
        del job  # the one that it was made with
        last = state.history[-1] if state.history else None
        loss = None
        if last is not None:
            loss = last.train_loss if last.val_loss is None else last.val_loss
        self._group.say(do="epoch", epoch=state.epoch, loss=loss)
        try:
            for others_asked in self._steps():
                if state.average is not None:
                    state.average.after_step(state.network)
                if others_asked:
                    session.ask_to_stop()
                session.after_step(state)
                if session.out_of_time(state):
                    return
        except Departed as error:
            self._others_wait = False
            raise TrainError(
                f"{error}; {self._keep(session)}. When that is mended, go on with "
                "--resume"
            ) from error
        finally:
            if self._others_wait:
                self._others_wait = False
                with suppress(Departed):
                    self._break_off()

    def follow_epoch(self, epoch: int, loss: float | None) -> None:
        """Do in another process what `lead` does in the first.

        Args:
            epoch: Finished epochs, as the first process counts.
            loss: That of the epoch before by which its schedule was stepped.
        """
        state = self._state
        if epoch > state.epoch and loss is not None:
            state.epoch = epoch
            step_schedule(state, "epoch", loss)
            state.step_in_epoch = 0
        for _ in self._steps():
            pass

    def gather(self) -> None:
        """Bring the first process's state up to date: it is, all have all of it."""

    def _steps(self) -> Iterator[bool]:
        """Do the steps of an epoch; give after each whether another is to stop."""
        job, state = self._job, self._state
        order = epoch_order(len(job.train), job.training.seed, state.epoch)
        steps = job.steps(order)[state.step_in_epoch :]
        taken = [self._taken(rows) for batches in steps for rows in batches]
        taken = [rows for rows in taken if len(rows)]
        self._stream = job.train.stream(taken, state.epoch)
        self._network.train()
        for place, batches in enumerate(steps, start=1):
            self._others_wait = True
            others_asked = self._step(batches, is_last=place == len(steps))
            self._others_wait = place < len(steps)
            if others_asked is None:
                return
            yield others_asked

    def _step(self, batches: Sequence[Tensor], *, is_last: bool) -> bool | None:
        """Do a step; None where it is not to be done, for the epoch is broken off."""
        job, state = self._job, self._state
        wishes = self._group.stop.asked
        state.optimizer.zero_grad()
        try:
            loss = self._compute(batches)
        except TorchsmithError as error:
            if self._group.place.is_first:
                raise  # all learn of it when this epoch is left
            self._group.tell_failure(str(error))
            self._add_up(failed=True)
            return None
        total, wished, failed, ended = self._add_up(loss, wishes=wishes)
        if failed and self._group.place.is_first:
            raise Departed(self._group.failure())
        if failed or ended:
            return None
        state.loss_sum += total
        state.loss_weight += sum(map(self._weight, batches))
        state.num_seen += sum(map(len, batches))
        clip_gradients(job.training, state, is_last=is_last)
        state.optimizer.step()
        count_step(self._state)
        return wished > 0

    def _compute(self, batches: Sequence[Tensor]) -> Tensor:
        """Compute this process's part of a step's gradient; return that of the loss."""
        job, state = self._job, self._state
        seed_step(job, self._purpose, state.step)
        num_examples = sum(map(len, batches))
        total = torch.zeros((), device=job.device)
        for rows in batches:
            if not len(self._taken(rows)):
                continue
            inputs, targets = next(self._stream)
            inputs = job.augment(inputs)
            with autocast(job):
                outputs = self._network(inputs)
                if state.step == 0:
                    check_first_batch(self._network, job.loss, outputs, targets)
                loss = job.loss(outputs, targets)
            factor = self._factor(rows)
            backward(loss * (factor if job.loss_is_sum else factor / num_examples))
            total += loss.detach() * (factor * self._weight(rows) / len(rows))
        return total

    def _own(self, rows: Tensor) -> Tensor:
        """Return this process's rows of a batch: a stretch of them, or none."""
        place = self._group.place
        sharers = max(1, min(place.world_size, len(rows) // self._least))
        return (
            rows.tensor_split(sharers)[place.rank] if place.rank < sharers else rows[:0]
        )

    def _keep(self, session: Session) -> str:
        """Save what can be saved when another process is lost; say what that is."""
        session.save(self._state)
        return f"all is saved up to step {self._state.step}"

    def _break_off(self) -> None:
        """Tell the others, who wait in the next step, that there is none."""
        self._add_up(ended=True)

    def _taken(self, rows: Tensor) -> Tensor:
        """Return the rows of a batch that go through this process's network."""
        return self._own(rows)

    def _factor(self, rows: Tensor) -> float:
        """Return by what a share's loss counts in the sum of its batch's losses."""
        if self._job.loss_is_sum:
            return 1.0
        own = self._own(rows)
        if self._weights is None:
            return float(len(own))
        # PyTorch divides a weighted mean by the sum of the weights.
        weight = self._weights[own].sum() / self._weights[rows].sum()
        return float(weight) * len(rows)

    def _weight(self, rows: Tensor) -> float:
        """Return what a batch counts in the mean over an epoch."""
        if self._weights is None:
            return float(len(rows))
        return float(self._weights[rows].sum())

    def _add_up(
        self,
        loss: Tensor | None = None,
        *,
        wishes: bool = False,
        failed: bool = False,
        ended: bool = False,
    ) -> tuple[float, float, float, float]:
        """Add gradients, loss and signs up over all processes; one `all_reduce`."""
        device = self._job.device
        loss = torch.zeros((), device=device) if loss is None else loss
        gradients = [p.grad for p in self._parameters]
        there = [gradient is not None for gradient in gradients]
        signs = torch.tensor([*there, wishes, failed, ended], dtype=torch.float32)
        flat = torch.cat(
            [
                *(
                    torch.zeros(p.numel(), dtype=p.dtype, device=device)
                    if gradient is None
                    else gradient.flatten()
                    for p, gradient in zip(self._parameters, gradients, strict=True)
                ),
                loss.reshape(1),
                signs.to(device),
            ]
        )
        self._group.sum(flat)
        sizes = [p.numel() for p in self._parameters]
        *parts, tail = flat.split([*sizes, 1 + len(signs)])
        total, *anywhere, wished, failures, ends = tail.tolist()
        for p, part, found in zip(self._parameters, parts, anywhere, strict=True):
            if found and p.grad is None:
                p.grad = torch.empty_like(p)  # laid out in memory as the weights are
            if p.grad is not None:
                p.grad.copy_(part.view(p.shape))
        return total, wished, failures, ends


def send_state(group: Group, state: TrainState) -> None:
    """Make the state of all processes that of the first, as a checkpoint would."""
    with TemporaryDirectory(prefix="torchsmith-") as name:
        folder = Path(name)
        if group.place.is_first:
            state.save(folder)
        for file in _CHECKPOINT:
            path = folder / file
            content = group.send(path.read_bytes() if group.place.is_first else None)
            if not group.place.is_first:
                write_atomic(path, content)
        if not group.place.is_first:
            state.load(folder)


def batch_norms(network: nn.Module) -> bool:
    """Whether a network has statistics of the batch in it."""
    return any(isinstance(module, _BatchNorm) for module in network.modules())


def example_weights(job: Job) -> Tensor | None:
    """Return `(N,)` what each training example weighs in a mean; None where the same.

    A weighted mean of `CrossEntropyLoss` or `NLLLoss` is divided by the sum of weights.
    """
    loss = job.loss.loss if isinstance(job.loss, MeanOverMembers) else job.loss
    if job.loss_is_sum or not isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss):
        return None
    if loss.weight is None:
        return None
    size = at_once(job.train.example_size, VAL_BATCH_SIZE)
    parts = torch.arange(len(job.train)).split(size)
    classes = torch.cat([job.train.take(part)[1] for part in parts])
    weights: Tensor = loss.weight[classes]
    return weights.cpu().double()
