"""Test parts of which the size alone says that they cannot tell much."""

import numpy as np
import pytest

from tests.doctor.subjects import planned
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.rules_size import find_small_test, half_interval
from torchsmith.inspect.inspection import Finding


def found(num: int, share: float, score: float, *, numbers: bool) -> list[Finding]:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(num, 3))
    target = inputs[:, 0] if numbers else np.where(inputs[:, 0] > 0, "yes", "no")
    columns = {f"x{i}": inputs[:, i] for i in range(3)}
    subject = planned({**columns, "target": target}, "target", {"split.test": share})
    return list(find_small_test(subject, Reference(probe_score=score)))


@pytest.mark.parametrize("numbers", [True, False])
def test_a_part_of_forty_is_too_small_and_one_of_hundred_is_not(numbers: bool) -> None:
    (finding,) = found(400, 0.1, 0.8, numbers=numbers)
    assert (finding.code, finding.severity) == ("Q3", "warning")
    assert finding.changes == {"split.test": 0.2}
    assert found(400, 0.25, 0.8, numbers=numbers) == []


def test_where_hardly_any_answer_is_wrong_fewer_examples_are_enough() -> None:
    assert found(400, 0.1, 0.98, numbers=False) == []


def test_nothing_is_changed_where_a_usual_share_is_too_few() -> None:
    (finding,) = found(100, 0.2, 0.8, numbers=False)
    assert finding.changes == {}


def test_the_interval_is_wilsons() -> None:
    # Of 4 of 20.
    low, high = 0.0807, 0.4160
    assert half_interval(0.2, 20) == pytest.approx((high - low) / 2, abs=2e-3)
