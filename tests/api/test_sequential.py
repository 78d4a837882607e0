"""Layers of every kind train, are reported, and predict, through the public API."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import torchsmith as ts

DIGITS = load_digits()
IMAGES = DIGITS.images[:150].astype(np.uint8)
LABELS = DIGITS.target[:150]
ROWS = {"Flatten": {"start_dim": 1, "end_dim": 2}}

NETWORKS = {
    "LSTM": [
        ROWS,
        {"LSTM": {"hidden_size": 12, "num_layers": 2, "bidirectional": True}},
        {"Linear": 10},
    ],
    "TransformerEncoder": [
        ROWS,
        {"TransformerEncoder": {"nhead": 2, "num_layers": 2, "dim_feedforward": 16}},
        "Flatten",
        {"Linear": 10},
    ],
    "Conv1d": [
        ROWS,
        {"Conv1d": {"out_channels": 6, "padding": "same"}},
        "BatchNorm1d",
        "ReLU",
        {"MaxPool1d": 2},
        "Flatten",
        {"Linear": 10},
    ],
    "Residual": [
        {"Conv2d": {"out_channels": 4, "padding": 1}},
        {
            "Residual": {
                "layers": [{"Conv2d": {"out_channels": 6, "stride": 2, "padding": 1}}],
                "shortcut": [
                    {"Conv2d": {"out_channels": 6, "stride": 2, "kernel_size": 1}}
                ],
            }
        },
        {"Residual": [{"GroupNorm": 2}, "ReLU"]},
        "Flatten",
        {"Linear": 10},
    ],
}


def settings(layers):
    return {
        "network": {"Sequential": layers},
        "training.epochs": 1,
        "training.batch_size": 32,
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_any_layers_trains_and_predicts(name, tmp_path):
    run = ts.train(
        (IMAGES, LABELS), runs=tmp_path, settings=settings(NETWORKS[name]), budget=30
    )
    expected = run.predict(IMAGES[:5]).probabilities
    assert expected.shape == (5, 10)
    assert name in run.report_path.read_text("utf-8")
    again = ts.load_run(run.path)
    np.testing.assert_array_equal(again.predict(IMAGES[:5]).probabilities, expected)
    assert again.plan.network == run.plan.network


def test_the_codes_of_categories_are_embedded(tmp_path):
    colours, sizes = ["red", "blue", "green"], ["small", "large"]
    table = {
        "colour": [colours[row % 3] for row in range(90)],
        "size": [sizes[row // 3 % 2] for row in range(90)],
    }
    kinds = [
        f"{c[0]}{s[0]}" for c, s in zip(table["colour"], table["size"], strict=True)
    ]
    layers = [{"Embedding": 4}, "Flatten", {"Linear": 16}, "ReLU", {"Linear": 6}]
    run = ts.train(
        {**table, "kind": kinds},
        target="kind",
        runs=tmp_path,
        settings={**settings(layers), "training.epochs": 40, "optimizer.lr": 0.05},
    )
    assert run.evaluation.scores["test"]["accuracy"].value > 0.9
    unseen = run.predict({"colour": ["red", "violet"], "size": ["small", "small"]})
    assert unseen.probabilities.shape == (2, 6)


def test_scaled_numbers_are_no_codes(tmp_path):
    layers = [{"Embedding": {"embedding_dim": 4, "num_embeddings": 17}}, "Flatten"]
    with pytest.raises(ts.TrainError, match=r"is no code; .* not scaled"):
        ts.train(
            (IMAGES, LABELS),
            runs=tmp_path,
            settings=settings([*layers, {"Linear": 10}]),
        )
