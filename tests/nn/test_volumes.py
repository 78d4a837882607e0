"""Networks for volumes, and random changes of batches, are what their names say."""

import pytest
import torch
from torch import nn

from torchsmith.core.errors import PlanError
from torchsmith.core.spec import members
from torchsmith.nn.augment import build_augmentation
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.plan.activations import GELU
from torchsmith.plan.augment import (
    Augmentation,
    RandomFlip3d,
    RandomQuarterTurn3d,
    RandomShift3d,
)
from torchsmith.plan.cost import volume_macs
from torchsmith.plan.networks import VolumeNet

CHANGES = {
    "RandomShift3d": RandomShift3d(voxels=2, p=0.9),
    "RandomFlip3d": RandomFlip3d(along="height"),
    "RandomQuarterTurn3d": RandomQuarterTurn3d(about="width"),
}


def places(num, depth=6, height=7, width=8):
    """Volumes whose four channels say where a voxel is, and of which volume."""
    sides = (torch.arange(size).float() for size in (depth, height, width))
    where = torch.stack(torch.meshgrid(*sides, indexing="ij"))
    number = torch.arange(num).float()[:, None, None, None, None]
    whole = where.expand(num, 3, depth, height, width)
    return torch.cat([whole, number.expand(num, 1, depth, height, width)], 1)


def changed(spec, batch):
    return build_augmentation([spec], tuple(batch.shape[1:]))(batch)


def test_every_change_of_volumes_has_an_example():
    names = {member.spec_name() for member in members(Augmentation)}
    assert CHANGES.keys() == {name for name in names if name.endswith("3d")}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_the_shape_and_is_drawn_from_the_seed(name):
    batch = torch.rand(20, 2, 6, 6, 5)
    if name == "RandomQuarterTurn3d":
        batch = torch.rand(20, 2, 6, 6, 6)
    before = batch.clone()
    torch.manual_seed(4)
    first = changed(CHANGES[name], batch)
    torch.manual_seed(4)
    again = changed(CHANGES[name], batch)
    assert first.shape == batch.shape
    assert torch.equal(batch, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, changed(CHANGES[name], batch))


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_comes_back_from_its_text(name):
    spec = CHANGES[name]
    assert type(spec).model_validate(spec.model_dump(mode="json")) == spec


def test_a_shift_moves_each_volume_by_whole_voxels_and_repeats_the_edge():
    torch.manual_seed(0)
    batch = places(200)
    found = changed(RandomShift3d(voxels=2), batch)
    assert torch.equal(found[:, 3], batch[:, 3])
    seen = set()
    for volume in found:
        # In the middle nothing was cut off: there the shift is read.
        shift = (volume[:3, 3, 3, 3] - 3).long()
        seen.add(tuple(shift.tolist()))
        for axis, size in enumerate((6, 7, 8)):
            line = volume[axis].movedim(axis, 0)[:, 0, 0]
            expected = (torch.arange(size) + shift[axis]).clamp(0, size - 1)
            assert torch.equal(line, expected.float())
    assert len({s[0] for s in seen}) == 5
    assert len(seen) > 60  # of 125: the three directions are drawn by themselves


def test_a_shift_leaves_a_share_as_it_was():
    torch.manual_seed(1)
    batch = torch.rand(400, 1, 5, 5, 5)
    found = changed(RandomShift3d(voxels=2, p=0.25), batch)
    share = (found != batch).flatten(1).any(1).float().mean()
    assert 0.2 < share < 0.3


@pytest.mark.parametrize(("along", "dim"), [("depth", 2), ("height", 3), ("width", 4)])
def test_a_flip_mirrors_some_volumes_along_its_direction(along, dim):
    torch.manual_seed(2)
    batch = torch.rand(60, 2, 3, 4, 5)
    found = changed(RandomFlip3d(along=along), batch)
    mirrored = (found == batch.flip(dim)).flatten(1).all(1)
    assert (mirrored | (found == batch).flatten(1).all(1)).all()
    assert 15 < mirrored.sum() < 45
    assert torch.equal(changed(RandomFlip3d(along=along, p=1), batch), batch.flip(dim))


@pytest.mark.parametrize(
    ("about", "plane"), [("depth", (3, 4)), ("height", (2, 4)), ("width", (2, 3))]
)
def test_quarter_turns_are_all_as_likely(about, plane):
    torch.manual_seed(3)
    batch = torch.rand(200, 1, 4, 4, 4)
    found = changed(RandomQuarterTurn3d(about=about), batch)
    counts = [
        int((found == torch.rot90(batch, turn, plane)).flatten(1).all(1).sum())
        for turn in range(4)
    ]
    assert sum(counts) == 200
    assert min(counts) > 30


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        (
            RandomFlip3d(along="depth"),
            (3, 8, 8),
            r"augment\.0: RandomFlip3d is for",
        ),
        (
            RandomQuarterTurn3d(about="depth"),
            (1, 4, 4, 5),
            r"augment\.0: a quarter turn about the depth needs two equal .*\(4, 4, 5\)",
        ),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(spec, shape, message):
    with pytest.raises(PlanError, match=message):
        build_augmentation([spec], shape)


def test_a_quarter_turn_needs_only_the_sides_that_it_turns():
    batch = torch.rand(8, 1, 5, 4, 4)
    turned = changed(RandomQuarterTurn3d(about="depth"), batch)
    assert turned.shape == batch.shape


def built(shape=(2, 9, 8, 7), **arguments):
    return build_network(VolumeNet(**arguments), InputLayout(shape), 3, seed=0)


def test_every_option_of_a_volume_net_reaches_it():
    network = built(channels=(4, 6), depth=2, activation=GELU(), dropout=0.3)
    assert [type(module).__name__ for module in network] == [
        *("Conv3d", "BatchNorm3d", "GELU") * 4,
        *("AdaptiveAvgPool3d", "Flatten", "Dropout", "Linear"),
    ]
    convolutions = [m for m in network if isinstance(m, nn.Conv3d)]
    assert [m.out_channels for m in convolutions] == [4, 4, 6, 6]
    assert [m.stride[0] for m in convolutions] == [2, 1, 2, 1]
    assert [m.p for m in network if isinstance(m, nn.Dropout)] == [0.3]


def test_a_volume_net_is_the_layers_that_one_would_write_by_hand():
    network = built(channels=(4, 6)).eval()
    by_hand = nn.Sequential(
        nn.Conv3d(2, 4, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm3d(4),
        nn.ReLU(),
        nn.Conv3d(4, 6, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm3d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    ).eval()
    by_hand.load_state_dict(network.state_dict())
    batch = torch.randn(4, 2, 9, 8, 7)
    assert torch.equal(network(batch), by_hand(batch))


@pytest.mark.parametrize("sides", [(1, 1, 1), (30, 5, 2), (3, 64, 7)])
def test_a_volume_net_takes_volumes_of_any_size(sides):
    network = built((1, *sides), channels=(2, 3, 4, 5)).eval()
    assert network(torch.randn(2, 1, *sides)).shape == (2, 3)


@pytest.mark.parametrize("shape", [(6,), (3, 8, 8)])
def test_a_volume_net_refuses_what_is_no_volume(shape):
    with pytest.raises(PlanError, match=r"VolumeNet takes volumes \(C, D, H, W\), but"):
        built(shape)


@pytest.mark.parametrize("depth", [1, 2])
def test_the_multiply_adds_of_a_volume_net_are_those_of_its_convolutions(depth):
    spec = VolumeNet(channels=(3, 4), depth=depth)
    network = build_network(spec, InputLayout((2, 9, 8, 7)), 5, seed=0).eval()
    counted = 0

    def count(module, _, output):
        nonlocal counted
        counted += output[0, 0].numel() * module.weight.numel()

    for module in network:
        if isinstance(module, nn.Conv3d):
            module.register_forward_hook(count)
    network(torch.zeros(1, 2, 9, 8, 7))
    assert volume_macs(spec, 2, (9, 8, 7)) == counted
