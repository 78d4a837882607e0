"""A loss that would mean nothing is refused before anything is learned."""

import pytest
import torch
from torch import nn

from torchsmith.core.errors import TrainError
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
