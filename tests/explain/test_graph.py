"""The graph of an expression has the values and gradients of the textbook."""

import numpy as np
import pytest
import torch

from torchsmith.core.errors import DataError
from torchsmith.explain.graph import trace

OUTSIDE = torch.ones((), requires_grad=True)


def two_steps(a, b):
    x = 2 * a + 3 * b
    y = 5 * a**2 + 3 * b**3
    return {"x": x, "y": y, "z": 2 * x + 3 * y}


def edges_into(graph, name):
    place = graph.nodes.index(graph.node(name))
    return {
        graph.nodes[edge.source].expression: edge.derivative
        for edge in graph.edges
        if edge.target == place
    }


def test_a_product_of_three_has_the_known_derivative():
    graph = trace(lambda x: (x - 1) * (x - 2) * (x - 3), x=3.5)
    assert graph.node("x").gradient == 5.75
    assert graph.result.value == 1.875
    assert graph.result.gradient == 1
    assert [node.expression for node in graph.nodes] == [
        "x",
        "x − 1",
        "x − 2",
        "(x − 1) × (x − 2)",
        "x − 3",
        "(x − 1) × (x − 2) × (x − 3)",
    ]


def test_a_square_has_the_known_derivative():
    graph = trace(lambda x: 2 * x**2 + 3, x=4.0)
    assert graph.node("x").gradient == 16
    assert [edge.derivative for edge in graph.edges] == [8, 2, 1]
    assert [node.operation for node in graph.nodes] == ["", "pow", "mul", "add"]


def test_two_steps_have_the_known_derivatives():
    graph = trace(two_steps, a=2.0, b=1.0)
    gradients = {name: graph.node(name).gradient.item() for name in "abxyz"}
    assert gradients == {"a": 64, "b": 33, "x": 2, "y": 3, "z": 1}
    assert graph.node("y").value == 23
    assert graph.node("z").expression == "2 × x + 3 × y"


def test_a_derivative_on_a_line_is_of_one_operation_alone():
    def product(a):
        b = a * 3
        return {"b": b, "c": a * b}

    graph = trace(product, a=2.0)
    # In all, c grows by 12 for each a: by 6 itself, and by 2 × 3 through b.
    assert graph.node("a").gradient == 12
    assert edges_into(graph, "c") == {"a": 6, "3 × a": 2}


def test_a_gradient_is_the_sum_over_the_lines_to_the_right():
    graph = trace(two_steps, a=2.0, b=1.0)
    for place, node in enumerate(graph.nodes[:-1]):
        summed = sum(
            edge.derivative * graph.nodes[edge.target].gradient
            for edge in graph.edges
            if edge.source == place
        )
        assert summed == pytest.approx(node.gradient)


def test_every_node_stands_after_what_it_is_made_of():
    graph = trace(two_steps, a=2.0, b=1.0)
    assert all(edge.source < edge.target for edge in graph.edges)
    pairs = [(edge.source, edge.target) for edge in graph.edges]
    assert len(set(pairs)) == len(pairs)


def test_what_the_result_is_not_made_of_is_left_out():
    def with_more(a):
        _unused = a.exp().sin()
        return a * 2

    assert len(trace(with_more, a=1.0).nodes) == 2


def test_tensors_and_constants_have_shapes():
    weights = torch.ones(3)
    graph = trace(lambda x: (x @ weights).relu().sum(), x=torch.ones(2, 3))
    assert graph.node("x").shape == (2, 3)
    np.testing.assert_array_equal(graph.node("x").gradient, np.ones((2, 3)))
    [constant] = [node for node in graph.nodes if node.kind == "constant"]
    assert constant.shape == (3,)
    assert constant.gradient is None


def test_the_leaves_of_the_caller_are_not_changed():
    mine = torch.tensor(2.0)
    trace(lambda a: a * a, a=mine)
    assert not mine.requires_grad
    assert mine.grad is None


def test_drawing_random_numbers_differentiates_what_was_drawn():
    torch.manual_seed(0)
    graph = trace(lambda a: torch.nn.functional.dropout(a, 0.5) * 3, a=1.0)
    [edge] = [edge for edge in graph.edges if edge.source == 0]
    assert 3 * edge.derivative == graph.node("a").gradient


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("2 / a", lambda a: 2 / a),
        ("3 − a", lambda a: 3 - a),
        ("2 ^ a", lambda a: 2**a),
        ("−a", lambda a: -a),
        ("sin(a)", torch.sin),
        ("2 × (a + 1)", lambda a: (a + 1) * 2),
        ("(a + 1)²", lambda a: (a + 1) ** 2),
        ("a / (2 × a)", lambda a: a / (2 * a)),
        ("a × a", lambda a: a.mul(a)),
        ("a^0.5", lambda a: a**0.5),
    ],
)
def test_an_expression_is_written_as_a_person_would(text, expression):
    written = trace(expression, a=2.0).result.expression
    assert written.replace(" ^ 0.5", "^0.5") == text


@pytest.mark.parametrize(
    ("expression", "values", "message"),
    [
        (lambda _a: OUTSIDE, {"_a": 1.0}, "was not computed by the function"),
        (lambda _a: 3.0, {"_a": 1.0}, "of type float; it must be a tensor"),
        (lambda _a: torch.ones(()), {"_a": 1.0}, "depends on nothing"),
        (lambda a: a * torch.ones(2), {"a": 1.0}, r"shape \(2,\); only one number"),
        (lambda a: a.add_(1), {"a": 1.0}, "add_: changes a tensor in place, so its "),
        (
            lambda a: a.__setitem__(0, 1.0),
            {"a": torch.ones(2)},
            "__setitem__: changes a tensor in place",
        ),
        (lambda a: (a * 2).add_(1), {"a": 1.0}, "add_: changes a tensor in place"),
        (lambda a: a, {"a": "x"}, "a: must be a number or a tensor, got str"),
        (lambda a: a, {"a": torch.tensor(1)}, "torch.int64 has no gradient"),
        (lambda _a: {}, {"_a": 1.0}, "of type NoneType"),
        (lambda a: sum(a for _ in range(300)), {"a": 1.0}, "301 nodes, more than"),
    ],
)
def test_what_cannot_be_explained_is_said(expression, values, message):
    with pytest.raises(DataError, match=message):
        trace(expression, **values)


def test_an_unknown_name_is_said():
    with pytest.raises(DataError, match="no node 'q'; named are: a"):
        trace(lambda a: a * a, a=1.0).node("q")


def test_a_forgotten_argument_is_named():
    with pytest.raises(DataError, match=r"takes \(x, y\), and is given \(x\)"):
        trace(lambda x, y: x * y, x=2.0)
