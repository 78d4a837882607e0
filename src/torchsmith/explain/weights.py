"""Weights before, during and after training, and facts about every tensor."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from torchsmith.nn.folds import first_network

BEFORE, AFTER = "before training", "after training"


@dataclass(frozen=True)
class TensorFacts:
    """What is said of a tensor in a table.

    Attributes:
        name: As in the `state_dict`.
        dtype: Such as `float32`.
        shape: Its shape.
        mean: Of its values; NaN where it has none.
        deviation: Of its values.
        low: The least value.
        high: The largest value.
        moved: The length of its change in training as a share of its length before;
            None where that is not known.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    mean: float
    deviation: float
    low: float
    high: float
    moved: float | None = None


@dataclass(frozen=True)
class Weights:
    """A parameter with two or more dimensions, at some times.

    Attributes:
        name: As in the `state_dict`.
        shape: Its shape.
        states: Its values by time, the earliest first; of
            large ones perhaps only the first rows.
        picture: Where each row can be seen as a picture, its shape `(C, H, W)`; else
            None.
    """

    name: str
    shape: tuple[int, ...]
    states: Mapping[str, np.ndarray]
    picture: tuple[int, int, int] | None = None


def tensor_facts(
    state: Mapping[str, Tensor], before: Mapping[str, Tensor] | None = None
) -> tuple[TensorFacts, ...]:
    """Return facts about each tensor of a `state_dict`.

    Args:
        state: Tensors by name.
        before: The same before training, where known.
    """
    return tuple(
        _facts(name, tensor, (before or {}).get(name)) for name, tensor in state.items()
    )


def _facts(name: str, tensor: Tensor, before: Tensor | None) -> TensorFacts:
    values = tensor.detach().cpu().double()
    numbers = (math.nan,) * 4
    if values.numel():
        numbers = (
            values.mean().item(),
            values.std(correction=0).item(),
            values.min().item(),
            values.max().item(),
        )
    moved = None
    if before is not None and tensor.is_floating_point():
        length = before.detach().cpu().double().norm().item()
        change = (values - before.detach().cpu().double()).norm().item()
        moved = change / length if length else None
    dtype = str(tensor.dtype).removeprefix("torch.")
    return TensorFacts(name, dtype, tuple(tensor.shape), *numbers, moved)


def weights_over_time(
    after: nn.Module,
    before: nn.Module | None = None,
    *,
    between: Mapping[int, np.ndarray] | None = None,
    parameter: str = "",
    input_shape: tuple[int, ...] = (),
) -> tuple[Weights, ...]:
    """Return every parameter of two or more dimensions, before and after training.

    Of networks side by side, those of the first.

    Args:
        after: The trained network.
        before: The same network with its initial weights, where known.
        between: Values of one parameter by epoch; it may have fewer rows.
        parameter: Its name.
        input_shape: Of one example; rows of a first `Linear` on images are pictures.
    """
    first = dict(before.named_parameters()) if before is not None else {}
    found = []
    seen_first = False
    prefix, network = first_network(after)
    for name, tensor in network.named_parameters(prefix=prefix):
        if tensor.ndim < 2:
            continue
        states = {BEFORE: _array(first[name])} if name in first else {}
        last = _array(tensor)
        if between and name == parameter:
            rows = len(next(iter(between.values())))
            last = last[:rows]
            states = {time: values[:rows] for time, values in states.items()}
            states |= {
                f"epoch {epoch}": values
                for epoch, values in between.items()
                if epoch and not np.array_equal(values, last)
            }
        states[AFTER] = last
        picture = None if seen_first else _picture(tensor, input_shape)
        seen_first = True
        found.append(Weights(name, tuple(tensor.shape), states, picture))
    return tuple(found)


def _picture(
    tensor: Tensor, input_shape: tuple[int, ...]
) -> tuple[int, int, int] | None:
    """Return the shape in which a row of the first weights can be seen."""
    if len(input_shape) != 3 or input_shape[0] not in (1, 3):
        return None
    channels, height, width = input_shape
    if tensor.ndim == 2 and tensor.shape[1] == channels * height * width:
        return channels, height, width
    if tensor.ndim == 4 and tensor.shape[1] == channels and min(tensor.shape[2:]) > 1:
        return channels, int(tensor.shape[2]), int(tensor.shape[3])
    return None


def _array(tensor: Tensor) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(tensor.detach().cpu().float().numpy())
