"""Labels that do not go with what their neighbours show: D11.

Of tables nobody can tell a wrong label from a case that is as rare as it looks, so that
only pictures and volumes of several classes are looked at before training.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from torchsmith.core.wording import percent
from torchsmith.doctor.examples import Examples
from torchsmith.doctor.simple_models import standardised
from torchsmith.inspect.inspection import Finding

NEIGHBOURS = 10
"""That vote about each example."""

LEAST, LEAST_CLASSES = 400, 3
MANY, MOST = 0.05, 0.1
"""Lower bound of the share of wrong labels: from it on a warning, an error."""

AGREED = 0.8
"""Wrong labels that are spread evenly leave neighbours this share of the votes, times
the share of right labels, at least; where they have less, classes look alike."""

EVEN = 1.6
"""Where labels are wrong, confident neighbours disagree nearly as often as all do; for
an error at most so many times less."""


SPREAD = 2.0
"""How much more often than by chance two contradicted labels are of one kind of
confusion: classes that look alike are confused in few ways, wrong labels in all."""

MOST_SHARE = 0.5
"""Share of contradicted labels from which the neighbours are what is wrong."""


@dataclass(frozen=True)
class Votes:
    """What neighbours say of the labels.

    Attributes:
        overall: Share of examples whose neighbours vote for another class.
        confident: The same among the half whose neighbours agree most.
        agreement: Share of the votes for the class that is voted for, where it is the
            label.
        count: Examples in that half.
        repeated: How much more often than by chance two of its contradicted labels are
            of one kind of confusion.
    """

    overall: float
    confident: float
    agreement: float
    count: int
    repeated: float


def find_wrong_labels(examples: Examples) -> Iterator[Finding]:
    """Find labels that confident neighbours contradict: D11.

    Args:
        examples: Of the training part.
    """
    if examples.codes is None or examples.num_classes < LEAST_CLASSES:
        return
    if not examples.even or len(examples) < LEAST:
        return
    found = vote(examples)
    share = found.confident
    least = share - 2 * (share * (1 - share) / found.count) ** 0.5
    if least < MANY or share > MOST_SHARE or found.repeated > SPREAD:
        return
    if found.agreement < AGREED * (1 - share):
        return
    yield Finding(
        code="D11",
        severity="error"
        if least >= MOST and found.overall <= EVEN * share
        else "warning",
        message=f"About {percent(share)} of the labels seem to be wrong.",
        evidence=f"of the {found.count:,} examples whose {NEIGHBOURS} nearest "
        f"neighbours agree most, {percent(share, 1)} have another label than these, "
        f"of all {percent(found.overall, 1)}; neighbours that confirm a label have "
        f"{percent(found.agreement)} of the votes",
        remedy="Look at the examples with the highest loss after training, and correct "
        "their labels.",
    )


def vote(examples: Examples) -> Votes:
    """Ask each example's neighbours for its class.

    Args:
        examples: Of classes.
    """
    assert examples.codes is not None  # noqa: S101 -- for mypy
    codes, inputs = examples.codes, standardised(examples)
    apart = torch.cdist(inputs, inputs).fill_diagonal_(torch.inf)
    near = apart.topk(NEIGHBOURS, largest=False).indices
    votes = (
        nn.functional.one_hot(codes[near], examples.num_classes).double().mean(dim=1)
    )
    most, chosen = votes.max(dim=1)
    other = chosen != codes
    top = most.argsort(descending=True, stable=True)[: len(codes) // 2]
    return Votes(
        overall=other.double().mean().item(),
        confident=other[top].double().mean().item(),
        agreement=most[~other].mean().item() if not other.all() else 0.0,
        count=len(top),
        repeated=_repeated(codes[top], chosen[top], examples.num_classes),
    )


def _repeated(codes: Tensor, chosen: Tensor, num_classes: int) -> float:
    kinds = (codes * num_classes + chosen)[codes != chosen]
    pairs = len(kinds) * (len(kinds) - 1)
    counts = torch.bincount(kinds)
    equal = (counts * (counts - 1)).sum().item()
    return equal / pairs * num_classes * (num_classes - 1) if pairs else 0.0
