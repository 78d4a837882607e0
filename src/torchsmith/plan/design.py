"""What a default plan takes for one kind of data, and what all kinds have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torchsmith.core.vocabulary import Precision
from torchsmith.core.wording import rough_duration
from torchsmith.data.steps import Step
from torchsmith.inspect.inspection import Inspection, TargetFacts
from torchsmith.plan.augment import Augmentation
from torchsmith.plan.averaging import Averaging
from torchsmith.plan.cost import LARGE_BATCH_MACS, threads_for
from torchsmith.plan.machine import Machine
from torchsmith.plan.networks import Network
from torchsmith.plan.optimizers import Optimizer
from torchsmith.plan.schedules import Schedule

TRAINING_SHARE = 0.7
"""Of the budget; the rest is for reading, rivals, evaluation and the report."""

STEPS_WORTH = 6_000
"""Of optimization; more seldom pay."""

FIT_INTO = "fit into"
"""Stands in the reason for the epochs where the budget keeps them few."""

CENTRED_TARGET = "a network learns targets around 0 best"
ANNEALED = "warms up, then anneals to almost zero over all epochs"
HIGH_RATE = "a high rate is safe with batch normalisation and warm-up"
"""Reasons that several kinds of data have in common."""

Reasons = dict[str, str]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Pace:
    """What was measured of a training that is about to begin.

    Attributes:
        epoch_seconds: Of one pass over the training part, with its validation.
        seconds: Of the budget that are left for training.
    """

    epoch_seconds: float
    seconds: float


@dataclass(frozen=True)
class Case:
    """What a design is for.

    Attributes:
        inspection: What is known about the data.
        target: What is to be predicted.
        num_train: Examples in the training part.
        num_left: Examples that are not tested, where folds may be made of them; else 0.
        machine: What it will run on.
        budget: Seconds for the whole run.
        reasons: Are added to, by dotted path.
        pace: Measured with the network that this case gives; None before.
    """

    inspection: Inspection
    target: TargetFacts
    num_train: int
    num_left: int
    machine: Machine
    budget: float
    reasons: Reasons
    pace: Pace | None = None

    def adder(self, section: str, items: list[Item]) -> Callable[[Item, str], None]:
        """Return what adds to a list of the plan, such as `prepare`, with reasons."""

        def add(item: Item, reason: str) -> None:
            self.reasons[f"{section}.{len(items)}"] = reason
            items.append(item)

        return add


@dataclass(frozen=True)
class Design:
    """What was chosen for a kind of data; the names are those of the plan.

    Attributes:
        threads: Of the CPU within one operation.
        folds: To divide into what is not tested; 0 for a val part.
        precision: Of the arithmetic inside the network.
        to_the_end: Whether no epoch is left out; where the weights are averaged, the
            last are then kept rather than the best epoch's.
        monitor: What chooses the best epoch.
    """

    prepare: tuple[Step, ...]
    network: Network
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int
    epochs: int
    threads: int
    augment: tuple[Augmentation, ...] = ()
    averaging: Averaging | None = None
    folds: int = 0
    precision: Precision = "float32"
    to_the_end: bool = False
    monitor: str = "val_loss"


def choose_batch_size(case: Case, large: int) -> int:
    """Return examples per step: fewer for small data; `large` from 10,000 rows on."""
    sizes = ((10_000, large), (5_000, 128), (1_000, 64), (0, 32))
    size = next(size for rows, size in sizes if case.num_train >= rows)
    case.reasons["training.batch_size"] = f"for {case.num_train:,} training examples"
    return size


def choose_threads(macs: int, case: Case) -> int:
    """Choose by the multiply-adds of one forward pass of a batch."""
    case.reasons["training.threads"] = (
        "one thread is faster for small layers"
        if macs < LARGE_BATCH_MACS
        else "all cores: a batch has work for them"
    )
    return threads_for(macs, case.machine)


def choose_epochs(
    case: Case,
    batch_size: int,
    epoch_seconds: float,
    most: int,
    limit: str = "",
    *,
    worth: int = STEPS_WORTH,
) -> int:
    """Choose as many passes over the data as pay and fit into the budget.

    Args:
        case: What is planned.
        batch_size: Examples per step.
        epoch_seconds: Predicted; where the case has a measured pace, that counts.
        most: More are not worth their time.
        limit: What keeps the epochs few, in words, where it is not the budget.
        worth: Steps of optimization that are worth their time; 20 epochs in any case.
    """
    steps = -(-case.num_train // batch_size)
    wanted = min(most, max(20, round(worth / steps)))
    pace = case.pace or Pace(epoch_seconds, TRAINING_SHARE * case.budget)
    epochs = max(1, min(wanted, int(pace.seconds / pace.epoch_seconds)))
    seconds = epochs * pace.epoch_seconds
    how = f"{epochs * steps:,} steps, about {rough_duration(seconds)} here"
    if case.pace is not None:
        how += " as measured"
    if seconds > pace.seconds and not limit:
        how += f": more than can {FIT_INTO} {case.budget:g} s"
    elif epochs < wanted:
        how += f": as many as {limit or f'{FIT_INTO} {case.budget:g} s'}"
    case.reasons["training.epochs"] = how
    return epochs
