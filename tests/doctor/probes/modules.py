"""Modules and data sets as people write them, and what the doctor says of them."""

import inspect
from contextlib import suppress
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

import torchsmith as ts
from torchsmith.api.fit_choices import (
    chosen_loss,
    chosen_optimizer,
    chosen_schedule,
    training_settings,
)
from torchsmith.doctor.diagnosis import UNKNOWN
from torchsmith.doctor.probes import find_by_probing
from torchsmith.doctor.probes.dataset import find_in_datasets
from torchsmith.doctor.subject import Allowance, Subject
from torchsmith.plan.plan import Stopping
from torchsmith.train.batches import DatasetBatches, TensorBatches
from torchsmith.train.loop import Job
from torchsmith.train.state import TrainState
from torchsmith.train.watch import TrainingObserver

SHORT = {"epochs": 1, "batch_size": 32, "runs": None, "seed": 0}


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


X = torch.randn(128, 6, generator=draw())
Y = (X[:, 0] > 0).long() + (X[:, 1] > 1).long()
NUMBERS = X[:, :1] * 3 - X[:, 1:2]


class Net(nn.Module):
    """Two hidden layers, with functions between them."""

    def __init__(self, outputs=3):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(6, 16)
        self.second = nn.Linear(16, 16)
        self.last = nn.Linear(16, outputs)

    def hidden(self, x):
        return F.relu(self.second(F.relu(self.first(x))))

    def forward(self, x):
        return self.last(self.hidden(x))


class Pairs(Dataset):
    """Arrays, as people hold them."""

    def __init__(self, inputs=X, targets=Y):
        self.inputs, self.targets = inputs.numpy().copy(), targets.numpy().copy()

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, index):
        return torch.from_numpy(self.inputs[index]), int(self.targets[index])


class Notes(TrainingObserver):
    """Keeps what a person is told."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def subject(
    module,
    data=(X, Y),
    loss="CrossEntropyLoss",
    val=None,
    optimizer="Adam",
    schedule=None,
    **given,
):
    """Return a training as `fit` has it before the first step."""
    training = training_settings(None, {"epochs": 1, "batch_size": 32, **given})
    device = torch.device("cpu")
    parts = [
        None
        if part is None
        else TensorBatches(*part)
        if isinstance(part, tuple)
        else DatasetBatches(part, device, part=name)
        for name, part in (("train", data), ("val", val))
    ]
    job = Job(
        *parts, chosen_loss(loss, device), training, Stopping(), device, own_code=True
    )
    made = optimizer  # of any parameters, as a script may have made it
    if not isinstance(made, torch.optim.Optimizer):
        made = chosen_optimizer(optimizer, module, job.loss)
    pace, interval = chosen_schedule(
        schedule, made, training.epochs, job.steps_per_epoch
    )
    return Subject(job, TrainState(module, made, pace, interval))


def probed(module, *parts, reference=UNKNOWN, allowance=0.3, **given):
    """Return what the probes find, and what they leave out."""
    made, left_out = subject(module, *parts, **given), []
    allowance = Allowance(allowance)
    found = [*find_in_datasets(made, allowance, left_out)]
    found += find_by_probing(made, reference, allowance, left_out)
    return found, left_out


def said(module, *parts, **given):
    """Return the findings of the probes that are no notes, by their codes."""
    found, left_out = probed(module, *parts, **given)
    assert not [why for why in left_out if "Error" in why]
    return {f.code: f for f in found if f.severity != "note"}


def told(module, data=(X, Y), loss="CrossEntropyLoss", **given):
    """Return what a person is told, also where training is refused then."""
    observer = Notes()
    with suppress(ts.TrainError, ts.DataError):
        ts.fit(module, data, loss=loss, observer=observer, **SHORT, **given)
    return " ".join(observer.notes)


def line_of(words):
    """Return the number of the first line of the calling file that has these words."""
    with Path(inspect.stack()[1].filename).open() as file:
        return next(i for i, line in enumerate(file, start=1) if words in line)
