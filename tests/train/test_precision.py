"""A device without float64, such as `mps`, gets none; here the CPU plays it."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import torchsmith as ts
from tests.train.jobs import make_job, make_state
from torchsmith.api.planning import load_planned
from torchsmith.nn import precision
from torchsmith.nn.losses import example_weights
from torchsmith.plan.losses import CrossEntropyLoss
from torchsmith.train.calibrate import calibrated_loss, fit_temperature
from torchsmith.train.loop import fit
from torchsmith.train.session import Session
from torchsmith.train.setup import choose_device, set_up


class OnHost(Tensor):
    """What `.cpu()` brought back; plain tensors are on the device."""


class WithoutFloat64(TorchFunctionMode):
    """Refuses float64 as `mps` does, of tensors that are not brought back before."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        if func is Tensor.cpu:
            return found.as_subclass(OnHost)
        on_host = any(issubclass(each, OnHost) for each in types)
        placed = "device" in kwargs or any(isinstance(each, Tensor) for each in args)
        made = isinstance(found, Tensor) and found.dtype == torch.float64
        if made and placed and not on_host:
            raise TypeError("the device has no float64")
        return found


@contextmanager
def device_without_float64(monkeypatch):
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", frozenset({"cpu"}))
    with WithoutFloat64():
        yield


def test_only_mps_has_no_float64():
    found = {d: precision.sum_dtype(torch.device(d)) for d in ("cpu", "cuda", "mps")}
    assert found == {"cpu": torch.float64, "cuda": torch.float64, "mps": torch.float32}


def test_the_device_that_is_played_refuses_float64(monkeypatch):
    with device_without_float64(monkeypatch):
        for made in (
            lambda: torch.zeros((), dtype=torch.float64, device="cpu"),
            lambda: torch.ones(2).double().cpu(),
            lambda: torch.ones(2).to(torch.float64),
        ):
            with pytest.raises(TypeError):
                made()
        assert torch.ones(2).cpu().double().sum() == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": {"CrossEntropyLoss": {"weight": "balanced"}}},
        {"stopping.monitor": "val_calibrated_loss"},
        {"averaging": {"EMA": {}}},
    ],
)
def test_a_plan_trains_without_float64(settings, monkeypatch, tmp_path):
    random = np.random.default_rng(0)
    kinds, colours = random.choice([*"abcd"], 200), random.choice([*"rg"], 200)
    rows = [f"{kind},{colour}" for kind, colour in zip(kinds, colours, strict=True)]
    source = tmp_path / "table.csv"
    source.write_text("\n".join(["kind,colour", *rows]))
    net = {"TabularMLP": {"hidden": [8]}}
    quick = {"training.epochs": 2, "network": net, "split.val": 0.2}
    plan = ts.plan(str(source), target="colour", settings=quick | settings)
    data = load_planned(plan)
    with device_without_float64(monkeypatch):
        setup = set_up(plan, data)
        session = Session(setup.job)
        fit(setup.job, setup.state, session)
        setup.model(plan).predict(data)
    assert len(setup.state.history) == 2


def test_a_persons_module_trains_without_float64(monkeypatch):
    inputs, targets = torch.randn(40, 3), torch.arange(40) % 2
    with device_without_float64(monkeypatch):
        done = ts.fit(
            nn.Linear(3, 2),
            (inputs, targets),
            (inputs, targets),
            loss=nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0])),
            metrics=["f1_macro"],
            epochs=2,
            runs=None,
            doctor=False,
        )
    assert done.history[-1].metrics.keys() == {"f1_macro", "accuracy"}


def test_a_checkpoint_goes_on_without_float64(monkeypatch, tmp_path):
    job = make_job()
    made = make_state(job)
    made.loss_sum += 1.5
    made.save(tmp_path)
    monkeypatch.setattr(precision, "WITHOUT_FLOAT64", frozenset({"cpu"}))
    state = make_state(job)
    state.loss_sum = precision.empty_sum(job.device)
    state.load(tmp_path)
    assert state.loss_sum.dtype == torch.float32
    assert state.loss_sum == 1.5


def test_a_temperature_is_fitted_on_the_host(monkeypatch):
    outputs, targets = torch.randn(60, 3), torch.arange(60) % 3
    with device_without_float64(monkeypatch):
        assert fit_temperature(CrossEntropyLoss(), outputs, targets).rows == 60
        assert calibrated_loss(CrossEntropyLoss(), outputs, targets) > 0


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 3.0])])
def test_examples_weigh_the_same_in_less_precision(weight, monkeypatch):
    loss, targets = nn.CrossEntropyLoss(weight, ignore_index=0), torch.arange(30) % 3
    wanted = example_weights(loss, targets)
    with device_without_float64(monkeypatch):
        found = example_weights(loss, targets)
    assert (wanted.dtype, found.dtype) == (torch.float64, torch.float32)
    assert torch.equal(wanted.float(), found)


def test_mps_is_taken_by_who_names_it_only(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "cpu"
    assert choose_device("mps").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
