"""A loss that would mean nothing is refused before anything is learned."""

import numpy as np
import pytest
import torch
from torch import nn

import torchsmith as ts
from torchsmith.core.errors import PlanError, TrainError
from torchsmith.nn.losses import ClassTargets
from torchsmith.train.first_batch import check_first_batch

torch.manual_seed(0)
SCORES = torch.randn(8, 3)
SHARES, LOG_SHARES = SCORES.softmax(dim=1), SCORES.log_softmax(dim=1)
CLASSES, NUMBERS = torch.arange(8) % 3, torch.rand(8, 3)
RAW = nn.Sequential(nn.Linear(4, 3))
SIGMOID = nn.Sequential(RAW, nn.Sequential(nn.Linear(3, 3), nn.Sigmoid()))


@pytest.mark.parametrize(
    ("loss", "outputs", "targets"),
    [
        (nn.CrossEntropyLoss(), SCORES, CLASSES),
        (nn.CrossEntropyLoss(), SHARES * 0.9, CLASSES),
        (nn.CrossEntropyLoss(), torch.randn(8, 3, 5, 5), torch.zeros(8, 5, 5).long()),
        (nn.NLLLoss(), LOG_SHARES, CLASSES),
        (nn.BCELoss(), SHARES, NUMBERS),
        (nn.BCEWithLogitsLoss(), SHARES, NUMBERS),
        (nn.MSELoss(), SCORES, NUMBERS),
        (ClassTargets(nn.MSELoss()), SCORES, CLASSES),
        (ClassTargets(nn.BCEWithLogitsLoss()), SCORES[:, :1], CLASSES),
        (nn.functional.cross_entropy, SCORES, CLASSES),
        (lambda pair, targets: pair[0] - targets, (SCORES, SCORES), NUMBERS),
        (lambda scores, words: scores[: len(words)], SCORES, ("cat", "dog")),
    ],
)
def test_what_fits_passes(loss, outputs, targets):
    check_first_batch(RAW, loss, outputs, targets)


@pytest.mark.parametrize(
    ("network", "loss", "outputs", "targets", "message"),
    [
        (RAW, nn.CrossEntropyLoss(), SHARES, CLASSES, "these are probabilities .from"),
        (
            SIGMOID,
            nn.CrossEntropyLoss(),
            SCORES,
            CLASSES,
            "the network ends in Sigmoid",
        ),
        (RAW, nn.CrossEntropyLoss(), SCORES[:, :1], CLASSES, "its loss is always 0"),
        (RAW, nn.NLLLoss(), SCORES, CLASSES, "end the network with LogSoftmax"),
        (RAW, nn.NLLLoss(), SHARES, CLASSES, "NLLLoss takes log-probabilities"),
        (RAW, nn.BCELoss(), SCORES, NUMBERS, "BCELoss takes probabilities from 0 to 1"),
        (RAW, ClassTargets(nn.BCELoss()), SCORES, CLASSES, "end the network with Sigm"),
        (
            SIGMOID,
            ClassTargets(nn.BCEWithLogitsLoss()),
            SHARES,
            NUMBERS,
            "takes raw outputs, and the network ends in Sigmoid",
        ),
        (
            RAW,
            nn.MSELoss(),
            SCORES[:, :1],
            NUMBERS[:, 0],
            r"\(8, 1\) and the targets \(8,\): .* target; .* targets.unsqueeze\(1\)$",
        ),
        (RAW, nn.L1Loss(), SCORES[:, :1], CLASSES, "compare every output with every"),
        (RAW, nn.MSELoss(), SCORES, NUMBERS[:, :1], "give both the same shape$"),
        (RAW, nn.functional.mse_loss, SCORES[:, :1], NUMBERS[:, 0], "the same shape"),
    ],
)
def test_what_does_not_fit_is_refused(network, loss, outputs, targets, message):
    with pytest.raises(TrainError, match=message):
        check_first_batch(network, loss, outputs, targets)


def test_a_batch_of_one_example_is_refused_where_normalisation_needs_more(tmp_path):
    settings = {
        "split.val": 0.2,
        "network": {"MLP": {"hidden": [4], "batch_norm": True}},
        "training.batch_size": 1,
    }
    with pytest.raises(PlanError, match=r"gives BatchNorm1d one value of each of 4 "):
        ts.train("iris", settings=settings, runs=tmp_path)
    assert not list(tmp_path.iterdir())


def test_normalisation_over_many_pixels_takes_a_batch_of_one_example(tmp_path):
    layers = [{"Conv2d": 2}, "BatchNorm2d", "Flatten", {"Linear": 2}]
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 6), np.uint8)
    run = ts.train(
        (images, np.arange(20) % 2),
        settings={
            "network": {"Sequential": layers},
            "training.batch_size": 1,
            "training.epochs": 1,
        },
        runs=tmp_path,
    )
    assert len(run.history) == 1


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_a_kernel_that_no_volume_holds_is_refused_in_bfloat16(precision, tmp_path):
    volumes = np.random.default_rng(0).random((20, 5, 6, 7, 1), np.float32)
    data = volumes, np.arange(20) % 2
    settings = {
        "network": {"VolumeNet": {"channels": [2, 2, 2]}},
        "training.precision": precision,
        "training.epochs": 1,
    }
    if precision == "float32":
        assert ts.train(data, settings=settings, runs=tmp_path).history
        return
    with pytest.raises(PlanError, match=r"\(3 deep, stride 2\) .* \(3 deep\); set"):
        ts.train(data, settings=settings, runs=tmp_path)
