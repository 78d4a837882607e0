"""What a default plan for pictures rests on: their size, their number, a probe."""

import pytest

from tests.plan.test_decide import MACHINE, pictures, target
from torchsmith.inspect.inspection import Symmetry
from torchsmith.plan.augment import (
    RandomAffine,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)
from torchsmith.plan.averaging import EMA
from torchsmith.plan.decide import decide
from torchsmith.plan.machine import Machine

DIGITS = Symmetry(
    num_pictures=1_500,
    largest_class=0.11,
    plain=0.92,
    mirrored=0.41,
    upside_down=0.31,
    shifted=0.93,
    turned=0.93,
    scaled=0.93,
)


def seen(channels=1, **changes):
    """Pictures of which nearest neighbours show what they show of digits, or this."""
    facts = pictures()
    symmetry = DIGITS.model_copy(update=changes)
    images = facts.images.model_copy(
        update={"symmetry": symmetry, "channels": channels}
    )
    return facts.model_copy(update={"images": images})


def affine(plan):
    (found,) = (spec for spec in plan.augment if isinstance(spec, RandomAffine))
    return found


def test_digits_are_turned_shifted_and_scaled_but_never_mirrored():
    plan = decide(seen(), MACHINE)
    (spec,) = plan.augment
    assert isinstance(spec, RandomAffine)
    assert spec.degrees > 0
    assert min(spec.translate) > 0
    assert spec.scale[0] < 1 < spec.scale[1]
    reason = plan.reasons["augment"]
    assert "as they are 0.92" in reason
    assert "mirrored 0.41" in reason
    assert reason.endswith("so never mirrored or upside down")


def test_what_loses_nothing_in_a_mirror_is_mirrored():
    animals = decide(seen(plain=0.33, mirrored=0.32, upside_down=0.16), MACHINE)
    assert RandomHorizontalFlip() in animals.augment
    assert RandomVerticalFlip() not in animals.augment
    cells = decide(seen(mirrored=0.92, upside_down=0.91), MACHINE)
    assert {RandomHorizontalFlip(), RandomVerticalFlip()} < set(cells.augment)
    assert "never" not in cells.reasons["augment"]


@pytest.mark.parametrize(
    ("changes", "degrees", "shifts", "scales"),
    [
        ({"turned": 0.5}, False, True, True),
        ({"shifted": 0.5}, True, False, True),
        ({"scaled": 0.5}, True, True, False),
        ({"turned": 0.5, "scaled": 0.5}, False, True, False),
    ],
)
def test_copies_that_mislead_are_not_made(changes, degrees, shifts, scales):
    spec = affine(decide(seen(**changes), MACHINE))
    assert (spec.degrees > 0) == degrees
    assert (spec.translate != (0, 0)) == shifts
    assert (spec.scale != (1, 1)) == scales


def test_where_everything_changes_the_class_nothing_is_changed_and_the_plan_says_so():
    lost = dict.fromkeys(("shifted", "turned", "scaled"), 0.3)
    plan = decide(seen(**lost), MACHINE)
    assert plan.augment == ()
    assert "so never turned or shifted or scaled" in plan.reasons["network"]


@pytest.mark.parametrize(("channels", "mirrors"), [(1, False), (3, True)])
def test_pictures_that_do_not_tell_are_changed_as_is_usual(channels, mirrors):
    few = {"num_pictures": 65, "largest_class": 0.51, "plain": 0.58, "mirrored": 0.4}
    plan = decide(seen(channels, **few), MACHINE)
    assert affine(plan).degrees > 0
    assert (RandomHorizontalFlip() in plan.augment) == mirrors
    assert RandomVerticalFlip() not in plan.augment
    assert "these do not tell: the most similar of 65" in plan.reasons["augment"]


def test_a_mirror_that_costs_no_more_than_chance_is_no_loss():
    few = {"num_pictures": 50, "largest_class": 0.5, "plain": 0.9}
    assert RandomHorizontalFlip() in decide(seen(**few, mirrored=0.83), MACHINE).augment
    many = few | {"num_pictures": 1_500}
    plan = decide(seen(**many, mirrored=0.83), MACHINE)
    assert RandomHorizontalFlip() not in plan.augment


def test_a_number_to_predict_has_no_classes_to_keep():
    facts = pictures(target=target("regression"))
    plan = decide(facts, MACHINE)
    assert plan.augment == ()
    assert "too few pictures with classes to see" in plan.reasons["network"]


def test_weights_are_averaged_where_there_are_many_steps():
    assert decide(pictures(), MACHINE).averaging == EMA(decay=0.99)
    few = decide(pictures(num_examples=60, given={}), MACHINE)
    assert few.averaging is None


def test_averaged_weights_are_those_of_the_end():
    many = decide(pictures(), MACHINE)
    assert not many.stopping.restore_best
    assert many.stopping.patience == 0
    few = decide(pictures(num_examples=60, given={}), MACHINE)
    assert few.stopping.restore_best
    assert few.stopping.patience == 0


def test_fewer_pictures_are_seen_more_often_by_a_network_that_is_fast_enough():
    many, few = (
        decide(pictures(), MACHINE),
        decide(pictures(num_examples=3_000, given={}), MACHINE),
    )
    assert few.training.epochs > many.training.epochs
    fast = decide(pictures(), Machine(cores=16, gflops=2_000.0))
    assert fast.network.channels > many.network.channels
