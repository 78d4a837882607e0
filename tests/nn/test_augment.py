"""Random changes of batches are what their names say."""

import pytest
import torch

from torchsmith.core.errors import PlanError
from torchsmith.nn.augment import build_augmentation
from torchsmith.plan.augment import RandomCrop


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
