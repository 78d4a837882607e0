"""Random changes of training batches that keep the label.

Named as in `torchvision.transforms.v2`, on whole batches on the device.
"""

from typing import Annotated

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.layers import Size


class RandomCrop(Spec):
    """A random window of each picture, resized back to the size of the input.

    Attributes:
        size: Height and width of the window, in pixels.
    """

    main = "size"
    size: Size | tuple[Size, Size]


Augmentation = Annotated[RandomCrop, OneOf()]
