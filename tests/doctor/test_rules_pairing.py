"""Targets that stand one row off, found before training."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.doctor.subjects import own
from torchsmith.doctor.examples import take_examples
from torchsmith.doctor.rules_pairing import find_misaligned
from torchsmith.doctor.subject import Allowance, Subject
from torchsmith.inspect.inspection import Finding


def found(subject: Subject) -> list[Finding]:
    examples = take_examples(subject, Allowance(5.0))
    assert examples is not None
    return list(find_misaligned(subject, examples))


def classes(num: int = 500) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(num, 4, generator=random)
    return inputs, (inputs[:, 0] + inputs[:, 1] > 0).long()


def slipped(targets: Tensor, begin: int, by: int) -> Tensor:
    return torch.cat([targets[:begin], targets[begin:].roll(by)])


@pytest.mark.parametrize(("by", "side"), [(1, "next"), (-1, "previous")])
@pytest.mark.parametrize("begin", [0, 300])
def test_targets_that_slipped_by_a_row_are_found_with_the_row_where_it_begins(
    begin: int, by: int, side: str
) -> None:
    inputs, targets = classes()
    pair = (inputs, slipped(targets, begin, by))
    (finding,) = found(own(nn.Linear(4, 2), pair, nn.CrossEntropyLoss()))
    assert (finding.code, finding.severity) == ("D15", "error")
    assert side in finding.message
    if begin:
        row = int(finding.where.removeprefix("from about example ").split()[0])
        assert abs(row - begin) < 20


def test_targets_that_are_numbers_slip_too() -> None:
    inputs, _ = classes()
    targets = slipped(inputs[:, :1] - inputs[:, 1:2], 250, 1)
    assert found(own(nn.Linear(4, 1), (inputs, targets), nn.MSELoss()))


def test_targets_in_place_or_at_random_have_not_slipped() -> None:
    inputs, targets = classes()
    network, loss = nn.Linear(4, 2), nn.CrossEntropyLoss()
    assert found(own(network, (inputs, targets), loss)) == []
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(targets)))
    assert found(own(network, (inputs, targets[order]), loss)) == []


def test_rows_in_an_order_may_tell_the_target_of_the_next_one() -> None:
    steps = torch.randn(500, generator=torch.Generator().manual_seed(0))
    walk = 0.9 * steps.cumsum(dim=0)
    inputs, targets = walk[:-1, None], walk[1:, None]
    assert found(own(nn.Linear(1, 1), (inputs, targets), nn.MSELoss())) == []


def test_a_column_that_holds_what_the_row_before_had_is_no_slip() -> None:
    returns = torch.randn(501, 1, generator=torch.Generator().manual_seed(0))
    before, now = returns[:-1], returns[1:]
    network, loss = nn.Linear(1, 2), nn.CrossEntropyLoss()
    assert found(own(nn.Linear(1, 1), (before, now), nn.MSELoss())) == []
    assert found(own(network, (before, (now[:, 0] > 0).long()), loss)) == []
