"""What a training changes is in its checkpoint, or is named here as not needed."""

import types

import pytest
import torch
from torch import Tensor

from tests.reliability.matrix import AVERAGES, OPTIMIZERS, SCHEDULES, VALUES, Case
from tests.reliability.matrix import build as build_case
from torchsmith.core.errors import Interrupted
from torchsmith.train.loop import fit
from torchsmith.train.session import Session

NOT_NEEDED = {
    "_opt_called": "only to warn of a schedule that is stepped too early",
    "_need_device_dtype_check_for_fused": "is checked at a first step",
    "training": "is set before each use",
}
"""Attributes that change in training, and decide nothing after it goes on."""


CODE = type | types.ModuleType | types.FunctionType | types.MethodType


def contents(value, path="", found=None, seen=()):
    """Return every number, text and tensor that an object leads to, by its path."""
    found = {} if found is None else found
    if isinstance(value, Tensor):
        found[path] = value.detach().clone()
    elif isinstance(value, dict):
        for number, (key, each) in enumerate(value.items()):
            # A parameter as a key of an optimizer's state is another object each time.
            name = number if isinstance(key, Tensor) else key
            contents(each, f"{path}[{name}]", found, seen)
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            contents(each, f"{path}[{number}]", found, seen)
    elif isinstance(value, str | int | float | bool | None):
        found[path] = value
    elif hasattr(value, "__dict__") and not isinstance(value, CODE):
        for key, each in vars(value).items() if id(value) not in seen else ():
            inner = f"{path}.{key}" if path else key
            contents(each, inner, found, (*seen, id(value)))
    return found


def equal(left, right):
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return left.dtype == right.dtype and torch.equal(left, right)
    return type(left) is type(right) and left == right


def lost(before, after, loaded):
    """Return the paths of what training changed and loading did not bring back."""
    missing = object()
    return [
        path
        for path in dict.fromkeys([*before, *after])
        if not equal(before.get(path, missing), after.get(path, missing))
        and not equal(loaded.get(path, missing), after.get(path, missing))
        and path.rpartition(".")[2] not in NOT_NEEDED
    ]


def case_of(**chosen):
    return Case(**({name: values[0] for name, values in VALUES.items()} | chosen))


CHOSEN = [
    *({"optimizer": name} for name in OPTIMIZERS),
    *({"schedule": name} for name in SCHEDULES),
    *({"averaging": name, "batch_norm": True} for name in AVERAGES),
    {"network": "conv", "batch_norm": True, "stopping": "on train_loss"},
]


@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda c: " ".join(map(str, c.values())))
@pytest.mark.parametrize("steps", [3, 7])
def test_a_checkpoint_holds_all_that_training_changes(tmp_path, chosen, steps):
    job, state = build_case(case_of(**chosen))
    before = contents(state)
    train_steps(job, state, steps)
    after = contents(state)
    state.save(tmp_path)
    _, fresh = build_case(case_of(**chosen))
    fresh.load(tmp_path)
    assert lost(before, after, contents(fresh)) == []


def train_steps(job, state, steps):
    session = Session(job)

    def after_step(state):
        if state.step == steps:
            raise Interrupted("enough")

    session.after_step = after_step
    with pytest.raises(Interrupted):
        fit(job, state, session)


def test_an_attribute_that_is_not_saved_is_noticed(tmp_path):
    job, state = build_case(case_of())
    before = contents(state)
    train_steps(job, state, 3)
    state.network.calls = 3
    state.optimizer.param_groups[0]["weight_decay"] = 0.5
    after = contents(state)
    state.save(tmp_path)
    _, fresh = build_case(case_of())
    fresh.load(tmp_path)
    assert lost(before, after, contents(fresh)) == ["network.calls"]
