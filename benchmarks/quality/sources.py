"""The data of each case, divided as its protocol says."""

import gzip
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedKFold

import torchsmith as ts
from torchsmith.data.data import Data, Table, Volumes

DATA = Path(
    os.environ.get("TORCHSMITH_DATA", Path(__file__).parents[3] / "shared/data")
)
FOLDS = 5
RANDOM_SPLIT = {"split.test": 0.2, "split.val": 0.2}
"""64 % to learn from, 16 % to choose by, 20 % to test."""


@dataclass(frozen=True)
class Task:
    """What is trained once: one seed, one split, or one fold.

    Attributes:
        data: With its given parts, where the protocol has some.
        settings: Of the plan; nothing but how to divide, the seed, and what the
            protocol leaves out.
        notes: What was done to the data, for the page.
    """

    data: Data
    settings: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def seeded(data: Data, seed: int, **settings: object) -> Task:
    """The parts that the source comes with; the seed draws the val part and weights."""
    seeds = {"training.seed": seed, "split.seed": seed}
    return Task(data, {**seeds, **settings})


def with_seed(task: Task, seed: int) -> Task:
    """The given parts of a task, with a seed."""
    return replace(seeded(task.data, seed), notes=task.notes)


def random_split(data: Data, seed: int, **settings: object) -> Task:
    """64 / 16 / 20 %, drawn anew by each seed."""
    task = seeded(data, seed, **RANDOM_SPLIT, **settings)
    return replace(task, data=replace(data, given=None))


def random_test(data: Data, seed: int, **settings: object) -> Task:
    """20 % are held out, drawn anew by each seed; how to validate is the plan's."""
    task = seeded(data, seed, **{"split.test": 0.2}, **settings)
    return replace(task, data=replace(data, given=None))


def fold(data: Data, seed: int, **settings: object) -> Task:
    """One of five folds with the same shares of classes is the test part."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    codes = np.asarray(data.target.texts(slice(None)))
    test = [test for _, test in folds.split(codes, codes)][seed]
    given = np.zeros(len(data), np.int8)
    given[test] = 2
    return seeded(replace(data, given=given), seed, **settings)


def california() -> Data:
    """20,640 districts; the target in 100,000 dollars."""
    return ts.load(DATA / "california" / "california_housing.csv", target="MedHouseVal")


def adult() -> Data:
    """The publisher's two parts, one file after the other."""
    parts = [DATA / "adult" / f"adult_{part}.csv" for part in ("train", "test")]
    lines = [path.read_text().splitlines(keepends=True) for path in parts]
    return _of_parts(lines, "adult.csv", "income")


def _of_parts(lines: list[list[str]], name: str, target: str) -> Data:
    """Read two CSV files with the same header as one, with given parts."""
    first, second = lines
    if first[0] != second[0]:
        raise ValueError(f"{name}: the parts have other headers")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text("".join([*first, *second[1:]]))
        data = ts.load(path, target=target)
    given = np.repeat(np.array([0, 2], np.int8), [len(first) - 1, len(second) - 1])
    return replace(data, given=given)


def bank() -> Data:
    """45,211 calls of a bank."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bank-full.csv"
        path.write_bytes(gzip.decompress((DATA / "bank/bank-full.csv.gz").read_bytes()))
        return ts.load(path, target="y")


def wine(colour: str) -> Data:
    """The marks of wines, `"red"` or `"white"`, taken as numbers."""
    return ts.load(DATA / "wine" / f"winequality-{colour}.csv", target="quality")


def car() -> Data:
    """1,728 cars."""
    return ts.load(DATA / "car" / "car_evaluation.csv", target="output")


def titanic() -> Data:
    """The 891 passengers whose fate is known."""
    return ts.load(DATA / "titanic" / "train.csv", target="Survived")


def mnist() -> Data:
    """60,000 and 10,000 digits."""
    return ts.load(DATA / "mnist")


def cifar() -> Data:
    """3,000 and 600 pictures of ten classes."""
    return ts.load(DATA / "cifar10_small")


def ucr(name: str) -> Data:
    """A set of the UCR and UEA archives, with its given parts."""
    return ts.load(DATA / "ucr" / name)


def ecg5000() -> Data:
    """500 and 4,500 heart beats, normal or not."""
    rows = [
        line.split() for line in (DATA / "ecg5000/ECG5000_TRAIN.tsv").open() if line
    ]
    normal = {True: "normal", False: "abnormal"}
    train = [[normal[float(row[0]) == 1], *row[1:]] for row in rows]
    with np.load(DATA / "ecg5000/ecg5000.npz") as arrays:
        beats, abnormal = arrays["x_test"], arrays["y_test_abnormal"]
    test = [
        [normal[not wrong], *map(str, beat.tolist())]
        for wrong, beat in zip(abnormal.tolist(), beats, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        # As the archive writes them: the label first, tabs between.
        for part, lines in (("TRAIN", train), ("TEST", test)):
            path = Path(folder) / f"ECG5000_{part}.tsv"
            path.write_text("".join("\t".join(line) + "\n" for line in lines))
        return ts.load(folder)


def hmp() -> Data:
    """839 movements of 16 people, three accelerations each, of many lengths."""
    return ts.load(DATA / "hmp" / "hmp_wrist_accelerometer.npz", target="labels")


def names() -> Data:
    """20,050 surnames of 18 languages."""
    return ts.load(DATA / "names")


def modelnet10() -> Task:
    """4,899 shapes; those of the training part that are also in the test part go."""
    data = ts.load(DATA / "modelnet10" / "modelnet10_30.npz")
    if not isinstance(data.inputs, Volumes):
        raise TypeError(f"{data.source}: was read as {data.kind}")
    given = data.given.copy()
    texts = [volume.tobytes() for volume in np.asarray(data.inputs.values)]
    tested = {text for text, part in zip(texts, given, strict=True) if part == 2}
    twice = np.array([text in tested for text in texts]) & (given == 0)
    given[twice] = -1
    note = f"{twice.sum()} of {(data.given == 0).sum():,} training volumes left out"
    return Task(replace(data, given=given), notes=(f"{note}: also in the test part",))


def is_table(data: Data) -> bool:
    """Whether the inputs are columns."""
    return isinstance(data.inputs, Table)
