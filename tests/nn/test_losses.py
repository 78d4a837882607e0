"""Losses are PyTorch's, with every option, and their outputs become probabilities."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch import nn

from torchsmith.core.errors import PlanError, TrainError
from torchsmith.core.spec import members
from torchsmith.nn.losses import build_loss, num_outputs, probabilities
from torchsmith.plan import losses
from torchsmith.plan.losses import Loss

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])
LABELS = torch.tensor([0, 2])
ONE_HOT = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
VALUES, TRUTH = torch.tensor([[0.2], [3.0]]), torch.tensor([[0.0], [1.0]])
SHARES, LOG_SHARES = LOGITS.softmax(dim=1), LOGITS.log_softmax(dim=1)
WEIGHT = torch.tensor([1.0, 2.0, 5.0])

PARITY = [
    (losses.CrossEntropyLoss(), LOGITS, LABELS, -LOG_SHARES[[0, 1], LABELS].mean()),
    (
        losses.CrossEntropyLoss(reduction="sum"),
        LOGITS,
        LABELS,
        -LOG_SHARES[[0, 1], LABELS].sum(),
    ),
    (
        losses.CrossEntropyLoss(weight=(1, 2, 5)),
        LOGITS,
        LABELS,
        -(LOG_SHARES[[0, 1], LABELS] * torch.tensor([1, 5])).sum() / 6,
    ),
    (
        losses.CrossEntropyLoss(label_smoothing=0.3),
        LOGITS,
        LABELS,
        -(LOG_SHARES * (0.7 * ONE_HOT + 0.1)).sum(dim=1).mean(),
    ),
    (losses.NLLLoss(), LOG_SHARES, LABELS, -LOG_SHARES[[0, 1], LABELS].mean()),
    (
        losses.NLLLoss(weight=(1, 2, 5), reduction="sum"),
        LOG_SHARES,
        LABELS,
        -(LOG_SHARES[[0, 1], LABELS] * torch.tensor([1, 5])).sum(),
    ),
    (
        losses.BCELoss(),
        SHARES,
        LABELS,
        -(ONE_HOT * SHARES.log() + (1 - ONE_HOT) * (1 - SHARES).log()).mean(),
    ),
    (
        losses.BCELoss(reduction="sum"),
        VALUES / 4,
        torch.tensor([0, 1]),
        -(torch.tensor(0.95).log() + torch.tensor(0.75).log()),
    ),
    (
        losses.BCEWithLogitsLoss(),
        LOGITS,
        LABELS,
        -(
            ONE_HOT * LOGITS.sigmoid().log() + (1 - ONE_HOT) * (-LOGITS).sigmoid().log()
        ).mean(),
    ),
    (
        losses.BCEWithLogitsLoss(pos_weight=3, reduction="sum"),
        VALUES,
        torch.tensor([0, 1]),
        -(torch.tensor(-0.2).sigmoid().log() + 3 * torch.tensor(3.0).sigmoid().log()),
    ),
    (losses.MSELoss(), VALUES, TRUTH, ((VALUES - TRUTH) ** 2).mean()),
    (losses.MSELoss(), LOGITS, LABELS, ((LOGITS - ONE_HOT) ** 2).mean()),
    (losses.MSELoss(reduction="sum"), LOGITS, LABELS, ((LOGITS - ONE_HOT) ** 2).sum()),
    (losses.L1Loss(), VALUES, TRUTH, (VALUES - TRUTH).abs().mean()),
    (losses.L1Loss(reduction="sum"), VALUES, TRUTH, (VALUES - TRUTH).abs().sum()),
    (
        losses.SmoothL1Loss(beta=0.5),
        VALUES,
        TRUTH,
        torch.tensor((0.2**2 / (2 * 0.5) + 2 - 0.5 / 2) / 2),
    ),
    (
        losses.SmoothL1Loss(reduction="sum"),
        VALUES,
        TRUTH,
        torch.tensor(0.2**2 / 2 + 2 - 0.5),
    ),
    (
        losses.HuberLoss(delta=0.5),
        VALUES,
        TRUTH,
        torch.tensor((0.2**2 / 2 + 0.5 * (2 - 0.25)) / 2),
    ),
    (
        losses.HuberLoss(reduction="sum"),
        VALUES,
        TRUTH,
        torch.tensor(0.2**2 / 2 + 2 - 0.5),
    ),
]


@pytest.mark.parametrize(("spec", "outputs", "targets", "by_hand"), PARITY)
def test_a_loss_gives_what_its_formula_gives(spec, outputs, targets, by_hand):
    torch.testing.assert_close(build_loss(spec)(outputs, targets), by_hand)


@pytest.mark.parametrize(("spec", "outputs", "targets", "by_hand"), PARITY)
def test_every_output_has_a_finite_gradient(spec, outputs, targets, by_hand):
    del by_hand
    leaf = outputs.clone().requires_grad_()
    build_loss(spec)(leaf, targets).backward()
    assert leaf.grad.isfinite().all()
    assert leaf.grad.any(dim=1).all()


def test_every_loss_is_among_the_examples():
    assert {type(spec) for spec, *_ in PARITY} == set(members(Loss))


@pytest.mark.parametrize("spec", members(Loss), ids=lambda s: s.spec_name())
def test_a_loss_without_options_has_pytorchs_defaults(spec):
    built = build_loss(spec())
    ours, theirs = getattr(built, "loss", built), getattr(nn, spec.spec_name())()
    assert type(ours) is type(theirs)
    for name in spec.model_fields:
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize("spec", members(Loss), ids=lambda s: s.spec_name())
def test_a_loss_that_sums_says_so(spec):
    assert build_loss(spec(reduction="sum")).reduction == "sum"
    assert build_loss(spec()).reduction == "mean"


def test_numbers_are_compared_as_they_are():
    loss = build_loss(losses.MSELoss())
    assert torch.equal(loss(VALUES, TRUTH), nn.MSELoss()(VALUES, TRUTH))
    many = build_loss(losses.BCEWithLogitsLoss())
    both = torch.tensor([[1, 0, 1], [0, 1, 1]])
    assert torch.equal(many(LOGITS, both), nn.BCEWithLogitsLoss()(LOGITS, both.float()))


def test_balanced_weights_are_one_over_the_share_of_the_class():
    counts = torch.tensor([10, 30, 60])
    for spec in (losses.CrossEntropyLoss, losses.NLLLoss):
        loss = build_loss(spec(weight="balanced"), counts)
        torch.testing.assert_close(loss.weight, 100 / (3 * counts.float()))


def test_weights_may_be_the_roots_of_balanced_ones():
    counts = torch.tensor([10, 30, 60])
    for spec in (losses.CrossEntropyLoss, losses.NLLLoss):
        loss = build_loss(spec(weight="sqrt_balanced"), counts)
        torch.testing.assert_close(loss.weight, (100 / (3 * counts.float())) ** 0.5)


def test_a_balanced_pos_weight_is_negatives_over_positives():
    spec = losses.BCEWithLogitsLoss(pos_weight="balanced")
    two = build_loss(spec, torch.tensor([30, 10])).loss.pos_weight
    three = build_loss(spec, torch.tensor([10, 30, 60])).loss.pos_weight
    torch.testing.assert_close(two, torch.tensor([3.0]))
    torch.testing.assert_close(three, torch.tensor([9.0, 7 / 3, 2 / 3]))


def test_classes_cannot_be_balanced_without_counts():
    with pytest.raises(PlanError, match="weight: balanced needs the classes of a plan"):
        build_loss(losses.CrossEntropyLoss(weight="balanced"))
    with pytest.raises(PlanError, match="weight: sqrt_balanced needs the classes of"):
        build_loss(losses.NLLLoss(weight="sqrt_balanced"))
    with pytest.raises(PlanError, match="pos_weight: balanced needs"):
        build_loss(losses.BCEWithLogitsLoss(pos_weight="balanced"))


def test_an_uninformed_classifier_has_the_log_of_the_number_of_classes():
    loss = build_loss(losses.CrossEntropyLoss())(torch.zeros(5, 7), torch.arange(5))
    assert loss.item() == pytest.approx(torch.tensor(7.0).log().item())


def test_bceloss_refuses_what_are_no_probabilities():
    loss = build_loss(losses.BCELoss())
    with pytest.raises(
        TrainError, match="from 0 to 1, and an output is 2; end the net"
    ):
        loss(LOGITS.clamp(min=0), LABELS)
    with pytest.raises(TrainError, match="an output is -1; end the network with Sigm"):
        loss(LOGITS, LABELS)


def test_bceloss_of_a_network_that_diverged_is_not_finite():
    outputs = SHARES.clone()
    outputs[0, 0] = float("nan")
    assert build_loss(losses.BCELoss())(outputs, LABELS).isnan()


@pytest.mark.parametrize(
    ("spec", "one", "two", "three"),
    [
        (losses.CrossEntropyLoss(), None, 2, 3),
        (losses.NLLLoss(), None, 2, 3),
        (losses.BCELoss(), None, 1, 3),
        (losses.BCEWithLogitsLoss(), None, 1, 3),
        (losses.MSELoss(), 1, 2, 3),
        (losses.L1Loss(), 1, None, None),
        (losses.SmoothL1Loss(), 1, None, None),
        (losses.HuberLoss(), 1, None, None),
    ],
)
def test_the_loss_says_how_many_outputs_there_are(spec, one, two, three):
    for classes, expected in ((0, one), (2, two), (3, three)):
        assert expected in (None, num_outputs(spec, classes))


ROW = torch.tensor([[0.2, 0.6, 0.4]])


@pytest.mark.parametrize(
    ("spec", "outputs", "expected"),
    [
        (losses.CrossEntropyLoss(), LOGITS, SHARES),
        (losses.NLLLoss(), LOG_SHARES, SHARES),
        (losses.BCELoss(), ROW, ROW / 1.2),
        (losses.BCELoss(), ROW.T, [[0.8, 0.2], [0.4, 0.6], [0.6, 0.4]]),
        (losses.BCELoss(), torch.zeros(1, 4), [[0.25] * 4]),
        (losses.BCEWithLogitsLoss(), (ROW / (1 - ROW)).log(), ROW / 1.2),
        (losses.BCEWithLogitsLoss(), torch.zeros(1, 1), [[0.5, 0.5]]),
        (losses.BCEWithLogitsLoss(), torch.full((1, 4), -2000.0), [[0.25] * 4]),
        (losses.MSELoss(), ROW, ROW / 1.2),
        (losses.MSELoss(), ROW - 0.2, [[0, 2 / 3, 1 / 3]]),
        (losses.MSELoss(), ROW - 0.4, [[0, 2 / 3, 1 / 3]]),
        (losses.MSELoss(), torch.full((1, 4), -3.0), [[0.25] * 4]),
        (losses.MSELoss(), torch.zeros(1, 4), [[0.25] * 4]),
        (losses.MSELoss(), torch.zeros(0, 3), torch.zeros(0, 3)),
    ],
)
def test_outputs_become_probabilities(spec, outputs, expected):
    wanted = torch.as_tensor(expected, dtype=torch.float64)
    found = probabilities(spec, outputs.double())
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-7)


@given(
    st.lists(st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3), min_size=1)
)
def test_probabilities_sum_to_1_and_keep_the_order_of_the_outputs(rows):
    outputs = torch.tensor(rows, dtype=torch.float64)
    for spec, given_to_it in [
        (losses.CrossEntropyLoss(), outputs),
        (losses.NLLLoss(), outputs.log_softmax(dim=1)),
        (losses.BCELoss(), outputs.sigmoid()),
        (losses.BCEWithLogitsLoss(), outputs),
        (losses.MSELoss(), outputs),
    ]:
        found = probabilities(spec, given_to_it)
        assert (found >= 0).all()
        torch.testing.assert_close(found.sum(dim=1), torch.ones(len(rows)).double())
        order = given_to_it.argsort(dim=1)
        assert (found.gather(1, order).diff(dim=1) >= 0).all()


@pytest.mark.parametrize("spec", [losses.BCELoss(), losses.MSELoss()])
def test_what_is_not_finite_stays_so(spec):
    assert probabilities(spec, torch.tensor([[0.5, float("nan")]])).isnan().any()


@pytest.mark.parametrize(
    "spec",
    [
        losses.CrossEntropyLoss(weight="balanced"),
        losses.CrossEntropyLoss(weight=(1.0, 2.0), label_smoothing=0.1),
        losses.NLLLoss(weight=(1.0, 2.5), reduction="sum"),
        losses.BCELoss(reduction="sum"),
        losses.BCEWithLogitsLoss(pos_weight=2.5),
        losses.BCEWithLogitsLoss(pos_weight="balanced"),
        losses.MSELoss(reduction="sum"),
        losses.L1Loss(reduction="sum"),
        losses.SmoothL1Loss(beta=2),
        losses.HuberLoss(),
    ],
)
def test_a_choice_comes_back_from_its_written_form(spec):
    adapter = TypeAdapter(Loss)
    assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec


def test_none_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="none gives one loss for each example"):
        losses.MSELoss(reduction="none")
