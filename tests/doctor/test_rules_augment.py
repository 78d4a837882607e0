"""Whether augmentation keeps what pictures show, before training."""

import pytest

from tests.doctor.subjects import planned
from tests.doctor.test_rules_data import found


@pytest.mark.parametrize(
    ("augment", "named"),
    [
        ([{"RandomAffine": {"degrees": 10, "translate": [0.07, 0.07]}}], None),
        (["RandomHorizontalFlip"], "augment.RandomHorizontalFlip"),
        (
            [{"RandomAffine": {"degrees": 180, "translate": [0.5, 0.5]}}],
            "augment.RandomAffine",
        ),
    ],
)
def test_changes_after_which_a_digit_is_another_are_found(
    augment: list[object], named: str | None
) -> None:
    finding = found(planned("digits", None, {"augment": augment})).get("P10")
    assert (finding.where if finding else None) == named
    if finding:
        assert finding.changes == {"augment": []}
