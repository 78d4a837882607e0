"""Pictures of faults of the data."""

from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import nn

from doctor_pictures.drawing import Picture
from doctor_pictures.learning import (
    bars,
    curves,
    digits,
    fit,
    network,
    numbers,
    recalls,
    score,
)

ACCURACY = "share right on the val part"


def not_finite() -> Picture:
    train, val = digits()
    healthy = fit(network(), train, val, epochs=2).step_losses
    train[0][700, 5] = float("nan")
    sick = fit(network(), train, val, epochs=2).step_losses
    return curves(
        "training loss", ("one NaN in 64,000 numbers", sick), ("none", healthy), "steps"
    )


def constant() -> Picture:
    pictures, _ = load_digits(return_X_y=True)
    return bars(
        "how many of 1,797 digits have which value of one pixel",
        [str(4 * place) for place in range(5)],
        ("pixel 0", _histogram(pictures[:, 0])),
        ("pixel 20", _histogram(pictures[:, 20])),
    )


def _histogram(values: np.ndarray) -> list[float]:
    return np.histogram(values, bins=[0, 3, 6, 10, 14, 17])[0].astype(float).tolist()


def unscaled() -> Picture:
    train, val = numbers()
    sizes = (10, 64, 64, 1)
    healthy = fit(network(sizes), train, val).scores
    for inputs, _ in (train, val):
        inputs[:, 5] = 500 + 300 * inputs[:, 5]
    sick = fit(network(sizes), train, val).scores
    name = ("one column around 500", "standardised")
    return curves(
        "R² on the val part, at least -1",
        (name[0], _at_least_minus_one(sick)),
        (name[1], healthy),
    )


def _at_least_minus_one(values: list[float]) -> list[float]:
    return [max(value, -1.0) for value in values]


def unscaled_target() -> Picture:
    train, val = numbers()
    sizes = (10, 64, 64, 1)
    healthy = fit(network(sizes), train, val).scores
    train, val = ((x, 20_000 + 5_000 * y) for x, y in (train, val))
    sick = fit(network(sizes), train, val).scores
    return curves(
        "R² on the val part, at least -1",
        ("targets around 20,000", _at_least_minus_one(sick)),
        ("standardised", healthy),
    )


def unbalanced() -> Picture:
    train, val = digits()
    rare = [(x, (y == 8).long()) for x, y in (train, val)]
    found = []
    for weight in (None, torch.tensor([1.0, 9.0])):
        model = network((64, 2))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        loss_of = nn.CrossEntropyLoss(weight=weight)
        for rows in torch.arange(1000).split(50):
            optimizer.zero_grad()
            loss_of(model(rare[0][0][rows]), rare[0][1][rows]).backward()
            optimizer.step()
        said = model(rare[1][0]).argmax(dim=1)
        right = (said == rare[1][1]).float()
        found.append([right.mean().item(), right[rare[1][1] == 1].mean().item()])
    return bars(
        "is it an 8? One in ten is; after one epoch",
        ["share right", "eights found"],
        ("each example counts the same", found[0]),
        ("each class counts the same", found[1]),
    )


def missing_class() -> Picture:
    train, val = digits()
    healthy, sick = network(), network()
    fit(healthy, train, val)
    kept = train[1] != 9
    fit(sick, (train[0][kept], train[1][kept]), val)
    names = [str(k) for k in range(10)]
    return bars(
        "share right of each digit",
        names,
        ("no 9 in the training part", recalls(sick, val)),
        ("all are there", recalls(healthy, val)),
    )


def wrong_labels_for_loss() -> Picture:
    inputs, targets = load_breast_cancer(return_X_y=True)
    x = torch.tensor((inputs - inputs.mean(0)) / inputs.std(0), dtype=torch.float32)
    y = torch.tensor(targets, dtype=torch.float32).unsqueeze(1)
    found = []
    for labels in (y + 1, y):
        model = network((30, 16, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        for _ in range(60):
            optimizer.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(model(x), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        found.append(losses)
    name = "training loss, BCEWithLogitsLoss"
    return curves(
        name, ("labels 1 and 2", found[0]), ("labels 0 and 1", found[1]), "steps"
    )


def shared() -> Picture:
    train, val = numbers(num=100, noise=5.0)
    sizes = (10, 256, 1)
    unseen = val[0][200:], val[1][200:]
    copied = val[0][:200], val[1][:200]
    found = []
    for rows in (
        (torch.cat([train[0], copied[0]]), torch.cat([train[1], copied[1]])),
        train,
    ):
        model = network(sizes)
        fit(model, rows, val, epochs=60)
        found.append([score(model, copied), score(model, unseen)])
    return bars(
        "R² on the test part, and on examples that nobody has seen",
        ["test part", "unseen"],
        ("the test part was trained on, too", found[0]),
        ("nothing is shared", found[1]),
    )


def groups() -> Picture:
    draw = np.random.default_rng(0)
    people = np.repeat(np.arange(80), 10)
    traits, outcome = draw.normal(size=(80, 6)), draw.normal(size=80)
    x = torch.tensor(traits[people] + 0.1 * draw.normal(size=(800, 6))).float()
    y = torch.tensor(outcome[people] + 0.1 * draw.normal(size=800)).float()
    y = y.unsqueeze(1)
    order = torch.tensor(draw.permutation(800))
    found = []
    for train, val in (
        (order[:600], order[600:]),
        (torch.arange(600), torch.arange(600, 800)),
    ):
        model = network((6, 64, 1))
        found.append(
            fit(model, (x[train], y[train]), (x[val], y[val]), epochs=40).scores
        )
    return curves(
        "R² on the val part; the outcome of a person follows from nothing",
        ("rows of one person on both sides", found[0]),
        ("each person on one side", _at_least_minus_one(found[1])),
    )


def leak() -> Picture:
    train, val = digits()
    draw = torch.Generator().manual_seed(0)
    noisy = [x + 2 * torch.randn(x.shape, generator=draw) for x, _ in (train, val)]
    told = [
        torch.cat([x, nn.functional.one_hot(y, 10).float()], dim=1)
        for x, (_, y) in zip(noisy, (train, val), strict=True)
    ]
    leaking, honest = network((74, 64, 10)), network()
    fit(leaking, (told[0], train[1]), (told[1], val[1]))
    in_use = torch.cat([noisy[1], torch.zeros(len(val[1]), 10)], dim=1)
    sick = [score(leaking, (x, val[1])) for x in (told[1], in_use)]
    fit(honest, (noisy[0], train[1]), (noisy[1], val[1]))
    return bars(
        "share right on noisy digits",
        ["on the val part", "in use"],
        ("columns that are known only afterwards", sick),
        ("without them", [score(honest, (noisy[1], val[1]))] * 2),
    )


def wrong_labels() -> Picture:
    train, val = digits()
    healthy = fit(network((64, 256, 10)), train, val, epochs=30).scores
    draw = torch.Generator().manual_seed(0)
    wrong = torch.rand(1000, generator=draw) < 0.4
    other = torch.randint(10, (1000,), generator=draw)
    labels = torch.where(wrong, other, train[1])
    sick = fit(network((64, 256, 10)), (train[0], labels), val, epochs=30).scores
    share = (labels != train[1]).float().mean().item()
    return curves(
        f"{ACCURACY}, whose labels are right",
        (f"{share:.0%} of the training labels wrong", sick),
        ("none", healthy),
    )


def contradictions() -> Picture:
    train, _ = digits(num=500)
    found = []
    for moved in (150, 0):
        labels = train[1].clone()
        labels[:moved] = (labels[:moved] + 1) % 10
        both = torch.cat([train[0], train[0]]), torch.cat([train[1], labels])
        found.append(fit(network((64, 256, 10)), both, both, epochs=30).scores)
    return curves(
        "share right on the training part, in which each picture stands twice",
        ("30 % of the pairs disagree", found[0]),
        ("none", found[1]),
    )


def damaged() -> Picture:
    pictures, _ = load_digits(return_X_y=True)
    inverted = pictures.copy()
    inverted[::30] = 16 - inverted[::30]
    edges = [0, 3, 4, 5, 6, 7, 10, 16]
    counts = [
        np.histogram(p.mean(1), bins=edges)[0].astype(float)
        for p in (inverted, pictures)
    ]
    return bars(
        "how many digits have which mean brightness, of 16",
        [f"{low}-{high}" for low, high in pairwise(edges)],
        ("one in 30 is inverted", counts[0].tolist()),
        ("as they are", counts[1].tolist()),
    )


def shifted() -> Picture:
    train, val = digits()
    model = network()
    fit(model, train, val)
    middle = len(val[1]) // 2
    first, second = (
        (val[0][s], val[1][s]) for s in (slice(middle), slice(middle, None))
    )
    darker = 0.35 * (second[0] - second[0].min()) + second[0].min(), second[1]
    right = score(model, first)
    return bars(
        "share right",
        ["val part", "test part"],
        ("test pictures are darker", [right, score(model, darker)]),
        ("as they are", [right, score(model, second)]),
    )


def no_signal() -> Picture:
    train, val = digits()
    healthy = fit(network(), train, val).scores
    order = torch.randperm(1000, generator=torch.Generator().manual_seed(0))
    sick = fit(network(), (train[0], train[1][order]), val).scores
    return curves(ACCURACY, ("labels in another order", sick), ("as they are", healthy))


PICTURES = {
    "D1": not_finite,
    "D2": constant,
    "D3": unscaled,
    "D4": unscaled_target,
    "D5": unbalanced,
    "D6": missing_class,
    "D7": wrong_labels_for_loss,
    "D8": shared,
    "D9": groups,
    "D10": leak,
    "D11": wrong_labels,
    "D12": contradictions,
    "D13": damaged,
    "D14": shifted,
    "D15": no_signal,
}
