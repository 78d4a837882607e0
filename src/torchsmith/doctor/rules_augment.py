"""Whether random changes of pictures and volumes keep what they show: P10."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from pydantic import JsonValue
from torch import Tensor

from torchsmith.core.wording import percent
from torchsmith.doctor.examples import Examples, features_of
from torchsmith.doctor.simple_models import ask_nearest
from torchsmith.doctor.subject import Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.nn.augment import build_augmentation
from torchsmith.plan.augment import (
    Augmentation,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)

MOST = 600
"""Examples that are changed."""

COPIES = 3
"""Changed copies that join the examples with which a changed one is compared."""

KEPT = 0.6
"""Of what the nearest example knows beyond guessing: so much must be left when all are
changed; a warning."""

MIRRORED = 0.6
"""The same for mirrored pictures among others as they are; a warning."""

LEAST_KNOWN = 0.1
"""What it must know beyond guessing, for anything to be said."""


def find_in_augmentation(subject: Subject, examples: Examples) -> Iterator[Finding]:
    """Find augmentation after which an example can hardly be told any more: P10.

    Changed examples are held out, and compared with changed copies of the others: what
    only moves an example keeps its neighbours, what makes one class look like another
    does not.

    Args:
        subject: At step 0; stays as it is.
        examples: Of the training part.
    """
    plan = subject.plan
    if plan is None or not plan.augment or examples.codes is None:
        return
    plain = _score(subject, examples, (), 0)
    chance = torch.bincount(examples.codes).max().item() / len(examples)
    if plain - chance < LEAST_KNOWN:
        return
    flips = list(_find_mirrored(subject, examples, plain, chance))
    if flips:
        yield from flips
        return
    kept = (_score(subject, examples, plan.augment, COPIES) - chance) / (plain - chance)
    if kept >= KEPT:
        return
    shares = [
        (_score(subject, examples, (change,), COPIES) - chance) / (plain - chance)
        for change in plan.augment
    ]
    worst = min(range(len(shares)), key=shares.__getitem__)
    name = plan.augment[worst].spec_name()
    yield Finding(
        code="P10",
        severity="warning",
        message="The augmentation changes examples until their class can hardly be "
        "told.",
        where=f"augment.{name}",
        evidence=f"the nearest example keeps {percent(kept)} of what it knows beyond "
        f"guessing when all are changed; {name} alone leaves {percent(shares[worst])}",
        remedy="Turn, shift and scale less, and mirror only what may be mirrored.",
        changes=_milder(plan.augment, shares),
    )


def _find_mirrored(
    subject: Subject, examples: Examples, plain: float, chance: float
) -> Iterator[Finding]:
    """Find mirroring of pictures that, as inspection saw, are others in a mirror."""
    case = subject.case
    facts = None if case is None else case.inspection.images
    if case is None or facts is None or facts.symmetry is None:
        return
    seen = facts.symmetry
    known = seen.plain - seen.largest_class
    mirrors = (
        (RandomHorizontalFlip, seen.mirrored),
        (RandomVerticalFlip, seen.upside_down),
    )
    for kind, share in mirrors:
        wrong = [change for change in case.plan.augment if isinstance(change, kind)]
        if not wrong or known < LEAST_KNOWN:
            continue
        kept = (share - seen.largest_class) / known
        if kept >= MIRRORED:
            continue
        others = tuple(c for c in case.plan.augment if not isinstance(c, kind))
        shares = [
            (_score(subject, examples, (change,), COPIES) - chance) / (plain - chance)
            for change in others
        ]
        yield Finding(
            code="P10",
            severity="warning",
            message=f"{kind.spec_name()} makes pictures that look like other classes.",
            where=f"augment.{kind.spec_name()}",
            evidence="the most similar picture has the right class for "
            f"{percent(seen.plain)} of the pictures, for {percent(share)} of mirrored "
            "ones",
            remedy="Leave it out.",
            changes=_milder(others, shares),
        )
        return


def _score(
    subject: Subject,
    examples: Examples,
    changes: tuple[Augmentation, ...],
    copies: int,
) -> float:
    """Return the nearest example's score, where all examples are changed."""
    chosen = torch.linspace(0, len(examples) - 1, min(MOST, len(examples))).long()
    inputs = examples.inputs[chosen]
    assert subject.case is not None and examples.codes is not None  # noqa: S101, PT018
    shape = subject.case.setup.preparation.input_shape
    change = build_augmentation(changes, shape)
    held = torch.arange(0, len(chosen), 3)
    fitted = torch.arange(len(chosen))[~torch.isin(torch.arange(len(chosen)), held)]
    asked = change(inputs[held])
    known = [change(inputs[fitted]) for _ in range(max(copies, 1))]
    every = torch.cat([*known, asked]).cpu()
    codes = examples.codes[chosen]
    question = replace(
        examples,
        rows=torch.arange(len(every)),
        features=features_of(subject, [every]),
        codes=torch.cat([*[codes[fitted]] * len(known), codes[held]]),
        folds=(_fold(len(every), len(held)),),
    )
    return ask_nearest(question).score


def _fold(count: int, held: int) -> tuple[Tensor, Tensor]:
    return torch.arange(count - held), torch.arange(count - held, count)


def _milder(
    changes: tuple[Augmentation, ...], shares: list[float]
) -> dict[str, JsonValue]:
    """Return the changes that keep the class by themselves."""
    kept: list[JsonValue] = [
        change.model_dump(mode="json")
        for change, share in zip(changes, shares, strict=True)
        if share >= KEPT + (1 - KEPT) / 2
    ]
    return {"augment": kept}
