"""The random changes of batches of volumes, in a script."""

from typing import assert_never

from torchsmith.eject.code import bracketed, function
from torchsmith.plan.augment import (
    SIDES,
    RandomFlip3d,
    RandomQuarterTurn3d,
    RandomShift3d,
    VolumeChange,
)


def volume_function(spec: VolumeChange, to: str) -> str:
    """Write the function of a change.

    Args:
        spec: The change.
        to: Moves a tensor to the device: `".to(DEVICE)"`, or empty.
    """
    match spec:
        case RandomShift3d():
            return _shift(to)
        case RandomFlip3d():
            return _flip(to)
        case RandomQuarterTurn3d():
            return _quarter_turn(to)
        case _:
            assert_never(spec)


def volume_call(spec: VolumeChange, inputs: str) -> str:
    """Return the call that changes a batch."""
    match spec:
        case RandomShift3d():
            share = f", p={spec.p!r}" if spec.p < 1 else ""
            return f"random_shift_3d({inputs}, {spec.voxels}{share})"
        case RandomFlip3d():
            dim = 2 + SIDES.index(spec.along)
            return f"random_flip_3d({inputs}, {dim}, p={spec.p!r})"
        case RandomQuarterTurn3d():
            dim = 2 + SIDES.index(spec.about)
            return f"random_quarter_turn_3d({inputs}, {dim})"
        case _:
            assert_never(spec)


def _shift(to: str) -> str:
    return function(
        "random_shift_3d(volumes, voxels, p=1.0)",
        "Shift volumes by whole voxels, each in its own way; the edge is repeated.",
        [
            "num = len(volumes)",
            "shifts = torch.randint(-voxels, voxels + 1, (3, num, 1))",
            "if p < 1:\n    shifts *= torch.rand(num, 1) < p",
            "places = []",
            "for size, shift in zip(volumes.shape[2:], shifts):\n"
            "    moved = torch.arange(size) + shift\n"
            f"    places.append(moved.clamp(0, size - 1){to})",
            "deep, down, right = places",
            f"numbers = torch.arange(num){to}[:, None, None, None]",
            bracketed(
                "shifted = volumes[",
                [
                    "numbers",
                    ":",
                    "deep[:, :, None, None]",
                    "down[:, None, :, None]",
                    "right[:, None, None, :]",
                ],
                "]",
                1,
            ),
            "return shifted.permute(0, 4, 1, 2, 3)  # the channels came out last",
        ],
    )


def _flip(to: str) -> str:
    drawn = "torch.rand(len(volumes)) < p"
    return function(
        "random_flip_3d(volumes, dim, p)",
        "Mirror volumes; dim 2 is the depth, 3 the height, 4 the width.",
        [
            f"chosen = {f'({drawn}){to}' if to else drawn}",
            "chosen = chosen[:, None, None, None, None]",
            "return torch.where(chosen, volumes.flip(dim), volumes)",
        ],
    )


def _quarter_turn(to: str) -> str:
    return function(
        "random_quarter_turn_3d(volumes, dim)",
        "Turn volumes by 0 to 3 quarters about depth (dim 2), height or width.",
        [
            "first, second = (other for other in (2, 3, 4) if other != dim)",
            f"turns = torch.randint(4, (len(volumes),)){to}",
            "turns = turns[:, None, None, None, None]",
            "found = volumes",
            "for turn in (1, 2, 3):\n"
            "    turned = torch.rot90(volumes, turn, (first, second))\n"
            "    found = torch.where(turns == turn, turned, found)",
            "return found",
        ],
    )
