"""Features of whole sequences: how often random dilated convolutions are positive.

After MiniRocket ([Dempster et al. 2021](https://arxiv.org/abs/2012.08791)): all 84
kernels of 9 weights of which three are 2 and six are -1, with dilations that follow the
length of the sequences and biases that are quantiles of what the kernels give on the
training part. A feature is the share of positions at which a convolution is above its
bias. Half of them look at the steps, half at the changes from step to step, after
MultiRocket ([Tan et al. 2022](https://arxiv.org/abs/2102.00457)). A linear layer on ten
thousand of them is as good as most deep networks, and they are computed once, in
seconds.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from torchsmith.core.record import Record
from torchsmith.core.seeds import generator
from torchsmith.data.packed import bits_of, numbers_of, text_of

KERNEL_LENGTH = 9
KERNELS = tuple(combinations(range(KERNEL_LENGTH), 3))
"""Where each of the 84 kernels has its three weights of 2."""

VIEWS = 2
"""What is convolved: the steps of a sequence, and their changes."""

MOST_DILATIONS = 32
MOST_CHANNELS = 9
"""Of one convolution; more would only add noise."""

BLOCK_STEPS = 2**15
"""Steps that are convolved at once: what they become stays in the processor's cache."""

WORD = 8
MOST_WORDS = 255
"""Eight comparisons are counted at once, each in its byte of a word."""

GOLDEN_RATIO = (5**0.5 + 1) / 2


class FittedConvolutions(Record):
    """Convolutions that are fitted to a training part.

    The numbers of long lists are base64 text, so that a file of ten thousand stays
    small.

    Attributes:
        dilations: Steps between the weights of a kernel.
        num_biases: For each dilation, how many biases each kernel has in each view.
        num_channels: C.
        channels: Bits `(2, D, 84, C)`: which channels each convolution adds up.
        biases: float32 `(F,)`, view by view, dilation by dilation, kernel by kernel.
        offset, factor: float32 `(F,)`; a feature is `(share - offset) * factor`.
    """

    dilations: tuple[int, ...]
    num_biases: tuple[int, ...]
    num_channels: int
    channels: str
    biases: str
    offset: str = ""
    factor: str = ""

    @property
    def num_features(self) -> int:
        """F."""
        return VIEWS * len(KERNELS) * sum(self.num_biases)

    def apply(self, values: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return `(N, F)` float32, standardised.

        Args:
            values: `(T, C)` float32, the steps of all sequences.
            starts: `(N + 1,)`: where each sequence begins.
        """
        return move_and_scale(self.shares(values, starts), self.offset, self.factor)

    def shares(self, values: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return `(N, F)` float32: how often each convolution is above its bias."""
        out = np.empty((len(starts) - 1, self.num_features), np.float32)
        first = 0
        for view, numbers in enumerate((values, changes(values, starts))):
            last = first + self.num_features // VIEWS
            self._shares_of(view, numbers, starts, out[:, first:last])
            first = last
        return out

    def _shares_of(
        self, view: int, values: np.ndarray, starts: np.ndarray, out: np.ndarray
    ) -> None:
        """Fill `(N, F / 2)` with the features of the steps, or of their changes."""
        biases = numbers_of(self.biases).reshape(VIEWS, -1)[view]
        for rows, block, lengths in blocks(values, starts):
            first = 0
            for place, (dilation, count) in enumerate(
                zip(self.dilations, self.num_biases, strict=True)
            ):
                for kernel, positions, outputs in _convolutions(
                    block, lengths, dilation, self.members_at(view, place), place
                ):
                    begin = first + kernel * count
                    chosen = slice(begin, begin + count)
                    counts = _count_above(outputs, biases[chosen])
                    out[rows, chosen] = (counts / positions).T
                first += len(KERNELS) * count

    def members_at(self, view: int, place: int) -> np.ndarray:
        """Return `(84, C)` bool: the channels of each kernel at one dilation."""
        shape = (VIEWS, len(self.dilations), len(KERNELS), self.num_channels)
        return np.asarray(bits_of(self.channels, shape)[view, place])


def changes(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return `(T, C)`: each step less the one before; 0 where a sequence begins.

    Args:
        values: `(T, C)`, the steps of all sequences.
        starts: `(N + 1,)`: where each sequence begins; none is empty.
    """
    found = np.diff(values, axis=0, prepend=values[:1])
    found[starts[:-1]] = 0
    return found


def fit_convolutions(
    values: np.ndarray, starts: np.ndarray, num_features: int, seed: int
) -> tuple[FittedConvolutions, np.ndarray]:
    """Choose dilations, channels and biases for training sequences.

    Args:
        values: `(T, C)` float32, the steps of all sequences.
        starts: `(N + 1,)`: where each sequence begins.
        num_features: Rounded down to a multiple of 168, at least 168.
        seed: Draws the channels, and the examples that the biases come from.

    Returns:
        What was chosen, and `(N, F)` features of the training sequences, which `apply`
        would compute again.
    """
    per_kernel = max(1, num_features // len(KERNELS) // VIEWS)
    length = int(np.median(np.diff(starts)))
    dilations, num_biases = _choose_dilations(length, per_kernel)
    random = generator(seed, "convolutions")
    members, biases = [], []
    for numbers in (values, changes(values, starts)):
        members.append(_choose_channels(values.shape[1], len(dilations), random))
        biases.append(
            _biases(numbers, starts, dilations, num_biases, members[-1], random)
        )
    fitted = FittedConvolutions(
        dilations=dilations,
        num_biases=num_biases,
        num_channels=values.shape[1],
        channels=text_of(np.packbits(members)),
        biases=text_of(np.concatenate(biases)),
    )
    shares = fitted.shares(values, starts)
    scale = standardise(shares)
    return fitted.model_copy(update=scale), shares


def standardise(features: np.ndarray) -> dict[str, str]:
    """Standardise `(N, F)` in place; what never varies becomes 0.

    Returns:
        `offset` and `factor`, as fitted features hold them.
    """
    deviation = features.std(axis=0, dtype=np.float64)
    varies = deviation > 1e-6
    scale = {
        "offset": text_of(features.mean(axis=0, dtype=np.float64)),
        "factor": text_of(varies / np.where(varies, deviation, 1.0)),
    }
    move_and_scale(features, **scale)
    return scale


def move_and_scale(features: np.ndarray, offset: str, factor: str) -> np.ndarray:
    """Return `(N, F)`, changed in place: what `standardise` did with the training."""
    features -= numbers_of(offset)
    features *= numbers_of(factor)
    return features


def _choose_dilations(
    length: int, per_kernel: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return dilations from 1 to where a kernel spans a sequence, and their biases."""
    limit = max((length - 1) / (KERNEL_LENGTH - 1), 1.0)
    wanted = min(per_kernel, MOST_DILATIONS)
    spread = np.geomspace(1, limit, wanted).astype(int)
    dilations, times = np.unique(spread, return_counts=True)
    counts = times * (per_kernel // wanted)
    left = per_kernel - counts.sum()
    counts += left // len(counts)
    counts[: left % len(counts)] += 1
    return tuple(dilations.tolist()), tuple(counts.tolist())


def _choose_channels(
    num_channels: int, num_dilations: int, random: np.random.Generator
) -> np.ndarray:
    """Return bool `(D, 84, C)`; few channels together are as likely as many."""
    shape = (num_dilations, len(KERNELS), num_channels)
    most = np.log2(min(num_channels, MOST_CHANNELS) + 1)
    sizes = (2 ** random.uniform(0, most, shape[:2])).astype(int)
    ranks = random.random(shape).argsort(axis=2).argsort(axis=2)
    return np.asarray(ranks < sizes[:, :, None])


def _biases(
    values: np.ndarray,
    starts: np.ndarray,
    dilations: tuple[int, ...],
    num_biases: tuple[int, ...],
    members: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """Return `(F,)`: quantiles of what each convolution gives on one example."""
    total = len(KERNELS) * sum(num_biases)
    quantiles = np.arange(1, total + 1) * GOLDEN_RATIO % 1
    examples = random.integers(len(starts) - 1, size=members.shape[:2])
    biases = np.empty(total, np.float32)
    first = 0
    for place, (dilation, count) in enumerate(zip(dilations, num_biases, strict=True)):
        for kernel, row in enumerate(examples[place]):
            steps = values[starts[row] : starts[row + 1]].T[:, None]
            lengths = np.array([steps.shape[2]])
            wanted = np.zeros_like(members[place])
            wanted[kernel] = members[place, kernel]
            found = _convolutions(steps, lengths, dilation, wanted, place)
            outputs = next(found)[2]
            chosen = slice(first, first + count)
            biases[chosen] = np.quantile(outputs, quantiles[chosen])
            first += count
    return biases


def blocks(
    values: np.ndarray, starts: np.ndarray, num_steps: int = BLOCK_STEPS
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield rows, their steps `(C, n, L)` with zeros after each end, their lengths.

    Sequences of similar lengths come together: little is computed on zeros.

    Args:
        values: `(T, C)`, the steps of all sequences.
        starts: `(N + 1,)`: where each sequence begins.
        num_steps: Of a block, unless one sequence alone is longer.
    """
    lengths = np.diff(starts)
    order = np.argsort(-lengths, kind="stable")
    begin = 0
    while begin < len(order):
        longest = int(lengths[order[begin]])
        rows = order[begin : begin + max(1, num_steps // max(longest, 1))]
        block = np.zeros((values.shape[1], len(rows), longest), np.float32)
        for place, row in enumerate(rows):
            block[:, place, : lengths[row]] = values[starts[row] : starts[row + 1]].T
        yield rows, block, lengths[rows]
        begin += len(rows)


def taps_of(block: np.ndarray, channels: np.ndarray, dilation: int) -> list[np.ndarray]:
    """Return what each weight of a kernel meets at each step: nine times `(n, L)`.

    Args:
        block: `(C, n, L)`; beyond both ends are zeros.
        channels: `(C,)` bool: those that are added up.
        dilation: Steps between the weights.
    """
    added = block[channels].sum(axis=0) if channels.sum() > 1 else block[channels][0]
    pad = dilation * (KERNEL_LENGTH // 2)
    padded = np.pad(added, ((0, 0), (pad, pad)))
    length = block.shape[2]
    return [padded[:, t * dilation :][:, :length] for t in range(KERNEL_LENGTH)]


def _convolutions(
    block: np.ndarray,
    lengths: np.ndarray,
    dilation: int,
    members: np.ndarray,
    place: int,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield what each kernel that has channels gives at one dilation.

    Every other convolution looks only at places where all weights meet steps; the
    others, and those that do not fit into a sequence, see zeros beyond its ends.

    Args:
        block: `(C, n, L)`, zeros after each end.
        lengths: `(n,)`.
        dilation: Steps between the weights.
        members: `(84, C)` bool: the channels that each kernel adds up.
        place: Of the dilation among all.

    Yields:
        Kernel; `(n,)` positions that are looked at; `(n, W)` outputs there, -inf
        elsewhere.
    """
    length = block.shape[2]
    pad = dilation * (KERNEL_LENGTH // 2)
    equal = bool((lengths == length).all())
    whole = _beyond(lengths, np.zeros_like(lengths), length)
    fits = lengths > 2 * pad
    inner = _beyond(lengths, np.where(fits, pad, 0), length)
    inner_positions = np.where(fits, lengths - 2 * pad, lengths)
    outputs = np.empty(block.shape[1:], np.float32)
    for channels in np.unique(members[members.any(axis=1)], axis=0):
        taps = taps_of(block, channels, dilation)
        base = -sum(taps[1:], taps[0])
        taps = [3 * tap for tap in taps]
        for kernel in np.flatnonzero((members == channels).all(axis=1)):
            first, second, third = KERNELS[kernel]
            np.add(base, taps[first], out=outputs)
            outputs += taps[second]
            outputs += taps[third]
            is_whole = (place + kernel) % 2 == 0
            if equal:
                narrow = fits[0] and not is_whole
                seen = outputs[:, pad : length - pad] if narrow else outputs
            else:
                outputs += whole if is_whole else inner
                seen = outputs
            yield int(kernel), lengths if is_whole else inner_positions, seen


def _beyond(lengths: np.ndarray, margin: np.ndarray, length: int) -> np.ndarray:
    """Return `(n, L)`: 0 within the margins of each sequence, -inf elsewhere."""
    steps = np.arange(length)
    inside = (steps >= margin[:, None]) & (steps < (lengths - margin)[:, None])
    return np.where(inside, np.float32(0), np.float32(-np.inf))


def _count_above(outputs: np.ndarray, biases: np.ndarray) -> np.ndarray:
    """Return `(B, n)`: how many outputs `(n, W)` are above each bias `(B,)`."""
    above = room(len(biases), *outputs.shape)
    width = outputs.shape[1]
    np.greater(outputs, biases[:, None, None], out=above[:, :, :width])
    return count_true(above)


def room(*shape: int) -> np.ndarray:
    """Return falses of a shape, the last axis long enough for whole words."""
    return np.zeros((*shape[:-1], -(-shape[-1] // WORD) * WORD), bool)


def count_true(found: np.ndarray) -> np.ndarray:
    """Return how many there are along the last axis of what `room` made."""
    parts = np.arange(0, found.shape[-1] // WORD, MOST_WORDS)
    sums = np.add.reduceat(found.view(np.uint64), parts, axis=-1)
    return np.asarray(sums.view(np.uint8).sum(axis=-1, dtype=np.int64))
