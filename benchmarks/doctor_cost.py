"""What the doctor's watch costs a training: the same runs with it and without.

`python -m benchmarks.doctor_cost` trains each in pairs, in turn first and second, and
compares the seconds of processor time, which other programs do not count in. It also
gives the processor time that the watch itself took, which is exact: pairs differ by
some per cent from one to the next on a machine that others use.
"""

import argparse
from collections.abc import Iterator
from statistics import median
from time import process_time
from typing import Any, NamedTuple

import numpy as np
import torch
from benchmarks.quality.sources import DATA

import torchsmith as ts
from torchsmith.api.planning import make_plan
from torchsmith.data.data import Data
from torchsmith.doctor.subject import Subject
from torchsmith.doctor.watch import Watch
from torchsmith.train.engines.choose import choose_engine
from torchsmith.train.history import EpochRecord
from torchsmith.train.loop import fit
from torchsmith.train.session import Session
from torchsmith.train.setup import set_up

PAIRS = 5

SETTINGS: dict[str, Any] = {
    "training.seed": 1,
    "training.threads": 1,
    "training.seconds": 0,
    "stopping.patience": 0,
    "calibration": None,
}


class Case(NamedTuple):
    """A training.

    Attributes:
        name: Of it.
        data: All examples.
        settings: Of the plan.
    """

    name: str
    data: Data
    settings: dict[str, Any]


class Timed(Watch):
    """Counts the processor time of the watch itself."""

    def __init__(self, subject: Subject) -> None:
        begin = process_time()
        super().__init__(subject)
        self.own = process_time() - begin

    def reason_to_stop(self, record: EpochRecord) -> str:
        """Count what this takes."""
        begin = process_time()
        super().reason_to_stop(record)
        self.own += process_time() - begin
        return ""

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Count what this takes."""
        begin = process_time()
        super().on_epoch_end(record)
        self.own += process_time() - begin


def cases() -> Iterator[Case]:
    """Return the trainings, as long as a person would train."""
    mnist = ts.load(DATA / "mnist")
    mlp = {"MLP": {"hidden": [256, 128]}}
    engine = {"training.engine": "captured", "training.batch_size": 64}
    yield Case("MNIST, MLP", mnist, {"network": mlp, "training.epochs": 4, **engine})
    path = DATA / "california" / "california_housing.csv"
    california = ts.load(path, target="MedHouseVal")
    mlp = {"MLP": {"hidden": [128, 128]}}
    longer = {"network": mlp, "training.epochs": 20, **engine}
    yield Case("California housing, MLP", california, longer)
    cnn = {"ConvNet": {"channels": [8, 16], "pool": 3}}
    yield Case("MNIST, CNN", mnist, {"network": cnn, "training.epochs": 1, **engine})


def train(case: Case, *, watched: bool) -> tuple[float, float, int]:
    """Return processor seconds of training, of these the watch's, and its samples."""
    plan = make_plan(case.data, settings=SETTINGS | case.settings).plan
    setup = set_up(plan, case.data)
    begin = process_time()
    watch = Timed(Subject(setup.job, setup.state)) if watched else None
    session = Session(setup.job, observers=[watch] if watch else [])
    engine = choose_engine(setup.job, setup.state)
    fit(setup.job, setup.state, session, engine.train_epoch)
    taken = process_time() - begin
    return taken, watch.own if watch else 0.0, len(watch.signals) if watch else 0


def main() -> None:
    """Measure, and print a row for each training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--only", default="", help="part of a name")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print("| training | CPU s | samples | watch, CPU s | own share | with / without |")
    print("|---|---|---|---|---|---|")
    for case in cases():
        if asked.only not in case.name:
            continue
        ratios, shares, owns, bare, num = [], [], [], [], 0
        for pair in range(asked.pairs):
            taken: dict[bool, float] = {}
            for watched in (True, False) if pair % 2 else (False, True):
                taken[watched], own, samples = train(case, watched=watched)
                if watched:
                    shares.append(own / (taken[True] - own))
                    owns.append(own)
                    num = samples
            bare.append(taken[False])
            ratios.append(taken[True] / taken[False])
        spread = f"{np.min(ratios):.3f} to {np.max(ratios):.3f}"
        print(
            f"| {case.name} | {median(bare):.1f} | {num} | {median(owns):.3f} | "
            f"{median(shares):.2%} (worst {max(shares):.2%}) | "
            f"{median(ratios):.3f} ({spread}) |"
        )


if __name__ == "__main__":
    main()
