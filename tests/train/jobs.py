"""Small jobs that train in a fraction of a second."""

import torch

from torchsmith.nn.averaging import build_average
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.nn.schedules import build_schedule
from torchsmith.plan.networks import MLP
from torchsmith.plan.optimizers import SGD, AdamW
from torchsmith.plan.plan import Stopping, Training
from torchsmith.plan.schedules import CosineAnnealingLR, OneCycleLR, interval_of
from torchsmith.train.batches import TensorBatches
from torchsmith.train.loop import Job
from torchsmith.train.state import TrainState

CPU = torch.device("cpu")


def regression_data(rows=103, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(rows, 4, generator=generator)
    targets = inputs[:, :1] * 2 + inputs[:, 1:2] ** 2
    return inputs, targets


def make_job(*, epochs=4, batch_size=10, patience=0, val=True, **options):
    inputs, targets = regression_data()
    return Job(
        train=TensorBatches(inputs[:83], targets[:83]),
        val=TensorBatches(inputs[83:], targets[83:]) if val else None,
        loss=torch.nn.MSELoss(),
        training=Training(epochs=epochs, batch_size=batch_size, seed=3, **options),
        stopping=Stopping(patience=patience),
        device=CPU,
    )


def make_state(
    job,
    *,
    dropout=0.3,
    batch_norm=True,
    optimizer=None,
    schedule=None,
    averaging=None,
):
    network = build_network(
        MLP(hidden=(8, 8), dropout=dropout, batch_norm=batch_norm),
        InputLayout((4,)),
        1,
        job.training.seed,
    )
    built = build_optimizer(optimizer or AdamW(lr=0.01), network.named_parameters())
    spec = OneCycleLR() if schedule is None else schedule
    epochs = job.training.epochs
    return TrainState(
        network,
        built,
        build_schedule(spec, built, epochs, job.steps_per_epoch),
        interval_of(spec),
        build_average(averaging, network, built, epochs),
    )


def same_weights(left, right):
    ours, theirs = left.state_dict(), right.state_dict()
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[name], theirs[name]) for name in ours
    )


__all__ = [
    "CPU",
    "SGD",
    "AdamW",
    "CosineAnnealingLR",
    "make_job",
    "make_state",
    "regression_data",
    "same_weights",
]
