"""Losses and optimizers, from the plan to probabilities."""

import numpy as np
import pytest

import torchsmith as ts


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
