"""Whether inputs say anything about the target, or too much: D15, D10."""

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from torchsmith.core.wording import percent
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.examples import MOST_FEATURES, Examples, all_folds, leaves
from torchsmith.doctor.simple_models import Answers, ask_simple_models
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding

NO_SIGNAL_Z = 2.5
"""Standard errors by which a simple model must beat chance to have found something."""

FEATURE_Z = 1.5
"""The same for the correlation of one feature, above what the strongest of so many has
by chance."""

TELLING = 0.6
"""Share of the variance of a pixel, or a step of a sequence, that the target explains,
from which it may be made of the target; a warning."""

FAR_AHEAD = 1.45
"""That share, divided by the largest of any pixel that does not go with it."""

MARK, OF_SIDE, AS_TELLING = 4, 4, 0.8
"""Pixels or voxels that a mark is wide at most, which part of each side, and how much
of what the best one tells each of them tells; what covers more is the picture."""

GOES_WITH = 0.5
"""Correlation of pixels, or steps of a sequence, that go together."""

SAME = 0.99
"""Correlation of steps that say the same."""

ROUNDING = 1e-12
"""Share of a step's variance that is left by rounding alone."""

MOST_STEPS = 64
"""Steps of which it is asked whether steps go together where the target is the same."""

ENOUGH = 200
"""Held-out examples without which nothing is said of a signal."""

ENOUGH_OTHERS = 30
"""The same for those that are not of the most frequent class."""


def find_in_signal(
    subject: Subject, reference: Reference, examples: Examples
) -> Iterator[Finding]:
    """Find inputs that say nothing about the target: D15.

    Pictures, sequences and volumes may say what only a network can read, so that of
    them it is a note until training has begun.

    Args:
        subject: At step 0; stays as it is.
        reference: With what to compare.
        examples: Of the training part.
    """
    if sum(len(held) for _, held in examples.folds) < ENOUGH or _clear(reference):
        return
    if examples.codes is not None:
        most = int(examples.codes.bincount().max())
        if len(examples) - most < ENOUGH_OTHERS:
            return
    seed = subject.job.training.seed
    folds = all_folds(torch.arange(len(examples)), seed)
    examples = replace(examples, folds=folds)
    if strongest_feature(examples) >= FEATURE_Z:
        return
    found = ask_simple_models(examples)
    signal = max(deviations_from_chance(examples, answers) for answers in found)
    if signal >= NO_SIGNAL_Z:
        return
    best = found[0]
    what = "R²" if examples.codes is None else "share of right classes"
    yield Finding(
        code="D15",
        severity="warning" if _is_flat(subject, examples) else "note",
        message="Simple models find nothing in the inputs that tells the target.",
        evidence=f"{best.name}: {what} {best.score:.3f} on {len(best.places):,} "
        f"examples held out; at best {signal:+.1f} standard errors from chance",
        remedy="Check that inputs and targets are in the same order and belong "
        "together.",
    )


def find_telling_place(subject: Subject, examples: Examples) -> Iterator[Finding]:
    """Find a pixel, voxel or step that tells the target, where no other does: D10.

    Args:
        subject: At step 0; stays as it is.
        examples: Of the training part; of tables inspection looks at each column.
    """
    if len(examples) < ENOUGH:
        return
    first = next(leaves(examples.inputs))
    if first.ndim == 3 and not _is_text(subject):
        yield from _find_telling_step(examples, first)
    if not examples.even:
        return
    features = _standardised(examples.features.double())
    shares = _explained(features, examples)
    best = int(shares.argmax())
    alike = (features.T @ features[:, best]).abs() / len(examples)
    other = shares[alike < GOES_WITH].max().item() if (alike < GOES_WITH).any() else 0.0
    most = shares[best].item()
    marked = int((shares >= most * AS_TELLING).sum())
    if most < TELLING or most < FAR_AHEAD * other or marked > _widest(first):
        return
    shape = examples.features.shape[1]
    yield Finding(
        code="D10",
        severity="warning",
        message="One place in the inputs tells the target almost by itself.",
        where=f"number {best:,} of {shape:,} of the (shrunk) input",
        evidence=f"the target explains {percent(most)} of what it varies by, and at "
        f"most {percent(other)} of any place that does not go with it",
        remedy="Look at it: a mark, a border or a caption that is not there when a "
        "prediction is needed gives the answer away.",
    )


def _find_telling_step(examples: Examples, leaf: Tensor) -> Iterator[Finding]:
    """Find a step that, apart from the target, goes with no other step.

    Neighbouring steps go together, within a class too; what was written over them from
    the target goes with nothing else.
    """
    steps = examples.features[:, : min(leaf[0].numel(), MOST_FEATURES)].double()
    steps = _standardised(steps)
    shares = _explained(steps, examples)
    telling = torch.nonzero(shares >= TELLING).flatten()
    if not len(telling):
        return
    left = _standardised(_unexplained(steps, examples))
    some = torch.linspace(0, steps.shape[1] - 1, MOST_STEPS).long().unique()
    if _alike(left, some).amax(dim=0).median() < GOES_WITH:
        return
    alike = _alike(left, telling)
    mark = (alike >= GOES_WITH) | (_alike(steps, telling) >= SAME)
    strongest = alike.masked_fill(mark, 0).amax(dim=0)
    by_chance = (_largest_by_chance(len(steps.T)) + FEATURE_Z) / len(steps) ** 0.5
    apart = (strongest < by_chance) & (mark.sum(dim=0) < _widest(leaf))
    if not apart.any():
        return
    best = int(shares[telling].where(apart, 0).argmax())
    yield Finding(
        code="D10",
        severity="warning",
        message="One place in the sequences tells the target and, apart from that, "
        "goes with no other.",
        where=f"number {int(telling[best]):,} of {steps.shape[1]:,} of the input",
        evidence=f"the target explains {percent(shares[telling[best]].item())} of "
        f"what it varies by; the rest has a correlation of "
        f"{strongest[best].item():.2f} at most with any other place, as if it was "
        "made from the target",
        remedy="Look at it: what is not there when a prediction is needed gives the "
        "answer away.",
    )


def _is_text(subject: Subject) -> bool:
    if subject.case is None:
        return False
    sequences = subject.case.setup.preparation.sequences
    return sequences is not None and bool(sequences.symbols)


def _alike(columns: Tensor, chosen: Tensor) -> Tensor:
    """Return `(D, m)` correlations of all columns with those chosen; 0 with itself."""
    found = (columns.T @ columns[:, chosen]).abs() / len(columns)
    found[chosen, torch.arange(len(chosen))] = 0
    return found


def _widest(leaf: Tensor) -> int:
    """Return of how many places of `(n, C, …)` inputs a mark is at most."""
    sides = (min(MARK, -(-side // OF_SIDE)) for side in leaf.shape[2:])
    return int(leaf.shape[1] * math.prod(sides))


def _unexplained(features: Tensor, examples: Examples) -> Tensor:
    """Return `(n, D)` what the target leaves of features; 0 where it leaves nothing."""
    if examples.codes is None:
        targets = _standardised(examples.numbers.double())
        left = features - targets @ (targets.T @ features / len(examples))
    else:
        codes = nn.functional.one_hot(examples.codes, examples.num_classes).double()
        sizes = codes.sum(dim=0).clamp(min=1)
        left = features - codes @ ((codes.T @ features) / sizes[:, None])
    return left * (left.square().mean(dim=0) > ROUNDING)


def _explained(features: Tensor, examples: Examples) -> Tensor:
    """Return `(D,)` shares of the variance that the target explains."""
    count = len(examples)
    if examples.codes is None:
        targets = _standardised(examples.numbers.double())
        return ((features.T @ targets) / count).square().amax(dim=1)
    codes = nn.functional.one_hot(examples.codes, examples.num_classes).double()
    sizes = codes.sum(dim=0).clamp(min=1)
    means = (codes.T @ features) / sizes[:, None]
    return (means.square() * sizes[:, None]).sum(dim=0) / count


def _clear(reference: Reference) -> bool:
    """Whether the better simple model beats chance so much that nothing is to ask."""
    score, error = reference.probe_score, reference.probe_error
    chance = reference.chance_score
    if score is None or error is None or chance is None:
        return False
    return score - chance > 2 * NO_SIGNAL_Z * error


def _is_flat(subject: Subject, examples: Examples) -> bool:
    if subject.case is not None:
        return subject.case.setup.preparation.kind == "table"
    return all(leaf.ndim == 2 for leaf in leaves(examples.inputs))


def deviations_from_chance(examples: Examples, answers: Answers) -> float:
    """Return by how many standard errors answers are better than a constant.

    Of classes, the greater of right answers and of log-likelihood: where one class is
    frequent, what is known may change no answer.

    Args:
        examples: That were asked about.
        answers: Of a simple model.
    """
    if examples.codes is None:
        truth = examples.numbers[answers.places].double()
        constant = (truth - truth.mean(dim=0)).square().sum(dim=1)
        return _z(constant - (truth - answers.values.double()).square().sum(dim=1))
    codes, said = examples.codes[answers.places], answers.values.double()
    shares = torch.bincount(codes, minlength=examples.num_classes).double() / len(codes)
    right = (said.argmax(dim=1) == codes).double() - (codes == shares.argmax()).double()
    given = said.gather(1, codes[:, None]).flatten().clamp(min=1e-6)
    return max(_z(right), _z(given.log() - shares[codes].clamp(min=1e-6).log()))


def strongest_feature(examples: Examples) -> float:
    """Return the strongest correlation of a feature with the target, in deviations.

    Less what the strongest of so many would be by chance.

    Args:
        examples: Of the training part.
    """
    features = examples.features.double()
    targets = examples.numbers.double()
    if examples.codes is not None:
        targets = nn.functional.one_hot(examples.codes, examples.num_classes).double()
    table = _standardised(features).T @ _standardised(targets) / len(examples)
    strongest = table.abs().max().item() * math.sqrt(len(examples))
    return strongest - _largest_by_chance(table.numel())


def _largest_by_chance(count: int) -> float:
    """Return about how large the largest of so many standard normal numbers is."""
    return math.sqrt(2 * math.log(2 * count))


def _standardised(values: Tensor) -> Tensor:
    centred = values - values.mean(dim=0)
    deviation = centred.square().mean(dim=0).sqrt()
    return centred / torch.where(deviation > 0, deviation, torch.inf)


def _z(gains: Tensor) -> float:
    """Return the mean in its standard errors."""
    deviation = gains.std().item()
    if deviation == 0:
        return math.copysign(math.inf, gains.mean().item()) if gains.any() else 0.0
    return gains.mean().item() / deviation * math.sqrt(len(gains))
