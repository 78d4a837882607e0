"""A finished tensor says what it still knows."""

import pytest
import torch

from torchsmith.core.errors import DataError
from torchsmith.explain.history import graph_of


def leaf(value):
    return torch.tensor(value, requires_grad=True)


def test_operations_and_gradients_are_found_behind_a_tensor():
    a, b = leaf(2.0), leaf(1.0)
    x = 2 * a + 3 * b
    y = 5 * a**2 + 3 * b**3
    graph = graph_of(2 * x + 3 * y, {"a": a, "b": b, "x": x, "y": y})
    found = {name: graph.node(name) for name in "abxy"}
    assert {name: node.gradient.item() for name, node in found.items()} == {
        "a": 64,
        "b": 33,
        "x": 2,
        "y": 3,
    }
    assert found["y"].value == 23
    assert found["x"].operation == "add"
    assert a.grad is None


def test_values_that_autograd_saved_are_shown_and_others_said_to_be_gone():
    a = leaf(0.0)
    graph = graph_of((a + 1).exp() * 2)
    values = {node.operation: node.value for node in graph.nodes}
    assert values["exp"] == pytest.approx(2.7182818)
    assert values["mul"] == pytest.approx(2 * 2.7182818)
    assert values["add"] is None
    assert any("values between are gone" in note for note in graph.notes)


def test_after_backward_what_is_left_is_shown():
    a = leaf(3.0)
    y = (a * a).sin()
    y.backward()
    graph = graph_of(y, {"a": a})
    assert graph.node("a").gradient == a.grad
    assert any("freed by backward" in note for note in graph.notes)


def test_a_leaf_used_twice_is_one_node():
    a = leaf(3.0)
    graph = graph_of(a * a + a)
    assert [node.kind for node in graph.nodes].count("leaf") == 1


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.ones(2, requires_grad=True) * 2, r"shape \(2,\) has no gradient"),
        (torch.ones(()), "has no history"),
        (sum(leaf(1.0) for _ in range(300)), "more than the 200 operations"),
    ],
)
def test_what_cannot_be_explained_is_said(tensor, message):
    with pytest.raises(DataError, match=message):
        graph_of(tensor)
