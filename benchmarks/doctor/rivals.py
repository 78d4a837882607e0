"""The rules of published tools, on the same runs.

Written anew from what their papers, guides and settings say; none of their code. Where
a rule reads what our runs do not keep, it is taken at the nearest: losses after each
epoch instead of each step, the root mean square of a layer's gradient instead of its
mean or norm, the share of dead units instead of that of gradients that are exactly 0.
All of these make a rule fire less often, not more. Rules that ask for accuracy are
silent where numbers are predicted. Rules on names of Keras (a softmax that is missing
where `from_logits` is False) have no meaning here and are left out, as is
TheDeepChecker's training of 1,000 iterations on one batch. Rules on updates fire at the
end of a schedule that lowers the rate to nearly 0, as they would in the tools.

Each alarm is a rule's name with the code of ours that means the same.
"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from benchmarks.doctor.observed import Observed

Alarm = tuple[str, str]
"""A rule, and the code of ours that means the same."""

Rules = Callable[[Observed], Iterator[Alarm]]


def alarms_of_rivals(seen: Observed) -> dict[str, tuple[Alarm, ...]]:
    """Return the alarms of each tool, in its own order.

    Args:
        seen: A run.
    """
    return {name: tuple(dict.fromkeys(rules(seen))) for name, rules in RIVALS.items()}


def umlaut(seen: Observed) -> Iterator[Alarm]:
    """UMLAUT, CHI 2021."""
    inputs, accuracy = seen.inputs, seen.accuracy
    if seen.diverged or not np.isfinite(inputs).all():
        yield "NaN in input or loss", "T1"
    if inputs.size and (inputs.min() < -1 or inputs.max() > 1):
        yield "input not within -1 and 1", "D3"
    if not seen.has_activation:
        yield "no nonlinear activation", "P11"
    if seen.lr > 0.01:
        yield "learning rate above 0.01", "P1"
    if seen.lr < 1e-7:
        yield "learning rate below 1e-7", "P2"
    if seen.dropout > 0.5:
        yield "dropout above 0.5", "P7"
    steps = zip(pairwise(seen.val_losses), pairwise(seen.train_losses), strict=False)
    if any(
        val > val_0 and train <= train_0 for (val_0, val), (train_0, train) in steps
    ):
        yield "validation loss rises while training loss falls", "T8"
    if any(value > 0.95 for value in accuracy[3:]):
        yield "validation accuracy above 95 %", "Q6"


def sagemaker(seen: Observed) -> Iterator[Alarm]:
    """Amazon SageMaker Debugger's built-in rules with their defaults."""
    if seen.diverged:
        yield "ExplodingTensor", "T1"
    for each in seen.activations:
        if each.type == "ReLU" and (each.active < 0.01).mean() > 0.5:
            yield "DeadRelu", "T4"
        if each.flat > 0.5:
            yield "SaturatedActivation", "T5"
    grads = [
        x.grad_rms for s in seen.signals for x in s.layers if x.grad_rms is not None
    ]
    if any(grad < 1e-7 for grad in grads):
        yield "VanishingGradient", "T3"
    ratios = [x.update_ratio for s in seen.signals for x in s.layers if x.update_ratio]
    if any(ratio > 10 for ratio in ratios):
        yield "WeightUpdateRatio, large", "P1"
    if any(ratio < 1e-8 for ratio in ratios):
        yield "WeightUpdateRatio, small", "P2"
    counts = np.unique(seen.targets, return_counts=True)[1]
    if seen.num_classes and len(counts) and counts.max() / counts.min() > 10:
        yield "ClassImbalance", "D5"
    if seen.inputs.ndim == 4 and abs(seen.inputs.mean()) > 0.2:
        yield "CheckInputImages", "D3"
    yield from _sagemaker_losses(seen)


def _sagemaker_losses(seen: Observed) -> Iterator[Alarm]:
    if any(now >= 0.999 * before for before, now in pairwise(seen.train_losses)):
        yield "LossNotDecreasing", "T6"
    losses = zip(seen.train_losses, seen.val_losses, strict=False)
    if any((val - train) / max(train, 1e-12) > 0.1 for train, val in losses):
        yield "Overfit", "T8"
    if _not_improved(seen.val_losses, 10) or _not_improved(seen.train_losses, 5):
        yield "Overtraining", "T8"


def _not_improved(losses: list[float], patience: int) -> bool:
    """Whether none of so many epochs was better than the best before by a tenth."""
    best, bad = math.inf, 0
    for loss in losses:
        best, bad = (loss, 0) if loss < best - 0.1 * abs(best) else (best, bad + 1)
        best = min(best, loss)
        if bad >= patience:
            return True
    return False


def autotrainer(seen: Observed) -> Iterator[Alarm]:
    """AutoTrainer, ICSE 2021: nothing where the best accuracy is 0.6 and more."""
    if seen.diverged or any(loss > 1e3 for loss in seen.train_losses):
        yield "loss is NaN or above 1,000", "T1"
        return
    accuracy = seen.accuracy
    if not accuracy:
        return
    gains = [now - before for before, now in pairwise(accuracy)]
    slow = max(gains, default=0.0) < 0.01
    if max(accuracy) >= 0.6 and not slow:
        return
    for first, last in _ends(seen):
        if first < 1e-4 and first < 1e-3 * last:
            yield "vanishing gradient", "T3"
            break
        if first > 70 * last:
            yield "exploding gradient", "T2"
            break
    if any((x.dead or 0) >= 0.7 for s in seen.signals for x in s.layers):
        yield "dying ReLU", "T4"
    if gains and np.mean([abs(gain) >= 0.03 for gain in gains]) >= 0.2:
        yield "oscillating loss", "T7"
    if slow:
        yield "slow convergence", "P2"


def _ends(seen: Observed) -> Iterator[tuple[float, float]]:
    """Yield the gradients of the first and of the last layer of each sample."""
    for sample in seen.signals:
        grads = [x.grad_rms for x in sample.layers if x.grad_rms is not None]
        if len(grads) > 1:
            yield grads[0], grads[-1]


def deepdiagnosis(seen: Observed) -> Iterator[Alarm]:
    """DeepDiagnosis, ICSE 2022."""
    if seen.diverged:
        yield "out of range", "T1"
    inputs = seen.inputs
    if inputs.size and (inputs.min() < -1 or inputs.max() > 1):
        yield "input outside -1 and 1", "D3"
    if any(each.type == "ReLU" and each.zeros >= 0.7 for each in seen.activations):
        yield "dead node", "T4"
    bounded = [each for each in seen.activations if each.type in {"Tanh", "Sigmoid"}]
    if any(each.beyond > 0.5 for each in bounded):
        yield "saturated activation", "T5"
    layers = [layer for sample in seen.signals for layer in sample.layers]
    if any(x.grad_rms is not None and x.grad_rms < 1e-7 for x in layers):
        yield "vanishing gradient", "T3"
    sizes = [x.weight_rms**2 for x in layers if x.weight_rms is not None]
    if any(size < 1e-5 or size > 10 for size in sizes):
        yield "weight variance", "C10"
    ratios = [x.update_ratio for x in layers if x.update_ratio is not None]
    if any(ratio > 0.1 for ratio in ratios):
        yield "learning rate too high", "P1"
    if any(ratio < 1e-5 for ratio in ratios):
        yield "learning rate too low", "P2"
    if len(seen.accuracy) > 1 and max(seen.accuracy) <= seen.accuracy[0]:
        yield "accuracy not increasing", "T6"
    if any(now >= before for before, now in pairwise(seen.train_losses)):
        yield "loss not decreasing", "T6"


def thedeepchecker(seen: Observed) -> Iterator[Alarm]:
    """TheDeepChecker, TOSEM 2022, with the settings of its repository."""
    if seen.diverged:
        yield "NaN or infinite loss", "T1"
    inputs = seen.inputs
    if inputs.size and not (inputs.min() in {0, -1} and inputs.max() == 1):
        yield "unscaled inputs", "D3"
    if seen.num_classes and len(seen.targets):
        shares = np.unique(seen.targets, return_counts=True)[1] / len(seen.targets)
        perplexity = math.exp(-(shares * np.log(shares)).sum()) / seen.num_classes
        if perplexity < 0.5:
            yield "unbalanced labels", "D5"
    if seen.signals and seen.num_classes:
        expected = math.log(seen.num_classes)
        if abs(seen.signals[0].loss - expected) > expected:
            yield "initial loss", "C10"
    for each in seen.activations:
        if each.type == "ReLU" and (each.active < 0.05).mean() > 0.5:
            yield "dead ReLU", "T4"
        if each.flat > 0.5:
            yield "saturation", "T5"
        if not 0.5 <= each.deviation <= 2:
            yield "unstable activation", "C10"
    yield from _updates(seen)
    yield from _losses(seen)
    gaps = [
        abs(s.train_mode_loss - s.loss) / max(s.loss, 1e-12)
        for s in seen.signals
        if s.train_mode_loss is not None
    ]
    if any(gap > 0.5 for gap in gaps):
        yield "train and eval mode differ", "C6"


def _updates(seen: Observed) -> Iterator[Alarm]:
    layers = [layer for sample in seen.signals for layer in sample.layers]
    grads = [x.grad_rms for x in layers if x.grad_rms is not None]
    if any(grad < 1e-6 for grad in grads):
        yield "vanishing gradient", "T3"
    if any(grad > 1e6 for grad in grads):
        yield "exploding gradient", "T2"
    ratios = [x.update_ratio for x in layers if x.update_ratio]
    if any(math.log10(ratio) > -1 for ratio in ratios):
        yield "updates too large", "P1"
    if any(math.log10(ratio) < -4 for ratio in ratios):
        yield "updates too small", "P2"


def _losses(seen: Observed) -> Iterator[Alarm]:
    losses = seen.train_losses
    if any(now > 0.95 * before for before, now in pairwise(losses)):
        yield "loss falls slowly", "T6"
    if losses and losses[-1] >= 2 * min(losses):
        yield "loss diverges", "T1"
    signs = [now > before for before, now in pairwise(losses)]
    flips = sum(a != b for a, b in pairwise(signs))
    if len(signs) > 1 and flips > 0.5 * (len(signs) - 1):
        yield "fluctuating loss", "T7"


RIVALS: dict[str, Rules] = {
    "UMLAUT": umlaut,
    "SageMaker Debugger": sagemaker,
    "AutoTrainer": autotrainer,
    "DeepDiagnosis": deepdiagnosis,
    "TheDeepChecker": thedeepchecker,
}
