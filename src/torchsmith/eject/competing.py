"""Groups of random kernels that compete, as a script draws and counts them."""

from torchsmith.core.seeds import derive_seed
from torchsmith.data.competing_convolutions import (
    LEAST_CHANNELS,
    MOST_CHANNELS,
    PRECISION,
    FittedCompetition,
)
from torchsmith.eject.code import function, literal
from torchsmith.eject.subject import Subject

_OUTPUTS = function(
    "group_outputs(steps, kernels, dilation)",
    "Convolve steps (N, L) with a group of kernels (8, 9): (8, N, L).\n"
    "Beyond both ends are zeros. A matrix product would round a step by its\n"
    "neighbours, and one column alone is added up in another order.",
    [
        "pad, length = 4 * dilation, steps.shape[1]",
        "padded = np.pad(steps, ((0, 0), (pad, pad)))",
        "met = np.zeros((9, steps.size + 1), np.float32)",
        "for place in range(9):",
        "    met[place, :-1] = padded[:, place * dilation :][:, :length].ravel()",
        'outputs = np.einsum("kt,tm->km", kernels, met)[:, :-1]',
        "return outputs.reshape(8, *steps.shape)",
    ],
)

_WINS = function(
    "wins(outputs)",
    "Return sums of the most that kernels give at each step, and counts of the least.\n"
    "Whole numbers are added, whose sum does not depend on their order: (16, N).",
    [
        "highest = outputs.max(axis=0)",
        f"whole = np.rint(highest.clip(0) * {PRECISION}).astype(np.int32)",
        "most = np.where(outputs == highest, whole, 0)",
        "least = outputs == outputs.min(axis=0)",
        f"sums = most.sum(axis=2, dtype=np.int32) / {PRECISION}",
        "return np.concatenate([sums, least.sum(axis=2)])",
    ],
)

_COMPETE = function(
    "compete(sequences, channels, weights)",
    "Return square roots of what each kernel wins in its group, for a step.\n"
    "Sequences of one length are convolved together.",
    [
        "shape = (len(sequences), *weights.shape[:2], 16)",
        "found = np.empty(shape, np.float32)",
        "lengths = np.array([len(steps) for steps in sequences])",
        "for length in np.unique(lengths):",
        "    rows = np.flatnonzero(lengths == length)",
        "    steps = np.stack([sequences[row].T for row in rows], axis=1)",
        "    for place, dilation in enumerate(SPREADS):",
        "        for group, chosen in enumerate(channels[place]):",
        "            kernels = weights[place, group]",
        "            added = steps[chosen].sum(axis=0)",
        "            outputs = group_outputs(added, kernels, dilation)",
        "            found[rows, place, group] = (wins(outputs) / length).T",
        "return np.sqrt(found.reshape(len(sequences), -1))",
    ],
)


def competing_functions(
    subject: Subject, fitted: FittedCompetition, seed: int
) -> list[str]:
    """Return the definitions: how kernels are drawn, convolve and compete."""
    half = fitted.num_groups // 2
    draw = function(
        "competition(sequences, train)",
        "Return features of sequences, (N, F): which random kernel of eight is the\n"
        "strongest, and how often. Half look at the steps, half at their changes.\n"
        "After Hydra (https://arxiv.org/abs/2203.13652).",
        [
            f"random = {generator_of(subject, seed, 'competing convolutions')}",
            f"shape = (2, len(SPREADS), {half})",
            "weights = random.normal(size=(*shape, 8, 9))",
            "weights -= weights.mean(axis=-1, keepdims=True)",
            "weights /= np.abs(weights).sum(axis=-1, keepdims=True)",
            "weights = weights.astype(np.float32)",
            "num_channels = sequences[0].shape[1]",
            f"most = min(max(num_channels // 2, {LEAST_CHANNELS}), {MOST_CHANNELS})",
            "drawn = random.random((*shape, num_channels))",
            "channels = drawn.argsort(axis=-1).argsort(axis=-1) < most",
            "changes = [np.diff(x, axis=0, prepend=x[:1]) for x in sequences]",
            "found = [",
            "    compete(view, channels[place], weights[place])",
            "    for place, view in enumerate((sequences, changes))",
            "]",
            "return standardised(np.concatenate(found, axis=1), train)",
        ],
    )
    spreads = literal(fitted.dilations, 0, "SPREADS = ")
    spreads += "  # steps between the weights of kernels that compete"
    return [spreads, _OUTPUTS, _WINS, _COMPETE, draw]


def generator_of(subject: Subject, seed: int, purpose: str) -> str:
    """Write the generator of a purpose; a seed of its own is named."""
    if seed == subject.plan.training.seed:
        return f'generator("{purpose}")'
    return f"np.random.Generator(np.random.Philox({derive_seed(seed, purpose)}))"
