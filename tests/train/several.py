"""Small trainings that one process and two processes do alike.

`torchrun … -m tests.train.several FOLDER` does them all in its processes, and leaves
what came of each in the folder.
"""

import json
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from tests.train.jobs import CPU, regression_data
from torchsmith.core.errors import TorchsmithError, TrainError
from torchsmith.core.processes import place
from torchsmith.core.run_folder import RunFolder
from torchsmith.nn.averaging import build_average
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.losses import MeanOverMembers
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.nn.schedules import build_schedule
from torchsmith.plan import schedules
from torchsmith.plan.averaging import EMA, SWA
from torchsmith.plan.networks import MLP, TabularMLP
from torchsmith.plan.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    AdamW,
    NAdam,
    RAdam,
    RMSprop,
)
from torchsmith.plan.plan import Stopping, Training
from torchsmith.plan.schedules import interval_of
from torchsmith.train.batches import TensorBatches
from torchsmith.train.group import Group
from torchsmith.train.loop import Job, fit
from torchsmith.train.replicas import Replicas
from torchsmith.train.session import Session
from torchsmith.train.setup import channels_last
from torchsmith.train.shards import Shards
from torchsmith.train.state import TrainState, safetensors_bytes

LAYOUT = InputLayout((4,), num_numbers=4)
PLAIN = MLP(hidden=(8, 8), dropout=0.0, batch_norm=False)
TO_THE_END = Stopping(patience=0, restore_best=False)


def _training(**options):
    return Training(**({"epochs": 3, "batch_size": 10, "seed": 3} | options))


THREE_EPOCHS = _training()


@dataclass(frozen=True)
class Case:
    """What is trained, and how."""

    loss: nn.Module = field(default_factory=nn.MSELoss)
    outputs: int = 1
    network: MLP | TabularMLP = PLAIN
    optimizer: object = AdamW(lr=0.01)
    schedule: object = None
    averaging: object = None
    rows: int = 83
    pictures: bool = False
    stopping: Stopping = TO_THE_END
    training: Training = THREE_EPOCHS

    def job(self):
        inputs, targets = regression_data()
        if self.outputs > 1:
            edges = targets.quantile(torch.arange(1, self.outputs) / self.outputs)
            targets = torch.bucketize(targets[:, 0], edges)
        if self.pictures:
            inputs = inputs.reshape(-1, 1, 2, 2)
        return Job(
            train=TensorBatches(inputs[: self.rows], targets[: self.rows]),
            val=TensorBatches(inputs[83:], targets[83:]),
            loss=self.loss,
            training=self.training,
            stopping=self.stopping,
            device=CPU,
        )

    def state(self, job):
        seed, epochs = self.training.seed, self.training.epochs
        network = build_network(self.network, LAYOUT, self.outputs, seed)
        if self.pictures:
            network = convolutions(seed)
        optimizer = build_optimizer(self.optimizer, network.named_parameters())
        return TrainState(
            network,
            optimizer,
            build_schedule(self.schedule, optimizer, epochs, job.steps_per_epoch),
            interval_of(self.schedule),
            build_average(self.averaging, network, optimizer, epochs),
        )


def convolutions(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(
            *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(16, 1)),
        )
    channels_last(network)
    return network


UNEVEN = torch.tensor([5.0, 1.0, 0.2])

CASES = {
    "mean": Case(),
    "sum": Case(loss=nn.MSELoss(reduction="sum"), optimizer=SGD(lr=0.001)),
    "weighted classes": Case(loss=nn.CrossEntropyLoss(weight=UNEVEN), outputs=3),
    "weighted classes, members": Case(
        loss=MeanOverMembers(nn.CrossEntropyLoss(weight=UNEVEN)),
        outputs=3,
        network=TabularMLP(hidden=(8,), members=3, dropout=0.0),
    ),
    "weighted classes, accumulated": Case(
        loss=nn.CrossEntropyLoss(weight=UNEVEN, label_smoothing=0.1),
        outputs=3,
        training=_training(batch_size=7, accumulate=3),
    ),
    "sum, accumulated": Case(
        loss=nn.CrossEntropyLoss(reduction="sum"),
        outputs=3,
        optimizer=SGD(lr=0.001),
        training=_training(batch_size=7, accumulate=3),
    ),
    "fewer rows than processes": Case(rows=13, training=_training(batch_size=1)),
    "a short last batch": Case(rows=77, training=_training(batch_size=25)),
    "clipped, on a plateau": Case(
        optimizer=SGD(lr=0.1, momentum=0.9),
        schedule=schedules.ReduceLROnPlateau(patience=0, threshold=0.3, factor=0.3),
        training=_training(epochs=5, clip_grad_norm=0.1),
    ),
    "a rate for each step, the best kept": Case(
        schedule=schedules.OneCycleLR(), stopping=Stopping(patience=2)
    ),
    "convolutions": Case(pictures=True),
    "EMA": Case(averaging=EMA(decay=0.9)),
    "SWA": Case(averaging=SWA(start=0.3, swa_lr=0.05), training=_training(epochs=5)),
}

OPTIMIZERS = (RMSprop(), Adagrad(), Adadelta(), NAdam(), RAdam())
CASES |= {
    optimizer.spec_name(): Case(optimizer=optimizer, training=_training(epochs=1))
    for optimizer in OPTIMIZERS
}

DIVIDED = (
    *(optimizer.spec_name() for optimizer in OPTIMIZERS),
    "mean",
    "convolutions",
    "weighted classes, accumulated",
    "fewer rows than processes",
    "clipped, on a plateau",
    "a rate for each step, the best kept",
)

DROPOUT = Case(network=MLP(hidden=(8, 8), dropout=0.5, batch_norm=True))


class Failing(nn.Module):
    """A loss that one process cannot compute at some call."""

    def __init__(self, rank, call):
        super().__init__()
        self.fails = place() is not None and place().rank == rank
        self.left = call

    def forward(self, outputs, targets):
        self.left -= 1
        if self.fails and not self.left:
            raise TrainError("the loss is wrong")
        return nn.functional.mse_loss(outputs, targets)


def train(case, lead=None, folder=None, ask_after=None, seconds=0.0):
    """Train in this process, perhaps leading others; return the state."""
    training = case.training.model_copy(update={"seconds": seconds})
    job = replace(case.job(), training=training)
    state = case.state(job)
    if folder is not None and (newest := folder.newest_checkpoint()[0]) is not None:
        state.load(newest)
    return fit_asked(job, state, Session(job, folder), lead, ask_after)


def fit_asked(job, state, session, lead, ask_after):
    own = session.after_step

    def after_step(state):
        if state.step == ask_after:
            session.ask_to_stop()
        own(state)

    session.after_step = after_step
    fit(job, state, session, None if lead is None else lead(job, state))
    return state


class Processes:
    """Does each training in all processes at once; `results` is what came of it."""

    def __init__(self, group, folder):
        self.group = group
        self.folder = folder
        self.results = {}

    def train(self, name, case, *, asked_by_other=None, divided=False, **how):
        """Train; where this process follows, until the first is done."""
        self.kind = Replicas
        if divided:
            self.kind = partial(Shards, optimizer=case.optimizer)
        run = how.pop("run", None)
        if run is not None:
            how["folder"] = self.run_folder(run)
        self.results[name] = result = {}
        if not self.group.place.is_first:
            self.follow(name, case, asked_by_other)
            return
        try:
            state = train(case, self.lead, **how)
        except TorchsmithError as error:
            result["error"] = type(error).__name__
            result["message"] = str(error)
        else:
            result |= outcome(state)
            self.write(name, state)
        self.group.say(do="next")

    def lead(self, job, state):
        self.group.say(do="begin")
        return self.kind(self.group, job, state).lead

    def follow(self, name, case, asked_by_other):
        job = case.job()
        state = case.state(job)
        replicas = None
        while (order := self.group.hear())["do"] != "next":
            if order["do"] == "begin":
                replicas = self.kind(self.group, job, state)
                continue
            if order["do"] == "gather":
                replicas.gather()
                continue
            if order["epoch"] == asked_by_other:
                self.group.stop.ask()
            replicas.follow_epoch(order["epoch"], order["loss"])
            self.group.stop._signal = None
        if self.kind is Replicas:
            self.write(name, state)

    def run_folder(self, name):
        return RunFolder(self.folder / name)

    def write(self, name, state):
        path = self.folder / f"{name}.{self.group.place.rank}.safetensors"
        path.write_bytes(safetensors_bytes(state.network.state_dict()))


def outcome(state):
    return {
        "ending": state.ending,
        "step": state.step,
        "train_loss": [record.train_loss for record in state.history],
        "val_loss": [record.val_loss for record in state.history],
        "grad_norm": [record.grad_norm for record in state.history],
        "lr": [record.lr for record in state.history],
    }


def main(folder):
    group = Group(place())
    group.join(CPU)
    processes = Processes(group, folder)
    if group.place.is_first:
        for name in (
            "whole",
            "asked",
            "divided",
            "convolutions",
            "asked by the other",
            "failed",
        ):
            (folder / name).mkdir()
    for name, case in CASES.items():
        processes.train(name, case)
    processes.train("whole", DROPOUT, run="whole")
    processes.train("asked", DROPOUT, run="asked", ask_after=11)
    processes.train("resumed", DROPOUT, run="asked")
    processes.train(
        "asked by the other", DROPOUT, run="asked by the other", asked_by_other=1
    )
    for name in DIVIDED:
        processes.train(f"{name}, divided", CASES[name], divided=True)
    mean = CASES["mean"]
    # At step 9 the other process waits for an order, at 11 in a step.
    for step in (9, 11):
        processes.train(
            f"divided until {step}", mean, run="divided", divided=True, ask_after=step
        )
    processes.train("divided again", mean, run="divided", divided=True)
    for name, step in (
        ("convolutions, divided until 5", 5),
        ("convolutions again", None),
    ):
        how = {"run": "convolutions", "divided": True, "ask_after": step}
        processes.train(name, CASES["convolutions"], **how)
    processes.train("out of time, divided", mean, divided=True, seconds=1e-9)
    processes.train("out of time", DROPOUT, seconds=1e-9)
    failing = replace(CASES["mean"], loss=Failing(1, 4))
    processes.train("failed", failing, run="failed")
    failing = replace(CASES["mean"], loss=Failing(0, 4))
    processes.train("failed first", failing)
    processes.train("after all that", CASES["mean"])
    group.leave()
    if group.place.is_first:
        (folder / "results.json").write_text(json.dumps(processes.results))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
