"""Pictures of faults of code."""

import torch

from doctor_pictures.drawing import Picture
from doctor_pictures.learning import curves, fit, network, numbers
from doctor_pictures.seeded import course_of, modes, reported


def summed() -> Picture:
    train, val = numbers()
    found = []
    for reduction in ("sum", "mean"):
        model = network((10, 64, 64, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        made = fit(model, train, val, optimizer, epochs=3, reduction=reduction)
        found.append(made.step_losses)
    (sick, healthy), size = found, 50
    return curves(
        "training loss of an example",
        ("summed, SGD, lr 0.01", [loss / size for loss in sick]),
        ("its mean, the same rate", healthy),
        "steps",
    )


PICTURES = {
    "C1": lambda: course_of("no step", "losses"),
    "C2": lambda: course_of("no zero_grad, numbers", "scores"),
    "C3": lambda: course_of("features without gradient", "scores"),
    "C4": lambda: course_of("broadcast in the loss", "losses"),
    "C5": lambda: course_of("softmax over the batch", "scores"),
    "C6": lambda: modes("running statistics that hardly run"),
    "C7": lambda: course_of("stored item changed", "losses"),
    "C8": lambda: reported("validation augmented"),
    "C9": lambda: course_of("input ignored", "losses"),
    "C10": lambda: course_of("all weights equal", "scores"),
    "C11": lambda: course_of("integer division of pixels", "losses"),
    "C12": summed,
}
