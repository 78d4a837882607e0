"""What every contender of `benchmarks/engines.py` is given: a job, its data, its turns.

Nothing here loads a framework: the time of a whole job begins with the process.
"""

import gzip
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

HERE = Path(__file__).resolve()
DATA = Path(os.environ.get("TORCHSMITH_DATA", HERE.parents[3] / "shared" / "data"))
PICTURES = "TORCHSMITH_BENCH_PICTURES"
"""The variable that names the file which the convolutions are trained on."""
LR = 0.001


@dataclass(frozen=True)
class Job:
    """What is trained.

    Attributes:
        title: For the table.
        sizes: Of the layers of a perceptron, or of what follows the convolutions.
        batch: Examples per step.
        rows: Training examples.
        threads: With which the hand-written loop is fastest, for peers to use.
        warm: Epochs before the clock counts.
        epochs: Timed in each round.
        rounds: Of all contenders in turn.
        scale: Figures are given for so many times the rows.
        usual_epochs: Of a run as people make it.
        whole_rows: Training examples of a whole job; a plan holds some out.
        whole_rounds: Of whole jobs.
    """

    title: str
    sizes: tuple[int, ...]
    batch: int
    rows: int
    threads: int
    warm: int = 1
    epochs: int = 1
    rounds: int = 5
    scale: int = 1
    usual_epochs: int = 20
    whole_rows: int = 54_000
    whole_rounds: int = 1

    @property
    def is_images(self) -> bool:
        """Whether the network begins with convolutions."""
        return self.sizes[0] == 9216

    @property
    def is_regression(self) -> bool:
        """Whether a number is predicted."""
        return self.sizes[-1] == 1


JOBS = {
    "S3": Job(
        "California 8-100-1, batch 100",
        sizes=(8, 100, 1),
        batch=100,
        rows=20_640,
        threads=1,
        warm=3,
        epochs=5,
        usual_epochs=200,
        whole_rows=14_861,
        whole_rounds=3,
    ),
    "S4": Job(
        "MNIST 784-64-64-10, batch 32",
        sizes=(784, 64, 64, 10),
        batch=32,
        rows=60_000,
        threads=1,
        rounds=4,
        whole_rounds=3,
    ),
    "S7": Job(
        "MNIST 784-500-10, batch 100",
        sizes=(784, 500, 10),
        batch=100,
        rows=60_000,
        threads=2,
        rounds=3,
    ),
    "CNN": Job(
        "MNIST conv32-conv64-pool-fc128, 12,800 images, batch 128",
        sizes=(9216, 128, 10),
        batch=128,
        rows=3200,
        threads=2,
        rounds=2,
        scale=4,
        whole_rows=3200,
    ),
}


class Work:
    """A job in one process.

    Attributes:
        job: What is trained.
        num_epochs: To be trained.
        threads: To use.
        notes: What is to be said of how it was trained.
    """

    def __init__(self, name: str, num_epochs: int, threads: int, channel: Any) -> None:
        self.name = name
        self.job = JOBS[name]
        self.notes = ""
        self.num_epochs = num_epochs
        self.threads = threads
        self._channel = channel
        self._begun = 0.0
        self._is_whole = channel is None

    @cached_property
    def inputs(self) -> np.ndarray:
        """The inputs `(N, C)`, for convolutions `(N, 1, 28, 28)`; float32."""
        return self._read[0]

    @cached_property
    def targets(self) -> np.ndarray:
        """The targets: `(N, 1)` float32, or `(N,)` int64."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        inputs, targets = read(self.name)
        rows = self.job.whole_rows if self._is_whole else self.job.rows
        return inputs[:rows], targets[:rows]

    def epochs(self) -> Iterator[int]:
        """Count the epochs, each when it is this process's turn."""
        for epoch in range(self.num_epochs):
            self.turn()
            yield epoch
        self.done()

    def turn(self) -> None:
        """Wait until it is this process's turn; called as each epoch begins."""
        if self._channel is None:
            return
        self.done()
        if not sys.stdin.readline():
            os._exit(1)  # nobody waits for the rest
        self._begun = perf_counter()

    def done(self) -> None:
        """Tell how long the epoch before took, with all that belongs to it."""
        if self._channel is None:
            return
        seconds = perf_counter() - self._begun if self._begun else None
        self._begun = 0.0
        self.tell(seconds=seconds, notes=self.notes)

    def tell(self, **values: Any) -> None:
        """Tell the main process something."""
        print(json.dumps(values), file=self._channel, flush=True)


def read(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the training data of a job, scaled as networks want it."""
    job = JOBS[name]
    if job.is_regression:
        table = california()
        table = (table - table.mean(0)) / table.std(0)
        table = table.astype(np.float32)
        return np.ascontiguousarray(table[:, :8]), table[:, 8:].copy()
    return mnist("train", job)


def held_out(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read what a job is scored on; for the regression, the training data."""
    job = JOBS[name]
    return read(name) if job.is_regression else mnist("t10k", job)


def california() -> np.ndarray:
    """Read the 8 columns and the target, `(20640, 9)`."""
    path = DATA / "california" / "california_housing.csv"
    return np.loadtxt(path, delimiter=",", skiprows=1)


def mnist(part: str, job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Read pictures between 0 and 1, and labels."""
    if job.is_images:
        with np.load(os.environ[PICTURES]) as arrays:
            name = "train" if part == "train" else "test"
            pictures, labels = arrays[f"x_{name}"], arrays[f"y_{name}"]
        pictures = pictures.reshape(-1, 1, 28, 28)
    else:
        pictures, labels = pixels(part)
        pictures = pictures.reshape(-1, 784)
    return pictures.astype(np.float32) / 255, labels.astype(np.int64)


def pixels(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Read MNIST: pictures `(N, 28, 28)` and labels `(N,)`, uint8."""
    found = []
    for kind, header in (("images-idx3", 16), ("labels-idx1", 8)):
        path = DATA / "mnist" / f"{part}-{kind}-ubyte.gz"
        content = gzip.decompress(path.read_bytes())
        found.append(np.frombuffer(content, np.uint8, offset=header))
    return found[0].reshape(-1, 28, 28), found[1]


def write_pictures(path: Path) -> None:
    """Write the first 3,556 pictures of MNIST, of which a plan holds a tenth out."""
    arrays = {}
    for part, name, rows in (("train", "train", 3556), ("t10k", "test", 2000)):
        pictures, labels = pixels(part)
        arrays |= {f"x_{name}": pictures[:rows], f"y_{name}": labels[:rows]}
    np.savez(path, **arrays)
    os.environ[PICTURES] = str(path)
