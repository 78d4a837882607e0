"""A cubic fitted to a sine, three ways that agree step by step.

The four numbers of y = a + b x + c x² + d x³ are moved so that the curve comes close to
sin(x) between -π and π. First the gradient of the error is worked out by hand; then
autograd finds the same gradient; then `nn.Module` and `torch.optim` do the bookkeeping.
Nothing else changes: all three take the same steps, and the program checks that.

What descent comes to is compared with the best cubic there is. Least squares finds it
in one go, a straight way that a network does not have.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def cubic(x: Tensor, weights: Tensor) -> Tensor:
    """Return a + b x + c x² + d x³ for each x, `(N,)`."""
    a, b, c, d = weights
    return a + b * x + c * x**2 + d * x**3


def by_hand(x: Tensor, y: Tensor, start: Tensor, steps: int, lr: float) -> Tensor:
    """Descend with gradients that were worked out on paper.

    The error is the sum of (prediction - y)². Its derivative by the prediction is
    2 (prediction - y), and the prediction's derivative by a, b, c and d is 1, x, x² and
    x³: the chain rule multiplies the two and sums over the points.

    Returns:
        The error before each step, and a, b, c and d after it: `(steps, 5)`.
    """
    a, b, c, d = start.tolist()
    record = []
    for _ in range(steps):
        prediction = a + b * x + c * x**2 + d * x**3
        error = (prediction - y).square().sum().item()
        slope = 2 * (prediction - y)
        a -= lr * slope.sum().item()
        b -= lr * (slope * x).sum().item()
        c -= lr * (slope * x**2).sum().item()
        d -= lr * (slope * x**3).sum().item()
        record.append([error, a, b, c, d])
    return torch.tensor(record, dtype=torch.float64)


def by_autograd(x: Tensor, y: Tensor, start: Tensor, steps: int, lr: float) -> Tensor:
    """Descend with gradients that `backward` finds."""
    weights = start.clone().requires_grad_()
    record = []
    for _ in range(steps):
        error = (cubic(x, weights) - y).square().sum()
        error.backward()
        with torch.no_grad():  # the step is not part of what is differentiated
            weights -= lr * weights.grad
        weights.grad = None  # otherwise the next gradient is added to this one
        record.append([error.item(), *weights.tolist()])
    return torch.tensor(record, dtype=torch.float64)


class Cubic(nn.Module):
    """A linear layer on x, x² and x³: its bias is a, its weights are b, c and d."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1, dtype=start.dtype)
        with torch.no_grad():
            self.linear.bias.copy_(start[:1])
            self.linear.weight.copy_(start[1:].unsqueeze(0))

    def forward(self, x: Tensor) -> Tensor:
        """Return the prediction for each x, `(N,)`."""
        powers = x.unsqueeze(1) ** torch.tensor([1, 2, 3])  # (N, 3)
        return self.linear(powers).squeeze(1)


def by_module(x: Tensor, y: Tensor, start: Tensor, steps: int, lr: float) -> Tensor:
    """Descend with a module, a loss and an optimizer: the loop of every program."""
    network = Cubic(start)
    loss_function = nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)
    record = []
    for _ in range(steps):
        loss = loss_function(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        weights = [network.linear.bias.item(), *network.linear.weight[0].tolist()]
        record.append([loss.item(), *weights])
    return torch.tensor(record, dtype=torch.float64)


def best_cubic(x: Tensor, y: Tensor) -> Tensor:
    """Return a, b, c and d with the smallest error of all, by least squares.

    sin(x) is odd, so a and c are 0. The last digits of a solution vary from call to
    call, with where its numbers lie in memory; they are rounded off.
    """
    powers = x.unsqueeze(1) ** torch.arange(4)  # (N, 4)
    solution: Tensor = torch.linalg.lstsq(powers, y.unsqueeze(1)).solution
    return solution.squeeze(1).round(decimals=10) + 0.0  # + 0.0: not -0


WAYS = {"by hand": by_hand, "autograd": by_autograd, "nn.Module": by_module}


def sine_cubic(
    *,
    points: int = 1000,
    steps: int = 2000,
    lr: float = 1e-6,
    seed: int = 0,
    tell: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Fit the cubic in all three ways, and compare them.

    Args:
        points: Of the sine between -π and π.
        steps: Of gradient descent.
        lr: The step is the gradient times this.
        seed: Draws where a, b, c and d begin.
        tell: Is told what was found, line by line.
    """
    # float64, so that what is left of a difference between the ways is rounding.
    x = torch.linspace(-math.pi, math.pi, points, dtype=torch.float64)
    y = torch.sin(x)
    start = torch.randn(
        4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )

    def error(weights: Tensor) -> float:
        return (cubic(x, weights) - y).square().sum().item()

    tell(f"error at the start: {error(start):,.0f}")
    records = {}
    for name, fit in WAYS.items():
        records[name] = fit(x, y, start, steps, lr)
        after = error(records[name][-1, 1:])
        tell(f"{name}: {steps:,} steps, error {after:,.4f}")

    reference = records["by hand"]
    assert reference.isfinite().all(), f"lr = {lr:g} is too large: the error only grows"
    for name, record in records.items():
        assert torch.allclose(record, reference, rtol=1e-9, atol=1e-9), (
            f"{name} and by hand do not agree; lr is too large"
        )
    apart = max((record - reference).abs().max().item() for record in records.values())

    ends = {name: record[-1, 1:] for name, record in records.items()}
    best = best_cubic(x, y)
    a, b, c, d = ends["by hand"].tolist()
    tell(f"all three: y = {a:.4f} {b:+.4f} x {c:+.4f} x² {d:+.4f} x³")
    tell(f"the best cubic has an error of {error(best):,.4f}")

    shown = torch.linspace(0, points - 1, 100).round().long().unique()
    curves = {"sin(x)": y} | {name: cubic(x, end) for name, end in ends.items()}
    kept = range(0, steps, max(1, steps // 200))
    return {
        "numbers": {
            "error before the first step": error(start),
            "error after the last step": error(ends["by hand"]),
            "error of the best cubic": error(best),
            "largest difference between the ways": apart,
        },
        "tables": {
            "After the last step": [
                {
                    "way": name,
                    **dict(zip("abcd", weights.tolist(), strict=True)),
                    "error": error(weights),
                }
                for name, weights in (ends | {"best cubic": best}).items()
            ]
        },
        "figures": {
            "The curves after the last step": {
                "x": "x",
                "lines": {
                    name: list(
                        zip(x[shown].tolist(), curve[shown].tolist(), strict=True)
                    )
                    for name, curve in curves.items()
                },
            },
            "The error as it falls": {
                "x": "step",
                "lines": {
                    name: [(step + 1, record[step, 0].item()) for step in kept]
                    for name, record in records.items()
                },
            },
        },
    }
