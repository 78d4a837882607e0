"""The tasks: small real data, a network that learns it in seconds, and its layers."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
from benchmarks.doctor.examples import Examples, of_table
from benchmarks.quality.sources import DATA

import torchsmith as ts

Kind = Literal["table", "images", "sequences", "volumes"]
Settings = Mapping[str, Any]

FAMILY = {"table": "MLP", "images": "ConvNet", "volumes": "VolumeNet"}


@dataclass(frozen=True, eq=False)
class Task:
    """Data with a plan that is known to learn it.

    Attributes:
        name: Short.
        title: For the page.
        kind: Of the data.
        read: All examples.
        pool: So many are given to a run, which divides them into three parts itself.
        held_out: So many are given to nobody, and tell what a network is worth.
        num_outputs: Of the last layer; 1 predicts a number.
        prepare: Of the plan.
        hidden: Widths of the layers but the last.
        epochs: That the healthy plan trains.
        batch_size: Of it.
        lr: Of it, with AdamW and one cycle.
        convolutional: Whether layers are convolutions.
        has_numbers: Whether there are inputs that are numbers.
        plain: Whether its layers learn as well without normalisation.
        tuning: Whether thresholds were chosen on it.
        known: Codes that are true of the data as it is published, and why.
    """

    name: str
    title: str
    kind: Kind
    read: Callable[[], Examples]
    pool: int
    held_out: int
    num_outputs: int
    prepare: tuple[object, ...]
    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    lr: float
    convolutional: bool = False
    has_numbers: bool = True
    plain: bool = True
    tuning: bool = False
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def examples(self) -> Examples:
        """What a run is given."""
        return _divided(self)[0]

    @property
    def unseen(self) -> Examples:
        """What no run is given."""
        return _divided(self)[1]

    @property
    def regression(self) -> bool:
        """Whether a number is predicted."""
        return self.num_outputs == 1

    def settings(self, seed: int) -> dict[str, Any]:
        """Return the healthy plan's settings; nothing depends on the machine."""
        return {
            "split.test": 0.2,
            "split.val": 0.15,
            "split.seed": seed,
            "split.keep_together": False,
            "split.drop_shared": False,
            "prepare": list(self.prepare),
            "augment": [],
            "network": self.network(),
            "loss": "MSELoss" if self.regression else "CrossEntropyLoss",
            "optimizer": {"AdamW": {"lr": self.lr, "weight_decay": 0.01}},
            "schedule": {"OneCycleLR": {"cycle_momentum": False}},
            "averaging": None,
            "calibration": None,
            "training.epochs": self.epochs,
            "training.batch_size": self.batch_size,
            "training.clip_grad_norm": 0,
            "training.engine": "captured",
            "training.threads": 1,
            "training.seconds": 0,
            "training.seed": seed,
            "stopping.monitor": "val_loss",
            "stopping.patience": 0,
            "stopping.restore_best": True,
            "robustness": [],
        }

    def network(
        self,
        hidden: tuple[int, ...] | None = None,
        activation: str = "ReLU",
        dropout: float = 0.0,
        *,
        batch_norm: bool = False,
    ) -> dict[str, Any]:
        """Return the network's family with these layers.

        Convolutional families always have batch normalisation.
        """
        widths = list(hidden or self.hidden)
        if not self.convolutional:
            kind = {"hidden": widths, "batch_norm": batch_norm}
            return {"MLP": {**kind, "activation": activation, "dropout": dropout}}
        if self.kind == "sequences":
            return self.layers(hidden, activation, dropout=dropout, norm={})
        kind = {"channels": widths, "activation": activation, "dropout": dropout}
        if self.kind == "images":
            kind["pool"] = 3
        return {FAMILY[self.kind]: kind}

    def layers(
        self,
        hidden: tuple[int, ...] | None = None,
        activation: str = "ReLU",
        *,
        dropout: float = 0.0,
        norm: Settings | None = None,
        end: tuple[object, ...] = (),
    ) -> dict[str, Any]:
        """Return the network as a list of layers.

        Args:
            hidden: Widths; the task's own where not given.
            activation: After each layer but the last; `Identity` is none.
            dropout: After each activation.
            norm: Arguments of batch normalisation before each activation; None has
                none.
            end: Layers after the last.
        """
        flat = self.convolutional or self.kind == "table"
        made: list[object] = [] if flat else ["Flatten"]
        for width in hidden or self.hidden:
            made += [self._wide(width), *self._norm(norm), activation]
            if dropout:
                made.append({"Dropout": dropout})
            if self.convolutional:
                made.append({f"MaxPool{self._sides}d": 2})
        if self.convolutional:
            made += self._last_maps()
        return {"Sequential": [*made, {"Linear": self.num_outputs}, *end]}

    def deep(self, depth: int, activation: str, **others: Any) -> dict[str, Any]:
        """Return a network of many layers of one width, which pools hardly at all."""
        if not self.convolutional:
            return self.layers((self.hidden[-1],) * depth, activation, **others)
        layer = [self._wide(self.hidden[0]), activation]
        pool = {f"MaxPool{self._sides}d": 4}
        end = self._last_maps()
        outputs = {"Linear": self.num_outputs}
        return {"Sequential": [*layer, pool, *(layer * (depth - 1)), *end, outputs]}

    @property
    def _sides(self) -> int:
        return {"table": 0, "sequences": 1, "images": 2, "volumes": 3}[self.kind]

    def _wide(self, width: int) -> object:
        if not self.convolutional:
            return {"Linear": width}
        return {f"Conv{self._sides}d": {"out_channels": width, "padding": 1}}

    def _last_maps(self) -> list[object]:
        side = 3 if self.kind == "images" else 1
        return [{f"AdaptiveAvgPool{self._sides}d": side}, "Flatten"]

    def _norm(self, norm: Settings | None) -> list[object]:
        if norm is None:
            return []
        sides = self._sides if self.convolutional else 1
        return [{f"BatchNorm{sides}d": dict(norm)}]


@cache
def _divided(task: Task) -> tuple[Examples, Examples]:
    every = task.read()
    order = np.random.default_rng(0).permutation(len(every))
    if len(every) < task.pool + task.held_out:
        raise ValueError(f"{task.name}: has {len(every)} examples")
    unseen = order[task.pool : task.pool + task.held_out]
    return every.take(order[: task.pool]), every.take(unseen)


def _idx(name: str) -> np.ndarray:
    content = gzip.decompress((DATA / "mnist" / name).read_bytes())
    sides = np.frombuffer(content, ">i4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(sides)


@cache
def _mnist() -> Examples:
    pixels, labels = (
        _idx(f"train-{name}-ubyte.gz") for name in ("images-idx3", "labels-idx1")
    )
    return Examples(pixels[:8000], labels[:8000].astype(str))


def _california() -> Examples:
    path = DATA / "california" / "california_housing.csv"
    return of_table(ts.load(path, target="MedHouseVal"))


def _car() -> Examples:
    return of_table(ts.load(DATA / "car" / "car_evaluation.csv", target="output"))


def _adult() -> Examples:
    every = of_table(ts.load(DATA / "adult" / "adult_train.csv", target="income"))
    left_out = ("fnlwgt", "education")
    kept = {k: v for k, v in every.columns.items() if k not in left_out}
    return _distinct(every.changed(kept).take(np.arange(16_000)))


def _titanic() -> Examples:
    every = of_table(ts.load(DATA / "titanic" / "train.csv", target="Survived"))
    names = ("Pclass", "Sex", "Age", "SibSp", "Parch", "Fare", "Embarked")
    return every.changed({name: every.columns[name] for name in names})


def _distinct(examples: Examples) -> Examples:
    """Leave out rows that stand there twice: no fault that we did not put there."""
    rows = list(zip(*(v.tolist() for v in examples.columns.values()), strict=True))
    _, first = np.unique([str(row) for row in rows], return_index=True)
    return examples.take(np.sort(first))


def _swedish_leaf() -> Examples:
    lines = [
        line
        for part in ("TRAIN", "TEST")
        for line in (DATA / f"ucr/SwedishLeaf/SwedishLeaf_{part}.tsv").open()
    ]
    values = np.array([line.split() for line in lines], np.float64)
    classes = np.char.add("leaf ", values[:, 0].astype(int).astype(str))
    steps = values[:, None, 1:].astype(np.float32)
    return Examples(steps, classes, reading={"data.kind": "sequences"})


def _modelnet10() -> Examples:
    data = ts.load(DATA / "modelnet10" / "modelnet10_30.npz")
    values = np.asarray(data.inputs.values)  # type: ignore[union-attr]
    num = len(values)
    blocks = values.reshape(num, 1, 10, 3, 10, 3, 10, 3).max(axis=(3, 5, 7))
    texts = [volume.tobytes() for volume in blocks]
    _, first = np.unique(texts, return_index=True)
    first = first[blocks[first].any(axis=(1, 2, 3, 4))]
    assert data.target is not None
    return Examples(blocks, np.array(data.target.texts())).take(np.sort(first))


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="mnist-mlp",
            title="MNIST, 4,000 pictures, MLP",
            kind="images",
            read=_mnist,
            pool=4000,
            held_out=2000,
            num_outputs=10,
            prepare=({"ToFloat": 255}, "Standardize"),
            hidden=(128, 64),
            epochs=8,
            batch_size=64,
            lr=0.003,
            tuning=True,
        ),
        Task(
            name="california",
            title="California housing, 4,000 districts, MLP",
            kind="table",
            read=_california,
            pool=4000,
            held_out=4000,
            num_outputs=1,
            prepare=("QuantileScale", "StandardizeTarget"),
            hidden=(64, 64),
            epochs=20,
            batch_size=64,
            lr=0.005,
            tuning=True,
            known={"D21": "prices are cut off at 500,000 dollars"},
        ),
        Task(
            name="car",
            title="Car evaluation, 1,300 cars, MLP",
            kind="table",
            read=_car,
            pool=1300,
            held_out=428,
            num_outputs=4,
            prepare=({"EncodeCategories": "one_hot"},),
            hidden=(64, 32),
            epochs=30,
            batch_size=32,
            lr=0.005,
            has_numbers=False,
            tuning=True,
            known={"D5": "two of the four classes have 4 % of the cars"},
        ),
        Task(
            name="mnist-cnn",
            title="MNIST, 3,000 pictures, ConvNet",
            kind="images",
            read=_mnist,
            pool=3000,
            held_out=2000,
            num_outputs=10,
            prepare=({"ToFloat": 255}, "Standardize"),
            hidden=(8, 16, 32),
            epochs=5,
            batch_size=64,
            lr=0.01,
            convolutional=True,
        ),
        Task(
            name="adult",
            title="Adult, 4,000 people, MLP",
            kind="table",
            read=_adult,
            pool=4000,
            held_out=4000,
            num_outputs=2,
            prepare=("FillMissing", "Standardize", {"EncodeCategories": "one_hot"}),
            hidden=(64, 32),
            epochs=8,
            batch_size=64,
            lr=0.002,
        ),
        Task(
            name="titanic",
            title="Titanic, 650 passengers, MLP",
            kind="table",
            read=_titanic,
            pool=650,
            held_out=241,
            num_outputs=2,
            prepare=("FillMissing", "Standardize", {"EncodeCategories": "one_hot"}),
            hidden=(32, 16),
            epochs=20,
            batch_size=32,
            lr=0.003,
            known={"D12": "passengers without their names", "D27": "are often alike"},
        ),
        Task(
            name="leaf",
            title="SwedishLeaf (UCR), 800 sequences, 1-D convolutions",
            kind="sequences",
            read=_swedish_leaf,
            pool=800,
            held_out=325,
            num_outputs=15,
            prepare=("Standardize",),
            hidden=(16, 32, 32),
            epochs=32,
            batch_size=32,
            lr=0.02,
            convolutional=True,
            plain=False,
            known={"D25": "about 53 leaves of a kind"},
        ),
        Task(
            name="modelnet",
            title="ModelNet10, 1,000 volumes of 10³, VolumeNet",
            kind="volumes",
            read=_modelnet10,
            pool=1000,
            held_out=600,
            num_outputs=10,
            prepare=({"ToFloat": 1},),
            hidden=(8, 16, 32),
            epochs=12,
            batch_size=32,
            lr=0.02,
            convolutional=True,
            plain=False,
            known={"D25": "few shapes of some kinds"},
        ),
    )
}
