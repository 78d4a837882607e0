"""Every option of a training crossed with every other, and stopped after every step.

A case is trained once without a stop, and once with a checkpoint after every step and
every epoch; from each of these a fresh job goes on. All must end with the same bits.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from torchsmith.core.errors import PlanError
from torchsmith.core.files import committed_folder
from torchsmith.core.vocabulary import Part
from torchsmith.nn.averaging import build_average
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.nn.schedules import build_schedule
from torchsmith.plan import schedules
from torchsmith.plan.averaging import EMA, SWA
from torchsmith.plan.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Group,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
)
from torchsmith.plan.plan import Stopping, Training
from torchsmith.plan.schedules import interval_of
from torchsmith.train.batches import Batches, DatasetBatches, TensorBatches
from torchsmith.train.engines.choose import build_engine
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.loop import Job, fit
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState

CPU = torch.device("cpu")
ROWS, VAL_ROWS, BATCH_SIZE, EPOCHS = 23, 11, 6, 3
TIMINGS = {"seconds", "examples_per_second"}

OPTIMIZERS = {
    "SGD": SGD(lr=0.05, momentum=0.9, nesterov=True),
    "Adam": Adam(lr=0.02, amsgrad=True),
    "AdamW": AdamW(lr=0.02, groups=(Group(params="*bias*", weight_decay=0.0),)),
    "RMSprop": RMSprop(lr=0.01, momentum=0.5, centered=True),
    "Adagrad": Adagrad(lr=0.1, lr_decay=0.1),
    "Adadelta": Adadelta(lr=0.5),
    "NAdam": NAdam(lr=0.02),
    "RAdam": RAdam(lr=0.05),
    "Muon": Muon(lr=0.05, others=AdamW(lr=0.02)),
}
SCHEDULES = {
    "none": None,
    "OneCycleLR": schedules.OneCycleLR(),
    "ReduceLROnPlateau": schedules.ReduceLROnPlateau(patience=0, threshold=0.5),
    "StepLR": schedules.StepLR(step_size=2, gamma=0.5, interval="step"),
    "MultiStepLR": schedules.MultiStepLR(milestones=(2, 2, 5), interval="step"),
    "CosineAnnealingLR": schedules.CosineAnnealingLR(),
    "CosineAnnealingWarmRestarts": schedules.CosineAnnealingWarmRestarts(
        T_0=3, T_mult=2, interval="step"
    ),
    "LambdaLR": schedules.LambdaLR(lr_lambda="1 / (1 + epoch)"),
    "SequentialLR": schedules.SequentialLR(
        schedulers=(
            schedules.LinearLR(total_iters=3),
            schedules.PolynomialLR(total_iters=4),
            schedules.ExponentialLR(gamma=0.8),
        ),
        milestones=(3, 6),
        interval="step",
    ),
}
AVERAGES = {
    "none": None,
    "EMA": EMA(decay=0.8),
    "SWA": SWA(start=0.3),
    "SWALR": SWA(start=0.3, swa_lr=0.03, anneal_epochs=2),
}
STOPPINGS = {
    "never": Stopping(patience=0),
    "last weights": Stopping(patience=0, restore_best=False),
    "early": Stopping(patience=1, min_delta=1e6),
    "on train_loss": Stopping(monitor="train_loss", patience=2),
}
CLIPPINGS: dict[str, dict[str, float]] = {
    "none": {},
    "norm": {"clip_grad_norm": 0.5},
    "value": {"clip_grad_value": 0.05},
}
VALUES: dict[str, tuple[object, ...]] = {
    "source": ("tensors", "dataset"),
    "network": ("mlp", "conv", "lstm"),
    "workers": (0, 1, 4),
    "dropout": (0.0, 0.4),
    "batch_norm": (False, True),
    "augment": (False, True),
    "precision": ("float32", "bfloat16"),
    "averaging": tuple(AVERAGES),
    "schedule": tuple(SCHEDULES),
    "stopping": tuple(STOPPINGS),
    "accumulate": (1, 3),
    "clipping": tuple(CLIPPINGS),
    "optimizer": tuple(OPTIMIZERS),
    "engine": ("eager", "captured", "compiled"),
    "loss": ("mean", "sum"),
    "validated": (True, False),
}
"""What is crossed: for each option of a case its values."""


@dataclass(frozen=True)
class Case:
    """One choice of every option of `VALUES`."""

    source: str
    network: str
    workers: int
    dropout: float
    batch_norm: bool
    augment: bool
    precision: str
    averaging: str
    schedule: str
    stopping: str
    accumulate: int
    clipping: str
    optimizer: str
    engine: str
    loss: str
    validated: bool

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


def generate(count: int, seed: int = 0) -> list[Case]:
    """Draw cases, all distinct; the first of them hold every pair of two values.

    Args:
        count: How many, at least.
        seed: Draws them.
    """
    chance = random.Random(seed)
    names = [field.name for field in fields(Case)]
    missing = {
        pair
        for left, right in combinations(names, 2)
        for a in VALUES[left]
        for b in VALUES[right]
        if _go_together(dict(pair := ((left, a), (right, b))))
    }
    found: dict[Case, None] = {}
    while missing or len(found) < count:
        wanted = dict(min(missing, key=repr)) if missing else {}
        drawn = [_draw(chance, wanted) for _ in range(30 if missing else 1)]
        best = max(drawn, key=lambda case: len(missing & _pairs(case)))
        missing -= _pairs(best)
        found[best] = None
    return list(found)


def _go_together(chosen: Mapping[str, object]) -> bool:
    if chosen.get("source") == "tensors" and chosen.get("workers"):
        return False
    # oneDNN has no LSTM in bfloat16 for processors without its instructions.
    return chosen.get("network") != "lstm" or chosen.get("precision") != "bfloat16"


def _draw(chance: random.Random, wanted: Mapping[str, object]) -> Case:
    while True:
        chosen = {name: chance.choice(values) for name, values in VALUES.items()}
        chosen |= wanted
        if _go_together(chosen):
            return Case(**chosen)  # type: ignore[arg-type]


def _pairs(case: Case) -> set[tuple[tuple[str, object], ...]]:
    return set(combinations(asdict(case).items(), 2))


class Rows(Dataset):  # type: ignore[type-arg]
    """Examples that draw from the global generators, as many a `Dataset` does."""

    def __init__(self, inputs: Tensor, targets: Tensor, *, noisy: bool) -> None:
        self.inputs, self.targets, self.noisy = inputs, targets, noisy

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        noise = 0.0
        if self.noisy:
            noise = random.random() + np.random.rand() + torch.rand(1).item()  # noqa: NPY002
        return self.inputs[index] + 0.1 * noise, self.targets[index]


class Noise(nn.Module):
    """Changes a batch at random."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + 0.1 * torch.randn_like(inputs)


class LastOutput(nn.Module):
    """A recurrent network's output after the last element."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 5, num_layers=2, dropout=dropout, batch_first=True)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.lstm(inputs)[0]
        return outputs[:, -1]


def build_module(case: Case) -> nn.Module:
    """Return the network of a case with its initial weights."""
    torch.default_generator.manual_seed(5)
    norm, drop = case.batch_norm, nn.Dropout(case.dropout)
    if case.network == "conv":
        layers = [
            nn.Conv2d(2, 4, 3, padding=1),
            nn.BatchNorm2d(4) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Dropout2d(case.dropout),
            nn.Conv2d(4, 4, 3),
            nn.Flatten(),
            nn.Linear(16, 1),
        ]
        return nn.Sequential(*layers).to(memory_format=torch.channels_last)
    if case.network == "lstm":
        last = nn.BatchNorm1d(5) if norm else nn.Identity()
        return nn.Sequential(LastOutput(case.dropout), last, drop, nn.Linear(5, 1))
    first = nn.BatchNorm1d(7) if norm else nn.Identity()
    layers = [nn.Linear(8, 7), first, nn.ReLU(), drop, nn.Linear(7, 5), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(5, 1))


def examples(case: Case) -> tuple[Tensor, Tensor]:
    """Return all rows of a case, the training rows first."""
    shape = {"mlp": (8,), "conv": (2, 4, 4), "lstm": (4, 2)}[case.network]
    draw = torch.Generator().manual_seed(1)
    inputs = torch.randn(ROWS + VAL_ROWS, *shape, generator=draw)
    return inputs, inputs.flatten(1)[:, :3].sum(1, keepdim=True).sin()


def build_batches(case: Case, part: slice) -> Batches:
    """Return the rows of a part, as tensors or as a `Dataset`."""
    inputs, targets = (each[part] for each in examples(case))
    if case.source == "tensors":
        return TensorBatches(inputs, targets)
    rows = Rows(inputs, targets, noisy=case.augment and part.start == 0)
    name: Part = "train" if part.start == 0 else "val"
    return DatasetBatches(rows, CPU, seed=3, part=name, num_workers=case.workers)


def build(case: Case) -> tuple[Job, TrainState]:
    """Build the job of a case and its state at step 0, from nothing."""
    job = Job(
        train=build_batches(case, slice(0, ROWS)),
        val=build_batches(case, slice(ROWS, None)) if case.validated else None,
        loss=nn.MSELoss(reduction=case.loss),
        training=Training(
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            accumulate=case.accumulate,
            precision=case.precision,
            engine=case.engine,
            num_workers=case.workers,
            seed=3,
            **CLIPPINGS[case.clipping],
        ),
        stopping=STOPPINGS[case.stopping],
        device=CPU,
        augment=Noise() if case.augment else nn.Identity(),
    )
    network = build_module(case)
    optimizer = build_optimizer(OPTIMIZERS[case.optimizer], network.named_parameters())
    spec = SCHEDULES[case.schedule]
    state = TrainState(
        network,
        optimizer,
        build_schedule(spec, optimizer, EPOCHS, job.steps_per_epoch),
        interval_of(spec),
        build_average(AVERAGES[case.averaging], network, optimizer, EPOCHS),
    )
    return job, state


class Keeping(Session):
    """A session that keeps a checkpoint of every step and every epoch.

    Args:
        job: Of the training.
        folder: Where they go, numbered; None keeps none.
    """

    def __init__(self, job: Job, folder: Path | None = None) -> None:
        super().__init__(job)
        self._into = folder
        self.kept: list[Path] = []

    def after_step(self, state: TrainState) -> None:
        super().after_step(state)
        self._keep(state)

    def after_epoch(self, state: TrainState, record: object) -> None:
        super().after_epoch(state, record)  # type: ignore[arg-type]
        self._keep(state)

    def _keep(self, state: TrainState) -> None:
        if self._into is not None:
            path = self._into / f"{len(self.kept):03d}"
            with committed_folder(path) as folder:
                state.save(folder)
            self.kept.append(path)


def train(case: Case, folder: Path | None = None, checkpoint: Path | None = None):
    """Train a case, from a checkpoint or from nothing.

    Returns:
        Its fingerprint, and the checkpoints that were kept in `folder`.

    Raises:
        Unsupported: The engine has no case for it.
    """
    job, state = build(case)
    if checkpoint is not None:
        state.load(checkpoint)
    engine = build_engine(job.training.engine, job, state)
    session = Keeping(job, folder)
    fit(job, state, session, engine.train_epoch)
    return fingerprint(state), session.kept


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        engine: That computed it: the case's own, or eager where that cannot.
        points: At how many points it was stopped.
        different: The points from which it ended with other bits.
    """

    engine: str
    points: int
    different: tuple[str, ...]


def run_case(case: Case, folder: Path) -> Outcome:
    """Stop a case after every step and every epoch, and go on from each."""
    try:
        expected, _ = train(case)
    except (Unsupported, PlanError):
        case = Case(**(asdict(case) | {"engine": "eager"}))
        expected, _ = train(case)
    kept_run, kept = train(case, folder)
    different = [] if kept_run == expected else ["the run that kept checkpoints"]
    different += [
        path.name for path in kept if train(case, checkpoint=path)[0] != expected
    ]
    return Outcome(case.engine, len(kept), tuple(different))


def fingerprint(state: TrainState) -> str:
    """Return the SHA-256 of all that a training leaves: no timings."""
    average = state.average
    parts = {
        "network": state.network.state_dict(),
        "best": state.best_weights,
        "optimizer": state.optimizer.state_dict(),
        "schedule": None if state.schedule is None else state.schedule.state_dict(),
        "average": None if average is None else average.model.state_dict(),
        "history": [record.model_dump(exclude=TIMINGS) for record in state.history],
        "numbers": [state.epoch, state.step, state.lr, state.best_value],
        "ends": [state.best_epoch, state.bad_epochs, state.finished],
    }
    digest = hashlib.sha256()
    for piece in _pieces(parts):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(value: object) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        yield f"{value.dtype}{tuple(value.shape)}".encode()
        yield (
            value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield f"{key}:".encode()
            yield from _pieces(value[key])
    elif isinstance(value, list | tuple):
        yield f"{len(value)}[".encode()
        for each in value:
            yield from _pieces(each)
    elif not callable(value):  # the functions of a schedule come from the plan
        yield f"{value!r};".encode()
