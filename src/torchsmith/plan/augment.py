"""Random changes of training batches that keep the label.

Named as in `torchvision.transforms.v2`, on whole batches on the device.
"""

from typing import Annotated, Literal

from pydantic import Field

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.layers import Size


class RandomCrop(Spec):
    """A random window of each picture, resized back to the size of the input.

    Attributes:
        size: Height and width of the window, in pixels.
        p: The probability that a picture is changed.
    """

    main = "size"
    size: Size | tuple[Size, Size]
    p: float = Field(default=1.0, gt=0, le=1)


Side = Literal["depth", "height", "width"]
"""A direction of volumes `(C, D, H, W)`."""


class RandomShift3d(Spec):
    """Volumes shifted by whole voxels; what comes into sight repeats the edge.

    Attributes:
        voxels: The most in each direction, both ways.
        p: The probability that a volume is changed.
    """

    main = "voxels"
    voxels: Size
    p: float = Field(default=1.0, gt=0, le=1)


class RandomFlip3d(Spec):
    """Volumes mirrored along one direction.

    Attributes:
        along: The direction.
        p: The probability that a volume is changed.
    """

    main = "along"
    along: Side
    p: float = Field(default=0.5, gt=0, le=1)


class RandomQuarterTurn3d(Spec):
    """Volumes turned by 0, 90, 180 or 270 degrees, each as likely as the others.

    Attributes:
        about: The direction that stays.
    """

    main = "about"
    about: Side


SIDES: tuple[Side, ...] = ("depth", "height", "width")
VolumeChange = RandomShift3d | RandomFlip3d | RandomQuarterTurn3d

Augmentation = Annotated[
    RandomCrop | RandomShift3d | RandomFlip3d | RandomQuarterTurn3d, OneOf()
]
