"""Gradients through small expressions, each checked against the rules of calculus.

`backward` walks from a result back to what it was computed from, and multiplies the
derivative of each operation on the way: the chain rule. Where two paths meet, their
parts are added. What arrives at a tensor stands in its `.grad`: how much the result
changes when that tensor grows a little.
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
        tell: Is told what comes next.
    """
    # What the rules of calculus give.
    by_rule = {
        "dy/dx": 3 * x**2 - 12 * x + 11,
        "dz/dx": 4 * x,
        "dz/da": 2 * 2 + 3 * 10 * a,
        "dz/db": 2 * 3 + 3 * 9 * b**2,
    }
    # float64, as a slope over a small step is a small difference of large numbers.
    by_autograd = {}
    for name, function in (("dy/dx", product), ("dz/dx", square)):
        leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        function(leaf).backward()
        by_autograd[name] = leaf.grad.item()

    leaves = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (a, b)]
    made = chain(*leaves)
    for tensor in made.values():
        tensor.retain_grad()  # only leaves keep their gradient unless asked
    made["z"].backward()
    by_autograd["dz/da"], by_autograd["dz/db"] = (leaf.grad.item() for leaf in leaves)

    by_steps = {
        "dy/dx": slope(product, x, h),
        "dz/dx": slope(square, x, h),
        "dz/da": slope(lambda v: chain(v, torch.tensor(b))["z"], a, h),
        "dz/db": slope(lambda v: chain(torch.tensor(a), v)["z"], b, h),
    }
    for name, expected in by_rule.items():
        assert abs(by_autograd[name] - expected) <= 1e-12 * max(1, abs(expected)), name
        assert abs(by_steps[name] - expected) <= 1e-3 * max(1, abs(expected)), name
        tell(f"{name} = {by_autograd[name]:g}")

    between = {name: (t.item(), t.grad.item()) for name, t in made.items()}
    return {
        "numbers": by_autograd,
        "tables": {
            "The same derivative in three ways": [
                {
                    "derivative": name,
                    "by the rules": by_rule[name],
                    "autograd": by_autograd[name],
                    "measured over a small step": by_steps[name],
                }
                for name in by_rule
            ],
            "Between a, b and z": [
                {"tensor": name, "value": value, "dz by it": gradient}
                for name, (value, gradient) in between.items()
            ],
        },
        "graphs": {
            "y = (x - 1)(x - 2)(x - 3)": {"function": "product", "values": {"x": x}},
            "z = 2x² + 3": {"function": "square", "values": {"x": x}},
            "x = 2a + 3b, y = 5a² + 3b³, z = 2x + 3y": {
                "function": "chain",
                "values": {"a": a, "b": b},
            },
        },
    }


def slope(function: Callable[[Tensor], Tensor], at: float, h: float) -> float:
    """Measure a derivative: how much the result changes from h before to h after."""
    before, after = (torch.tensor(v, dtype=torch.float64) for v in (at - h, at + h))
    return ((function(after) - function(before)) / (2 * h)).item()
