"""Networks: `Sequential` of layers, or a named family with its own settings."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from torchsmith.core.spec import OneOf, Spec, members
from torchsmith.plan.activations import Activation, ReLU
from torchsmith.plan.layer_spec import Share, Size
from torchsmith.plan.layers import Layer
from torchsmith.plan.sequence_bodies import Inception, SequenceBody


class Sequential(Spec):
    """`torch.nn.Sequential`: the layers one after the other.

    The last layer must fit the problem: one output per class, one for regression.
    """

    main = "layers"
    layers: tuple[Layer, ...] = Field(min_length=1)


class MLP(Spec):
    """A multilayer perceptron: `Linear`, activation, dropout, …, `Linear`.

    Attributes:
        hidden: Width of each hidden layer.
        activation: After each hidden layer.
        dropout: After each activation.
        batch_norm: `BatchNorm1d` before each activation.
    """

    main = "hidden"
    hidden: tuple[Size, ...] = (256, 256)
    activation: Activation = ReLU()
    dropout: Share = 0.0
    batch_norm: bool = False


class TabularMLP(Spec):
    """An MLP for tables, with embeddings of categories and of numbers.

    Attributes:
        hidden: Width of each hidden layer.
        activation: After each hidden layer.
        dropout: After each activation.
        batch_norm: `BatchNorm1d` before each activation.
        embedding: Width of each category's embedding; 0 chooses
            `min(16, (distinct + 1) // 2 + 1)` for each column.
        frequencies: Number of learned frequencies of the periodic embedding of each
            number (https://arxiv.org/abs/2203.05556); 0 feeds the numbers as they are.
        frequency_scale: Deviation of the initial frequencies.
        bins: Number of bins of the piecewise linear embedding of each number, after
            `QuantileScale`, in place of the periodic one; 0 has none.
        number_embedding: Width of each number's embedding.
        members: So many networks in one, which share the hidden layers; each is trained
            to be right by itself, and their outputs are averaged
            (https://arxiv.org/abs/2410.24210).
    """

    main = "hidden"
    hidden: tuple[Size, ...] = (256, 256)
    activation: Activation = ReLU()
    dropout: Share = 0.0
    batch_norm: bool = False
    embedding: int = Field(default=0, ge=0)
    frequencies: int = Field(default=0, ge=0)
    frequency_scale: float = Field(default=0.1, gt=0)
    bins: int = Field(default=0, ge=0, le=1000)
    number_embedding: Size = 8
    members: int = Field(default=1, ge=1, le=256)


class ConvNet(Spec):
    """A small convolutional net: blocks of `Conv2d`, `BatchNorm2d`, activation.

    Each entry of `channels` is a stage of `depth` 3x3 convolutions, with `MaxPool2d(2)`
    between stages. At the end average pooling, hidden layers, dropout, `Linear`.

    Attributes:
        channels: Output channels of each stage.
        depth: Convolutions in each stage: one number for all, or one for each.
        activation: After each normalisation.
        pool: The last maps are averaged to `pool` x `pool`; 1 is global.
        pool_first: Pool before the normalisation that ends a stage, not after its
            activation: faster, and as good.
        hidden: Width of each `Linear`, `BatchNorm1d`, activation before the last layer.
        dropout: Before the last layer.
    """

    main = "channels"
    channels: tuple[Size, ...] = Field(default=(32, 64, 128), min_length=1)
    depth: Size | tuple[Size, ...] = 1
    activation: Activation = ReLU()
    pool: Size = 1
    pool_first: bool = False
    hidden: tuple[Size, ...] = ()
    dropout: Share = 0.0


class PictureTableNet(Spec):
    """A `ConvNet` for each column of pictures, then an MLP on that and the columns.

    Attributes:
        channels: Output channels of each stage that reads pictures.
        depth: Convolutions in each stage.
        features: How many numbers are read from each picture.
        hidden: Width of each hidden layer of the MLP.
        activation: After each normalisation and hidden layer.
        dropout: After each activation of the MLP.
    """

    main = "channels"
    channels: tuple[Size, ...] = Field(default=(16, 32, 64), min_length=1)
    depth: Size = 1
    features: Size = 32
    hidden: tuple[Size, ...] = Field(default=(256, 256), min_length=1)
    activation: Activation = ReLU()
    dropout: Share = 0.0


class ResNet(Spec):
    """A residual net for images (https://arxiv.org/abs/1512.03385), small ones too.

    A first convolution, then stages of blocks of two 3x3 convolutions; each stage after
    the first halves height and width. Global average pooling, dropout, `Linear`.

    Attributes:
        channels: Output channels of each stage.
        depth: Residual blocks in each stage.
        stride: Of the first convolution, which sees `2 * stride + 1` pixels a side.
        activation: After each normalisation, and after each block.
        dropout: Before the last layer.
    """

    main = "channels"
    channels: tuple[Size, ...] = Field(default=(64, 128, 256, 512), min_length=1)
    depth: Size = 2
    stride: Size = 1
    activation: Activation = ReLU()
    dropout: Share = 0.0


class VolumeNet(Spec):
    """A convolutional net for volumes: `Conv3d`, `BatchNorm3d`, activation.

    Each entry of `channels` is a stage of `depth` 3x3x3 convolutions, the first of
    which halves depth, height and width. Global average pooling, dropout, `Linear`.

    Attributes:
        channels: Output channels of each stage.
        depth: Convolutions in each stage.
        activation: After each normalisation.
        dropout: Before the last layer.
    """

    main = "channels"
    channels: tuple[Size, ...] = Field(default=(16, 32, 64, 128), min_length=1)
    depth: Size = 1
    activation: Activation = ReLU()
    dropout: Share = 0.0


class SequenceNet(Spec):
    """A net for sequences of one length or of many: a body, features of the whole.

    The body reads the steps, and a linear layer the features that `RandomConvolutions`
    or `NGrams` computed. Where there are both they are members: each is trained to be
    right by itself, and their outputs are averaged.

    Attributes:
        body: Reads the steps; none where there are features only.
        features: Whether there are features to read.
        embedding: For texts, the width of each character's embedding.
        dropout: Before the last layer of the body.
        skip: Whether a linear layer of all steps is added to what the body says.
    """

    main = "body"
    body: SequenceBody | None = Inception()
    features: bool = False
    embedding: Size = 32
    dropout: Share = 0.0
    skip: bool = False

    @classmethod
    def _main_is_mapping(cls, value: dict[Any, Any]) -> bool:
        return list(value) in [[body.spec_name()] for body in members(SequenceBody)]

    @property
    def members(self) -> int:
        """How many networks these are in one."""
        return (self.body is not None) + self.features

    @model_validator(mode="after")
    def _reads_something(self) -> Self:
        if not self.members:
            raise ValueError("there is nothing to read; name a body, or set features")
        if self.skip and self.body is None:
            raise ValueError("skip is added to what a body says; name one")
        return self


def num_members(network: "Network") -> int:
    """Return how many networks a spec describes in one; 1 for those that have none."""
    return int(getattr(network, "members", 1))


Network = Annotated[
    Sequential
    | MLP
    | TabularMLP
    | PictureTableNet
    | ConvNet
    | ResNet
    | VolumeNet
    | SequenceNet,
    OneOf(),
]
