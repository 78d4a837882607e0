"""The part of a script that makes sequences of numbers what the network reads."""

import numpy as np

from torchsmith.data.data import Sequences
from torchsmith.data.ngrams import FittedNGrams
from torchsmith.data.sequence_fit import SequencePreparation
from torchsmith.data.steps import Standardize
from torchsmith.eject.code import Section, function, joined, literal
from torchsmith.eject.convolutions import convolution_functions, convolution_steps
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import loss_targets

_SCALE = function(
    "step_scale(sequences)",
    "Return the mean and 1 / standard deviation of each channel over all steps.",
    [
        "steps = np.concatenate(sequences)",
        "mean = steps.mean(axis=0, dtype=np.float64)",
        "deviation = steps.std(axis=0, dtype=np.float64)",
        "return mean.astype(np.float32), (1 / deviation).astype(np.float32)",
    ],
)

_FILL = function(
    "fill(sequences, train)",
    "Fill what is missing on the line between its neighbours in time.\n"
    "Where a channel of a sequence has no value, its mean in training stands.",
    [
        "steps = np.concatenate([sequences[i] for i in train])",
        "present = ~np.isnan(steps)",
        "sums = np.where(present, steps, 0).sum(axis=0, dtype=np.float64)",
        "means = sums / np.maximum(present.sum(axis=0), 1)",
        "for steps in sequences:",
        "    for channel, mean in zip(steps.T, means):",
        "        missing = np.isnan(channel)",
        "        known = np.flatnonzero(~missing)",
        "        if missing.all():",
        "            channel[:] = mean",
        "        elif missing.any():",
        "            gone = np.flatnonzero(missing)",
        "            channel[gone] = np.interp(gone, known, channel[known])",
    ],
)


def sequences_section(subject: Subject) -> Section:
    """Write how sequences become the inputs of the network, fitted on train alone."""
    fitted, sequences = _known(subject)
    if sequences.symbols:
        return _texts(subject, fitted)
    code, steps = [], []
    if fitted.fill and np.isnan(sequences.values).any():
        code.append(_FILL)
        steps.append("fill(sequences, train)")
    if any(isinstance(step, Standardize) for step in subject.plan.prepare):
        train = sequences.take(subject.parts.train).values
        if not fitted.fill and _is_the_same(fitted, train):
            code.append(_SCALE)
            call = "step_scale([sequences[i] for i in train])"
            steps.append(f"step_mean, factor = {call}")
        else:
            pairs = (("step_mean", fitted.offset), ("factor", fitted.factor))
            for name, values in pairs:
                text = literal(list(values), 1, f"{name} = np.array(", ", np.float32)")
                steps.append(text)
        steps.append(
            "sequences = [(steps - step_mean) * factor for steps in sequences]"
        )
    if fitted.keep_steps or not fitted.convolutions:
        code.append(_padded(fitted, symbols=False))
        steps.append("inputs = padded(sequences)")
    if fitted.convolutions:
        code += convolution_functions(subject, fitted)
        steps += convolution_steps(fitted)
    return Section(
        "Prepare",
        "Whatever is fitted to data is fitted to the training part alone.",
        joined(code),
        (*steps, *loss_targets(subject)[1]),
    )


def _texts(subject: Subject, fitted: SequencePreparation) -> Section:
    encode = function(
        "encode(sequences, train)",
        "Number the characters of the training part from 1; 0 is any other one.",
        [
            "known = np.unique(np.concatenate([sequences[i] for i in train]))",
            "codes = {letter: code for code, letter in enumerate(known.tolist(), 1)}",
            "return [",
            "    np.array([codes.get(letter, 0) for letter in text.tolist()])[:, None]",
            "    for text in sequences",
            "]",
        ],
    )
    code, steps = [encode], ["sequences = encode(sequences, train)"]
    if fitted.ngrams:
        code.append(_ngrams(fitted.ngrams))
        steps.insert(0, "features = n_grams(sequences, train)")
    if fitted.keep_steps:
        code.append(_padded(fitted, symbols=True))
        steps.append("inputs = padded(sequences)")
    if fitted.ngrams and fitted.keep_steps:
        flat = "inputs.reshape(len(inputs), -1)"
        steps.append(f"inputs = np.concatenate([{flat}, features], axis=1)")
    elif fitted.ngrams:
        code.remove(encode)
        steps = ["inputs = n_grams(sequences, train)"]
    return Section(
        "Prepare",
        "Which characters there are is learned from the training part alone.",
        joined(code),
        (*steps, *loss_targets(subject)[1]),
    )


def _ngrams(fitted: FittedNGrams) -> str:
    """Write how the n-grams of texts are counted and weighed."""
    runs = function(
        "runs_of(letters)",
        "Return each run of characters of a text, a space before and after it.",
        [
            "text = f\" {letters.tobytes().decode('utf-32-le')} \"",
            "return [",
            "    text[begin : begin + length]",
            f"    for length in range(1, {fitted.longest + 1})",
            "    for begin in range(len(text) - length + 1)",
            "]",
        ],
    )
    shape = "(N, F), of one length each"
    if fitted.most:
        shape = f"(N, 2 * {fitted.most}):\ncodes, and what they weigh"
    grams = function(
        "n_grams(sequences, train)",
        f"Return which runs of characters each text has, {shape}.\n"
        "A run weighs more the fewer training texts have it.",
        [
            "known = Counter(run for i in train for run in set(runs_of(sequences[i])))",
            "known = {run: n for run, n in known.items() if n > 1} or known",
            "runs = sorted(known, key=lambda run: (-known[run], run))",
            f"runs = runs[:{len(fitted.grams)}]",
            "places = {run: place for place, run in enumerate(runs)}",
            "often = np.array([known[run] for run in runs])",
            "rarity = (np.log(len(train) / often) + 1).astype(np.float32)",
            *(_CODED if fitted.most else _COLUMNS),
        ],
    )
    return joined([runs, grams])


_COLUMNS = (
    "features = np.zeros((len(sequences), len(runs)), np.float32)",
    "for row, text in zip(features, sequences):",
    "    for run, count in Counter(runs_of(text)).items():",
    "        if run in places:",
    "            row[places[run]] = 1 + np.log(count)",
    "features *= rarity",
    "lengths = np.sqrt((features**2).sum(axis=1, keepdims=True))",
    "features *= np.float32(len(runs) ** 0.5) / np.maximum(lengths, 1e-12)",
    "return features",
)
_CODED = (
    "most = max(len(places.keys() & runs_of(sequences[i])) for i in train)",
    "codes, weights = np.zeros((2, len(sequences), most), np.float32)",
    "for i, text in enumerate(sequences):",
    "    found = Counter(places[run] for run in runs_of(text) if run in places)",
    "    if found:",
    "        chosen, often = np.array(sorted(found.items())[:most]).T",
    "        codes[i, : len(chosen)] = chosen + 1",
    "        weighed = (1 + np.log(often)).astype(np.float32) * rarity[chosen]",
    "        weights[i, : len(chosen)] = weighed",
    "lengths = np.sqrt((weights**2).sum(axis=1, keepdims=True))",
    "weights *= 1 / np.maximum(lengths, 1e-12)",
    "return np.concatenate([codes, weights], axis=1)",
)


def _known(subject: Subject) -> tuple[SequencePreparation, Sequences]:
    fitted, inputs = subject.preparation.sequences, subject.data.inputs
    if fitted is None or not isinstance(inputs, Sequences):
        raise AssertionError(subject.name)
    return fitted, inputs


def _is_the_same(fitted: SequencePreparation, steps: np.ndarray) -> bool:
    """Whether the arithmetic of `_SCALE` gives the run's scale."""
    deviation = steps.std(axis=0, dtype=np.float64)
    if not deviation.all():
        return False
    scale = (steps.mean(axis=0, dtype=np.float64), 1 / deviation)
    return np.array_equal(
        np.array(scale, np.float32),
        np.array([fitted.offset, fitted.factor], np.float32),
    )


def _padded(fitted: SequencePreparation, *, symbols: bool) -> str:
    """Write how sequences are put into one array, with a mask where lengths differ."""
    channels, length = len(fitted.channels), fitted.length
    what = "characters" if symbols else "steps"
    about = f"Return the {what} as one array, (N, {channels}, {length})."
    if fitted.has_mask:
        about = (
            f"Return the {what} as one array, (N, {channels + 1}, {length}): zeros "
            "after each end.\n"
            "The last channel is 1 where there is a step, and 0 after the end."
        )
    place = f":{channels}" if fitted.has_mask else ":"
    lines = [
        f"inputs = np.zeros((len(sequences), {fitted.sequence[0]}, {length}), "
        "np.float32)",
        "for row, steps in zip(inputs, sequences):",
        f"    steps = steps[:{length}]",
        f"    row[{place}, : len(steps)] = steps.T",
        *(["    row[-1, : len(steps)] = 1"] if fitted.has_mask else []),
        "return inputs",
    ]
    return function("padded(sequences)", about, lines)
