"""The value that early stopping looks at, and when it is better than before."""

import math

from torchsmith.core.errors import TrainError
from torchsmith.core.vocabulary import LOWER_IS_BETTER, low_is_good
from torchsmith.plan.plan import Stopping


def monitored(
    monitor: str, train_loss: float, val_loss: float | None, metrics: dict[str, float]
) -> float:
    """Return the value that early stopping looks at.

    Raises:
        TrainError: There is no such value; says which there are.
    """
    values = {f"val_{name}": value for name, value in metrics.items()}
    values["train_loss"] = train_loss
    if val_loss is not None:
        values["val_loss"] = val_loss
    elif monitor == "val_loss":
        return train_loss
    if monitor not in values:
        raise TrainError(
            f"stopping.monitor: there is no {monitor!r}; "
            f"there are: {', '.join(sorted(values))}"
        )
    return values[monitor]


def is_better(
    stopping: Stopping,
    value: float,
    best: float | None,
    lower: frozenset[str] = LOWER_IS_BETTER,
) -> bool:
    """Whether a monitored value improves on the best so far; NaN never does.

    Args:
        stopping: Names the score.
        value: Of this epoch.
        best: So far.
        lower: The names of those scores of which low values are good.
    """
    if math.isnan(value):
        return False
    if best is None:
        return True
    gain = best - value if low_is_good(stopping.monitor, lower) else value - best
    return gain > stopping.min_delta
