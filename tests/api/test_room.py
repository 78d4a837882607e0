"""A disk that cannot hold one checkpoint is found out before the first step."""

import shutil
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import torchsmith as ts
from torchsmith.core.errors import TrainError
from torchsmith.train.state import TrainState

INPUTS = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS.sum(dim=1, keepdim=True)


def with_room(monkeypatch, num_bytes):
    usage = SimpleNamespace(total=10**9, used=0, free=num_bytes)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def fit(runs):
    return ts.fit(
        nn.Linear(20, 1), (INPUTS, TARGETS), loss="MSELoss", epochs=1, runs=runs
    )


def train(runs):
    settings = {"network": {"MLP": [8]}, "training.epochs": 2, "split.val": 0.2}
    table = {"a": INPUTS[:, 0].numpy(), "y": TARGETS[:, 0].numpy()}
    return ts.train(table, target="y", settings=settings, runs=runs)


@pytest.mark.parametrize("begin", [fit, train])
def test_a_disk_without_room_is_refused_before_there_is_a_run(
    tmp_path, monkeypatch, begin
):
    with_room(monkeypatch, 100)
    words = rf"{tmp_path}/runs: the disk is too full .*\(100 bytes free, \d+ needed\)"
    with pytest.raises(TrainError, match=words):
        begin(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    with_room(monkeypatch, 10**6)
    assert begin(tmp_path / "runs").path.is_dir()


OPTIMIZERS = {
    "Adam": torch.optim.Adam,
    "amsgrad": lambda p: torch.optim.AdamW(p, amsgrad=True),
    "momentum": lambda p: torch.optim.SGD(p, momentum=0.9),
    "SGD": torch.optim.SGD,
    "RMSprop": lambda p: torch.optim.RMSprop(p, momentum=0.1),
    "Adagrad": torch.optim.Adagrad,
    "Adadelta": torch.optim.Adadelta,
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_the_size_of_a_checkpoint_is_known_before(tmp_path, optimizer):
    network = nn.Sequential(nn.Linear(20, 500), nn.BatchNorm1d(500), nn.Linear(500, 1))
    state = TrainState(network, optimizer(network.parameters()))
    known = state.num_bytes
    network(INPUTS).square().mean().backward()
    state.optimizer.step()
    state.best_weights = network.state_dict()
    state.save(tmp_path)
    size = (tmp_path / "state.safetensors").stat().st_size
    assert 0.9 * size < known <= size
