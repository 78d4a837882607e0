"""Beginning a trial where a run was still healthy, rather than at its start."""

from copy import deepcopy
from pathlib import Path

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from torchsmith.api.run import Run
from torchsmith.core.errors import TrainError
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences
from torchsmith.train.pace import quiet_schedules
from torchsmith.train.setup import Setup, initial_state
from torchsmith.train.state import TrainState

MAY_DIFFER = ("optimizer", "schedule", "stopping", "training.clip_grad")
"""Settings that a training may change on its way; others need a new start."""

SICK = 2.0
"""A loss of so many times its lowest is no healthy place to begin at."""


class Origin:
    """A checkpoint from which the run's plan and remedies go on.

    Args:
        setup: Of the run's plan; stays as it is.
        plan: That of the run.
        path: Of the checkpoint.

    Raises:
        TrainError: The checkpoint does not fit.
    """

    def __init__(self, setup: Setup, plan: Plan, path: Path) -> None:
        self._plan = plan
        self._state = initial_state(plan, setup.preparation, setup.job)
        self._state.load(path)

    @classmethod
    def of(cls, run: Run, setup: Setup, plan: Plan) -> "Origin | None":
        """Return the newest checkpoint of a run that did not come to its end.

        Returns:
            None where it did, where no checkpoint is whole, or where the newest is sick
            itself.
        """
        if plan.averaging is not None or run.folder.outcome.is_file():
            return None
        try:
            newest, _ = run.folder.newest_checkpoint()
            origin = None if newest is None else cls(setup, plan, newest)
        except (TrainError, OSError):  # the run may be going on, and replace it
            return None
        return origin if origin is not None and origin.is_healthy else None

    @property
    def epoch(self) -> int:
        """Epochs that were finished then."""
        return self._state.epoch

    @property
    def is_healthy(self) -> bool:
        """Whether training was not over, and neither weights nor loss had gone wild."""
        losses = [record.train_loss for record in self._state.history]
        return (
            not self._state.ending
            and all(w.isfinite().all() for w in self._state.network.parameters())
            and (not losses or losses[-1] <= SICK * min(losses))
        )

    def allows(self, plan: Plan) -> bool:
        """Whether a plan can go on from here."""
        return all(
            path.startswith(MAY_DIFFER) for path in differences(plan, self._plan)
        )

    def put_into(self, state: TrainState) -> None:
        """Bring a state at step 0 to this place, with its own optimizer and schedule.

        What the optimizer remembers, such as its momentum, comes along where it is of
        the same class; the learning rate is what the state's own schedule gives here.

        Args:
            state: Of a plan that `allows` says yes to.
        """
        before = self._state
        state.network.load_state_dict(before.network.state_dict())
        optimizer = state.optimizer
        groups = optimizer.state_dict()["param_groups"]
        known = before.optimizer.state_dict()
        if _kind(optimizer) == _kind(before.optimizer):
            remembered = deepcopy(known["state"])  # of which training changes tensors
            optimizer.load_state_dict({"state": remembered, "param_groups": groups})
        schedule = state.schedule
        if schedule is not None and not isinstance(schedule, ReduceLROnPlateau):
            by_step = state.interval == "step"
            with quiet_schedules():
                for _ in range(before.step if by_step else before.epoch):
                    schedule.step()
        state.epoch, state.step = before.epoch, before.step
        state.step_in_epoch, state.num_seen = before.step_in_epoch, before.num_seen
        state.loss_sum = before.loss_sum.clone()
        state.loss_weight = before.loss_weight


def _kind(optimizer: torch.optim.Optimizer) -> tuple[str, list[object]]:
    """Return whose memory of which parameters an optimizer may take over."""
    groups = optimizer.state_dict()["param_groups"]
    return type(optimizer).__name__, [group["params"] for group in groups]
