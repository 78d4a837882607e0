"""The test examples on which the network is worst."""

from collections.abc import Callable

import numpy as np

from torchsmith.data.data import Inputs, Table
from torchsmith.evaluate.evaluation import Mistake
from torchsmith.evaluate.shown import show
from torchsmith.metrics.classification import log_losses
from torchsmith.plan.plan import Problem

MOST_MISTAKES = 24


def worst(
    problem: Problem,
    targets: np.ndarray,
    outputs: np.ndarray,
    *,
    inputs: Inputs | None = None,
    where: Callable[[int], str] | None = None,
) -> tuple[Mistake, ...]:
    """Return up to 24 wrong predictions, the most costly first.

    Args:
        problem: Task and classes.
        targets: `(N,)` class codes or values.
        outputs: `(N, K)` probabilities or `(N,)` values.
        inputs: The N examples, to show them.
        where: What to call a row; by default its line, file name or number (0 = first).
    """
    if problem.task == "regression":
        losses = np.abs(targets.astype(np.float64) - outputs)
        wrong = losses > 0
    else:
        losses = log_losses(targets, outputs)
        wrong = outputs.argmax(axis=1) != targets
    order = np.argsort(-losses, kind="stable")
    rows = order[wrong[order]][:MOST_MISTAKES]
    name = where or (lambda row: _where(inputs, row))
    shown = show(inputs, rows)
    found = []
    for place, row in enumerate(rows.tolist()):
        target, prediction, probability = _said(problem, targets[row], outputs[row])
        found.append(
            Mistake(
                where=name(row),
                target=target,
                prediction=prediction,
                probability=probability,
                loss=float(losses[row]),
                **dict(shown[place]),
            )
        )
    return tuple(found)


def _said(
    problem: Problem, target: np.generic, output: np.ndarray
) -> tuple[str, str, float | None]:
    if problem.task == "regression":
        return f"{float(target):.6g}", f"{float(output):.6g}", None
    code = int(output.argmax())
    return problem.classes[int(target)], problem.classes[code], float(output[code])


def _where(inputs: Inputs | None, row: int) -> str:
    if isinstance(inputs, Table):
        return f"line {inputs.lines[row]}"
    return f"row {row}" if inputs is None else inputs.name(row)
