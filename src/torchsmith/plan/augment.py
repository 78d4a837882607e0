"""Random changes of training batches that keep the label.

Named as in `torchvision.transforms.v2`, on whole batches on the device.
"""

from typing import Annotated

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


Augmentation = Annotated[RandomCrop, OneOf()]
