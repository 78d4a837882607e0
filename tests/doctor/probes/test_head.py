"""Whether what a network gives is what its loss takes."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import torchsmith as ts
from tests.doctor.probes.modules import NUMBERS, SHORT, Net, X, Y, line_of, said
from torchsmith.doctor.diagnosis import Reference

BINARY = (X, (X[:, :1] > 0).float())
REGRESSION = (X, NUMBERS)


class Ending(Net):
    """A network that ends in a function."""

    def __init__(self, end, outputs=3):
        super().__init__(outputs)
        self.end = end

    def forward(self, x):
        return self.end(super().forward(x))


class Squashed(Net):
    def forward(self, x):
        return torch.sigmoid(super().forward(x))  # squashes


@pytest.mark.parametrize(
    ("module", "data", "loss"),
    [
        (lambda: Net(1), BINARY, "BCEWithLogitsLoss"),
        (lambda: Ending(torch.sigmoid, 1), BINARY, "BCELoss"),
        (lambda: Ending(lambda x: F.log_softmax(x, 1)), (X, Y), "NLLLoss"),
        (lambda: Ending(lambda x: F.log_softmax(x, 1)), (X, Y), "CrossEntropyLoss"),
        (lambda: Ending(torch.sigmoid, 1), BINARY, "MSELoss"),
        (lambda: Ending(F.relu, 1), (X, NUMBERS + 20), "MSELoss"),
        (lambda: Net(1), REGRESSION, lambda o, t: F.mse_loss(o, t).sqrt()),
        (
            lambda: Net(1),
            REGRESSION,
            lambda o, t: 1 - torch.corrcoef(torch.cat([o, t], 1).T)[0, 1],
        ),
        (Net, (X, Y), nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2, 3]))),
        (Net, (X, Y), nn.CrossEntropyLoss(reduction="sum")),
    ],
)
def test_heads_that_fit_have_nothing(module, data, loss):
    assert not {"P5", "P6", "C4", "C12"} & set(said(module(), data, loss))


def test_a_sigmoid_before_cross_entropy_is_named_with_what_it_costs():
    found = said(Squashed())["P5"]
    assert found.severity == "error"
    assert found.where == f"test_head.py:{line_of('# squashes')}"
    assert "cannot fall below 0.551" in found.evidence  # ln(1 + 2/e)


def test_a_loss_that_is_a_function_is_known_by_what_it_computes():
    found = said(
        Squashed(1), BINARY, lambda o, t: F.binary_cross_entropy_with_logits(o, t)
    )
    assert "takes the sigmoid of them once more" in found["P5"].evidence


def test_a_softmax_is_refused_before_training():
    with pytest.raises(ts.TrainError, match="remove the Softmax at the end"):
        ts.fit(
            Ending(lambda x: F.softmax(x, dim=1)),
            (X, Y),
            loss="CrossEntropyLoss",
            **SHORT,
        )


def test_logits_without_negative_numbers_are_told():
    assert said(Ending(F.relu))["P6"].severity == "warning"


def test_numbers_that_the_last_layer_cannot_give_are_told():
    chance = Reference(chance_loss=NUMBERS.var().item())
    found = said(Ending(torch.tanh, 1), REGRESSION, "MSELoss", reference=chance)["P6"]
    assert found.severity == "error"
    assert "lie outside of [-1, 1]" in found.evidence


def test_a_loss_that_is_a_sum_and_does_not_say_so_is_told():
    found = said(Net(), loss=lambda o, t: F.cross_entropy(o, t, reduction="sum"))
    assert found["C12"].evidence.startswith("Of a batch taken twice it is 2.00 times")
    assert found["C12"].severity == "warning"  # a rate may have been chosen for it


def test_a_loss_over_all_pairs_is_told():
    def all_pairs(outputs, targets):
        return ((outputs - targets.reshape(1, -1)) ** 2).mean()

    found = said(Net(1), REGRESSION, all_pairs)["C4"]
    assert found.severity == "error"
    assert "when targets are given to other outputs" in found.evidence


def test_a_loss_between_distributions_is_healthy():
    def means(outputs, targets):
        return (outputs.mean() - targets.mean()) ** 2

    assert "C4" not in said(Net(1), REGRESSION, means)
