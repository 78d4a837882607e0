"""Which random changes of training pictures keep their class, by the data's word."""

from math import sqrt

from torchsmith.core.wording import percent
from torchsmith.inspect.inspection import ImageFacts, Symmetry
from torchsmith.plan.augment import (
    Augmentation,
    RandomAffine,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)

DEGREES = 10.0
TRANSLATE = 0.07
SCALE = 0.1

MOST_LOST = 0.1
"""Of what a nearest neighbour knows beyond guessing; a change may cost so much."""


def choose_augment(facts: ImageFacts) -> tuple[tuple[Augmentation, ...], str]:
    """Choose the changes that keep the class, as nearest neighbours show.

    Returns:
        The changes, and the evidence for them and against the others.
    """
    seen = facts.symmetry
    if seen is None:
        return (), "no changes: too few pictures with classes to see what they keep"
    noise = sqrt(seen.plain * (1 - seen.plain) / seen.num_pictures)
    known = seen.plain - seen.largest_class
    if known <= 2 * noise:
        return _usual(facts, seen)
    least = seen.plain - MOST_LOST * known - noise
    wanted = (
        ("turned", seen.turned),
        ("shifted", seen.shifted),
        ("scaled", seen.scaled),
        ("mirrored", seen.mirrored),
        ("upside down", seen.upside_down),
    )
    kept = [word for word, share in wanted if share >= least]
    lost = [word for word, share in wanted if share < least]
    shares = ", ".join(f"{word} {share:.2f}" for word, share in wanted)
    refused = f"; so never {' or '.join(lost)}" if lost else ""
    return _specs(kept), (
        "right class by the most similar picture: as they are "
        f"{seen.plain:.2f}, {shares}{refused}"
    )


def _usual(facts: ImageFacts, seen: Symmetry) -> tuple[tuple[Augmentation, ...], str]:
    """Choose what keeps the class of most pictures, where these do not tell."""
    usual = ["turned", "shifted", "scaled"]
    if facts.channels == 3:
        usual.append("mirrored")
    return _specs(usual), (
        f"usual for pictures {'in colour' if facts.channels == 3 else 'in grey'}; "
        f"these do not tell: the most similar of {seen.num_pictures:,} has the right "
        f"class for {percent(seen.plain)}, always guessing one for "
        f"{percent(seen.largest_class)}"
    )


def _specs(kept: list[str]) -> tuple[Augmentation, ...]:
    specs: list[Augmentation] = []
    arguments: dict[str, object] = {}
    if "shifted" in kept:
        arguments["translate"] = (TRANSLATE, TRANSLATE)
    if "scaled" in kept:
        arguments["scale"] = (1 - SCALE, 1 + SCALE)
    if "turned" in kept or arguments:
        arguments["degrees"] = DEGREES if "turned" in kept else 0.0
        specs.append(RandomAffine.model_validate(arguments))
    if "mirrored" in kept:
        specs.append(RandomHorizontalFlip())
    if "upside down" in kept:
        specs.append(RandomVerticalFlip())
    return tuple(specs)
