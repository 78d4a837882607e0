"""A cubic fitted to a sine, three ways that agree step by step.

The four numbers of y = a + b x + c x² + d x³ are moved so that the curve comes close to
sin(x) between -π and π. First the gradient of the error is worked out by hand; then
autograd finds the same gradient; then `nn.Module` and `torch.optim` do the bookkeeping.
Nothing else changes: all three take the same steps.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


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
        a, b, c, d = weights
        prediction = a + b * x + c * x**2 + d * x**3
        error = (prediction - y).square().sum()
        error.backward()
        # The step itself must not become part of what is differentiated.
        with torch.no_grad():
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
        tell: Is told what comes next.
    """
    # float64, so that what is left of a difference between the ways is rounding.
    x = torch.linspace(-math.pi, math.pi, points, dtype=torch.float64)
    y = torch.sin(x)
    start = torch.randn(
        4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    records = {}
    for name, fit in (
        ("by hand", by_hand),
        ("autograd", by_autograd),
        ("nn.Module", by_module),
    ):
        tell(f"{steps:,} steps, gradients {name}")
        records[name] = fit(x, y, start, steps, lr)

    reference = records["by hand"]
    for name, record in records.items():
        assert torch.allclose(record, reference, rtol=1e-9, atol=1e-9), name
    apart = max((record - reference).abs().max().item() for record in records.values())

    a, b, c, d = reference[-1, 1:].tolist()
    tell(f"y = {a:.4f} {b:+.4f} x {c:+.4f} x² {d:+.4f} x³")

    shown = torch.linspace(0, points - 1, 100).round().long()
    curves = {"sin(x)": y[shown]}
    for name, record in records.items():
        a, b, c, d = record[-1, 1:]
        curves[name] = (a + b * x + c * x**2 + d * x**3)[shown]
    kept = range(0, steps, max(1, steps // 200))
    return {
        "numbers": {
            "error before the first step": reference[0, 0].item(),
            "error before the last step": reference[-1, 0].item(),
            "largest difference between the ways": apart,
        },
        "tables": {
            "After the last step": [
                {
                    "way": name,
                    **dict(zip("abcd", record[-1, 1:].tolist(), strict=True)),
                    "error": record[-1, 0].item(),
                }
                for name, record in records.items()
            ]
        },
        "figures": {
            "The curves after the last step": {
                "x": "x",
                "lines": {
                    name: list(zip(x[shown].tolist(), curve.tolist(), strict=True))
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
