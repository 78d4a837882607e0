"""Training examples that stand for a class: what the classes look like."""

import numpy as np

from torchsmith.core.seeds import generator
from torchsmith.data.data import Data, Images, Inputs, Sequences, Table, Volumes
from torchsmith.evaluate.evaluation import Sample
from torchsmith.evaluate.shown import show
from torchsmith.plan.plan import Problem

MOST_CLASSES = 12
OF_REGRESSION = 6
"""So many examples are shown from the lowest target to the highest."""


def choose_samples(
    problem: Problem,
    data: Data,
    rows: np.ndarray,
    targets: np.ndarray,
    seed: int,
    picture_column: str = "",
) -> tuple[Sample, ...]:
    """Return examples of each class, drawn at random; none of a table without pictures.

    Args:
        problem: Task and classes; of more than twelve classes, the first are shown.
        data: All examples.
        rows: The N training rows.
        targets: `(N,)` class codes or values.
        seed: Draws the examples.
        picture_column: Of a table, names a picture file for each row.
    """
    inputs = data.inputs
    if not len(rows) or (isinstance(inputs, Table) and not picture_column):
        return ()
    random = generator(seed, "samples")
    if problem.task == "regression":
        order = np.argsort(targets, kind="stable")
        places = np.linspace(0, len(order) - 1, min(OF_REGRESSION, len(order)))
        chosen = order[places.round().astype(int)]
    else:
        chosen = np.concatenate(
            [
                random.permutation(np.flatnonzero(targets == code))[: _each(inputs)]
                for code in range(min(len(problem.classes), MOST_CLASSES))
            ]
        )
    found = show(inputs, rows[chosen], picture_column)
    return tuple(
        Sample(
            where=inputs.name(int(rows[place])),
            target=f"{float(targets[place]):.6g}"
            if problem.task == "regression"
            else problem.classes[int(targets[place])],
            **dict(shown),
        )
        for place, shown in zip(chosen, found, strict=True)
    )


def _each(inputs: Inputs) -> int:
    """Return how many examples of a class are shown."""
    match inputs:
        case Sequences() if inputs.symbols:
            return 8
        case Sequences():
            # Curves of one channel lie on each other in one panel.
            return 4 if len(inputs.channels) == 1 else 1
        case Images() | Table():
            return 6
        case Volumes():
            return 2
