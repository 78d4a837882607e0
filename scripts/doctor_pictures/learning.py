"""Small trainings, seeded: digits, and numbers from ten measured ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_digits, make_friedman1
from torch import Tensor, nn

from doctor_pictures.drawing import Picture, Side, number

Pair = tuple[Tensor, Tensor]


@dataclass
class Course:
    """How a training went, a value for each epoch or step.

    Attributes:
        losses: Mean training loss of each epoch.
        step_losses: Of each step.
        scores: On the val part: the share right, or R².
        val_losses: On the val part.
        norms: Of the gradient, at each step.
    """

    losses: list[float] = field(default_factory=list)
    step_losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)


def digits(seed: int = 0, *, num: int = 1000) -> tuple[Pair, Pair]:
    """Return training and val examples, standardised: `(N, 64)` and class codes."""
    pictures, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    inputs = torch.tensor(pictures[order], dtype=torch.float32)
    targets = torch.tensor(labels[order])
    inputs = (inputs - inputs[:num].mean()) / inputs[:num].std()
    return (inputs[:num], targets[:num]), (inputs[1200:], targets[1200:])


def numbers(seed: int = 0, *, num: int = 600, noise: float = 1.0) -> tuple[Pair, Pair]:
    """Return training and val examples of Friedman's problem, standardised."""
    x, y = make_friedman1(n_samples=1200, noise=noise, random_state=seed)
    inputs = torch.tensor(x, dtype=torch.float32)
    targets = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
    inputs = (inputs - inputs[:num].mean(0)) / inputs[:num].std(0)
    targets = (targets - targets[:num].mean()) / targets[:num].std()
    return (inputs[:num], targets[:num]), (inputs[800:], targets[800:])


def network(
    sizes: Sequence[int] = (64, 64, 10),
    activation: Callable[[], nn.Module] = nn.ReLU,
    *,
    dropout: float = 0.0,
    seed: int = 0,
) -> nn.Sequential:
    """Return linear layers with an activation between them."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), activation()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    del layers[-1 - bool(dropout) :]
    return nn.Sequential(*layers)


def fit(  # noqa: PLR0913 -- what the pictures change
    model: nn.Module,
    train: Pair,
    val: Pair,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    epochs: int = 15,
    batch_size: int = 50,
    change: Callable[[Tensor], Tensor] = lambda inputs: inputs,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    reduction: str = "mean",
) -> Course:
    """Train, and note how it goes; classes where targets are whole numbers."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=2e-3)
    is_class = not train[1].is_floating_point()
    kind = nn.CrossEntropyLoss if is_class else nn.MSELoss
    loss_of = kind(reduction=reduction)
    torch.manual_seed(1)
    course = Course()
    for _ in range(epochs):
        model.train()
        order = torch.randperm(len(train[1]))
        begin = len(course.step_losses)
        for rows in order.split(batch_size):
            optimizer.zero_grad()
            loss = loss_of(model(change(train[0][rows])), train[1][rows])
            loss.backward()
            grads = [p.grad for p in model.parameters() if p.grad is not None]
            course.norms.append(nn.utils.get_total_norm(grads).item())
            optimizer.step()
            course.step_losses.append(loss.item())
        course.losses.append(float(np.mean(course.step_losses[begin:])))
        if schedule is not None:
            schedule.step()
        course.scores.append(score(model, val))
        with torch.no_grad():
            course.val_losses.append(loss_of(model(val[0]), val[1]).item())
    return course


def score(model: nn.Module, val: Pair) -> float:
    """Return the share right, or R², in eval mode."""
    model.eval()
    with torch.no_grad():
        outputs = model(val[0])
    if not val[1].is_floating_point():
        return (outputs.argmax(dim=1) == val[1]).float().mean().item()
    return 1 - ((outputs - val[1]) ** 2).mean().item() / val[1].var().item()


def recalls(model: nn.Module, val: Pair) -> list[float]:
    """Return the share right of each class."""
    with torch.no_grad():
        said = model.eval()(val[0]).argmax(dim=1)
    return [(said[val[1] == k] == k).float().mean().item() for k in range(10)]


def curves(
    what: str,
    sick: tuple[str, Sequence[float]],
    healthy: tuple[str, Sequence[float]],
    along: str = "epochs",
) -> Picture:
    """Return a picture of two curves that says where each ends."""
    return Picture(what, _ending(*sick), _ending(*healthy), "curves", along)


def _ending(name: str, values: Sequence[float]) -> Side:
    finite = np.isfinite(values)
    note = number(float(values[-1])) if finite.all() else "not a number"
    if not finite.all():
        note += f" from {int(np.argmin(finite)) + 1} on"
    return Side(name, values, note=f"ends at {note}" if finite.all() else note)


def bars(
    what: str,
    labels: Sequence[str],
    sick: tuple[str, Sequence[float]],
    healthy: tuple[str, Sequence[float]],
) -> Picture:
    """Return a picture of bars that says their values where they are few."""
    sides = []
    for name, values in (sick, healthy):
        few = len(values) <= 3
        note = ", ".join(map(number, values)) if few else ""
        sides.append(Side(name, values, labels, note))
    return Picture(what, sides[0], sides[1], "bars")
