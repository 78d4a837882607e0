"""How many outputs a `Sequential` has, where its last layers say so."""

from collections.abc import Iterator, Sequence

from torchsmith.core.spec import Spec, members
from torchsmith.plan.activations import Activation, LogSoftmax, Softmax
from torchsmith.plan.layers import Bilinear, Dropout, Identity, Layer, Linear, Residual
from torchsmith.plan.normalisation import BatchNorm1d, GroupNorm, LayerNorm
from torchsmith.plan.sequences import GRU, LSTM, RNN

_KEEP_THE_SHAPE: tuple[type[Spec], ...] = (
    *members(Activation),
    *(Softmax, LogSoftmax, Identity, Dropout, BatchNorm1d, LayerNorm, GroupNorm),
)


def width_of_outputs(layers: Sequence[Layer], path: str) -> tuple[str, int] | None:
    """Return which layer decides the number of outputs, and that number.

    Args:
        layers: Of a `Sequential`.
        path: Where they stand in the plan.

    Returns:
        The layer's dotted path and its width; None where that follows from the data.
    """
    for where, layer in _backwards(layers, path):
        match layer:
            case Linear() | Bilinear():
                return where, layer.out_features
            case RNN() | LSTM() | GRU() if layer.output == "last":
                width = layer.hidden_size
                if isinstance(layer, LSTM) and layer.proj_size:
                    width = layer.proj_size
                return where, width * (2 if layer.bidirectional else 1)
            case _ if not isinstance(layer, _KEEP_THE_SHAPE):
                return None
    return None


def _backwards(layers: Sequence[Layer], path: str) -> Iterator[tuple[str, Layer]]:
    """Go through layers from the last to the first, into blocks, too.

    A block whose layers keep the shape gives what it is given, shortcut or not.
    """
    for place in reversed(range(len(layers))):
        layer, where = layers[place], f"{path}.{place}"
        if isinstance(layer, Residual):
            yield from _backwards(layer.layers, f"{where}.Residual")
        else:
            yield where, layer
