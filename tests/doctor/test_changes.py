"""Whatever a rule recommends, the plan that it was found in can take it."""

import pytest

import torchsmith
from torchsmith.core.errors import TrainError
from torchsmith.plan.settings import differences, set_values


def layers(*between, last=(), width=3):
    return {"Sequential": [{"Linear": 16}, *between, {"Linear": width}, *last]}


DEEP = [piece for _ in range(8) for piece in ({"Linear": 16}, "Sigmoid")]
SICK = {
    "a rate too high": {"optimizer": {"SGD": {"lr": 1e4}}},
    "a high rate of one cycle": {
        "optimizer": {"Adam": {"lr": 10}},
        "schedule": "OneCycleLR",
    },
    "a rate too low": {"optimizer": {"SGD": {"lr": 1e-7}}},
    "rectified logits": {"network": layers("ReLU", last=["ReLU"])},
    "squared classes": {"network": layers("ReLU", last=["Sigmoid"]), "loss": "MSELoss"},
    "equal weights": {"network": layers("ReLU"), "init": ["zeros_"]},
    "huge weights": {"network": layers("ReLU"), "init": [{"normal_": {"std": 100}}]},
    "vanishing": {"network": layers(*DEEP)},
    "nothing between": {"network": layers({"Linear": 16}, {"Linear": 16})},
}


@pytest.mark.parametrize("name", SICK)
def test_what_the_doctor_recommends_can_be_set(name, tmp_path):
    settings = {
        "network": layers("ReLU"),
        "prepare": ["Standardize"],
        "schedule": None,
        "calibration": None,
        "training.epochs": 4,
        "training.engine": "eager",
        **SICK[name],
    }
    try:
        run = torchsmith.train("iris", settings=settings, runs=tmp_path)
    except TrainError:
        run = torchsmith.load_run(runs=tmp_path)
    changes = [found.changes for found in run.diagnosis.findings if found.changes]
    assert changes
    for recommended in changes:
        assert differences(set_values(run.plan, recommended), run.plan)
