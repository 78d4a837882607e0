"""What a `SequenceNet` may read the steps of a sequence with."""

from typing import Annotated

from pydantic import AfterValidator, Field

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.activations import Activation, ReLU
from torchsmith.plan.layer_spec import Share, Size


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(f"{size} is even; only an odd size has a middle")
    return size


OddSize = Annotated[Size, AfterValidator(_odd)]


class Inception(Spec):
    """Residual 1-D convolutions of several lengths side by side, then their mean.

    Source: InceptionTime, https://arxiv.org/abs/1909.04939

    Attributes:
        width: Channels of each branch; there is one more than kernel sizes.
        depth: Modules; a shortcut passes by every three.
        kernel_sizes: In steps; odd.
        activation: After each normalisation.
    """

    main = "width"
    width: Size = 32
    depth: Size = 6
    kernel_sizes: tuple[OddSize, ...] = Field(default=(9, 19, 39), min_length=1)
    activation: Activation = ReLU()


class GRU(Spec):
    """`torch.nn.GRU` in both directions; mean and maximum of its states.

    Attributes:
        width: Units of each direction.
        depth: Layers.
        dropout: Between the layers.
    """

    main = "width"
    width: Size = 128
    depth: Size = 1
    dropout: Share = 0.0


class Transformer(Spec):
    """`torch.nn.TransformerEncoder` with waves of the position; the mean of its states.

    Source: https://arxiv.org/abs/1706.03762

    Attributes:
        width: Of the model, divisible by `2 * num_heads`.
        depth: Layers.
        num_heads: Of the attention.
        dropout: Within the layers.
    """

    main = "width"
    width: Size = 64
    depth: Size = 2
    num_heads: Size = 4
    dropout: Share = 0.1


SequenceBody = Annotated[Inception | GRU | Transformer, OneOf()]
