"""Which pixels, columns or steps mattered for one answer, by captum.

`IntegratedGradients` (https://arxiv.org/abs/1703.01365) adds up gradients on the way
from a plain example to this one, so that the parts sum to the difference of outputs.
Category codes have no gradient and nothing lies between two of them: there
`ShapleyValueSampling` (https://doi.org/10.1016/j.cor.2008.04.004) puts columns in, one
after the other in random orders, which sums to the same difference. So it is for
sequences, too, whose features need not have a gradient: there whole stretches of steps
are put in.

captum is an extra of the installation and is imported when it is used.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

from torchsmith.core.randomness import seeded
from torchsmith.core.seeds import derive_seed

MISSING = (
    "which parts of an input mattered is found by captum, which is not installed; "
    "install it with: pip install 'torchsmith[explain]'"
)
STEPS = 64
MOST_PASSES = 4_000
ORDERS = 40
MOST_PARTS = 48
"""Stretches of a sequence, over all of its channels, that are told apart."""

MOST_TRIALS = 1_000
"""So many changed sequences are prepared and given to the network."""

_TOGETHER = 64


@dataclass(frozen=True)
class Attribution:
    """How much each part of an input added to one output.

    Attributes:
        method: The name in captum.
        values: `(C, H, W)` for pictures, `(C, D, H, W)` for volumes, `(C, P)` for the
            P stretches of sequences, or one for each column.
        columns: Names of what `values` are of, for tables; else empty.
        output: Of the example, raw.
        baseline: The output of the plain example; the values sum to the difference.
        saliency: For pictures and volumes, of the shape of `values`: how much the
            output changes with a pixel.
        edges: For sequences, the step (0 = first) at which each stretch begins, and the
            number of steps.
    """

    method: str
    values: np.ndarray
    columns: tuple[str, ...]
    output: float
    baseline: float
    saliency: np.ndarray | None = None
    edges: tuple[int, ...] = ()


def available() -> bool:
    """Whether captum is installed."""
    return find_spec("captum") is not None


def pixel_attribution(
    network: nn.Module, inputs: Tensor, plain: Tensor, place: int
) -> Attribution:
    """Say how much each pixel added to an output.

    Args:
        network: In eval mode.
        inputs: `(1, C, H, W)` or `(1, C, D, H, W)` as the network takes it.
        plain: Of the same shape, such as an all-black picture.
        place: Of the output.
    """
    from captum.attr import IntegratedGradients, Saliency

    inputs = inputs.detach().clone().requires_grad_()
    with torch.enable_grad():
        values = IntegratedGradients(network).attribute(
            inputs, baselines=plain, target=place, n_steps=STEPS, internal_batch_size=16
        )
        saliency = Saliency(network).attribute(inputs, target=place, abs=True)
    output, baseline = _outputs(network, inputs, plain, place)
    return Attribution(
        "IntegratedGradients",
        _array(values[0]),
        (),
        output,
        baseline,
        _array(saliency[0]),
    )


def column_attribution(
    network: nn.Module,
    inputs: Tensor,
    plain: Tensor,
    place: int,
    *,
    columns: Mapping[str, Sequence[int]],
    has_codes: bool,
    seed: int = 0,
) -> Attribution:
    """Say how much each column added to an output.

    Args:
        network: In eval mode.
        inputs: `(1, C)` as the network takes it.
        plain: `(1, C)`, a usual row.
        place: Of the output.
        columns: For each column, which of the C features it became.
        has_codes: Whether features are category codes, which have no gradient.
        seed: Draws the orders of columns.
    """
    from captum.attr import IntegratedGradients, ShapleyValueSampling

    groups = column_groups(columns)
    if has_codes:
        method = "ShapleyValueSampling"
        mask = torch.full(inputs.shape, len(groups), dtype=torch.long)
        for number, places in enumerate(groups.values()):
            mask[0, list(places)] = number
        orders = max(1, min(ORDERS, MOST_PASSES // max(len(groups), 1)))
        with seeded(derive_seed(seed, "attribution")), torch.no_grad():
            values = ShapleyValueSampling(network).attribute(
                inputs,
                baselines=plain,
                target=place,
                feature_mask=mask.to(inputs.device),
                n_samples=orders,
            )
        # Each feature of a group carries the value of the whole group.
        parts = [_array(values[0])[p[0]] for p in groups.values()]
    else:
        method = "IntegratedGradients"
        with torch.enable_grad():
            values = IntegratedGradients(network).attribute(
                inputs.detach().clone().requires_grad_(),
                baselines=plain,
                target=place,
                n_steps=STEPS,
            )
        parts = [_array(values[0])[list(p)].sum() for p in groups.values()]
    output, baseline = _outputs(network, inputs, plain, place)
    return Attribution(method, np.array(parts), tuple(groups), output, baseline)


def step_attribution(
    answer: Callable[[np.ndarray], Tensor],
    *,
    num_steps: int,
    num_channels: int,
    place: int,
    seed: int = 0,
) -> Attribution:
    """Say how much each stretch of a sequence added to an output.

    Args:
        answer: Gives the raw outputs `(n, K)` for `(n, L, C)` bool, which says what of
            the sequence stays; the rest becomes plain, as the means of the channels.
        num_steps: L.
        num_channels: C.
        place: Of the output.
        seed: Draws the orders of stretches.
    """
    from captum.attr import ShapleyValueSampling

    pieces = max(1, min(num_steps, MOST_PARTS // num_channels))
    edges = np.linspace(0, num_steps, pieces + 1).round().astype(int)
    owner = np.repeat(np.arange(pieces), np.diff(edges))

    def outputs(kept: Tensor) -> Tensor:
        parts = kept.reshape(len(kept), num_channels, pieces).numpy() > 0
        return answer(parts[:, :, owner].transpose(0, 2, 1))[:, place].double()

    whole = torch.ones(1, num_channels * pieces)
    orders = max(1, min(ORDERS, MOST_TRIALS // whole.shape[1]))
    with seeded(derive_seed(seed, "attribution")), torch.no_grad():
        found = ShapleyValueSampling(outputs).attribute(
            whole,
            baselines=torch.zeros_like(whole),
            n_samples=orders,
            perturbations_per_eval=_TOGETHER,
        )
        output, baseline = outputs(torch.cat([whole, torch.zeros_like(whole)])).tolist()
    return Attribution(
        "ShapleyValueSampling",
        _array(found[0]).reshape(num_channels, pieces),
        (),
        output,
        baseline,
        edges=tuple(edges.tolist()),
    )


def column_groups(columns: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    """Join columns that share features, such as latitude and longitude.

    >>> column_groups({"a": [0], "b": [1, 2], "c": [2, 3], "d": []})
    {'a': (0,), 'b, c': (1, 2, 3)}
    """
    groups: list[tuple[list[str], set[int]]] = []
    for name, places in columns.items():
        if not places:
            continue
        names, features = [name], set(places)
        for other in [group for group in groups if group[1] & features]:
            groups.remove(other)
            names = [*other[0], *names]
            features |= other[1]
        groups.append((names, features))
    return {", ".join(names): tuple(sorted(places)) for names, places in groups}


def usual_row(inputs: np.ndarray, num_numbers: int) -> np.ndarray:
    """Return a row that stands for all: means of numbers, the commonest codes.

    Args:
        inputs: `(N, C)` prepared rows, numbers first, then codes.
        num_numbers: How many are numbers; one-hot columns are among them.

    Returns:
        `(1, C)` float32.
    """
    usual = inputs[:1].copy()
    usual[0, :num_numbers] = inputs[:, :num_numbers].mean(axis=0)
    for place in range(num_numbers, inputs.shape[1]):
        codes, counts = np.unique(inputs[:, place], return_counts=True)
        usual[0, place] = codes[counts.argmax()]
    return usual


def _outputs(
    network: nn.Module, inputs: Tensor, plain: Tensor, place: int
) -> tuple[float, float]:
    with torch.no_grad():
        both = network(torch.cat([inputs, plain]))[:, place].cpu().double()
    return both[0].item(), both[1].item()


def _array(values: Tensor) -> np.ndarray:
    return np.asarray(values.detach().cpu().double().numpy())
