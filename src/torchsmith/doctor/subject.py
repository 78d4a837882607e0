"""What the doctor examines, and how it tries things out without leaving a trace."""

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

import torch
from torch import Tensor, nn

from torchsmith.data.data import Data
from torchsmith.inspect.inspection import Finding, Inspection
from torchsmith.nn.losses import LossFunction, MeanOverMembers
from torchsmith.plan.plan import Plan
from torchsmith.train.batches import TensorBatches, epoch_order
from torchsmith.train.buffers import kept_buffers
from torchsmith.train.loop import Job
from torchsmith.train.randomness import own_randomness, seed_step
from torchsmith.train.setup import Setup
from torchsmith.train.state import TrainState


@dataclass(frozen=True)
class Case:
    """Where a training comes from a plan: the plan, and what was made of it.

    Attributes:
        plan: What is to be done.
        data: All examples.
        setup: Split, prepared and built; at step 0.
        inspection: What is known about the data.
    """

    plan: Plan
    data: Data
    setup: Setup
    inspection: Inspection


@dataclass(frozen=True)
class Subject:
    """A training that is examined, of a plan or of a person's own module (`fit`).

    Attributes:
        job: What is trained on, and how.
        state: The network and its optimizer. Probes never change it: they work on
            `trial(subject)`.
        case: Of a plan; None for `fit`.
    """

    job: Job
    state: TrainState
    case: Case | None = None

    @classmethod
    def of(cls, case: Case) -> "Subject":
        """Return the training of a plan.

        The fold of a row is no input that says anything. Without it all networks learn
        from all rows, and answer for all: what they get wrong then is what they have
        not learned, as without folds.
        """
        job = case.setup.job
        if case.setup.parts.folds is not None:
            inputs, targets = job.train.take(torch.arange(len(job.train)))
            job = replace(job, train=TensorBatches(inputs[:, :-1], targets))
        return cls(job, case.setup.state, case)

    @property
    def plan(self) -> Plan | None:
        """What is to be done; None for `fit`."""
        return None if self.case is None else self.case.plan

    @property
    def loss(self) -> LossFunction:
        """The loss of one network: without the mean over members."""
        loss = self.job.loss
        return loss.loss if isinstance(loss, MeanOverMembers) else loss

    @property
    def is_regression(self) -> bool:
        """Whether targets are numbers rather than classes."""
        if self.plan is not None:
            return self.plan.problem.task == "regression"
        _, targets = self.first_batch
        pairs = (nn.BCELoss, nn.BCEWithLogitsLoss)
        return targets.is_floating_point() and not isinstance(self.loss, pairs)

    @property
    def first_batch(self) -> tuple[object, Tensor]:
        """Inputs and targets of the first batch of training, not augmented."""
        order = epoch_order(len(self.job.train), self.job.training.seed, 0)
        return self.job.train.take(self.job.steps(order, 1)[0][0])

    def sample(self, most: int) -> Tensor:
        """Return numbers of training examples, the same each time: all, or `most`."""
        order = epoch_order(len(self.job.train), self.job.training.seed, 0)
        return order[:most].sort().values


OVERDRAFT = 2.0
"""Seconds by which cheap probes may go beyond an allowance; then the rest is left out,
as on a machine that does much else."""


class Allowance:
    """How long the doctor may take; cheap probes may take two more.

    Args:
        seconds: For all probes together.
    """

    def __init__(self, seconds: float) -> None:
        self._end = perf_counter() + seconds

    @property
    def left(self) -> float:
        """Seconds, 0 when they are over."""
        return max(self._end - perf_counter(), 0.0)

    @property
    def is_overdrawn(self) -> bool:
        """Whether not even a cheap probe may begin any more."""
        return perf_counter() > self._end + OVERDRAFT

    def allows(self, seconds: float) -> bool:
        """Whether a probe that takes so long may begin."""
        return seconds <= self.left


def trial(subject: Subject) -> TrainState:
    """Return a copy of the network with a copy of its optimizer, without a schedule.

    Args:
        subject: Stays as it is.

    Raises:
        Exception: A person's module cannot be copied; as `copy.deepcopy` gives it.
    """
    state = subject.state
    network, optimizer = copy.deepcopy((state.network, state.optimizer))
    return TrainState(network, optimizer, loss_sum=torch.zeros_like(state.loss_sum))


@contextmanager
def without_trace(subject: Subject, purpose: str) -> Iterator[None]:
    """Draw random numbers of a seed of its own, and give the program's own ones back.

    A loss that changes its buffers has them back, too.

    Args:
        subject: Names the seed.
        purpose: Of the probe; each has other numbers.
    """
    with own_randomness(), kept_buffers(subject.job.loss):
        seed_step(subject.job, f"doctor {purpose}", 0)
        yield


@contextmanager
def tried(what: str, left_out: list[str]) -> Iterator[None]:
    """Leave out what a person's code does not let us look at; a run never breaks by it.

    Args:
        what: Was looked at.
        left_out: Is told why it was left out.
    """
    try:
        with warnings.catch_warnings():
            # The person hears them when training does the same.
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # noqa: BLE001 -- a person's code may raise any
        why = str(error).strip().partition("\n")[0]
        left_out.append(f"{what}: {type(error).__name__}: {why}")


def found_by(
    what: str,
    probe: Callable[[], Iterable[Finding]],
    allowance: Allowance,
    left_out: list[str],
) -> list[Finding]:
    """Return what a probe finds; nothing where there is no time left for it.

    Args:
        what: Is looked at.
        probe: Where it raises, what it found until then counts.
        allowance: How long all probes may take.
        left_out: Is told why it was left out.
    """
    found: list[Finding] = []
    if allowance.is_overdrawn:
        left_out.append(f"{what}: no time was left")
        return found
    with tried(what, left_out):
        found += probe()
    return found
