"""A linear model and nearest neighbours, on tensors and within a fraction of a second.

scikit-learn's would take longer to import than the examination of a small run may.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from torchsmith.doctor.examples import Examples
from torchsmith.nn.optimizers import unmarked

LINEAR_STEPS = 30
"""Of L-BFGS; stopping early keeps it from learning few examples by heart."""

WIDE = 10.0
"""Standardised features are cut at plus and minus this many deviations."""

RIDGE = 1.0
"""The penalty of squared weights, for standardised features."""

FEW_NEIGHBOURS, MANY_NEIGHBOURS, MANY_FROM = 5, 15, 2_000


@dataclass(frozen=True)
class Answers:
    """What a simple model says of examples that it was not fitted on.

    Attributes:
        name: Of the model, in words.
        places: `(m,)` places of these examples in the sample.
        values: `(m, K)` probabilities, or `(m, d)` numbers.
        score: The share of right classes, or R².
        error: The sampling error of the score.
    """

    name: str
    places: Tensor
    values: Tensor
    score: float
    error: float


def ask_simple_models(examples: Examples) -> tuple[Answers, ...]:
    """Return what a linear model and nearest neighbours say, the better one first.

    Args:
        examples: Each of its folds is fitted once and answered once.
    """
    if not examples.folds:
        return ()
    found = [
        _answers(examples, name, model)
        for name, model in (("linear model", _linear), ("nearest neighbours", _near))
    ]
    return tuple(sorted(found, key=lambda answers: -answers.score))


def ask_ridge(examples: Examples) -> Answers:
    """Return what ridge regression says, as `ask_simple_models` does.

    Of classes it gives scores, not probabilities, in a tenth of the time of a linear
    model with a softmax.
    """
    return _answers(examples, "ridge regression", _ridge_scores)


def ask_neighbours(examples: Examples) -> Answers:
    """Return what nearest neighbours say alone, as `ask_simple_models` does."""
    return _answers(examples, "nearest neighbours", _near)


def ask_nearest(examples: Examples) -> Answers:
    """Return what the one nearest example says, as `ask_simple_models` does."""
    return _answers(examples, "the nearest example", _nearest)


_Model = Callable[[Examples, Tensor, Tensor, Tensor], Tensor]
"""From the sample, inputs and places that it is fitted on, and inputs, to answers."""


def _answers(examples: Examples, name: str, model: _Model) -> Answers:
    values = []
    for fitted, held in examples.folds:
        ours, theirs = _scaled(examples, fitted, held)
        values.append(model(examples, ours, fitted, theirs))
    places = torch.cat([held for _, held in examples.folds])
    said = torch.cat(values)
    score, error = _score(examples, places, said)
    return Answers(name, places, said, score, error)


def standardised(examples: Examples) -> Tensor:
    """Return `(n, D)` features as neighbours compare them."""
    every = torch.arange(len(examples))
    return _scaled(examples, every, every[:0])[0]


def _scaled(examples: Examples, fitted: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
    """Standardise by the fitted examples; constant features become 0."""
    ours, theirs = examples.features[fitted], examples.features[held]
    centre = ours.mean(dim=0)
    ours, theirs = ours - centre, theirs - centre
    scale = ours.square().mean(dim=0).sqrt()  # `std` is far slower
    if examples.even:
        scale = scale.square().mean().sqrt().expand_as(scale)
    scale = torch.where(scale > 1e-7 * (1 + centre.abs()), scale, torch.inf)
    first, second = ((part / scale).clamp_(-WIDE, WIDE) for part in (ours, theirs))
    return first, second


def _linear(
    examples: Examples, inputs: Tensor, fitted: Tensor, asked: Tensor
) -> Tensor:
    inputs, asked = (
        nn.functional.pad(part, (0, 1), value=1) for part in (inputs, asked)
    )
    if examples.codes is None:
        return _ridge(inputs, examples.numbers[fitted], asked)
    # In this layout the products with few classes are three times as fast.
    weight = torch.zeros(examples.num_classes, inputs.shape[1], requires_grad=True)
    targets = examples.codes[fitted]

    def loss() -> Tensor:
        penalty = weight[:, :-1].square().sum() * (RIDGE / (2 * len(inputs)))
        outputs = nn.functional.linear(inputs, weight)
        value = nn.functional.cross_entropy(outputs, targets) + penalty
        (weight.grad,) = torch.autograd.grad(value, weight)
        return value

    optimizer = unmarked(torch.optim.LBFGS)(
        [weight], max_iter=LINEAR_STEPS, line_search_fn="strong_wolfe"
    )
    with torch.enable_grad():
        optimizer.step(loss)
    return torch.softmax(asked @ weight.detach().T, dim=1)


def _ridge_scores(
    examples: Examples, inputs: Tensor, fitted: Tensor, asked: Tensor
) -> Tensor:
    inputs, asked = (
        nn.functional.pad(part, (0, 1), value=1) for part in (inputs, asked)
    )
    if examples.codes is None:
        return _ridge(inputs, examples.numbers[fitted], asked)
    codes = nn.functional.one_hot(examples.codes[fitted], examples.num_classes)
    return _ridge(inputs, codes.float(), asked)


def _ridge(inputs: Tensor, targets: Tensor, asked: Tensor) -> Tensor:
    """Return answers of ridge regression; the last input is 1, and free."""
    centre, wide, asked = targets.mean(dim=0), inputs.double(), asked.double()
    left = (targets - centre).double()
    weight: Tensor
    if wide.shape[1] > len(wide):
        # As many unknowns as examples, not as features.
        gram = wide @ wide.T + RIDGE * torch.eye(len(wide), dtype=torch.float64)
        weight = wide.T @ torch.linalg.solve(gram, left)
    else:
        penalty = torch.full((wide.shape[1],), RIDGE, dtype=torch.float64)
        penalty[-1] = 1e-6
        weight = torch.linalg.solve(wide.T @ wide + torch.diag(penalty), wide.T @ left)
    return (asked @ weight).float() + centre


def _near(examples: Examples, inputs: Tensor, fitted: Tensor, asked: Tensor) -> Tensor:
    few = examples.even or len(inputs) < MANY_FROM
    count = min(FEW_NEIGHBOURS if few else MANY_NEIGHBOURS, len(inputs))
    return _vote(examples, inputs, fitted, asked, count)


def _nearest(
    examples: Examples, inputs: Tensor, fitted: Tensor, asked: Tensor
) -> Tensor:
    return _vote(examples, inputs, fitted, asked, 1)


def _vote(
    examples: Examples, inputs: Tensor, fitted: Tensor, asked: Tensor, count: int
) -> Tensor:
    near = torch.cdist(asked, inputs).topk(count, largest=False).indices
    if examples.codes is None:
        return examples.numbers[fitted][near].mean(dim=1)
    codes = examples.codes[fitted]
    counts = torch.bincount(codes, minlength=examples.num_classes)
    votes = nn.functional.one_hot(codes[near], examples.num_classes).sum(dim=1)
    # The class shares count as one more neighbour: no class is impossible.
    found: Tensor = (votes + counts / len(codes)) / (count + 1)
    return found


def _score(examples: Examples, places: Tensor, said: Tensor) -> tuple[float, float]:
    count = len(places)
    if examples.codes is not None:
        score = (said.argmax(dim=1) == examples.codes[places]).double().mean().item()
        # One more right and one more wrong: none wrong is not no error.
        share = (score * count + 1) / (count + 2)
        return score, (share * (1 - share) / count) ** 0.5
    truth = examples.numbers[places].double()
    spread = (truth - truth.mean(dim=0)).square().sum(dim=1)
    left = (truth - said.double()).square().sum(dim=1)
    total = spread.mean().clamp(min=1e-300)
    score = 1 - (left.mean() / total).item()
    # By how much the ratio of two means of one sample varies.
    each = (left - (1 - score) * spread) / total
    return score, (each.std() / count**0.5).item() if count > 1 else 1.0
