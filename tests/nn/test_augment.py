"""Random changes of batches are what their names say."""

import pytest
import torch
from pydantic import ValidationError

from torchsmith.core.errors import PlanError
from torchsmith.core.spec import members
from torchsmith.nn.augment import build_augmentation
from torchsmith.plan.augment import (
    Augmentation,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)

CHANGES = {
    "RandomCrop": RandomCrop(size=6),
    "RandomAffine": RandomAffine(
        degrees=20, translate=(0.1, 0.2), scale=(0.8, 1.2), p=0.9
    ),
    "RandomHorizontalFlip": RandomHorizontalFlip(),
    "RandomVerticalFlip": RandomVerticalFlip(),
}


def pictures(num=6, height=8, width=9):
    """Each pixel says where it is, so that a window can be recognised."""
    rows = torch.arange(height).float()[:, None].expand(height, width)
    columns = torch.arange(width).float()[None].expand(height, width)
    numbers = torch.arange(num).float()
    stacked = torch.stack([rows, columns]).expand(num, 2, height, width).clone()
    return torch.cat([stacked, numbers[:, None, None, None].expand(num, 1, 8, 9)], 1)


def test_a_crop_of_the_whole_picture_changes_nothing():
    batch = pictures()
    crop = build_augmentation([RandomCrop(size=(8, 9))], (3, 8, 9))
    assert torch.equal(crop(batch), batch)


def test_a_crop_is_a_window_of_its_own_picture_resized():
    torch.manual_seed(0)
    batch = pictures(num=40)
    found = build_augmentation([RandomCrop(size=(4, 5))], (3, 8, 9))(batch)
    assert found.shape == batch.shape
    # The third channel says from which picture a window is.
    torch.testing.assert_close(found[:, 2], batch[:, 2])
    tops, lefts = found[:, 0].amin((1, 2)), found[:, 1].amin((1, 2))
    torch.testing.assert_close(found[:, 0].amax((1, 2)) - tops, torch.full((40,), 3.0))
    torch.testing.assert_close(found[:, 1].amax((1, 2)) - lefts, torch.full((40,), 4.0))
    assert set(tops.tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert set(lefts.tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}


def test_a_crop_is_resized_as_pytorch_resizes():
    torch.manual_seed(1)
    batch = torch.rand(3, 1, 8, 9)
    crop = build_augmentation([RandomCrop(size=6)], (1, 8, 9))
    torch.manual_seed(2)
    found = crop(batch)
    torch.manual_seed(2)
    tops, lefts = torch.randint(3, (3, 1)), torch.randint(4, (3, 1))
    for number in range(3):
        top, left = tops[number, 0], lefts[number, 0]
        window = batch[number : number + 1, :, top : top + 6, left : left + 6]
        expected = torch.nn.functional.interpolate(
            window, size=(8, 9), mode="bilinear", antialias=True
        )
        torch.testing.assert_close(found[number : number + 1], expected)


def test_a_crop_leaves_a_share_of_the_pictures_as_they_are():
    torch.manual_seed(3)
    batch = torch.rand(400, 1, 8, 9)
    found = build_augmentation([RandomCrop(size=6, p=0.25)], (1, 8, 9))(batch)
    changed = (found != batch).flatten(1).any(dim=1)
    assert 0.2 < changed.float().mean() < 0.3


def test_without_changes_the_batch_itself_comes_back():
    batch = torch.rand(2, 1, 4, 4)
    assert build_augmentation([], (1, 4, 4))(batch) is batch


def affine(batch, **arguments):
    """The batch after a change that leaves nothing to chance."""
    spec = RandomAffine(**{"degrees": 0, **arguments})
    return build_augmentation([spec], tuple(batch.shape[1:]))(batch)


def test_every_change_of_pictures_has_an_example():
    names = {member.spec_name() for member in members(Augmentation)}
    assert CHANGES.keys() == {name for name in names if not name.endswith("3d")}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_shape_and_type_and_is_drawn_from_the_seed(name):
    batch = torch.rand(20, 3, 8, 9)
    before = batch.clone()
    change = build_augmentation([CHANGES[name]], (3, 8, 9))
    torch.manual_seed(4)
    first = change(batch)
    torch.manual_seed(4)
    again = change(batch)
    other = change(batch)
    assert first.shape == batch.shape
    assert first.dtype == batch.dtype
    assert torch.equal(batch, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_comes_back_from_its_text(name):
    spec = CHANGES[name]
    assert type(spec).model_validate(spec.model_dump(mode="json")) == spec


def test_a_positive_angle_turns_clockwise():
    batch = torch.rand(3, 2, 7, 7)
    turned = affine(batch, degrees=(90, 90))
    torch.testing.assert_close(turned, batch.rot90(-1, (2, 3)))


def test_pictures_that_are_not_square_are_turned_without_being_sheared():
    batch = torch.rand(3, 2, 5, 9)
    middle = slice(2, 7)
    turned = affine(batch, degrees=(-90, -90))[..., middle]
    torch.testing.assert_close(turned, batch[..., middle].rot90(1, (2, 3)))
    torch.testing.assert_close(affine(batch, degrees=(180, 180)), batch.flip(2).flip(3))


def test_an_angle_alone_means_both_ways():
    torch.manual_seed(5)
    line = torch.zeros(200, 1, 9, 9)
    line[:, :, :4, 4] = 1  # upwards from the middle
    turned = affine(line, degrees=45)
    right = turned[..., 5:].sum((1, 2, 3)) > turned[..., :4].sum((1, 2, 3))
    assert 0.35 < right.float().mean() < 0.65
    only = affine(line, degrees=(10, 45))
    assert (only[..., 5:].sum((1, 2, 3)) > only[..., :4].sum((1, 2, 3))).all()


def test_a_shift_moves_by_at_most_its_share_and_repeats_the_edge():
    torch.manual_seed(6)
    batch = pictures(num=300)  # 8 x 9; the values say row and column
    moved = affine(batch, translate=(1 / 3, 0.25))
    across = moved[:, 1, 4, 4] - 4
    down = moved[:, 0, 4, 4] - 4
    assert 2.8 < across.max() <= 3.0
    assert -3.0 <= across.min() < -2.8
    assert 1.8 < down.max() <= 2.0
    assert moved[:, 0].min() >= 0
    assert moved[:, 1].max() <= 8
    torch.testing.assert_close(moved[:, 2], batch[:, 2])


def test_a_shift_after_a_scale_is_that_of_the_scaled_picture():
    torch.manual_seed(7)
    moved = affine(pictures(num=300), translate=(1 / 3, 0), scale=(2, 2))
    across = moved[:, 1, 4, 4] - 4  # half of 3 of the result are 1.5 of the picture
    assert 1.4 < across.max() <= 1.5


def test_a_scale_of_two_shows_the_middle_twice_as_large():
    batch = pictures()
    found = affine(batch, scale=(2, 2))
    torch.testing.assert_close(
        found[0, 1, 0, 1:] - found[0, 1, 0, :-1], torch.full((8,), 0.5)
    )
    torch.testing.assert_close(found[0, 1, 0, 4], torch.tensor(4.0))


def test_mirrors_turn_the_dimension_of_their_name():
    batch = torch.rand(4, 3, 8, 9)
    across = build_augmentation([RandomHorizontalFlip(p=1)], (3, 8, 9))
    down = build_augmentation([RandomVerticalFlip(p=1)], (3, 8, 9))
    assert torch.equal(across(batch), batch.flip(3))
    assert torch.equal(down(batch), batch.flip(2))


@pytest.mark.parametrize(
    "spec",
    [
        RandomAffine(degrees=(90, 90), p=0.25),
        RandomHorizontalFlip(p=0.25),
        RandomVerticalFlip(p=0.25),
    ],
    ids=lambda spec: spec.spec_name(),
)
def test_a_share_of_the_pictures_is_changed(spec):
    torch.manual_seed(3)
    batch = torch.rand(1000, 1, 8, 8)
    found = build_augmentation([spec], (1, 8, 8))(batch)
    changed = (found != batch).flatten(1).any(dim=1)
    assert 0.2 < changed.float().mean() < 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "degrees"),
        ({"degrees": -5}, "greater than or equal to 0"),
        ({"degrees": (5, -5)}, r"the least, then the most, not \[5.0, -5.0\]"),
        ({"degrees": 0, "scale": (1.2, 0.8)}, "the least, then the most"),
        ({"degrees": 0, "scale": (0, 1)}, "greater than 0"),
        ({"degrees": 0, "translate": (0.1, 1)}, "less than 1"),
    ],
)
def test_an_affine_change_that_means_nothing_is_refused(arguments, message):
    with pytest.raises(ValidationError, match=message):
        RandomAffine.model_validate(arguments)


@pytest.mark.parametrize(
    ("size", "shape", "message"),
    [
        (9, (1, 8, 8), r"augment.0: a window of 9 x 9 .* larger than .* 8 x 8"),
        (2, (5,), r"augment.0: RandomCrop is for images .* inputs are \(5,\)"),
    ],
)
def test_a_crop_that_cannot_be_made_is_refused(size, shape, message):
    with pytest.raises(PlanError, match=message):
        build_augmentation([RandomCrop(size=size)], shape)
