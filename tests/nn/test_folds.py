"""Networks side by side: each learns from all folds but one, and answers for that."""

import pytest
import torch
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.folds import Folds
from torchsmith.nn.losses import MeanOverMembers
from torchsmith.plan import networks

ROWS, COLUMNS, CLASSES = 11, 3, 2


def three(spec=None):
    layout = InputLayout(shape=(COLUMNS,), num_numbers=COLUMNS)
    return build_network(spec or networks.MLP(hidden=(5,)), layout, CLASSES, 0, 3)


def rows_with_folds():
    torch.manual_seed(1)
    folds = torch.arange(ROWS).remainder(3).float()
    inputs = torch.randn(ROWS, COLUMNS)
    return inputs, folds, torch.column_stack([inputs, folds])


def test_what_validates_has_not_seen_the_row_and_all_answer_for_new_ones():
    network = three().eval()
    inputs, folds, both = rows_with_folds()
    each = torch.stack([alone(inputs) for alone in network.networks])
    held_out = network(both)
    for row, fold in enumerate(folds.long()):
        torch.testing.assert_close(held_out[row], each[fold, row])
    torch.testing.assert_close(network(inputs), each.mean(0))
    assert not torch.allclose(each[0], each[1])  # drawn one after the other


def test_in_training_the_others_learn_from_a_row():
    network = three().train()
    inputs, folds, both = rows_with_folds()
    outputs = network(both)
    assert outputs.shape == (ROWS, 2, CLASSES)
    for row, fold in enumerate(folds.long().tolist()):
        others = [network.networks[f](inputs)[row] for f in range(3) if f != fold]
        found = {tuple(o.tolist()) for o in outputs[row].detach()}
        assert found == {tuple(o.tolist()) for o in torch.stack(others).detach()}


@pytest.mark.parametrize("members", [1, 4])
def test_no_gradient_of_a_row_reaches_the_network_that_leaves_it_out(members):
    network = three(networks.TabularMLP(hidden=(5,), members=members)).train()
    _, folds, both = rows_with_folds()
    loss = MeanOverMembers(nn.CrossEntropyLoss())
    for fold in range(3):
        rows = folds == fold
        network.zero_grad()
        outputs = network(both[rows])
        assert outputs.shape[1:] == (2 * members, CLASSES)
        loss(outputs, torch.zeros(int(rows.sum()), dtype=torch.long)).backward()
        for place, alone in enumerate(network.networks):
            moved = sum(p.grad.abs().sum() for p in alone.parameters())
            assert (moved == 0) == (place == fold)


def test_each_learns_as_it_would_alone_on_its_rows():
    inputs, folds, both = rows_with_folds()
    targets = torch.arange(ROWS) % CLASSES
    network = three().train()
    loss = MeanOverMembers(nn.CrossEntropyLoss(reduction="sum"))
    loss(network(both), targets).backward()
    for fold, alone in enumerate(network.networks):
        parameters = list(alone.parameters())
        seen = folds != fold
        own = nn.functional.cross_entropy(
            alone(inputs[seen]), targets[seen], reduction="sum"
        )
        for grad, parameter in zip(
            torch.autograd.grad(own, parameters), parameters, strict=True
        ):
            torch.testing.assert_close(parameter.grad, grad / 2)  # of 2 networks a row


def test_pictures_have_no_column_for_their_fold():
    with pytest.raises(PlanError, match=r"split.val: folds are for.*\(1, 8, 8\)"):
        build_network(networks.MLP(), InputLayout(shape=(1, 8, 8)), 2, 0, 5)


@pytest.mark.parametrize("columns", [COLUMNS - 1, COLUMNS + 2])
def test_other_columns_than_the_features_and_the_fold_are_refused(columns):
    message = f"Folds takes 3 columns, or one more .* fold of each row, not {columns}"
    with pytest.raises(ValueError, match=message):
        three()(torch.zeros(2, columns))


def test_the_networks_and_their_columns_are_printed():
    assert repr(Folds([nn.Linear(3, 1)], 3)).startswith("Folds(\n  in_features=3")
