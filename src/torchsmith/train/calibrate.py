"""The temperature of a trained network: what its logits are divided by."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from torchsmith.nn.losses import probabilities
from torchsmith.plan.calibration import FEWEST_ROWS
from torchsmith.plan.losses import Loss

LOWEST, HIGHEST = 0.05, 20.0

ROUGHLY = 0.01
"""So near to the best temperature the log loss is as good as the lowest."""

PRIOR_DEVIATION = 0.5
"""Of the logarithm of the temperature around 0, known before any row is seen."""


@dataclass(frozen=True)
class Temperature:
    """What was fitted.

    Attributes:
        value: Logits are divided by it; 1 changes nothing.
        rows: Of the val part, that it was fitted on; 0 where it was not fitted.
        before: The mean log loss of these rows with a temperature of 1.
        after: The same with this one; never higher.
        why: Why the temperature is 1, where it is.
    """

    value: float = 1.0
    rows: int = 0
    before: float = math.nan
    after: float = math.nan
    why: str = ""


def fit_temperature(
    loss: Loss, outputs: Tensor, targets: Tensor, noun: str = "row"
) -> Temperature:
    """Fit the temperature with which outputs have the lowest log loss.

    Guo et al. (2017), https://arxiv.org/abs/1706.04599, fit it by maximum likelihood,
    which goes wrong on few rows: if all of them are right, no temperature is low
    enough. So what is minimised is the sum of the log losses of all rows, of one more
    row that may be of any class alike (Laplace's rule: no mistake among n rows is not
    the same as never a mistake), and of the square of log(temperature) in deviations
    of 0.5, halved, which keeps few rows close to 1. Of a thousand rows both together
    are hardly noticed.

    Args:
        loss: What the network was trained with; says what its outputs are.
        outputs: `(N, K)` or `(N, 1)`, of rows that the network was not trained on.
        targets: `(N,)` class codes.
        noun: What a row is called where it says why.

    Returns:
        A temperature of at most 4 digits; 1 where there are fewer than 30 rows, where
        all are of one class, and where no other has a lower log loss on these rows.
    """
    rows = len(outputs)
    if rows < FEWEST_ROWS:
        few = f"{rows} val {noun}s are" if rows != 1 else f"1 val {noun} is"
        needed = f"({FEWEST_ROWS} are needed)"
        return Temperature(why=f"{few} too few to fit a temperature {needed}")
    if bool((targets == targets[0]).all()):
        return Temperature(why=f"all val {noun}s are of one class")
    outputs, targets = outputs.cpu().double(), targets.cpu().long()
    value = float(f"{_lowest(loss, outputs, targets):.4g}")
    before = _log_losses(loss, outputs, targets, 1.0)[0]
    after = _log_losses(loss, outputs, targets, value)[0]
    if not after < before:
        return Temperature(
            1.0, rows, before, before, "the fitted one would not lower their log loss"
        )
    return Temperature(value, rows, before, after)


def calibrated_loss(loss: Loss, outputs: Tensor, targets: Tensor) -> float:
    """Return the mean log loss that is left when a temperature has been fitted.

    Networks grow too sure of themselves while they still learn to tell classes apart.
    What the log loss says of the first is mended by a temperature after training; what
    is left chooses a better epoch (Berta et al. 2025, https://arxiv.org/abs/2501.19195).

    Args:
        loss: What the network is trained with; says what its outputs are.
        outputs: `(N, K)` or `(N, 1)`, of rows that the network is not trained on.
        targets: `(N,)` class codes.

    Returns:
        The log loss as it is where there are fewer than 30 rows.
    """
    outputs, targets = outputs.cpu().double(), targets.cpu().long()
    temperature = 1.0
    if len(outputs) >= FEWEST_ROWS:
        temperature = _lowest(loss, outputs, targets, tolerance=ROUGHLY)
    return _log_losses(loss, outputs, targets, temperature)[0]


def _log_losses(
    loss: Loss, outputs: Tensor, targets: Tensor, temperature: float
) -> tuple[float, float]:
    """Return the mean over the rows, and that of a row of any class."""
    shares = probabilities(loss, outputs, temperature)
    tiny = torch.finfo(shares.dtype).eps
    logs = -shares.clamp(tiny, 1 - tiny).log()
    own = logs.gather(1, targets.unsqueeze(1))
    return own.mean().item(), logs.mean().item()


def _lowest(
    loss: Loss, outputs: Tensor, targets: Tensor, tolerance: float = 1e-5
) -> float:
    """Return the temperature with the lowest cost, to a tolerance of its logarithm."""
    from scipy.optimize import minimize_scalar  # takes long, and waits for an epoch

    def cost(log_temperature: float) -> float:
        own, anyone = _log_losses(loss, outputs, targets, math.exp(log_temperature))
        prior = 0.5 * (log_temperature / PRIOR_DEVIATION) ** 2
        return len(outputs) * own + anyone + prior

    found = minimize_scalar(
        cost,
        bounds=(math.log(LOWEST), math.log(HIGHEST)),
        method="bounded",
        options={"xatol": tolerance},
    )
    return math.exp(found.x)
