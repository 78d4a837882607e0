"""Counts right answers beside the script, and compares where the script divides."""

from typing import Any

import numpy as np
from torch import Tensor

from torchsmith.doctor.script.facts import Facts, Ratio
from torchsmith.doctor.script.operations import Operations
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.tensors import is_dense, is_transforming

FEW = 20
"""Answers that were compared, below which an equal number may be chance."""

RIGHT = 10
"""Right ones among them, below which the same."""


class Counting:
    """Hears of every comparison and division of the script.

    Args:
        facts: Where shares of right answers are noted.
        operations: Count the comparisons that PyTorch makes.
    """

    def __init__(self, facts: Facts, operations: Operations) -> None:
        self._facts = facts
        self._operations = operations
        self._windows: dict[tuple[Place | None, Place | None], tuple[int, int]] = {}
        self._before_step: dict[Place | None, tuple[int, int]] = {}

    def stepped(self) -> None:
        """Begin to count anew: an optimizer stepped."""
        self._before_step = {
            place: (total[0], total[1])
            for place, total in self._operations.compared.items()
        }

    def equal(self, result: Any, place: Place) -> Any:
        """Note a comparison that the script makes outside of PyTorch.

        Args:
            result: Of `==`; is returned as it is.
            place: Its line.
        """
        if isinstance(result, bool | np.bool_):
            self._operations.count(place, 1, int(result))
        elif isinstance(result, np.ndarray):
            is_list = result.ndim == 1 and result.dtype == np.bool_
            if is_list:
                self._operations.count(place, result.size, int(result.sum()))
        return result

    def divided(self, left: Any, right: Any, place: Place) -> Any:
        """Divide, and note where the left side is a number of right answers.

        Args:
            left: Numerator.
            right: Denominator.
            place: Their line.
        """
        result = left / right
        self.share(left, right, place)
        return result

    def share(self, left: Any, right: Any, place: Place) -> Any:
        """Note a division whose left side is a number of right answers.

        Returns:
            The right side, as it is.
        """
        right_answers = divisor = None
        if not is_transforming():
            with self._operations.looking():
                right_answers, divisor = _whole(left), _whole(right)
        if right_answers is None or divisor is None or divisor < 1:
            return right
        found: list[tuple[int, int]] = []
        for where, (compared, agreed) in self._operations.compared.items():
            begins = {
                self._windows.get((place, where), (0, 0)),
                self._before_step.get(where, (0, 0)),
            }
            self._windows[place, where] = (compared, agreed)
            since = [(compared - begin[0], agreed - begin[1]) for begin in begins]
            meant = (right_answers, right_answers / 100)
            found += [both for both in since if both[1] in meant]
        wide = [pair for pair in found if pair[0] >= FEW and pair[1] >= RIGHT]
        if wide:
            exact = [pair for pair in wide if pair[0] == divisor]
            compared, agreed = (exact or wide)[0]
            self._facts.ratios.append(Ratio(place, agreed, divisor, compared))
        return right


def _whole(value: Any) -> float | None:
    if isinstance(value, Tensor) and is_dense(value) and value.numel() == 1:
        value = value.detach().item()
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    number = float(value)
    return number if number.is_integer() and abs(number) < 1e12 else None
