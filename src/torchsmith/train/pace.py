"""When the learning-rate schedule is stepped."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from torch.optim.lr_scheduler import (
    LRScheduler,
    ReduceLROnPlateau,
    SequentialLR,
)

from torchsmith.plan.schedules import Interval
from torchsmith.train.state import TrainState


def count_step(state: TrainState) -> None:
    """Note that the optimizer has stepped, and step a schedule that goes by steps."""
    state.lr = float(state.optimizer.param_groups[0]["lr"])
    step_schedule(state, "step")
    state.step += 1
    state.step_in_epoch += 1


def step_schedule(
    state: TrainState, now: Interval, loss: float = 0.0, score: float = 0.0
) -> None:
    """Step the schedule if its time is now: after a step, or after an epoch.

    Args:
        state: Holds the schedule.
        now: What has just ended.
        loss: For `ReduceLROnPlateau`, after an epoch.
        score: In place of it where that wants high values.
    """
    schedule, interval = pace(state, state.epoch + (now == "step"))
    if schedule is None or interval != now:
        return
    if now == "step" and not isinstance(schedule, SequentialLR):
        schedule.step()  # after an optimizer step there is nothing to warn about
        return
    with quiet_schedules():
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(score if schedule.mode == "max" else loss)
        else:
            schedule.step()


@contextmanager
def quiet_schedules() -> Iterator[None]:
    """Hear nothing of what PyTorch's schedules warn about without need.

    Filters count for all threads: where several train, also around all of them.
    """
    with warnings.catch_warnings():
        # PyTorch cannot see the steps that were done before a resume.
        warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler.step")
        # Some versions warn about what SequentialLR itself does.
        warnings.filterwarnings("ignore", message="The epoch parameter in `scheduler")
        yield


def pace(state: TrainState, epoch: int) -> tuple[LRScheduler | None, Interval]:
    """Return what sets the learning rate in an epoch (1 is the first), and when."""
    average = state.average
    if average is not None and average.schedule is not None and average.takes(epoch):
        return average.schedule, "epoch"
    return state.schedule, state.interval
