"""Whether validation looks like training: D14, P9."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor

from torchsmith.core.seeds import generator
from torchsmith.core.wording import percent
from torchsmith.doctor.examples import (
    MOST_LARGE,
    Examples,
    classes_of,
    features_of,
    leaves,
)
from torchsmith.doctor.simple_models import (
    Answers,
    ask_neighbours,
    ask_ridge,
    ask_simple_models,
)
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.leaks import association
from torchsmith.train.batches import DatasetBatches

MOST = 500
"""Examples of each part that are compared."""

LEAST = 50
WIDE = 256
"""Features of which a linear model takes long; then neighbours alone are asked."""

OTHER, VERY_OTHER = 0.6, 0.75
"""Area under the ROC curve of a model that tells the parts apart: a warning; an error,
if what is learned of one does not hold for the other, too."""

OTHER_Z = 4.0
"""Standard errors of that area from 0.5."""

BESIDE_Z = 2.0
"""Standard errors by which what is learned of training is worse on parts that can be
told apart, or their targets differ, too: without either the difference is a note."""

WORSE_Z = 4.0
"""Standard errors by which what was fitted on training is worse on validation."""

WORSE = 0.05
"""The same in points of the score."""

OTHER_SCALE = 1.5
"""Ratio of the deviations of the median input of parts that are prepared otherwise."""

OTHER_CENTRE = 0.5
"""Distance of the means of the median input, in deviations of the training part."""

OTHER_TARGETS = 0.15
"""Distance of the distributions of targets: of classes the share that would have to
change, of numbers the largest distance of the cumulative distributions."""

OTHER_TARGETS_Z = 5.0
"""The same in standard errors."""


@dataclass(frozen=True)
class Comparison:
    """The training part beside validation.

    Attributes:
        auc: Of a linear model that tells them apart; 0.5 is not at all.
        deviations: Of that from 0.5, in standard errors.
        scale: Deviation of the median input, validation to training.
        centre: Distance of the median input's means, in deviations of training.
        worse: How much worse what was fitted on training is on validation than on
            training examples held out, in points of the score.
        worse_deviations: The same in standard errors.
        targets: Distance of the distributions of targets, from 0 to 1.
        targets_deviations: The same in standard errors.
    """

    auc: float
    deviations: float
    scale: float
    centre: float
    worse: float
    worse_deviations: float
    targets: float
    targets_deviations: float


def find_in_shift(subject: Subject, examples: Examples) -> Iterator[Finding]:
    """Find a val part that is prepared otherwise, or drawn from elsewhere: D14, P9.

    Parts that the plan draws at random, by group or by time differ only as they should.

    Args:
        subject: At step 0; stays as it is.
        examples: Of the training part.
    """
    if subject.plan is not None and subject.plan.split.val != "given":
        return
    found = compare(subject, examples)
    if found is None:
        return
    harm = found.worse_deviations >= WORSE_Z and found.worse >= WORSE
    evidence = (
        f"a linear model tells train and val apart with an AUC of {found.auc:.2f}; "
        f"what it learns of train is worse on val by {found.worse:.3f}, "
        f"{found.worse_deviations:.1f} standard errors"
    )
    rescaled = not 1 / OTHER_SCALE <= found.scale <= OTHER_SCALE
    fixed = harm or not _drawn_anew(subject)
    if fixed and (rescaled or found.centre > OTHER_CENTRE):
        certain = harm and found.auc >= VERY_OTHER
        yield Finding(
            code="P9",
            severity="error" if certain else "warning",
            message="The val part is prepared differently from the training part.",
            where="val part",
            evidence=f"the median input's deviation is {found.scale:.3g} times that of "
            f"training, its mean {found.centre:.3g} deviations away; {evidence}",
            remedy="Fit scales on the training part and use the same ones everywhere.",
        )
        return
    differs = fixed and found.auc >= OTHER and found.deviations >= OTHER_Z
    moved = (
        found.targets >= OTHER_TARGETS and found.targets_deviations >= OTHER_TARGETS_Z
    )
    if not (harm or differs or moved):
        return
    what = "differs from the training part"
    if not differs:
        what = "has other targets than the training part"
    if not differs and not moved:
        what = "has targets that do not go with its inputs as in the training part"
    if moved:
        evidence += f"; their targets are {percent(found.targets)} apart"
    certain = harm and (moved or (differs and found.auc >= VERY_OTHER))
    beside = max(found.worse_deviations, found.targets_deviations) >= BESIDE_Z
    yield Finding(
        code="D14",
        severity="error" if certain else "warning" if beside else "note",
        message=f"The val part {what}.",
        where="val part",
        evidence=evidence,
        remedy="Draw both parts from the same examples, at random."
        if differs or moved
        else "Check that inputs and targets of the val part belong together.",
        changes=_redrawn(subject) if differs or moved else {},
    )


def _drawn_anew(subject: Subject) -> bool:
    """Whether a training example is another in each epoch, as augmented ones are.

    Such examples differ from those of validation, and are meant to.
    """
    train, row = subject.job.train, torch.zeros(1, dtype=torch.long)
    reads = [leaves(train.take(row, epoch)[0]) for epoch in (0, 1)]
    return any(not torch.equal(a, b) for a, b in zip(*reads, strict=True))


def _redrawn(subject: Subject) -> dict[str, JsonValue]:
    """Return the shares of a split that a plan would draw by itself."""
    return {} if subject.plan is None else {"split.val": 0.15}


def compare(subject: Subject, examples: Examples) -> Comparison | None:
    """Compare training with validation; None where that cannot be done.

    Args:
        subject: At step 0; stays as it is.
        examples: Of the training part.
    """
    val, job = subject.job.val, subject.job
    if val is None or not examples.folds:
        return None
    large = isinstance(val, DatasetBatches)
    count = min(len(val), len(examples), MOST_LARGE if large else MOST)
    if count < LEAST:
        return None
    rows = torch.linspace(0, len(val) - 1, count).long()
    inputs, targets = val.take(rows)
    ours = [leaf.detach().cpu() for leaf in leaves(examples.inputs)]
    theirs = [leaf.detach().cpu() for leaf in leaves(inputs)]
    if [leaf.shape[1:] for leaf in ours] != [leaf.shape[1:] for leaf in theirs]:
        return None
    both = [torch.cat(pair) for pair in zip(ours, theirs, strict=True)]
    features = features_of(subject, both)
    auc, deviations = _told_apart(features, examples, count, job.training.seed)
    scale, centre = _scale(ours, theirs)
    moved, moved_deviations = _targets_apart(subject, examples, targets.detach().cpu())
    ours_there = _asked_of_val(subject, features, examples, targets.detach().cpu())
    if ours_there is None:
        return None
    here, there = ours_there
    worse = here.score - there.score
    return Comparison(
        auc=auc,
        deviations=deviations,
        scale=scale,
        centre=centre,
        worse=worse,
        worse_deviations=worse / max(math.hypot(here.error, there.error), 1e-9),
        targets=moved,
        targets_deviations=moved_deviations,
    )


def _told_apart(
    features: Tensor, examples: Examples, count: int, seed: int
) -> tuple[float, float]:
    """Return the AUC of a linear model for the parts, and its standard errors."""
    chosen = torch.linspace(0, len(examples) - 1, count).long()
    places = torch.cat([chosen, torch.arange(len(examples), len(features))])
    part = torch.cat([torch.zeros(count), torch.ones(count)]).long()
    question = replace(
        examples,
        rows=places,
        features=features[places],
        codes=part,
        num_classes=2,
        folds=_halves(len(places), seed),
    )
    answers = ask_ridge(question)
    truth = part[answers.places].numpy()
    ranks = _ranks(answers.values[:, 1].numpy())
    positive = int(truth.sum())
    negative = len(truth) - positive
    above = ranks[truth == 1].sum() - positive * (positive + 1) / 2
    auc = float(above / (positive * negative))
    error = ((positive + negative + 1) / (12 * positive * negative)) ** 0.5
    return auc, (auc - 0.5) / error


def _halves(count: int, seed: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Hold each half of so many examples out once."""
    order = torch.from_numpy(generator(seed, "doctor halves").permutation(count))
    first, second = order.tensor_split(2)
    return (first, second), (second, first)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1, the mean rank where values are equal."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse])


def _scale(ours: list[Tensor], theirs: list[Tensor]) -> tuple[float, float]:
    """Return the median ratio of deviations, and how far the median mean is away."""
    first, second = (
        torch.cat([leaf.double().flatten(1) for leaf in part], dim=1)
        for part in (ours, theirs)
    )
    spread = first.std(dim=0)
    varying = spread > 1e-9 * (1 + first.mean(dim=0).abs())
    if not varying.any():
        return 1.0, 0.0
    ratio = second.std(dim=0)[varying] / spread[varying]
    moved = (second.mean(dim=0) - first.mean(dim=0))[varying].abs() / spread[varying]
    return ratio.median().item(), moved.median().item()


def _targets_apart(
    subject: Subject, examples: Examples, targets: Tensor
) -> tuple[float, float]:
    """Return the distance of the distributions of targets, and its standard errors."""
    error = math.sqrt(1 / len(examples) + 1 / len(targets))
    if examples.codes is None:
        ours = examples.numbers[:, 0].sort().values
        theirs = targets.reshape(len(targets), -1)[:, 0].float().sort().values
        every = torch.cat([ours, theirs])
        below = torch.searchsorted(ours, every, right=True) / len(ours)
        other = torch.searchsorted(theirs, every, right=True) / len(theirs)
        distance = (below - other).abs().max().item()
        return distance, distance / (0.5 * error)
    given, _ = classes_of(subject, targets)
    if given is None:
        return 0.0, 0.0
    most = max(examples.num_classes, int(given.max()) + 1)
    both = torch.stack([c.bincount(minlength=most) for c in (examples.codes, given)])
    shares = both / both.sum(dim=1, keepdim=True)
    part = np.repeat([0, 1], [len(examples), len(given)])
    codes = torch.cat([examples.codes, given.long()]).numpy()
    deviations = association(part, codes, np.zeros_like(part))
    return (shares[0] - shares[1]).abs().sum().item() / 2, deviations


def _asked_of_val(
    subject: Subject, features: Tensor, examples: Examples, targets: Tensor
) -> tuple[Answers, Answers] | None:
    """Return what a simple model says of training examples held out, and of val."""
    fitted, held = len(examples), len(features) - len(examples)
    codes = None
    if examples.codes is not None:
        given, _ = classes_of(subject, targets)
        if given is None:
            return None
        codes = torch.cat([examples.codes, given])
    there = replace(
        examples,
        rows=torch.arange(fitted + held),
        features=features,
        targets=torch.cat([examples.targets, targets.to(examples.targets.dtype)]),
        codes=codes,
        num_classes=0 if codes is None else int(codes.max()) + 1,
        folds=((torch.arange(fitted), torch.arange(fitted, fitted + held)),),
    )
    if features.shape[1] > WIDE:
        return ask_neighbours(examples), ask_neighbours(there)
    return ask_simple_models(examples)[0], ask_simple_models(there)[0]
