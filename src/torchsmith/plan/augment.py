"""Random changes of training batches that keep the label.

Named as in `torchvision.transforms.v2`, on whole batches on the device.

Source: https://docs.pytorch.org/vision/stable/transforms.html
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.layer_spec import Share, Size
from torchsmith.plan.numbers import NotNegative, Positive

Probability = Annotated[float, Field(gt=0, le=1)]


class RandomCrop(Spec):
    """A random window of each picture, resized back to the size of the input.

    Attributes:
        size: Height and width of the window, in pixels.
        p: The probability that a picture is changed.
    """

    main = "size"
    size: Size | tuple[Size, Size]
    p: Probability = 1.0


class RandomAffine(Spec):
    """Each picture turned, shifted and scaled around its middle.

    What comes into sight repeats the pixels of the edge.

    Attributes:
        degrees: The most it is turned, both ways; two numbers are the least and the
            most, clockwise.
        translate: The most it is shifted, both ways: shares of width and of height.
        scale: The least and the most it is scaled.
        p: The probability that a picture is changed.
    """

    main = "degrees"
    degrees: NotNegative | tuple[float, float]
    translate: tuple[Share, Share] = (0.0, 0.0)
    scale: tuple[Positive, Positive] = (1.0, 1.0)
    p: Probability = 1.0

    @field_validator("degrees", "scale")
    @classmethod
    def _ordered(
        cls, value: float | tuple[float, float]
    ) -> float | tuple[float, float]:
        if isinstance(value, tuple) and value[0] > value[1]:
            raise ValueError(f"must be the least, then the most, not {list(value)}")
        return value


class RandomHorizontalFlip(Spec):
    """Pictures mirrored: left becomes right.

    Attributes:
        p: The probability that a picture is changed.
    """

    main = "p"
    p: Probability = 0.5


class RandomVerticalFlip(Spec):
    """Pictures mirrored: top becomes bottom.

    Attributes:
        p: The probability that a picture is changed.
    """

    main = "p"
    p: Probability = 0.5


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
    RandomCrop
    | RandomAffine
    | RandomHorizontalFlip
    | RandomVerticalFlip
    | VolumeChange,
    OneOf(),
]
