"""Plan and train in memory: no run folder, no rivals, and no test part."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from torchsmith.api.calibrating import calibrate
from torchsmith.api.carrying import torch_threads
from torchsmith.api.planning import asked_metric, asked_roles
from torchsmith.api.surroundings import as_planned
from torchsmith.core.processes import require_alone
from torchsmith.core.randomness import own_turn
from torchsmith.core.vocabulary import Task
from torchsmith.data.data import Data
from torchsmith.data.split import Parts, hold_out
from torchsmith.inspect.examine import inspect
from torchsmith.plan.decide import decide
from torchsmith.plan.machine import machine_for, measure
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import REASON, asked_splits, set_values
from torchsmith.train.engines.choose import choose_engine
from torchsmith.train.history import EpochRecord
from torchsmith.train.loop import fit
from torchsmith.train.model import Model
from torchsmith.train.session import Session
from torchsmith.train.setup import set_up
from torchsmith.train.watch import TrainingObserver

MIN_VAL = 10
"""A val part of fewer rows would choose the best epoch by chance."""

UNLIMITED = 1e9
"""Seconds that never decide how long to train."""

MATTERS_LITTLE = frozenset({"D7", "D23", "D25"})
"""Errors about too few rows to train *and* to test; here the caller tests."""

_machine = cache(measure)


@dataclass(frozen=True)
class Trained:
    """What training in memory gives.

    Attributes:
        plan: What was done.
        model: On the CPU, with its best weights.
        history: One record for each epoch.
    """

    plan: Plan
    model: Model
    history: tuple[EpochRecord, ...]


def train_in_memory(
    data: Data,
    task: Task,
    *,
    budget: float | None,
    val: float | None,
    settings: Mapping[str, object],
    observer: TrainingObserver,
) -> Trained:
    """Inspect, plan and train as `ts.train` does, but on all rows.

    Args:
        data: With a target that is known in every row.
        task: What kind of problem it is.
        budget: Seconds; None is no limit, and independent of the machine's speed.
        val: The share of the rows for validation; None or 0 for no such part. There is
            none either where it would be smaller than 10 rows, or where a class has one
            example.
        settings: Values to set by dotted path.
        observer: Is told how it goes.

    Raises:
        DataError: The data cannot be learned from.
        PlanError: A setting does not exist or does not fit.
        TrainError: The loss is no longer finite.
        Interrupted: Ctrl-C or SIGTERM.
    """
    require_alone("an estimator")
    share = val if val and _validates(data, task, val) else 0.0
    plan = _plan(data, task, budget, share, settings)
    training = plan.training
    with own_turn(observer.note), as_planned(), torch_threads(training.threads):
        setup = set_up(plan, data, _parts(plan, data, share))
        state = setup.state
        session = Session(setup.job, observers=[observer])
        size = sum(p.numel() for p in state.network.parameters())
        device = str(setup.job.device)
        observer.on_start(training.epochs, len(setup.parts.train), size, device)
        engine = choose_engine(setup.job, state, observer.note)
        fit(setup.job, state, session, engine.train_epoch)
        observer.on_end(state.finished)
    state.network.to("cpu").eval()
    model = calibrate(setup.model(plan), plan, setup, data).model
    return Trained(plan, model, tuple(state.history))


def _plan(
    data: Data,
    task: Task,
    budget: float | None,
    share: float,
    settings: Mapping[str, object],
) -> Plan:
    inspection = inspect(data, task=task, roles=asked_roles(settings))
    # For regression D7 says that the target is no number.
    harmless = MATTERS_LITTLE - ({"D7"} if task == "regression" else set())
    findings = tuple(f for f in inspection.findings if f.code not in harmless)
    default = decide(
        inspection.model_copy(update={"findings": findings}),
        machine_for(settings, _machine(settings.get("training.device", "auto"))),
        UNLIMITED if budget is None else budget,
        folds=False,
        metric=asked_metric(settings),
        asked=asked_splits(settings),
    )
    chosen: dict[str, object] = {"split.val": share} if share else {}
    if not share:
        # The training loss falls to the end: there is no best epoch to go back to.
        chosen |= {"stopping.patience": 0, "stopping.restore_best": False}
    if budget is None:
        chosen["training.seconds"] = 0.0
    # Without a val part nothing is measured but the training loss, which this then is.
    only = {} if share else {"stopping.monitor": "val_loss"}
    plan = set_values(default, chosen | dict(settings) | only)
    reasons = {
        path: "set by the estimator" if why == REASON else why
        for path, why in plan.reasons.items()
    }
    reasons["split.test"] = "not used: the caller holds the test part out"
    if not share:
        reasons["split.val"] = "not used: there is no val part"
        reasons["stopping.monitor"] = "without a val part, the training loss"
    update: dict[str, object] = {"reasons": reasons}
    if budget is None:
        update["sized_for"] = None
        del reasons["sized_for"]
    return plan.model_copy(update=update)


def _validates(data: Data, task: Task, val: float) -> bool:
    """Whether there are enough rows, and enough of each class, for a val part."""
    if val * len(data) < MIN_VAL or data.target is None:
        return False
    if task == "regression":
        return True
    return int(np.unique(data.target.values, return_counts=True)[1].min()) >= 2


def _parts(plan: Plan, data: Data, share: float) -> Parts:
    nothing = np.empty(0, np.int64)
    if not share:
        return Parts(train=np.arange(len(data)), val=nothing, test=nothing)
    train, val = hold_out(data, plan.split, share, plan.data.columns)
    return Parts(train=train, val=val, test=nothing)
