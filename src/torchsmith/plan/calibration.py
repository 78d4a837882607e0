"""How what a network says comes to keep its word: chances of classes, intervals."""

from typing import Annotated

from pydantic import Field

from torchsmith.core.spec import OneOf, Spec

FEWEST_ROWS = 30
"""Val rows; from fewer a temperature is a guess, and makes probabilities worse on
average."""


class TemperatureScaling(Spec):
    """Divide the logits by one number, fitted on the val part after training.

    A network that is trained for long is surer of itself than it should be. One number
    for all classes repairs most of that, and changes no prediction: the order of the
    classes stays. With fewer than 30 val rows nothing is fitted.

    Guo et al. (2017), https://arxiv.org/abs/1706.04599
    """


class SplitConformal(Spec):
    """Put an interval around each number, as wide as the errors of the val part are.

    All intervals are of one width; no prediction changes.

    Papadopoulos et al. (2002), https://doi.org/10.1007/3-540-36755-1_29; Lei et al.
    (2018), https://doi.org/10.1080/01621459.2017.1307116

    Attributes:
        coverage: The share of the targets that shall lie within.
    """

    main = "coverage"
    coverage: float = Field(default=0.9, gt=0, lt=1)


Calibration = Annotated[TemperatureScaling | SplitConformal, OneOf()]
