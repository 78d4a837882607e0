"""What a network is made of: its layers, their output shapes and parameter counts."""

from torchsmith.core.record import Record


class LayerRow(Record):
    """One layer of a network.

    Attributes:
        name: Where it stands in the network, such as `"features.0"`.
        type: Its class under PyTorch's name, with the arguments that matter, such as
            `"Linear"` or `"Conv2d(3x3)"`.
        output_shape: Of one example, the batch dimension left out; of one step where
            sequences of several lengths are packed.
        num_parameters: Its own, children not counted twice.
    """

    name: str
    type: str
    output_shape: tuple[int, ...]
    num_parameters: int


class NetworkSummary(Record):
    """The layers of a network in the order in which they run.

    Attributes:
        input_shape: Of one example, the batch dimension left out.
        layers: Without containers, which have no parameters of their own.
        num_parameters: Of the whole network.
        num_trainable: Of those, the ones that training changes.
    """

    input_shape: tuple[int, ...]
    layers: tuple[LayerRow, ...]
    num_parameters: int
    num_trainable: int
