"""What chance and simple rivals reach, before training."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from tests.doctor.subjects import own, planned
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.reference import measure_reference
from torchsmith.doctor.subject import Allowance, Subject
from torchsmith.train.batches import DatasetBatches


def measured(subject: Subject) -> tuple[Reference, list[str]]:
    left_out: list[str] = []
    return measure_reference(subject, Allowance(1.0), left_out), left_out


def blobs(num: int = 300, classes: int = 3) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    targets = torch.arange(num) % classes
    inputs = torch.randn(num, 5, generator=random)
    inputs[:, 0] += 3 * targets
    return inputs, targets


def test_chance_is_the_entropy_of_the_classes_for_cross_entropy() -> None:
    inputs, targets = blobs()
    targets = (targets == 0).long()
    found, left_out = measured(
        own(nn.Linear(5, 2), (inputs, targets), nn.CrossEntropyLoss())
    )
    entropy = -(1 / 3) * math.log(1 / 3) - (2 / 3) * math.log(2 / 3)
    assert found.chance_loss == pytest.approx(entropy, rel=1e-4)
    assert found.chance_score == pytest.approx(2 / 3)
    assert left_out == []


@pytest.mark.parametrize(
    ("loss", "constant"),
    [(nn.MSELoss(), 2 / 9), (nn.L1Loss(), 1 / 3)],
)
def test_chance_of_numbers_is_the_mean_or_the_median(
    loss: nn.Module, constant: float
) -> None:
    inputs, classes = blobs()
    targets = (classes == 0).float()[:, None]
    found, _ = measured(own(nn.Linear(5, 1), (inputs, targets), loss))
    assert found.chance_loss == pytest.approx(constant, rel=1e-3)
    assert found.chance_score == 0


@pytest.mark.parametrize(
    ("loss", "last"),
    [
        (nn.CrossEntropyLoss(), nn.Identity()),
        (nn.CrossEntropyLoss(reduction="sum"), nn.Identity()),
        (nn.NLLLoss(), nn.LogSoftmax(dim=1)),
    ],
)
def test_losses_of_classes_are_per_example_and_agree(
    loss: nn.Module, last: nn.Module
) -> None:
    network = nn.Sequential(nn.Linear(5, 3), last)
    found, _ = measured(own(network, blobs(), loss))
    assert found.chance_loss == pytest.approx(math.log(3), rel=1e-4)
    assert found.probe_loss is not None
    assert found.probe_loss < 0.5
    assert found.initial_loss is not None
    assert 0.5 < found.initial_loss < 5


@pytest.mark.parametrize(
    ("loss", "last"),
    [(nn.BCEWithLogitsLoss(), nn.Identity()), (nn.BCELoss(), nn.Sigmoid())],
)
def test_two_classes_with_one_output_have_a_probe_of_their_own_loss(
    loss: nn.Module, last: nn.Module
) -> None:
    inputs, targets = blobs(classes=2)
    network = nn.Sequential(nn.Linear(5, 1), last)
    found, _ = measured(own(network, (inputs, targets[:, None].float()), loss))
    assert found.chance_loss == pytest.approx(math.log(2), rel=1e-4)
    assert found.probe_loss is not None
    assert found.probe_loss < 0.4
    assert found.probe_score is not None
    assert found.probe_score > 0.85


def test_a_probe_of_noise_is_no_better_than_chance() -> None:
    random = torch.Generator().manual_seed(1)
    inputs = torch.randn(900, 8, generator=random)
    targets = torch.randint(0, 3, (900,), generator=random)
    found, _ = measured(own(nn.Linear(8, 3), (inputs, targets), nn.CrossEntropyLoss()))
    assert found.probe_score is not None
    assert found.probe_error is not None
    assert found.chance_score is not None
    assert found.probe_score < found.chance_score + 3 * found.probe_error


def test_neighbours_see_what_a_linear_model_cannot() -> None:
    random = torch.Generator().manual_seed(1)
    inputs = torch.rand(600, 2, generator=random) * 4
    targets = ((inputs[:, 0].floor() + inputs[:, 1].floor()) % 2).long()
    found, _ = measured(own(nn.Linear(2, 2), (inputs, targets), nn.CrossEntropyLoss()))
    assert found.probe_score is not None
    assert found.probe_score > 0.8


def test_a_loss_of_ones_own_on_logits_has_a_probe() -> None:
    def focal(outputs: Tensor, targets: Tensor) -> Tensor:
        each = nn.functional.cross_entropy(outputs, targets, reduction="none")
        return ((1 - torch.exp(-each)) ** 2 * each).mean()

    found, _ = measured(own(nn.Linear(5, 3), blobs(), focal))
    assert found.chance_loss == pytest.approx((2 / 3) ** 2 * math.log(3), rel=1e-3)
    assert found.probe_loss is not None
    assert found.probe_loss < found.chance_loss


def test_a_loss_without_a_lowest_value_has_no_chance() -> None:
    def unbounded(outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.gather(1, targets[:, None]).mean()

    found, _ = measured(own(nn.Linear(5, 3), blobs(), unbounded))
    assert found.chance_loss is None
    assert found.probe_loss is None
    assert found.probe_score is not None


def test_what_a_module_raises_is_left_out_and_said() -> None:
    class Broken(nn.Linear):
        def forward(self, _: Tensor) -> Tensor:
            raise RuntimeError("no such thing")

    found, left_out = measured(own(Broken(5, 3), blobs(), nn.CrossEntropyLoss()))
    assert found == Reference()
    assert "no such thing" in left_out[0]


def test_inputs_may_be_a_mapping_of_a_data_set() -> None:
    inputs, targets = blobs(60)

    class Pairs(Dataset[object]):
        def __len__(self) -> int:
            return len(inputs)

        def __getitem__(self, index: int) -> object:
            return {"a": inputs[index, :2], "b": inputs[index, 2:]}, targets[index]

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(5, 3)

        def forward(self, given: dict[str, Tensor]) -> Tensor:
            return self.last(torch.cat([given["a"], given["b"]], dim=1))

    batches = DatasetBatches(Pairs(), torch.device("cpu"))
    found, _ = measured(own(Both(), batches, nn.CrossEntropyLoss()))
    assert found.probe_score is not None
    assert found.probe_score > 0.7


def test_measuring_leaves_no_trace() -> None:
    network = nn.Sequential(
        nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)
    )
    subject = own(network, blobs(), nn.CrossEntropyLoss(weight=torch.ones(3)))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    measured(subject)
    assert torch.equal(torch.rand(3), expected)
    assert network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(p.grad is None for p in network.parameters())


def test_groups_of_a_plan_are_held_out_whole(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    person = np.repeat(np.arange(40), 10)
    label = random.integers(0, 2, 40)[person]
    a, b = random.normal(size=(2, 40))[:, person] + random.normal(size=(2, 400)) / 100
    rows = zip(person, a, b, label, strict=True)
    source = tmp_path / "rows.csv"
    lines = [f"{who},{x:.4f},{y:.4f},{'yn'[what]}" for who, x, y, what in rows]
    source.write_text("\n".join(["person,a,b,label", *lines]))
    roles = {"data.columns.person": "ignore"}
    alone, _ = measured(planned(source, "label", {**roles, "split.group": None}))
    whole, _ = measured(planned(source, "label", {**roles, "split.group": "person"}))
    assert alone.probe_score is not None
    assert whole.probe_score is not None
    # Rows of one person tell each other's class; another person's do not.
    assert alone.probe_score > 0.95
    assert whole.probe_score < 0.8
