"""Pictures of results that are not what they seem."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from doctor_pictures.drawing import Picture, Side, number
from doctor_pictures.learning import (
    bars,
    digits,
    fit,
    network,
    numbers,
    recalls,
    score,
)


def no_better() -> Picture:
    found = []
    for num, noise in ((50, 3.0), (600, 1.0)):
        train, val = numbers(num=num, noise=noise)
        model = network((10, 256, 256, 1))
        fit(model, train, val, epochs=60, batch_size=25)
        linear = Ridge().fit(*(part.numpy() for part in train))
        found.append([linear.score(*(part.numpy() for part in val)), score(model, val)])
    return bars(
        "R² on the test part",
        ["linear model", "network"],
        ("50 training examples", found[0]),
        ("600", found[1]),
    )


def chosen_by_test() -> Picture:
    train, held = digits(num=300)
    draw = np.random.default_rng(0)
    models = [network((64, 8, 10), seed=seed) for seed in range(40)]
    for model in models:
        fit(model, train, held, epochs=6)
    with torch.no_grad():
        right = [(m(held[0]).argmax(dim=1) == held[1]).numpy() for m in models]
    table, found = np.array(right), []
    for _ in range(50):
        val, test, unseen = np.split(draw.permutation(len(held[1])), [60, 120])
        for chosen_by in (test, val):
            best = table[table[:, chosen_by].mean(axis=1).argmax()]
            found.append([best[test].mean(), best[unseen].mean()])
    sick, healthy = (np.mean(found[place::2], axis=0).tolist() for place in (0, 1))
    return bars(
        "share right: best of 40 networks, 60 test examples, mean of 50 draws",
        ["test part", "unseen"],
        ("chosen by the test part", sick),
        ("chosen by the val part", healthy),
    )


def small_test() -> Picture:
    train, held = digits()
    model = network()
    fit(model, train, held)
    draw = torch.Generator().manual_seed(0)
    sides = []
    for num in (25, 400):
        scores = []
        for _ in range(30):
            rows = torch.randperm(len(held[1]), generator=draw)[:num]
            scores.append(score(model, (held[0][rows], held[1][rows])))
        note = f"{number(min(scores))} to {number(max(scores))}"
        sides.append(Side(f"{num} test examples", scores, note=note))
    what = "share right of one network, on 30 test parts"
    return Picture(what, *sides, along="test parts")


def miscalibrated() -> Picture:
    train, held = digits(num=150)
    draw = torch.Generator().manual_seed(0)
    other = torch.randint(10, (150,), generator=draw)
    labels = torch.where(torch.rand(150, generator=draw) < 0.3, other, train[1])
    model = network((64, 256, 10))
    fit(model, (train[0], labels), held, epochs=150)
    with torch.no_grad():
        logits = model.eval()(held[0])
    val, test = slice(300), slice(300, None)
    scales = np.linspace(0.5, 12, 116)
    entropy = torch.nn.functional.cross_entropy
    losses = [entropy(logits[val] / t, held[1][val]).item() for t in scales]
    best = float(scales[int(np.argmin(losses))])
    right = (logits.argmax(dim=1) == held[1])[test].float().mean().item()
    sure = [
        (logits[test] / t).softmax(dim=1).amax(dim=1).mean().item() for t in (1.0, best)
    ]
    return bars(
        "how sure the network is in the mean, and how often it is right",
        ["sure", "right"],
        ("as it is", [sure[0], right]),
        (f"divided by temperature {best:.1f}", [sure[1], right]),
    )


def failing_group() -> Picture:
    train, val = digits()
    healthy, sick = network(), network()
    fit(healthy, train, val)
    rare = (train[1] == 8).nonzero().squeeze(1)[6:]
    kept = torch.ones(1000, dtype=torch.bool)
    kept[rare] = False
    fit(sick, (train[0][kept], train[1][kept]), val)
    means = [f"{score(model, val):.3f} in the mean" for model in (sick, healthy)]
    return bars(
        "share right of each digit",
        [str(k) for k in range(10)],
        (f"six examples of 8; {means[0]}", recalls(sick, val)),
        (f"about 100; {means[1]}", recalls(healthy, val)),
    )


def too_good() -> Picture:
    train, val = digits(num=600)
    labels = torch.randint(10, (600,), generator=torch.Generator().manual_seed(0))
    order = torch.randperm(1200, generator=torch.Generator().manual_seed(1))
    x, y = torch.cat([train[0], train[0]])[order], torch.cat([labels, labels])[order]
    found = []
    for rows, held in (((x[:900], y[:900]), (x[900:], y[900:])), (train, val)):
        model = network((64, 512, 10))
        fit(model, rows, held, epochs=60)
        simple = LogisticRegression(max_iter=200).fit(rows[0].numpy(), rows[1].numpy())
        right = simple.score(held[0].numpy(), held[1].numpy())
        found.append([right, score(model, held)])
    return bars(
        "share right on the test part",
        ["linear model", "network"],
        ("labels drawn at random, each picture twice", found[0]),
        ("digits as they are", found[1]),
    )


PICTURES = {
    "Q1": no_better,
    "Q2": chosen_by_test,
    "Q3": small_test,
    "Q4": miscalibrated,
    "Q5": failing_group,
    "Q6": too_good,
}
