"""The default for volumes follows from their facts, and says why."""

import pytest

from tests.plan.test_decide import MACHINE, target
from torchsmith.data.steps import Standardize, StandardizeTarget
from torchsmith.inspect.inspection import Finding, Inspection, VolumeSymmetry
from torchsmith.plan.augment import RandomFlip3d, RandomQuarterTurn3d, RandomShift3d
from torchsmith.plan.check import check
from torchsmith.plan.decide import decide
from torchsmith.plan.file import parse_plan
from torchsmith.plan.machine import Machine
from torchsmith.plan.networks import VolumeNet
from torchsmith.plan.text import plan_text


def symmetry(**changes):
    facts = {
        "num_volumes": 1200,
        "largest_class": 0.2,
        "plain": 0.9,
        "shifted": 0.9,
        "mirrored": (0.5, 0.5, 0.5),
        "turned": (0.5, 0.5, None),
    }
    return VolumeSymmetry.model_validate(facts | changes)


def volumes(side=30, num=4_000, probe=None, **changes):
    facts = {
        "source": "volumes.npz",
        "fingerprint": "sha256:0",
        "kind": "volumes",
        "num_examples": num,
        "given": {"train": num * 4 // 5, "test": num // 5},
        "volumes": {
            "channels": 1,
            "depth": side,
            "height": side,
            "width": side,
            "voxel_max": 1,
            "mean": 0.1,
            "deviation": 0.3,
            "symmetry": probe,
        },
        "target": target(counts=(400,) * 10),
    }
    return Inspection.model_validate(facts | changes)


@pytest.mark.parametrize(
    "facts",
    [
        volumes(),
        volumes(probe=symmetry(mirrored=(0.9, 0.9, 0.9), turned=(0.9, None, 0.9))),
        volumes(side=3),
        volumes(target=target("regression")),
    ],
)
def test_a_decided_plan_is_possible_and_survives_its_file(facts):
    plan = decide(facts, MACHINE)
    check(plan)
    assert parse_plan(plan_text(plan)) == plan


def test_volumes_get_a_net_of_halving_stages():
    plan = decide(volumes(num=4_900), MACHINE)
    assert plan.network == VolumeNet(channels=(16, 32, 64, 128), dropout=0.2)
    assert plan.prepare == (Standardize(),)
    assert "12 times within 180 s" in plan.reasons["network"]
    assert plan.training.threads == 2


def test_a_longer_budget_and_a_faster_machine_give_a_wider_net():
    fast = Machine(cores=16, gflops=1280.0)
    for machine, budget in ((MACHINE, 3_600), (fast, 180)):
        wide = decide(volumes(), machine, budget).network
        assert wide.channels == (32, 64, 128, 256)
    assert decide(volumes(), MACHINE, 20).network.channels == (8, 16, 32, 64)


@pytest.mark.parametrize(("side", "stages"), [(2, 1), (8, 2), (16, 3), (64, 5)])
def test_the_stages_end_where_little_is_left_to_halve(side, stages):
    assert len(decide(volumes(side=side), MACHINE).network.channels) == stages


def test_regression_scales_its_target():
    plan = decide(volumes(target=target("regression")), MACHINE)
    assert plan.prepare == (Standardize(), StandardizeTarget())


def test_only_changes_that_keep_the_class_are_chosen():
    plan = decide(volumes(probe=symmetry()), MACHINE)
    assert plan.augment == (RandomShift3d(voxels=2),)
    assert "90.0 % of a sample right" in plan.reasons["augment.0"]
    free = symmetry(mirrored=(0.89, 0.5, 0.9), turned=(0.5, 0.89, None))
    plan = decide(volumes(probe=free), MACHINE)
    assert plan.augment == (
        RandomShift3d(voxels=2),
        RandomFlip3d(along="depth"),
        RandomFlip3d(along="width"),
        RandomQuarterTurn3d(about="height"),
    )


def test_volumes_whose_place_matters_are_not_shifted():
    assert decide(volumes(probe=symmetry(shifted=0.7)), MACHINE).augment == ()


def test_neighbours_that_tell_nothing_allow_no_mirror():
    lost = symmetry(plain=0.22, shifted=0.22, mirrored=(0.22,) * 3, turned=(0.22,) * 3)
    plan = decide(volumes(probe=lost), MACHINE)
    assert plan.augment == (RandomShift3d(voxels=2),)


def test_without_a_probe_volumes_are_shifted_by_a_fifteenth():
    assert decide(volumes(side=60), MACHINE).augment == (RandomShift3d(voxels=4),)


def test_volumes_of_which_a_number_is_predicted_are_not_shifted_unseen():
    assert decide(volumes(target=target("regression")), MACHINE).augment == ()


def shared(severity):
    message = "72 volumes of the test part (7.9 %) are in the training part too."
    return Finding(code="D8", severity=severity, message=message)


def test_what_two_given_parts_share_is_left_out_and_the_plan_says_how_much():
    plan = decide(volumes(findings=(shared("warning"),)), MACHINE)
    assert plan.split.drop_shared
    assert plan.reasons["split.drop_shared"].startswith("72 volumes of the test part")
    assert not decide(volumes(findings=(shared("note"),)), MACHINE).split.drop_shared


def test_the_reasons_of_a_plan_speak_of_volumes_not_of_rows():
    reasons = decide(volumes(), MACHINE).reasons
    assert reasons["problem.metric"] == "the largest class has 10 % of the volumes"
    assert reasons["split.group"] == "nothing says which volumes belong together"
    assert reasons["data.skip_damaged"] == "a damaged volume is refused, not left out"
    assert not [text for text in reasons.values() if "rows" in text]
