"""Training that fails after epochs that went well: what these learned is kept."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

import torchsmith as ts
from torchsmith.core.errors import Diverged, TrainError

INPUTS = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
TARGETS = (INPUTS.sum(1) > 0).long()
GOOD = 5
"""Epochs before training fails."""


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def fit(module, **given):
    pair = (INPUTS, TARGETS)
    given = {"loss": "CrossEntropyLoss", "runs": None, "epochs": GOOD} | given
    return ts.fit(module, pair, pair, **given)


def diverging(module):
    """Give a rate that is good for some epochs, and then beyond all numbers."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    schedule = LambdaLR(optimizer, lambda epoch: 1.0 if epoch < GOOD else 1e30)
    return {"optimizer": optimizer, "schedule": schedule}


@pytest.mark.parametrize("engine", ["eager", "captured"])
def test_a_module_that_diverges_late_has_its_best_weights(engine, tmp_path):
    short, long = network(), network()
    expected = fit(short, **diverging(short)).module.state_dict()
    with pytest.raises(Diverged, match="no longer a finite number") as caught:
        fit(long, epochs=20, runs=tmp_path, engine=engine, **diverging(long))
    [run] = tmp_path.iterdir()
    where = f"the best weights, of epoch {GOOD}, are in the module and in {run}/model"
    assert where in str(caught.value)
    saved = load_file(run / "model" / "network.safetensors")
    for name, weight in expected.items():
        assert torch.equal(long.state_dict()[name], weight)
        assert torch.equal(saved[name], weight)


class Failing:
    """A metric that fails after some epochs."""

    def __init__(self, error):
        self.error = error
        self.num = 0

    def __call__(self, outputs, targets):
        self.num += 1
        if self.num > GOOD:
            raise self.error
        return (outputs.argmax(dim=1) == targets).double().mean()


def test_a_metric_that_fails_late_leaves_the_best_weights():
    module = network()
    expected = fit(network()).module.state_dict()
    with pytest.raises(TrainError, match="boom; the best weights, of epoch"):
        fit(module, metrics={"mine": Failing(ValueError("boom"))}, epochs=20)
    for name, weight in module.state_dict().items():
        assert torch.equal(expected[name], weight)


def test_an_error_of_ones_own_is_raised_as_it_is_and_has_a_note():
    class MineError(Exception):
        pass

    with pytest.raises(MineError, match="boom") as caught:
        fit(network(), metrics={"mine": Failing(MineError("boom"))}, epochs=20)
    assert str(caught.value) == "boom"
    assert "are in the module" in caught.value.__notes__[0]


def test_what_fails_in_its_first_epoch_keeps_nothing(tmp_path):
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), lr=1e30)
    with pytest.raises(Diverged) as caught:
        fit(module, optimizer=optimizer, runs=tmp_path)
    assert "best weights" not in str(caught.value)
    assert not list(tmp_path.glob("*/model"))


def rows():
    data = {f"x{n}": INPUTS[:, n].numpy() for n in range(4)}
    return data | {"label": np.where(TARGETS.numpy(), "yes", "no")}


LATE = {
    "split.val": 0.2,
    "training.epochs": 9,
    "training.clip_grad_norm": 0,
    "optimizer": {"SGD": {"lr": 1e-9}},
    "schedule": {"StepLR": {"step_size": 3, "gamma": 1e38}},
}
"""Settings of a plan that diverges after three epochs."""


def test_a_plan_that_diverges_late_predicts_with_its_best_weights(tmp_path):
    with pytest.raises(Diverged, match=r"best weights, of epoch \d, are in .*model"):
        ts.train(rows(), target="label", settings=LATE, runs=tmp_path)
    run = ts.load_run(runs=tmp_path)
    assert set(run.predict(rows()).texts) <= {"yes", "no"}


def test_members_of_a_study_that_diverge_late_keep_their_best_weights(tmp_path):
    study = ts.train(rows(), target="label", settings=LATE, runs=tmp_path, seeds=2)
    for member in study.members:
        assert set(member.predict(rows()).texts) <= {"yes", "no"}
    failed = [why for row in study.results.rows for why in row.failed]
    assert len(failed) == 2
    assert all("the best weights, of epoch" in why for why in failed)
