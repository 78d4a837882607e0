"""Pictures of faults that show while a network trains."""

import math
from collections.abc import Callable

import torch
from torch import nn

from doctor_pictures.data import ACCURACY
from doctor_pictures.drawing import Picture, Side
from doctor_pictures.learning import bars, curves, digits, fit, network, numbers


def diverged() -> Picture:
    train, val = numbers()
    found = []
    for lr in (1.5, 0.05):
        model = network((10, 64, 64, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        found.append(fit(model, train, val, optimizer, epochs=1).step_losses)
    sick, healthy = ([_log(loss) for loss in losses] for losses in found)
    return curves(
        "log10 of the training loss",
        ("SGD, lr 1.5", sick),
        ("lr 0.05", healthy),
        "steps",
    )


def _log(value: float) -> float:
    return math.log10(max(value, 1e-12)) if math.isfinite(value) else math.nan


def _gradients(
    activation: Callable[[], nn.Module], init: Callable[[torch.Tensor], object]
) -> list[float]:
    """Return log10 of the gradients' root mean square, layer by layer."""
    train, _ = digits()
    model = network((64, *[64] * 10, 10), activation)
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    for layer in layers:
        init(layer.weight)
    nn.functional.cross_entropy(model(train[0]), train[1]).backward()
    return [_log(layer.weight.grad.square().mean().sqrt().item()) for layer in layers]


def _kaiming(weight: torch.Tensor) -> object:
    return nn.init.kaiming_normal_(weight, nonlinearity="relu")


def exploding() -> Picture:
    sick = _gradients(nn.ReLU, lambda w: nn.init.normal_(w, std=0.6))
    return _by_layer(
        sick, "weights drawn three times too large", _gradients(nn.ReLU, _kaiming)
    )


def vanishing() -> Picture:
    sick = _gradients(nn.Sigmoid, nn.init.xavier_normal_)
    return _by_layer(sick, "Sigmoid between 11 layers", _gradients(nn.ReLU, _kaiming))


def _by_layer(sick: list[float], name: str, healthy: list[float]) -> Picture:
    return bars(
        "log10 of the gradient, from the first layer to the last",
        [str(place + 1) for place in range(len(sick))],
        (name, sick),
        ("ReLU, kaiming_normal_", healthy),
    )


def dead() -> Picture:
    train, val = digits()
    sides = []
    for lr in (0.1, 0.002):
        model = network((64, 100, 10))
        fit(model, train, val, torch.optim.Adam(model.parameters(), lr=lr))
        works = (model[1](model[0](val[0])) > 0).float().mean(dim=0)
        shares = works.sort(descending=True).values.tolist()
        sides.append(Side(f"Adam, lr {lr}", shares, note=f"{shares.count(0)} dead"))
    return Picture(
        "share of the examples for which each of 100 units is above 0",
        *sides,
        along="units, sorted",
    )


def saturated() -> Picture:
    train, _ = digits()
    found = []
    for std in (0.8, 0.12):
        model = network((64, 64, 10), nn.Tanh)
        nn.init.normal_(model[0].weight, std=std)
        outputs = model[1](model[0](train[0])).detach()
        counts = torch.histc(outputs, 8, -1, 1) / outputs.numel()
        found.append(counts.tolist())
    return bars(
        "which outputs of Tanh are how frequent, from -1 to 1",
        ["-1", "", "", "", "", "", "", "1"],
        ("weights of deviation 0.8", found[0]),
        ("of deviation 0.12", found[1]),
    )


def plateau() -> Picture:
    train, val = digits()
    sick = fit(network((64, *[64] * 8, 10), nn.Sigmoid), train, val, epochs=25).losses
    healthy = fit(network(), train, val, epochs=25).losses
    return curves(
        "training loss; guessing has 2.3",
        ("nine layers, Sigmoid", sick),
        ("two layers, ReLU", healthy),
    )


def swings() -> Picture:
    train, val = digits()
    found = []
    for falls in (False, True):
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        pace = (
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40) if falls else None
        )
        found.append(fit(model, train, val, optimizer, epochs=40, schedule=pace).scores)
    return curves(
        ACCURACY, ("Adam, lr 0.05 throughout", found[0]), ("falling to 0", found[1])
    )


def by_heart() -> Picture:
    found = []
    for num in (60, 600):
        train, val = numbers(num=num, noise=3.0)
        model = network((10, 256, 256, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
        steps = 600 // num  # as many steps an epoch
        train = train[0].repeat(steps, 1), train[1].repeat(steps, 1)
        found.append(fit(model, train, val, optimizer, epochs=15).scores)
    names = ("60 training examples", "600, as many steps")
    return curves("R² on the val part", (names[0], found[0]), (names[1], found[1]))


PICTURES = {
    "T1": diverged,
    "T2": exploding,
    "T3": vanishing,
    "T4": dead,
    "T5": saturated,
    "T6": plateau,
    "T7": swings,
    "T8": by_heart,
}
