"""Losses are PyTorch's, with every option."""

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from torchsmith.nn.losses import build_loss, num_outputs
from torchsmith.plan import losses
from torchsmith.plan.losses import Loss

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])
LABELS = torch.tensor([0, 2])
VALUES, TRUTH = torch.tensor([[0.2], [3.0]]), torch.tensor([[0.0], [1.0]])


@pytest.mark.parametrize(
    ("spec", "outputs", "targets", "by_hand"),
    [
        (losses.CrossEntropyLoss(), LOGITS, LABELS, nn.CrossEntropyLoss()),
        (
            losses.CrossEntropyLoss(label_smoothing=0.3),
            LOGITS,
            LABELS,
            nn.CrossEntropyLoss(label_smoothing=0.3),
        ),
        (losses.MSELoss(), VALUES, TRUTH, nn.MSELoss()),
        (losses.L1Loss(), VALUES, TRUTH, nn.L1Loss()),
        (losses.SmoothL1Loss(beta=0.5), VALUES, TRUTH, nn.SmoothL1Loss(beta=0.5)),
        (losses.HuberLoss(delta=0.5), VALUES, TRUTH, nn.HuberLoss(delta=0.5)),
    ],
)
def test_a_loss_gives_what_pytorchs_gives(spec, outputs, targets, by_hand):
    assert torch.equal(build_loss(spec)(outputs, targets), by_hand(outputs, targets))


def test_one_logit_is_compared_with_class_indices():
    found = build_loss(losses.BCEWithLogitsLoss())(VALUES, torch.tensor([0, 1]))
    assert torch.equal(found, nn.BCEWithLogitsLoss()(VALUES, TRUTH))


def test_balanced_weights_are_one_over_the_share_of_the_class():
    counts = torch.tensor([10, 30, 60])
    loss = build_loss(losses.CrossEntropyLoss(weight="balanced"), counts)
    torch.testing.assert_close(loss.weight, 100 / (3 * counts.float()))


def test_an_uninformed_classifier_has_the_log_of_the_number_of_classes():
    loss = build_loss(losses.CrossEntropyLoss())(torch.zeros(5, 7), torch.arange(5))
    assert loss.item() == pytest.approx(torch.tensor(7.0).log().item())


def test_the_loss_says_how_many_outputs_there_are():
    assert num_outputs(losses.CrossEntropyLoss(), 4) == 4
    assert num_outputs(losses.BCEWithLogitsLoss(), 2) == 1
    assert num_outputs(losses.MSELoss(), 0) == 1


@pytest.mark.parametrize(
    "spec",
    [losses.CrossEntropyLoss(weight="balanced"), losses.HuberLoss()],
    ids=lambda s: s.spec_name(),
)
def test_a_choice_comes_back_from_its_written_form(spec):
    adapter = TypeAdapter(Loss)
    assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec
