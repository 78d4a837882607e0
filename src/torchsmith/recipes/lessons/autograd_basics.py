"""Gradients through small expressions, each checked against the rules of calculus.

`backward` walks from a result back to what it was computed from, and multiplies the
derivative of each operation on the way: the chain rule. Where two paths meet, their
parts are added. What arrives at a tensor stands in its `.grad`: how fast the result
grows as that tensor grows.

Each derivative is found three times: by the rules of calculus, by autograd, and
measured, as the slope of the expression over a small step. The three must agree.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def product(x: Tensor) -> Tensor:
    """Return y = (x - 1)(x - 2)(x - 3): three factors, so three paths to x."""
    return (x - 1) * (x - 2) * (x - 3)


def square(x: Tensor) -> Tensor:
    """Return z = 2x² + 3: a constant that is added has no part in the gradient."""
    return 2 * x**2 + 3


def chain(a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """Return z = 2x + 3y of x = 2a + 3b and y = 5a² + 3b³: two paths to a, two to b."""
    x = 2 * a + 3 * b
    y = 5 * a**2 + 3 * b**3
    z = 2 * x + 3 * y
    return {"x": x, "y": y, "z": z}


def by_rule(x: float, a: float, b: float) -> dict[str, float]:
    """Differentiate on paper: the product rule, the power rule, the chain rule."""
    return {
        "dy/dx": (x - 2) * (x - 3) + (x - 1) * (x - 3) + (x - 1) * (x - 2),
        "dz/dx": 4 * x,
        "dz/da": 2 * 2 + 3 * 10 * a,  # through x, and through y
        "dz/db": 2 * 3 + 3 * 9 * b**2,
    }


def new_leaf(value: float) -> Tensor:
    """Return a tensor whose gradient is wanted.

    It is float64, as a slope over a small step is a small difference of large numbers.
    """
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def by_autograd(x: float, a: float, b: float) -> dict[str, float]:
    """Let `backward` find the gradients: forward once, then back once."""
    gradients = {}
    for name, expression in (("dy/dx", product), ("dz/dx", square)):
        leaf = new_leaf(x)
        expression(leaf).backward()
        gradients[name] = leaf.grad.item()
    # One `backward` finds the gradients of all leaves.
    leaf_a, leaf_b = new_leaf(a), new_leaf(b)
    chain(leaf_a, leaf_b)["z"].backward()
    return gradients | {"dz/da": leaf_a.grad.item(), "dz/db": leaf_b.grad.item()}


def slope(expression: Callable[[Tensor], Tensor], at: float, h: float) -> float:
    """Measure a derivative: how much the result changes from h before to h after."""
    before, after = new_leaf(at - h), new_leaf(at + h)
    return ((expression(after) - expression(before)) / (2 * h)).item()


def by_steps(x: float, a: float, b: float, h: float) -> dict[str, float]:
    """Measure the same slopes: one pair of values for each input, and never exact."""
    return {
        "dy/dx": slope(product, x, h),
        "dz/dx": slope(square, x, h),
        "dz/da": slope(lambda moved: chain(moved, new_leaf(b))["z"], a, h),
        "dz/db": slope(lambda moved: chain(new_leaf(a), moved)["z"], b, h),
    }


def gradients_between(a: float, b: float) -> list[dict[str, Any]]:
    """Return the value and the gradient of every tensor with a name in `chain`."""
    tensors = {"a": new_leaf(a), "b": new_leaf(b)}
    tensors |= chain(**tensors)
    for tensor in tensors.values():
        tensor.retain_grad()  # unless asked, only leaves keep their gradient
    tensors["z"].backward()
    return [
        {"tensor": name, "value": tensor.item(), "gradient of z": tensor.grad.item()}
        for name, tensor in tensors.items()
    ]


def backward_twice(x: float) -> float:
    """Return what stands in `.grad` after two times `backward`, and no zeroing.

    The second gradient is added to the first. This is why a training loop says
    `optimizer.zero_grad()` in every step.
    """
    leaf = new_leaf(x)
    for _ in range(2):
        square(leaf).backward()
    return leaf.grad.item()


def autograd_basics(
    *,
    x: float = 3.5,
    a: float = 2.0,
    b: float = 1.0,
    h: float = 1e-6,
    tell: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Differentiate three expressions in three ways that must agree.

    Args:
        x: Where the first two are differentiated.
        a: Where the third is differentiated, together with b.
        b: See a.
        h: A small step, to measure a slope rather than derive it.
        tell: Is told what was found, line by line.
    """
    rule = by_rule(x, a, b)
    found = by_autograd(x, a, b)
    measured = by_steps(x, a, b, h)
    twice = backward_twice(x)

    tell(f"y = (x - 1)(x - 2)(x - 3) at x = {x:g}: dy/dx = {found['dy/dx']:g}")
    tell(f"z = 2x² + 3 at x = {x:g}: dz/dx = {found['dz/dx']:g}")
    tell(f"  backward twice without zeroing adds up: {twice:g}")
    tell(f"z = 2x + 3y, x = 2a + 3b, y = 5a² + 3b³ at a = {a:g}, b = {b:g}:")
    tell(f"  dz/da = 4 through x + {30 * a:g} through y = {found['dz/da']:g}")
    tell(f"  dz/db = 6 through x + {27 * b**2:g} through y = {found['dz/db']:g}")

    for name, expected in rule.items():
        size = max(1, abs(expected))
        assert abs(found[name] - expected) <= 1e-12 * size, name
        assert abs(measured[name] - expected) <= 1e-3 * size, (
            f"{name} measured over h = {h:g} is {measured[name]:g}, not {expected:g}; "
            "h is too large, or so small that only rounding is left"
        )
    assert twice == 2 * found["dz/dx"]

    return {
        "numbers": found | {"dz/dx after backward twice": twice},
        "graphs": {
            "y = (x - 1)(x - 2)(x - 3)": {"function": "product", "values": {"x": x}},
            "z = 2x² + 3": {"function": "square", "values": {"x": x}},
            "x = 2a + 3b, y = 5a² + 3b³, z = 2x + 3y": {
                "function": "chain",
                "values": {"a": a, "b": b},
            },
        },
        "tables": {
            "The same derivative in three ways": [
                {
                    "derivative": name,
                    "by the rules": rule[name],
                    "autograd": found[name],
                    "measured": measured[name],
                    "measured is off by": measured[name] - rule[name],
                }
                for name in rule
            ],
            "Every tensor on the way from a and b to z": gradients_between(a, b),
        },
    }
