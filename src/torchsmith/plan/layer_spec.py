"""What the specs of all layers share."""

from typing import Annotated, ClassVar

from pydantic import Field

from torchsmith.core.spec import Spec

Size = Annotated[int, Field(ge=1)]
Pair = Size | tuple[Size, Size]
Triple = Size | tuple[Size, Size, Size]
Pad = Annotated[int, Field(ge=0)]
PadPair = Pad | tuple[Pad, Pad]
PadTriple = Pad | tuple[Pad, Pad, Pad]

Eps = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]

Dimensions = tuple[str, ...]

FEATURES: Dimensions = ("features",)
STEPS: Dimensions = ("L", "features")
SEQUENCE: Dimensions = ("C", "L")
IMAGE: Dimensions = ("C", "H", "W")
VOLUME: Dimensions = ("C", "D", "H", "W")


class LayerSpec(Spec):
    """A layer of a `Sequential`.

    Attributes:
        takes: The dimensions of one example (without the batch) that it can be fed, by
            their names in PyTorch's documentation; empty where it takes any.
    """

    takes: ClassVar[tuple[Dimensions, ...]] = ()
