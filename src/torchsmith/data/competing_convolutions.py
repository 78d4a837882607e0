"""Features of whole sequences: which convolution of its group is strongest, how often.

After Hydra ([Dempster, Schmidt and Webb 2023](https://arxiv.org/abs/2203.13652)):
random kernels of 9 weights compete in groups of eight. At each step of a sequence the
one that gives the most adds what it gives to its feature, and the one that gives the
least adds 1 to another. Half of the groups look at the steps, half at their changes.
They tell which shapes a sequence has, where the features of `random_convolutions` tell
how strong each is; a linear model of both errs less than of either.
"""

from collections.abc import Iterator

import numpy as np

from torchsmith.core.record import Record
from torchsmith.core.seeds import generator
from torchsmith.data.packed import bits_of, numbers_of, text_of
from torchsmith.data.random_convolutions import (
    KERNEL_LENGTH,
    VIEWS,
    blocks,
    changes,
    count_true,
    move_and_scale,
    room,
    standardise,
    taps_of,
)

GROUP = 8
"""Kernels that compete."""

KINDS = 2
"""Of features of a kernel: where it gives the most of its group, and the least."""

LEAST_CHANNELS, MOST_CHANNELS = 2, 8
"""That a group adds up, half of all there are within these limits, as in the paper."""

BLOCK_STEPS = 2**12
"""Steps in which a group competes at once: what it gives stays in the cache."""

PRECISION = 2**10
"""What kernels give is rounded to so many parts of 1 and added as whole numbers, whose
sum does not depend on their order."""


class FittedCompetition(Record):
    """Groups of kernels that compete, and the scale of their features in training.

    Attributes:
        dilations: Steps between the weights of a kernel: 1, 2, 4 and so on.
        num_groups: At each dilation, of steps and changes together.
        num_channels: C.
        channels: Bits `(2, D, G / 2, C)`: which channels each group adds up.
        weights: float32 `(2, D, G / 2, 8, 9)`, as base64 text.
        offset, factor: float32 `(F,)`; a feature is `(root - offset) * factor`.
    """

    dilations: tuple[int, ...]
    num_groups: int
    num_channels: int
    channels: str
    weights: str
    offset: str = ""
    factor: str = ""

    @property
    def num_features(self) -> int:
        """F."""
        return len(self.dilations) * self.num_groups * GROUP * KINDS

    def apply(self, values: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return `(N, F)` float32, standardised.

        Args:
            values: `(T, C)` float32, the steps of all sequences.
            starts: `(N + 1,)`: where each sequence begins.
        """
        return move_and_scale(self.roots(values, starts), self.offset, self.factor)

    def roots(self, values: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return `(N, F)` float32: square roots of what each kernel wins, for a step.

        View by view, dilation by dilation, group by group: eight sums of what gives the
        most, eight counts of what gives the least. A root tells rare from never.
        """
        groups = (VIEWS, len(self.dilations), self.num_groups // VIEWS)
        members = bits_of(self.channels, (*groups, self.num_channels))
        weights = numbers_of(self.weights).reshape(*groups, GROUP, KERNEL_LENGTH)
        out = np.empty((len(starts) - 1, *groups, KINDS * GROUP), np.float32)
        for view, numbers in enumerate((values, changes(values, starts))):
            for rows, block, lengths in blocks(numbers, starts, BLOCK_STEPS):
                for place, dilation in enumerate(self.dilations):
                    for group, outputs in _competitions(
                        block, dilation, members[view, place], weights[view, place]
                    ):
                        wins = _wins(outputs, lengths) / lengths
                        out[rows, view, place, group] = wins.T
        return np.sqrt(out.reshape(len(out), -1))


def fit_competition(
    values: np.ndarray, starts: np.ndarray, num_groups: int, seed: int
) -> tuple[FittedCompetition, np.ndarray]:
    """Draw groups of kernels, and learn the scale of what they count.

    Args:
        values: `(T, C)` float32, the steps of all sequences.
        starts: `(N + 1,)`: where each sequence begins.
        num_groups: At each dilation; even.
        seed: Draws the kernels and the channels of each group.

    Returns:
        What was drawn, and `(N, F)` features of the training sequences, which `apply`
        would compute again.
    """
    length, num_channels = int(np.median(np.diff(starts))), values.shape[1]
    dilations = dilations_for(length)
    random = generator(seed, "competing convolutions")
    shape = (VIEWS, len(dilations), num_groups // VIEWS)
    weights = random.normal(size=(*shape, GROUP, KERNEL_LENGTH))
    weights -= weights.mean(axis=-1, keepdims=True)
    weights /= np.abs(weights).sum(axis=-1, keepdims=True)
    most = min(max(num_channels // 2, LEAST_CHANNELS), MOST_CHANNELS)
    ranks = random.random((*shape, num_channels)).argsort(axis=-1).argsort(axis=-1)
    fitted = FittedCompetition(
        dilations=dilations,
        num_groups=num_groups,
        num_channels=num_channels,
        channels=text_of(np.packbits(ranks < most)),
        weights=text_of(weights),
    )
    roots = fitted.roots(values, starts)
    scale = standardise(roots)
    return fitted.model_copy(update=scale), roots


def dilations_for(length: int) -> tuple[int, ...]:
    """Return the powers of 2 with which a kernel still fits into a sequence."""
    most = max(length - 1, 1) // (KERNEL_LENGTH - 1)
    return tuple(2**power for power in range(max(most.bit_length(), 1)))


def _competitions(
    block: np.ndarray, dilation: int, members: np.ndarray, weights: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield groups, and `(8, n, L)`: what their kernels give at each step.

    Args:
        block: `(C, n, L)`, some sequences.
        dilation: Steps between the weights.
        members: `(G / 2, C)` bool: the channels of each group.
        weights: `(G / 2, 8, 9)`.
    """
    for channels in np.unique(members, axis=0):
        met = _columns(taps_of(block, channels, dilation))
        for group in np.flatnonzero((members == channels).all(axis=1)):
            # A matrix product would round a step by its neighbours.
            found = np.einsum("kt,tm->km", weights[group], met)[:, :-1]
            yield int(group), found.reshape(-1, *block.shape[1:])


def _columns(taps: list[np.ndarray]) -> np.ndarray:
    """Return `(9, M + 1)`: what each weight meets at each step, and zeros at last.

    One column alone would be added up in another order.
    """
    met = np.zeros((KERNEL_LENGTH, taps[0].size + 1), np.float32)
    for row, tap in zip(met, taps, strict=True):
        row[:-1] = tap.reshape(-1)
    return met


def _wins(outputs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return `(16, n)`: sums of the most at each step, and counts of the least.

    Args:
        outputs: `(8, n, L)`.
        lengths: `(n,)`: steps of each sequence, of which there are L at most.
    """
    _, num, length = outputs.shape
    highest = outputs.max(axis=0)
    most, least = outputs == highest, room(GROUP, num, length)
    np.equal(outputs, outputs.min(axis=0), out=least[..., :length])
    if (lengths < length).any():
        inside = np.arange(length) < lengths[:, None]
        most &= inside
        least[..., :length] &= inside
    # What is the most of eight may still be negative: then there is nothing to add.
    whole = np.rint(highest.clip(0) * PRECISION).astype(np.int32)
    sums = np.where(most, whole, 0).sum(axis=2, dtype=np.int32) / PRECISION
    return np.concatenate([sums, count_true(least)])
