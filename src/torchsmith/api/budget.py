"""What a budget may be, and what of it the rivals get."""

import math
from numbers import Real

from torchsmith.core.errors import PlanError

RIVAL_SHARE, RIVAL_SECONDS = 0.1, 20.0
"""Of the budget goes to the rivals, and no more than so many seconds."""


def require_budget(budget: object) -> None:
    """Refuse a budget that is no number of seconds; None is none at all.

    Raises:
        PlanError: It is something else, not above 0, or without an end.
    """
    if budget is None:
        return
    is_number = isinstance(budget, Real) and 0 < float(budget) < math.inf
    if isinstance(budget, bool) or not is_number:  # to Python True is the number 1
        raise PlanError(f"budget: {budget!r} is no number of seconds above 0")
