"""Trainings that have not begun, for the doctor to examine."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from torchsmith.api.carrying import make_ready
from torchsmith.api.planning import Source, make_plan
from torchsmith.core.observer import Observer
from torchsmith.doctor.subject import Case, Subject
from torchsmith.nn.losses import LossFunction
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.plan.optimizers import SGD
from torchsmith.plan.plan import Stopping, Training
from torchsmith.train.batches import Batches, TensorBatches
from torchsmith.train.loop import Job
from torchsmith.train.state import TrainState
from torchsmith.train.watch import TrainingObserver


def own(
    module: nn.Module,
    train: tuple[Tensor, Tensor] | Batches,
    loss: LossFunction,
    val: tuple[Tensor, Tensor] | None = None,
    **settings: object,
) -> Subject:
    """A person's own module and data, as `fit` gets them."""
    batches = TensorBatches(*train) if isinstance(train, tuple) else train
    job = Job(
        train=batches,
        val=None if val is None else TensorBatches(*val),
        loss=loss,
        training=Training.model_validate({"batch_size": 32, **settings}),
        stopping=Stopping(),
        device=torch.device("cpu"),
    )
    optimizer = build_optimizer(SGD(lr=0.1), module.named_parameters())
    loss_sum = torch.zeros((), dtype=torch.float64)
    return Subject(job, TrainState(module, optimizer, loss_sum=loss_sum))


def planned(
    source: Source, target: str | None = None, settings: Mapping[str, object] = {}
) -> Subject:
    """A training that a plan describes."""
    chosen = {"training.threads": 1, "training.engine": "eager", **settings}
    made = make_plan(source, target=target, settings=chosen, observer=Observer())
    setup = make_ready(made.plan, made.data, TrainingObserver())
    case = Case(made.plan, made.data, setup, made.inspection)
    return Subject.of(case)
