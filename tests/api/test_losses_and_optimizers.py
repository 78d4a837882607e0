"""Losses and optimizers, from the plan to probabilities."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

import torchsmith as ts
from torchsmith.api.training import planned_of
from torchsmith.core.observer import QUIET
from torchsmith.plan.text import plan_text


def network(*end):
    return {"Sequential": ["Flatten", {"Linear": 16}, "ReLU", {"Linear": 10}, *end]}


SETTINGS = {
    "MSELoss": {"loss": "MSELoss", "network": network("Sigmoid")},
    "BCELoss": {"loss": "BCELoss", "network": network("Sigmoid")},
    "NLLLoss": {
        "loss": {"NLLLoss": {"weight": "balanced"}},
        "network": network("LogSoftmax"),
    },
    "BCEWithLogitsLoss": {
        "loss": {"BCEWithLogitsLoss": {"pos_weight": "balanced"}},
        "network": network(),
    },
    "Muon": {
        "optimizer": {
            "Muon": {
                "lr": 0.02,
                "groups": [{"params": "1.*", "lr": 0.01}],
                "others": {"AdamW": {"groups": [{"params": "1.bias", "lr": 0.1}]}},
            }
        },
        "network": network(),
    },
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_run_predicts_probabilities_that_sum_to_1(name, tmp_path):
    short = {"training.epochs": 2, "training.batch_size": 16, "optimizer.lr": 0.02}
    settings = SETTINGS[name] | short
    run = ts.train("digits", settings=settings, runs=tmp_path)
    assert run.evaluation.scores["test"]["accuracy"].value > 0.5
    assert ts.load_run(run.path).plan == run.plan
    shares = run.predict("digits").probabilities
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=0, atol=1e-9)
    assert (shares >= 0).all()


def test_a_metric_that_is_asked_for_weighs_classes_wherever_a_plan_is_made(tmp_path):
    settings = {"problem.metric": "f1_macro", "training.epochs": 1}
    plan = ts.plan("iris", settings=settings)
    assert plan.loss.weight == "sqrt_balanced"
    inputs, targets = load_iris(return_X_y=True)
    fitted = ts.Classifier(settings=settings).fit(inputs, targets)
    assert fitted.plan_.loss.weight == "sqrt_balanced"
    (tmp_path / "plan.yaml").write_text(plan_text(plan), "utf-8")
    planned = planned_of(tmp_path / "plan.yaml", None, None, {}, QUIET)
    assert planned.default.loss == planned.plan.loss
