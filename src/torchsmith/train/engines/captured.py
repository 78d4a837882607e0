"""The same arithmetic as `eager`, without what surrounds it.

No autograd: the derivatives are written out, layer by layer. Gradients, and the lists
that the optimizer works on, are made once; batches are gathered several at a time;
random numbers are seeded only where a step draws any.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.train.batches import TensorBatches, epoch_order
from torchsmith.train.engines.captured_batches import stream
from torchsmith.train.engines.captured_gradients import Gradients
from torchsmith.train.engines.captured_losses import build_loss
from torchsmith.train.engines.captured_network import build_network, draws
from torchsmith.train.engines.captured_optimizers import build_update
from torchsmith.train.engines.captured_precision import InFloat32
from torchsmith.train.engines.engine import Engine, Unsupported
from torchsmith.train.first_batch import check_first_batch
from torchsmith.train.gradients import clip_gradients
from torchsmith.train.loop import Job
from torchsmith.train.pace import count_step
from torchsmith.train.randomness import seed_torch
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState


def capture(job: Job, state: TrainState) -> Engine:
    """Prepare the steps of a training.

    Raises:
        Unsupported: Something of it has no case here; says what.
    """
    if isinstance(job.train, TensorBatches):
        kind = job.train.dtype  # of whole numbers there is an Embedding to make numbers
        if kind.is_complex or (kind.is_floating_point and kind != torch.float32):
            raise Unsupported(f"no case for inputs of {kind}")
    return Engine("captured", Captured(job, state).train_epoch)


class Captured:
    """The steps of one training, written out.

    Args:
        job: What to train on, and how.
        state: Whose tensors are used.

    Raises:
        Unsupported: Part of it has no case.
    """

    def __init__(self, job: Job, state: TrainState) -> None:
        accumulate = job.training.accumulate > 1
        bfloat16 = job.training.precision == "bfloat16"
        self._gradients = Gradients(accumulate=accumulate, bfloat16=bfloat16)
        self._layers = build_network(state.network, self._gradients)
        loss = build_loss(job.loss)
        self._loss = InFloat32(loss) if bfloat16 else loss
        self._one = torch.ones(())
        self._numbers: dict[int, Tensor] = {}
        nothing = isinstance(job.augment, nn.Sequential) and len(job.augment) == 0
        self._augments = not nothing and job.augment is not Job.augment
        in_memory = isinstance(job.train, TensorBatches)
        self._draws = draws(state.network) or self._augments or not in_memory

    def train_epoch(self, job: Job, state: TrainState, session: Session) -> None:
        """Train on every example once, or on what a checkpoint left of the epoch."""
        order = epoch_order(len(job.train), job.training.seed, state.epoch)
        steps = job.steps(order)
        left = steps[state.step_in_epoch :]
        batches = stream(job.train, [b for step in left for b in step], state.epoch)
        state.network.train()
        self._gradients.attach([*state.trained, *state.untrained])
        update = build_update(state.optimizer)
        # Not around all: what others make in this mode they could not train with.
        without_autograd = torch.inference_mode()
        for step in left:
            taken = [next(batches) for _ in step]
            if self._draws:
                seed_torch(job, "step", state.step)
            with without_autograd:
                self._backpropagate(job, state, taken)
                is_last = state.step_in_epoch == len(steps) - 1
                clip_gradients(job.training, state, is_last=is_last)
                update()
            if state.average is not None:
                state.average.after_step(state.network)
            count_step(state)
            session.after_step(state)
            if session.out_of_time(state):
                return

    def _backpropagate(
        self, job: Job, state: TrainState, batches: Sequence[tuple[Any, Tensor]]
    ) -> None:
        """Compute the gradients of a step, and add its losses to the state."""
        num_examples = sum(len(targets) for _, targets in batches)
        self._gradients.copy_factors()
        for place, (inputs, targets) in enumerate(batches):
            count = len(targets)
            if self._augments:
                inputs = job.augment(inputs)
            outputs = self._layers.forward(inputs)
            if state.step == 0:
                check_first_batch(state.network, job.loss, outputs, targets)
            loss = self._loss.forward(outputs, targets)
            weight = self._one
            if len(batches) > 1 and not job.loss_is_sum:
                weight = self._one * (count / num_examples)
            share = job.learned_share_of(targets, targets)
            self._layers.backward(self._loss.backward(weight))
            self._gradients.collect(first=place == 0)
            factor = self._number(count) if share == count else share
            state.loss_sum += loss if job.loss_is_sum else loss * factor
            state.loss_weight += share
            state.num_seen += count

    def _number(self, count: int) -> Tensor:
        """Return a number as a tensor, which is made once."""
        if count not in self._numbers:
            self._numbers[count] = torch.tensor(float(count))
        return self._numbers[count]
