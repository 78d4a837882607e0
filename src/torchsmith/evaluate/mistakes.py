"""The test examples on which the network is worst."""

from collections.abc import Sequence

import numpy as np

from torchsmith.data.data import Inputs
from torchsmith.evaluate.evaluation import Mistake, Mixture, Score
from torchsmith.evaluate.rivals import RivalOutputs
from torchsmith.evaluate.shown import show
from torchsmith.metrics.classification import confusion, log_losses
from torchsmith.metrics.normal import NORMAL, wide_z, wilson
from torchsmith.plan.plan import Problem

MOST_MISTAKES = 24

FEWEST_SURE = 30
"""Rows of the surer half; of fewer a share says nothing."""

FEWEST_MIXED = 8
"""Rows of either kind, of which it is asked whether one class is mixed into another."""

FEWEST_CLASSES, FEWEST_WRONG = 4, 4
"""Of fewer the place of a label among the other classes says nothing."""


def worst(
    problem: Problem,
    targets: np.ndarray,
    outputs: np.ndarray,
    *,
    inputs: Inputs | None = None,
    picture_column: str = "",
    rivals: Sequence[RivalOutputs] = (),
) -> tuple[Mistake, ...]:
    """Return up to 24 wrong predictions, the most costly first.

    Args:
        problem: Task and classes.
        targets: `(N,)` class codes or values.
        outputs: `(N, K)` probabilities or `(N,)` values.
        inputs: The N examples, to show them.
        picture_column: Of a table, names a picture file for each row.
        rivals: Of the same rows.
    """
    if problem.task == "regression":
        losses = np.abs(targets.astype(np.float64) - outputs)
        wrong = losses > 0
    else:
        losses = log_losses(targets, outputs)
        wrong = outputs.argmax(axis=1) != targets
    order = np.argsort(-losses, kind="stable")
    rows = order[wrong[order]][:MOST_MISTAKES]
    shown = show(inputs, rows, picture_column)
    found = []
    for place, row in enumerate(rows.tolist()):
        target, prediction, probability = _said(problem, targets[row], outputs[row])
        found.append(
            Mistake(
                where=_where(inputs, row),
                target=target,
                prediction=prediction,
                probability=probability,
                loss=float(losses[row]),
                rivals=_agreeing(problem, outputs[row], rivals, row),
                **dict(shown[place]),
            )
        )
    return tuple(found)


def surest_wrong(
    targets: np.ndarray, outputs: np.ndarray
) -> tuple[Score | None, Score | None]:
    """Return how often the network is wrong where it is surest, and what is right then.

    What is hard lies where the network is unsure, and between classes that are alike;
    labels that are wrong at random lie everywhere.

    Args:
        targets: `(N,)` class codes.
        outputs: `(N, K)` probabilities.

    Returns:
        The share of wrong answers in the surest half of the rows, None for fewer than
        60 rows; and the mean place of their labels among the other classes, from 0 for
        the most probable to 1, None for fewer than four classes or wrong answers.
    """
    half = len(targets) // 2
    if half < FEWEST_SURE:
        return None, None
    order = np.argsort(-outputs.max(axis=1), kind="stable")[:half]
    wrong = order[outputs[order].argmax(axis=1) != targets[order]]
    low, high = (float(end) for end in wilson(len(wrong), half))
    share = Score(value=len(wrong) / half, low=low, high=high)
    classes = outputs.shape[1]
    if classes < FEWEST_CLASSES or len(wrong) < FEWEST_WRONG:
        return share, None
    own = outputs[wrong, targets[wrong]]
    # Of the other classes neither the label counts nor the answer, which may be level.
    beaten = outputs[wrong].max(axis=1) > own
    above = (outputs[wrong] > own[:, None]).sum(axis=1) - beaten
    equal = (outputs[wrong] == own[:, None]).sum(axis=1) - 1 - ~beaten
    places = (above + equal / 2) / (classes - 2)
    mean = float(places.mean())
    about = wide_z(len(wrong)) * float(places.std(ddof=1)) / len(wrong) ** 0.5
    return share, Score(value=mean, low=mean - about, high=mean + about)


def mixture(
    problem: Problem, targets: np.ndarray, outputs: np.ndarray
) -> Mixture | None:
    """Return the pair of classes whose confusions lie least at their border.

    Two classes that are alike are confused where the network is unsure between them.
    Where examples of one were labelled as the other, those lie anywhere among it: the
    area under the ROC curve of the odds of both classes, over the rows that are called
    the one, is that of chance (Mann and Whitney's test).

    Args:
        problem: Task and classes, of which there must be three or more.
        targets: `(N,)` class codes.
        outputs: `(N, K)` probabilities.
    """
    if outputs.shape[1] == 2:
        return None
    said, tiny = outputs.argmax(axis=1), np.finfo(np.float64).tiny
    odds = np.log(np.maximum(outputs.astype(np.float64), tiny))
    counts = confusion(targets, said, outputs.shape[1])
    often = (counts >= FEWEST_MIXED) & (np.diag(counts) >= FEWEST_MIXED)
    pairs = [pair for pair in np.argwhere(often).tolist() if pair[0] != pair[1]]
    found = []
    for label, answer in pairs:
        called = said == answer
        margin = odds[:, label] - odds[:, answer]
        mixed, right = (margin[called & (targets == code)] for code in (label, answer))
        below = np.searchsorted(np.sort(right), mixed, "left")
        equal = np.searchsorted(np.sort(right), mixed, "right") - below
        value = float((below + equal / 2).mean() / len(right))
        rows, others = len(mixed), len(right)
        error = ((rows + others + 1) / (12 * rows * others)) ** 0.5
        half = NORMAL.inv_cdf(1 - 0.025 / len(pairs)) * error
        found.append(
            Mixture(
                label=problem.classes[label],
                answer=problem.classes[answer],
                rows=rows,
                right=others,
                order=Score(
                    value=value, low=max(value - half, 0.0), high=min(value + half, 1.0)
                ),
            )
        )
    return min(found, key=lambda one: one.order.high, default=None)


def _agreeing(
    problem: Problem, output: np.ndarray, rivals: Sequence[RivalOutputs], row: int
) -> tuple[str, ...]:
    if problem.task == "regression":
        return ()
    return tuple(
        rival.title
        for rival in rivals
        if rival.name != "constant" and rival.outputs[row].argmax() == output.argmax()
    )


def _said(
    problem: Problem, target: np.generic, output: np.ndarray
) -> tuple[str, str, float | None]:
    if problem.task == "regression":
        return _digits(float(target)), _digits(float(output)), None
    code = int(output.argmax())
    return problem.classes[int(target)], problem.classes[code], float(output[code])


def _digits(value: float) -> str:
    """Write a number with as many digits as scores have.

    >>> [_digits(value) for value in (125418.3, -0.668965, -12.3)]
    ['125,418', '-0.669', '-12.3']
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _where(inputs: Inputs | None, row: int) -> str:
    return f"row {row}" if inputs is None else inputs.name(row)
