"""Random convolutions of whole sequences, as a script computes and fits them."""

from torchsmith.data.random_convolutions import KERNELS, MOST_CHANNELS
from torchsmith.data.ridge import FIRST, LAST, SCALES, TRIED
from torchsmith.data.sequence_fit import SequencePreparation
from torchsmith.data.steps import RandomConvolutions
from torchsmith.eject.code import function, literal
from torchsmith.eject.competing import competing_functions, generator_of
from torchsmith.eject.subject import Subject

_CONVOLVE = function(
    "convolve(steps, kernel, channels, dilation, narrow)",
    "Convolve steps (C, N, L) with a kernel of 9 weights: 2 at three places, else -1.\n"
    "It adds up some channels, and sees zeros beyond both ends: (N, L).\n"
    "A narrow one looks only at places where all its weights meet steps.",
    [
        "added = steps[channels].sum(axis=0)",
        "pad, length = 4 * dilation, added.shape[1]",
        "added = np.pad(added, ((0, 0), (pad, pad)))",
        "taps = [added[:, place * dilation :][:, :length] for place in range(9)]",
        "outputs = -sum(taps[1:], taps[0])",
        "for place in kernel:",
        "    outputs = outputs + 3 * taps[place]",
        "if narrow and length > 2 * pad:",
        "    return outputs[:, pad : length - pad]",
        "return outputs",
    ],
)

_EACH = function(
    "each_convolution(steps, channels)",
    "Yield what each convolution gives, and the slice of the features it makes.\n"
    "Every other one is narrow.",
    [
        "first = 0",
        "for place, (dilation, count) in enumerate(zip(DILATIONS, NUM_BIASES)):",
        "    for number, kernel in enumerate(KERNELS):",
        "        chosen = channels[place, number]",
        "        narrow = (place + number) % 2",
        "        outputs = convolve(steps, kernel, chosen, dilation, narrow)",
        "        yield outputs, slice(first, first + count)",
        "        first += count",
    ],
)

_SHARES = function(
    "shares(sequences, channels, biases)",
    "Return how often each convolution is above its bias, one column each.\n"
    "Sequences of one length are convolved together.",
    [
        "found = np.empty((len(sequences), len(biases)), np.float32)",
        "lengths = np.array([len(steps) for steps in sequences])",
        "for length in np.unique(lengths):",
        "    rows = np.flatnonzero(lengths == length)",
        "    steps = np.stack([sequences[row].T for row in rows], axis=1)",
        "    for outputs, features in each_convolution(steps, channels):",
        "        above = outputs > biases[features, None, None]",
        "        counts = above.sum(axis=2)",
        "        found[rows, features] = (counts / outputs.shape[1]).T",
        "return found",
    ],
)


def convolution_functions(subject: Subject, fitted: SequencePreparation) -> list[str]:
    """Return the definitions: the kernels, how they convolve, how they are fitted."""
    made = fitted.convolutions
    step = next(s for s in subject.plan.prepare if isinstance(s, RandomConvolutions))
    if made is None:
        raise AssertionError(subject.name)
    constants = "\n".join(
        [
            f"KERNELS = list(combinations(range(9), 3))  # {len(KERNELS)} of them",
            literal(made.dilations, 0, "DILATIONS = "),
            literal(made.num_biases, 0, "NUM_BIASES = ")
            + "  # of each kernel, by dilation",
        ]
    )
    code = [constants, _CONVOLVE, _EACH, _SHARES, _STANDARDISED, _DRAW]
    code.append(_fit(step.seed, subject))
    if fitted.competition:
        code += competing_functions(subject, fitted.competition, step.seed)
    return [*code, _ridge(subject)] if fitted.ridge else code


_STANDARDISED = function(
    "standardised(features, train)",
    "Give each feature mean 0 and deviation 1 in training; what is constant is 0.",
    [
        "mean = features[train].mean(axis=0, dtype=np.float64).astype(np.float32)",
        "deviation = features[train].std(axis=0, dtype=np.float64)",
        "varies = deviation > 1e-6",
        "factor = varies / np.where(varies, deviation, 1.0)",
        "return (features - mean) * factor.astype(np.float32)",
    ],
)

_DRAW = function(
    "draw(sequences, random)",
    "Draw which channels each convolution adds up, and its biases.\n"
    "Biases are quantiles of what it gives on one training sequence.",
    [
        "num_channels = sequences[0].shape[1]",
        "shape = (len(DILATIONS), len(KERNELS), num_channels)",
        f"most = np.log2(min(num_channels, {MOST_CHANNELS}) + 1)",
        "sizes = (2 ** random.uniform(0, most, shape[:2])).astype(int)",
        "ranks = random.random(shape).argsort(axis=2).argsort(axis=2)",
        "channels = ranks < sizes[:, :, None]",
        "biases = np.empty(len(KERNELS) * sum(NUM_BIASES), np.float32)",
        "golden = (5**0.5 + 1) / 2",
        "quantiles = np.arange(1, len(biases) + 1) * golden % 1",
        "drawn = random.integers(len(sequences), size=shape[:2]).ravel()",
        "# Each sequence that was drawn gives the biases of its convolution alone.",
        "first = 0",
        "for number, row in enumerate(drawn):",
        "    place, kernel = divmod(number, len(KERNELS))",
        "    steps = sequences[row].T[:, None]",
        "    chosen, dilation = channels[place, kernel], DILATIONS[place]",
        "    narrow = (place + kernel) % 2",
        "    outputs = convolve(steps, KERNELS[kernel], chosen, dilation, narrow)",
        "    features = slice(first, first + NUM_BIASES[place])",
        "    biases[features] = np.quantile(outputs, quantiles[features])",
        "    first += NUM_BIASES[place]",
        "return channels, biases",
    ],
)


def _fit(seed: int, subject: Subject) -> str:
    """Write how features are drawn."""
    return function(
        "random_convolutions(sequences, train)",
        "Return features of whole sequences: how often convolutions are positive.\n"
        "Half look at the steps, half at their changes, (N, F). A linear layer on\n"
        "them is as good as most deep networks (https://arxiv.org/abs/2102.00457).",
        [
            f"random = {generator_of(subject, seed, 'convolutions')}",
            "changes = [np.diff(x, axis=0, prepend=x[:1]) for x in sequences]",
            "found = []",
            "for view in (sequences, changes):",
            "    drawn = draw([view[i] for i in train], random)",
            "    found.append(shares(view, *drawn))",
            "return standardised(np.concatenate(found, axis=1), train)",
        ],
    )


def _ridge(subject: Subject) -> str:
    """Write the ridge regression of the target on the features."""
    scaled, scale, best = "", [], "least = np.mean(left**2)"
    weights = [
        "weights = (vectors @ scaled).T @ centred",
        "intercept = (mean - weights @ means).astype(np.float32)",
    ]
    wanted = [
        "wanted = targets[train]",
        "wanted = (wanted - wanted.mean())[:, None] / (wanted.std() or 1.0)",
    ]
    if subject.plan.problem.classes:
        wanted = ["wanted = np.eye(len(CLASSES))[targets[train]]"]
        scaled = " Its scale has the least log loss there."
        weights = [
            "weights = scale * ((vectors @ scaled).T @ centred)",
            "intercept = (scale * mean - weights @ means).astype(np.float32)",
        ]
        best = "least, answers = np.mean(left**2), wanted - left"
        scale = [
            "least = np.inf",
            f"for factor in 2.0 ** np.arange(0, {len(SCALES) / 2:g}, 0.5):",
            "    logits = factor * answers",
            "    top = logits.max(axis=1)",
            "    sums = np.exp(logits - top[:, None]).sum(axis=1)",
            "    losses = top + np.log(sums) - (logits * wanted).sum(axis=1)",
            "    if np.mean(losses) < least:",
            "        least, scale = np.mean(losses), factor",
        ]
    return function(
        "ridge(features, targets, train)",
        "Return what a ridge regression on the features says the target is, (N, K).\n"
        "Its strength is that of the least error at left-out training examples, which\n"
        f"has a closed form.{scaled}",
        [
            *wanted,
            "means = features[train].mean(axis=0, dtype=np.float64)",
            "mean = wanted.mean(axis=0)",
            "centred = features[train] - means",
            "values, vectors = np.linalg.eigh(centred @ centred.T)",
            "values = values.clip(0)",
            "turned = vectors.T @ (wanted - mean)",
            "least = np.inf",
            f"for strength in np.logspace({FIRST:g}, {LAST:g}, {TRIED}):",
            "    added = strength * features.shape[1]",
            "    kept = values / (values + added)",
            "    left = wanted - mean - vectors @ (kept[:, None] * turned)",
            "    own = (vectors**2) @ kept + 1 / len(train)",
            "    left /= np.maximum(1 - own, 1e-9)[:, None]",
            "    if np.mean(left**2) < least:",
            f"        {best}",
            "        scaled = turned / (values + added)[:, None]",
            *scale,
            *weights,
            "# A matrix product would round a row by what stands beside it.",
            'found = np.einsum("nf,kf->nk", features, weights.astype(np.float32))',
            "return found + intercept",
        ],
    )


def convolution_steps(fitted: SequencePreparation) -> list[str]:
    """Return the statements of `main` that make the features, beside the steps."""
    made, first = "random_convolutions(sequences, train)", []
    if fitted.competition:
        first = [f"features = [{made}, competition(sequences, train)]"]
        made = "np.concatenate(features, axis=1)"
    if fitted.ridge:
        made = f"ridge({made}, targets, train)"
    if not fitted.keep_steps:
        return [*first, f"inputs = {made}"]
    return [
        *first,
        f"features = {made}",
        "inputs = np.concatenate([inputs.reshape(len(inputs), -1), features], axis=1)",
    ]
