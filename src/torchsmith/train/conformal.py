"""The interval around a predicted number, by the errors on rows that were held out."""

import math
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from torchsmith.core.record import Record
from torchsmith.data.targets import TargetPreparation


class PredictionInterval(Record):
    """What was fitted; lies in `model.json`.

    Attributes:
        coverage: The share of the targets that shall lie within.
        half_width: How far the ends are from the prediction, in the target's units.
    """

    coverage: float = Field(gt=0, lt=1)
    half_width: float = Field(ge=0)

    def ends(
        self, values: np.ndarray, target: TargetPreparation
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper ends around predicted values `(N,)`.

        Args:
            values: In the target's own units.
            target: Says in which range predictions stay; the ends stay in it, too.
        """
        lower, upper = values - self.half_width, values + self.half_width
        return target.clamped(lower), target.clamped(upper)


@dataclass(frozen=True)
class Conformal:
    """What fitting has found.

    Attributes:
        interval: None where there is none.
        why: Why there is none.
    """

    interval: PredictionInterval | None = None
    why: str = ""


def fit_interval(
    coverage: float,
    targets: np.ndarray,
    values: np.ndarray,
    target: TargetPreparation,
    noun: str = "row",
) -> Conformal:
    """Find how far from the predictions a share of the targets is.

    Of n rows the error of rank ceil((n + 1) coverage) is taken, counted from the
    smallest. One more row that is drawn as these were lies within with a probability of
    `coverage` or more, whatever the network and the distribution of the errors (Lei et
    al. 2018, theorem 2.2, https://doi.org/10.1080/01621459.2017.1307116).

    Args:
        coverage: The share that shall lie within.
        targets: `(N,)` in their own units, of rows that the network was not trained on.
        values: `(N,)` predictions for them.
        target: Says in which range predictions, and so the ends, stay.
        noun: What a row is called where it says why.
    """
    rows = len(targets)
    if rows < (fewest := fewest_rows(coverage)):
        few = f"{rows} val {noun}s are" if rows != 1 else f"1 val {noun} is"
        return Conformal(
            why=f"{few} too few for intervals of {100 * coverage:g} % ({fewest} are "
            "needed)"
        )
    errors = np.abs(targets - values)
    # No width reaches a target outside of the range in which the ends stay.
    reached = np.isfinite(errors) & (target.clamped(targets) == targets)
    errors = np.sort(np.where(reached, errors, np.inf))
    half_width = float(errors[rank(coverage, rows) - 1])
    if math.isinf(half_width):
        outside = rows - int(np.count_nonzero(reached))
        return Conformal(
            why=f"{outside:,} of {rows:,} val targets lie outside of the range of the "
            f"training targets, in which predictions stay; intervals of "
            f"{100 * coverage:g} % cannot leave out so many"
        )
    return Conformal(PredictionInterval(coverage=coverage, half_width=half_width))


def rank(coverage: float, rows: int) -> int:
    """Return which of the errors of rows, from the smallest, is the half width.

    >>> rank(0.9, 9), rank(0.9, 99), rank(0.9, 8)
    (9, 90, 9)
    """
    # 0.1 and its like are no binary fractions: 30 * 0.7 is 21, not a little more.
    return math.ceil(round((rows + 1) * coverage, 9))


def fewest_rows(coverage: float) -> int:
    """Return of how many rows one has the rank that is asked for.

    >>> fewest_rows(0.9), fewest_rows(0.95), fewest_rows(0.5)
    (9, 19, 1)
    """
    return math.ceil(round(coverage / (1 - coverage), 9))
