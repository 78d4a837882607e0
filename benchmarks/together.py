"""Eight seeds together against one alone, and whether the bits are the same.

    python benchmarks/together.py [--epochs 3] [--seeds 8] [--set mnist]

The network is 784-64-64-10 (Adam, batch 32) for `mnist`, 64-64-64-10 for `digits`. All
contenders take turns in one process; an epoch's time is its least over the rounds,
validation included. Set TORCHSMITH_DATA to the folder of `mnist`.
"""

import argparse
import sys
from time import perf_counter

import torch

from torchsmith.core.environment import usable_cores
from torchsmith.core.vocabulary import EngineName
from torchsmith.data.load import load
from torchsmith.plan.file import parse_plan
from torchsmith.plan.plan import Plan
from torchsmith.train.engines.choose import build_engine
from torchsmith.train.engines.together import (
    TogetherMember,
    fit_beside,
    fit_together,
)
from torchsmith.train.loop import TrainEpoch, fit
from torchsmith.train.session import Session, Stop
from torchsmith.train.setup import Setup, set_up, set_up_beside

PLAN = """
problem: {{task: multiclass, target: label, metric: accuracy,
  classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']}}
data: {{source: {source}}}
prepare: [{{ToFloat: {scale}}}, Standardize]
network: {{MLP: {{hidden: [64, 64]}}}}
loss: CrossEntropyLoss
optimizer: {{Adam: {{lr: 0.001}}}}
training: {{epochs: {epochs}, batch_size: 32, threads: 1, engine: eager}}
stopping: {{patience: 0}}
"""
ENGINES: tuple[EngineName, ...] = ("eager", "captured", "compiled")
SCALES = {"mnist": 255, "digits": 16}


def session(setup: Setup, stop: Stop | None = None) -> Session:
    """Return a session that writes nothing."""
    return Session(setup.job, stop=stop)


def compiled(member: TogetherMember) -> TrainEpoch:
    """Return the engine of one of several networks."""
    return build_engine("compiled", member.job, member.state).train_epoch


def alone(setup: Setup, engine: EngineName) -> float:
    """Train one network; return the seconds of an epoch."""
    train_epoch = build_engine(engine, setup.job, setup.state).train_epoch
    begin = perf_counter()
    fit(setup.job, setup.state, session(setup), train_epoch)
    return (perf_counter() - begin) / setup.job.training.epochs


def together(setups: list[Setup], engine: EngineName, lanes: int) -> float:
    """Train all networks; return the seconds of an epoch of all."""
    stop = Stop()
    members = [TogetherMember(s.job, s.state, session(s, stop)) for s in setups]
    begin = perf_counter()
    if engine == "compiled":
        fit_beside(members, stop, compiled, lanes=lanes)
    else:
        fit_together(members, stop, lanes=lanes)
    return (perf_counter() - begin) / setups[0].job.training.epochs


def same(left: Setup, right: Setup) -> bool:
    """Whether two networks have the same weights, bit for bit."""
    ours, theirs = left.state.network.state_dict(), right.state.network.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def main() -> None:
    """Print a line for each contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="digits", choices=SCALES)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    text = PLAN.format(source=asked.set, scale=SCALES[asked.set], epochs=asked.epochs)
    plan = parse_plan(text)
    first = set_up(plan, load(plan.data.source))

    def of_seed(seed: int) -> Setup:
        training = plan.training.model_copy(update={"seed": seed})
        changed: Plan = plan.model_copy(update={"training": training})
        return set_up_beside(first, changed)

    times: dict[str, list[float]] = {}
    for _ in range(asked.rounds):
        ones = {engine: of_seed(0) for engine in ENGINES}
        for engine, one in ones.items():
            times.setdefault(f"1 alone, {engine}", []).append(alone(one, engine))
        for engine in ("eager", "compiled"):
            for lanes in dict.fromkeys((1, usable_cores())):
                setups = [of_seed(seed) for seed in range(asked.seeds)]
                name = f"{asked.seeds} together, {engine}, {lanes} thread(s)"
                seconds = together(setups, engine, lanes)
                times.setdefault(name, []).append(seconds)
                if not same(setups[0], ones[engine]):
                    sys.exit(f"{name}: the bits are not those that it has alone")
    eager = min(times["1 alone, eager"])
    for name, seconds in times.items():
        best = min(seconds)
        print(f"{name:34} {best:8.3f} s/epoch   {best / eager:5.2f} x eager")


if __name__ == "__main__":
    main()
