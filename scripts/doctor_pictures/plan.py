"""Pictures of faults of the plan."""

import torch
from torch import nn

from doctor_pictures.data import ACCURACY
from doctor_pictures.drawing import Picture
from doctor_pictures.learning import curves, digits, fit, network, numbers
from doctor_pictures.seeded import course_of


def _adam(model: nn.Module, lr: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=lr)


def lr_high() -> Picture:
    train, val = digits()
    found = []
    for lr in (0.3, 0.002):
        model = network()
        found.append(fit(model, train, val, _adam(model, lr)).losses)
    return curves(
        "training loss; guessing has 2.3",
        ("Adam, lr 0.3", found[0]),
        ("lr 0.002", found[1]),
    )


def lr_low() -> Picture:
    train, val = digits()
    found = []
    for lr in (1e-6, 2e-3):
        model = network()
        found.append(fit(model, train, val, _adam(model, lr)).losses)
    return curves(
        "training loss; guessing has 2.3",
        ("Adam, lr 1e-6", found[0]),
        ("lr 0.002", found[1]),
    )


def short() -> Picture:
    train, val = numbers()
    model = network((10, 64, 64, 1))
    long = fit(model, train, val, epochs=40).scores
    return curves("R² on the val part", ("6 epochs", long[:6]), ("40 epochs", long))


def batch_size() -> Picture:
    train, val = digits()
    sick = fit(network(), train, val, batch_size=1000).scores
    healthy = fit(network(), train, val, batch_size=50).scores
    return curves(
        ACCURACY, ("batches of 1,000: 15 steps", sick), ("of 50: 300 steps", healthy)
    )


def regularised() -> Picture:
    train, _ = digits()
    found = []
    for dropout in (0.9, 0.1):
        model = network((64, 64, 64, 10), dropout=dropout)
        found.append(fit(model, train, train, epochs=25).scores)
    return curves(
        "share right on the training part, in eval mode",
        ("dropout 0.9", found[0]),
        ("dropout 0.1", found[1]),
    )


def prepared_differently() -> Picture:
    train, val = numbers()
    healthy = fit(network((10, 64, 64, 1)), train, val).scores
    raw = 0.29 * val[0] + 0.5, val[1]  # the numbers as they were drawn, from 0 to 1
    sick = fit(network((10, 64, 64, 1)), train, raw).scores
    return curves(
        "R² on the val part",
        ("val part not standardised", sick),
        ("standardised alike", healthy),
    )


def augmented() -> Picture:
    train, val = digits()
    sick = fit(network((64, 32, 10)), train, val, change=_mirrored).scores
    healthy = fit(network((64, 32, 10)), train, val).scores
    names = ("digits mirrored both ways", "as they are")
    return curves(ACCURACY, (names[0], sick), (names[1], healthy))


def _mirrored(inputs: torch.Tensor) -> torch.Tensor:
    pictures = inputs.view(-1, 8, 8)
    for dim in (1, 2):
        chosen = torch.rand(len(pictures), 1, 1) < 0.5
        pictures = torch.where(chosen, pictures.flip(dim), pictures)
    return pictures.flatten(1)


def linear() -> Picture:
    train, val = numbers()
    sick = fit(network((10, 64, 64, 1), nn.Identity), train, val).scores
    healthy = fit(network((10, 64, 64, 1)), train, val).scores
    return curves(
        "R² on the val part",
        ("nothing between the layers", sick),
        ("ReLU between them", healthy),
    )


def schedule() -> Picture:
    found = []
    for every in (8, 160):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        pace = torch.optim.lr_scheduler.StepLR(optimizer, every, gamma=0.3)
        rates = []
        for _ in range(240):
            rates.append(pace.get_last_lr()[0])
            optimizer.step()
            pace.step()
        found.append(rates)
    return curves(
        "learning rate, as a share of the planned one",
        ("step_size=8, stepped for each batch", found[0]),
        ("stepped for each epoch of 20", found[1]),
        "steps",
    )


PICTURES = {
    "P1": lr_high,
    "P2": lr_low,
    "P3": short,
    "P4": batch_size,
    "P5": lambda: course_of("sigmoid before its logit loss", "scores"),
    "P6": lambda: course_of("Sigmoid at the end", "scores"),
    "P7": regularised,
    "P8": lambda: course_of("sorted and not shuffled", "scores"),
    "P9": prepared_differently,
    "P10": augmented,
    "P11": linear,
    "P12": lambda: course_of("head only in the optimizer", "scores"),
    "P13": schedule,
}
