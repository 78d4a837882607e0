"""Many networks of one shape in lockstep: a step of all costs little more than one.

Each member keeps its own initial weights, order, dropout, schedule, early stopping,
history and checkpoints, and ends with the very bits that it has when it trains alone:
`together_layers.py` says how. So a member does not depend on its company. After an
interruption, members whose checkpoints lie further back catch up with the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue

import torch
from torch import Tensor, nn

from torchsmith.core.errors import Diverged, Interrupted
from torchsmith.core.seeds import derive_seed
from torchsmith.train.batches import TensorBatches, epoch_order
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.engines.lanes import in_lanes
from torchsmith.train.engines.together_layers import StackedLayers, layers_of
from torchsmith.train.engines.together_losses import StackedLoss, stacked_loss
from torchsmith.train.engines.together_stacks import Stacks, Updates
from torchsmith.train.first_batch import check_first_batch
from torchsmith.train.gradients import clip_gradients
from torchsmith.train.loop import (
    Job,
    TrainEpoch,
    end_epoch,
    keep_best,
)
from torchsmith.train.pace import count_step
from torchsmith.train.session import Session, Stop
from torchsmith.train.state import TrainState


@dataclass
class TogetherMember:
    """One of the networks that train together.

    Attributes:
        job: Its training part is the very object of all others.
        state: At step 0, or where a checkpoint left it.
        session: With the `Stop` of all others.
        failed: Why it did not come to an end; the others went on.
    """

    job: Job
    state: TrainState
    session: Session
    failed: Diverged | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is something left to train."""
        return not self.state.ending and self.failed is None

    @property
    def is_at_end(self) -> bool:
        """Whether the epoch is over: all its steps are done, or the time is up."""
        all_done = self.state.step_in_epoch >= self.job.steps_per_epoch
        return all_done or self.session.out_of_time(self.state)


def require_together(jobs: Sequence[Job], networks: Sequence[nn.Module]) -> None:
    """Refuse what cannot train together.

    Args:
        jobs: Of the members.
        networks: Of the members.

    Raises:
        Unsupported: Says what of it.
    """
    first = jobs[0]
    if first.device.type != "cpu":
        raise Unsupported(f"no case for {first.device.type}")
    if first.training.precision != "float32":
        raise Unsupported(f"no case for precision {first.training.precision}")
    if first.training.accumulate > 1:
        raise Unsupported("no case for accumulate")
    if not isinstance(first.augment, nn.Sequential) or len(first.augment):
        raise Unsupported("no case for augment")
    if not isinstance(first.train, TensorBatches):
        raise Unsupported("no case for data that is not in memory")
    if any(job.train is not first.train for job in jobs):
        raise Unsupported("no case for different data")
    layers = layers_of(networks[0])
    if not any(isinstance(layer, nn.Linear) for layer in layers):
        raise Unsupported("there is no Linear layer")
    if any(str(network) != str(networks[0]) for network in networks):
        raise Unsupported("the networks differ")


def fit_together(
    members: Sequence[TogetherMember], stop: Stop, *, lanes: int = 1
) -> None:
    """Train all members until their plans say stop, as `fit` trains one.

    Args:
        members: As `require_together` lets them pass.
        stop: Of all their sessions.
        lanes: Threads between which the members are divided; more than one only where
            their plans say `threads: 1`.

    Raises:
        Interrupted: The person asked to stop; all members are saved.
        TrainError: A checkpoint cannot be saved, or the loss would mean nothing.
    """
    lanes = min(lanes, len(members))
    work = [partial(_train, members[place::lanes], lanes) for place in range(lanes)]
    in_lanes(work, stop, one_thread=members[0].job.training.threads == 1)


def fit_beside(
    members: Sequence[TogetherMember],
    stop: Stop,
    train_epoch: Callable[[TogetherMember], TrainEpoch],
    *,
    lanes: int,
) -> None:
    """Train several members at a time, each by itself, with an engine that allows it.

    Args:
        members: What they train on may differ.
        stop: Of all their sessions.
        train_epoch: Makes the engine of a member; it lets other threads run while it
            computes, and draws nothing at random.
        lanes: So many at a time.

    Raises:
        Interrupted: The person asked to stop; what has begun is saved.
        TrainError: A checkpoint cannot be saved, or the loss would mean nothing.
    """
    lanes = min(lanes, len(members))
    waiting: SimpleQueue[TogetherMember | None] = SimpleQueue()
    for each in (*members, *[None] * lanes):  # with None a lane ends
        waiting.put(each)

    def work() -> None:
        for member in iter(waiting.get, None):
            member.session.share_time(lanes)
            engine = train_epoch(member)
            try:
                while member.is_running:
                    engine(member.job, member.state, member.session)
                    _end_epoch(member)
            except Diverged as error:
                member.failed = error

    one_thread = members[0].job.training.threads == 1
    in_lanes([work] * lanes, stop, one_thread=one_thread)


@torch.no_grad()
def _train(members: Sequence[TogetherMember], lanes: int) -> None:
    """Train the members of one lane."""
    for member in members:
        if member.state.ending:
            keep_best(member.job, member.state)
    lockstep: _Lockstep | None = None
    while running := [member for member in members if member.is_running]:
        step = min(member.state.step for member in running)
        company = [member for member in running if member.state.step == step]
        if any(member.is_at_end for member in company):
            _for_each([member for member in company if member.is_at_end], _end_epoch)
            continue
        if lockstep is None or lockstep.members != company:
            lockstep = _Lockstep(company)
            for member in company:
                member.session.share_time(len(company) * lanes)
        others = [member.state.step for member in running if member.state.step > step]
        lockstep.train(until=min(others, default=None))


class _Lockstep:
    """Members at the same step.

    Args:
        members: Their weights, gradients and optimizer states become views of stacks.
    """

    def __init__(self, members: Sequence[TogetherMember]) -> None:
        self.members = members
        self._networks = [member.state.network for member in members]
        self._stacks = Stacks(self._networks)
        self._updates = Updates([m.state.optimizer for m in members], self._stacks)
        self._loss_sums = torch.stack([member.state.loss_sum for member in members])
        for member, own in zip(members, self._loss_sums, strict=True):
            member.state.loss_sum = own
        self._layers: dict[torch.Size, tuple[StackedLayers, StackedLoss]] = {}
        self._generator = torch.Generator()

    def train(self, until: int | None) -> None:
        """Train to the end of the epoch, to a step, or until someone has to leave.

        Raises:
            Interrupted: The person asked to stop; all members are saved.
        """
        job, state = self.members[0].job, self.members[0].state
        starts = [*job.starts, len(job.train)]
        orders = torch.stack(
            [
                epoch_order(len(m.job.train), m.job.training.seed, m.state.epoch)
                for m in self.members
            ]
        )
        for network in self._networks:
            network.train()
        while not self.members[0].is_at_end and state.step != until:
            place = state.step_in_epoch
            self._step(orders[:, starts[place] : starts[place + 1]])
            _for_each(self.members, _after_step)
            if any(m.failed or m.is_at_end for m in self.members):
                return

    def _step(self, rows: Tensor) -> None:
        """Take one optimizer step of all members.

        Args:
            rows: `(M, B)`, the batch of each member.
        """
        job = self.members[0].job
        inputs, targets = job.train.take(rows.flatten())
        inputs = inputs.view(*rows.shape, *inputs.shape[1:])
        targets = targets.view(*rows.shape, *targets.shape[1:])
        layers, loss = self._computed_by(inputs, targets)
        if layers.draws:
            for place, member in enumerate(self.members):
                seed = member.job.training.seed
                value = derive_seed(seed, "step", member.state.step)
                layers.draw(place, self._generator.manual_seed(value))
        outputs = layers.forward(inputs)
        for place, member in enumerate(self.members):
            if member.state.step == 0:
                own = outputs[place], targets[place]
                check_first_batch(member.state.network, member.job.loss, *own)
        losses, grads = loss(outputs, targets)
        layers.backward(grads)
        num_examples = rows.shape[1]
        shares = [
            member.job.learned_share_of(own, own)
            for member, own in zip(self.members, targets, strict=True)
        ]
        self._loss_sums += losses * (1 if job.loss_is_sum else torch.tensor(shares))
        for member, share in zip(self.members, shares, strict=True):
            state = member.state
            state.loss_weight += share
            is_last = state.step_in_epoch == member.job.steps_per_epoch - 1
            state.num_seen += num_examples
            clip_gradients(member.job.training, state, is_last=is_last)
        self._updates.step()

    def _computed_by(
        self, inputs: Tensor, targets: Tensor
    ) -> tuple[StackedLayers, StackedLoss]:
        """Return layers and loss for batches of this size."""
        found = self._layers.get(inputs.shape)
        if found is None:
            layers = StackedLayers(self._networks, inputs.shape, self._stacks.parts)
            loss = stacked_loss(self.members[0].job.loss, layers.shape, targets)
            found = self._layers[inputs.shape] = layers, loss
        return found


def _after_step(member: TogetherMember) -> None:
    state = member.state
    if state.average is not None:
        state.average.after_step(state.network)
    count_step(state)
    member.session.after_step(state)


def _end_epoch(member: TogetherMember) -> None:
    end_epoch(member.job, member.state, member.session)
    if member.state.ending:
        keep_best(member.job, member.state)
        member.session.save(member.state)


def _for_each(
    members: Sequence[TogetherMember], act: Callable[[TogetherMember], None]
) -> None:
    """Let each member have its turn; an interruption comes when all are saved."""
    interrupted: Interrupted | None = None
    not_saved = []
    for member in members:
        try:
            act(member)
            not_saved.append(member)
        except Diverged as error:
            member.failed = error
        except Interrupted as error:  # this one is saved
            interrupted = error
    if interrupted is not None:
        for member in not_saved:
            member.session.save(member.state)
        raise interrupted
