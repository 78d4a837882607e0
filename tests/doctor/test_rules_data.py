"""What is wrong with the data as the network gets it, before training."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.doctor.subjects import own, planned
from torchsmith.doctor.reference import measure_reference
from torchsmith.doctor.rules_data import find_in_data
from torchsmith.doctor.subject import Allowance, Subject
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.settings import set_values

Found = dict[str, Finding]


def found(subject: Subject, seconds: float = 5.0) -> Found:
    left_out: list[str] = []
    allowance = Allowance(seconds)
    reference = measure_reference(subject, allowance, left_out)
    findings = list(find_in_data(subject, reference, allowance, left_out))
    assert left_out == []
    return {finding.code: finding for finding in findings}


def table(folder: Path, inputs: np.ndarray, targets: np.ndarray) -> Path:
    names = [f"x{i}" for i in range(inputs.shape[1])]
    rows = zip(inputs.tolist(), targets.tolist(), strict=True)
    lines = [",".join(f"{v:.6g}" for v in (*row, target)) for row, target in rows]
    path = folder / "rows.csv"
    path.write_text("\n".join([",".join([*names, "target"]), *lines]))
    return path


def numbers(num: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(num, 3))
    return inputs, inputs[:, 0] * 2 - inputs[:, 1] + random.normal(size=num) / 5


def classes(num: int = 600) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(num, 4, generator=random)
    return inputs, (inputs[:, 0] + inputs[:, 1] > 0).long()


def mended(source: Path, settings: Mapping[str, object], code: str) -> Finding:
    """Return a finding whose changes are settings of the plan that make it go."""
    subject = planned(source, "target", settings)
    finding = found(subject)[code]
    assert finding.changes
    assert subject.plan is not None
    set_values(subject.plan, finding.changes)
    assert code not in found(planned(source, "target", {**settings, **finding.changes}))
    return finding


def test_the_default_plan_of_a_table_has_no_finding(tmp_path: Path) -> None:
    inputs, targets = numbers()
    source = table(tmp_path, inputs * [1, 100, 1e4] + [0, 5, 1e5], 1e5 + 1e4 * targets)
    assert found(planned(source, "target")) == {}


def test_large_inputs_are_an_error_that_a_scaler_removes(tmp_path: Path) -> None:
    inputs, targets = numbers()
    source = table(tmp_path, inputs * [1, 100, 1] + [0, 2000, 0], targets)
    unscaled = {"prepare": ["FillMissing", "StandardizeTarget"]}
    finding = mended(source, unscaled, "D3")
    assert finding.severity == "error"
    assert "x1" in finding.evidence


@pytest.mark.parametrize(
    ("scale", "severity"),
    [(16.0, None), (30.0, "warning"), (0.02, "warning"), (0.002, "error")],
)
def test_the_scale_of_a_persons_inputs_is_judged_by_its_size(
    scale: float, severity: str | None
) -> None:
    inputs, targets = classes()
    network = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    findings = found(own(network, (inputs * scale, targets), nn.CrossEntropyLoss()))
    assert (findings["D3"].severity if severity else None) == severity
    assert ("D3" in findings) == bool(severity)


def test_inputs_of_any_scale_are_right_for_a_network_that_normalises_them() -> None:
    inputs, targets = classes()
    network = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
    assert found(own(network, (inputs * 1e3, targets), nn.CrossEntropyLoss())) == {}


def test_inputs_far_from_0_are_found_though_batch_normalisation_comes_first() -> None:
    inputs, targets = classes()
    network = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
    pair = (inputs + 300, targets)
    assert found(own(network, pair, nn.CrossEntropyLoss()))["D3"].severity == "warning"
    own_mean = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2))
    assert found(own(own_mean, pair, nn.CrossEntropyLoss())) == {}


def test_columns_of_0_and_1_do_not_hide_how_large_others_are() -> None:
    inputs, targets = classes()
    flags = (inputs > 0).float()
    both = torch.cat([inputs * 30, flags, flags, flags], dim=1)
    assert "D3" in found(own(nn.Linear(16, 2), (both, targets), nn.CrossEntropyLoss()))


def test_a_far_and_wide_target_is_an_error_that_its_scaling_removes(
    tmp_path: Path,
) -> None:
    inputs, targets = numbers()
    source = table(tmp_path, inputs, 2e5 + 1e4 * targets)
    finding = mended(source, {"prepare": ["Standardize"]}, "D4")
    assert finding.severity == "error"


@pytest.mark.parametrize(
    ("scale", "shift", "severity"),
    [(1.0, 2.0, None), (9.0, 0.0, "warning"), (1.0, 20.0, "warning")],
)
def test_targets_may_be_a_little_off(
    scale: float, shift: float, severity: str | None
) -> None:
    inputs, targets = (torch.from_numpy(each).float() for each in numbers())
    pair = (inputs, (targets * scale + shift)[:, None])
    findings = found(own(nn.Linear(3, 1), pair, nn.MSELoss()))
    assert (findings["D4"].severity if "D4" in findings else None) == severity


def test_shuffled_targets_are_found_and_weak_signals_are_none() -> None:
    inputs, targets = classes()
    random = torch.Generator().manual_seed(1)
    shuffled = targets[torch.randperm(600, generator=random)]
    network = nn.Linear(4, 2)
    finding = found(own(network, (inputs, shuffled), nn.CrossEntropyLoss()))["D15"]
    assert finding.severity == "warning"
    # One class in ten, which no answer changes, and still the inputs tell of it.
    rare = torch.rand(600, generator=random) < 0.2 * torch.sigmoid(2 * inputs[:, 0])
    assert "D15" not in found(
        own(network, (inputs, rare.long()), nn.CrossEntropyLoss())
    )
    few = torch.arange(600) % 200 == 0
    assert "D15" not in found(own(network, (inputs, few.long()), nn.CrossEntropyLoss()))
    numbers_too = found(
        own(nn.Linear(4, 1), (inputs, shuffled[:, None].float()), nn.MSELoss())
    )
    assert numbers_too["D15"].severity == "warning"


def test_a_value_that_stands_for_missing_ones_is_found_where_it_does_harm(
    tmp_path: Path,
) -> None:
    inputs, targets = numbers()
    inputs[::9, 1] = -999
    source = table(tmp_path, inputs, targets)
    robust = found(planned(source, "target", {"prepare": ["RobustScale"]}))
    assert robust["D13"].severity == "note"
    squeezed = found(planned(source, "target", {"prepare": ["Standardize"]}))["D13"]
    assert squeezed.severity == "warning"
    assert "'x1'" in squeezed.where


@pytest.mark.parametrize("values", [(0, 1), (0, 1, 7), (0, 0, 0, 0, 0, 0, 1, 3)])
def test_a_column_of_few_values_has_no_stand_in(
    tmp_path: Path, values: tuple[int, ...]
) -> None:
    inputs, targets = numbers()
    inputs[:, 1] = np.resize(values, len(inputs))
    assert found(planned(table(tmp_path, inputs, targets), "target")) == {}


def test_rows_in_other_units_are_found(tmp_path: Path) -> None:
    inputs, targets = numbers()
    inputs[::50] *= 1000
    source = table(tmp_path, inputs, targets)
    assert found(planned(source, "target"))["D13"].severity == "warning"


def test_rows_that_are_zero_throughout_are_found(tmp_path: Path) -> None:
    inputs, targets = numbers()
    inputs[::20] = 0
    source = table(tmp_path, inputs, targets)
    finding = found(planned(source, "target"))["D13"]
    assert finding.severity == "warning"
    assert "lines 2, 22, 42, " in finding.where


def test_half_of_the_rows_may_be_zero_throughout(tmp_path: Path) -> None:
    inputs, targets = numbers()
    counts = np.random.default_rng(1).poisson(1.0, (400, 2))
    every = np.concatenate([inputs, counts], axis=1)
    every[::2] = 0
    finding = found(planned(table(tmp_path, every, targets), "target"))["D13"]
    assert "50.0 %" in finding.message


def test_rows_of_counts_may_be_zero_throughout_by_themselves(tmp_path: Path) -> None:
    _, targets = numbers()
    random = np.random.default_rng(1)
    counts = random.poisson(random.exponential(0.7, (400, 1)), (400, 3))
    assert (counts == 0).all(axis=1).mean() > 0.2
    assert "D13" not in found(planned(table(tmp_path, counts, targets), "target"))


def pictures(num: int = 300) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    targets = torch.arange(num) % 2
    images = 0.1 * torch.rand(num, 1, 12, 12, generator=random)
    images[:, :, 3:9, 3:9] += 0.6
    images[targets == 1, :, 3:5, 3:9] += 0.3
    return images, targets


def test_inverted_pictures_are_found_among_others() -> None:
    images, targets = pictures()
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 2))
    assert found(own(network, (images, targets), nn.CrossEntropyLoss())) == {}
    images[::20] = 1 - images[::20]
    finding = found(own(network, (images, targets), nn.CrossEntropyLoss()))["D13"]
    assert finding.severity == "warning"


def test_a_mark_that_gives_the_class_away_is_found() -> None:
    images, targets = pictures()
    marked = images.clone()
    marked[:, :, 0, 0] = targets[:, None].float()
    # What the pictures themselves show is hard to see beside it.
    marked[:, :, 3:5, 3:9] = marked[:, :, 3:5, 3:9].mean()
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 2))
    finding = found(own(network, (marked, targets), nn.CrossEntropyLoss()))["D10"]
    assert finding.severity == "warning"
    assert finding.where.startswith("number 0 of 144")


def test_a_mark_in_a_volume_may_be_as_wide_as_one_in_a_picture() -> None:
    random = torch.Generator().manual_seed(0)
    targets = torch.randint(2, (300,), generator=random)
    volumes = torch.rand(300, 1, 12, 12, 12, generator=random)
    volumes[..., :3, :3, :3] = targets[:, None, None, None, None].float()
    network = nn.Sequential(nn.Flatten(), nn.Linear(1728, 2))
    loss = nn.CrossEntropyLoss()
    assert "D10" in found(own(network, (volumes, targets), loss))
    volumes[..., :5, :5, :5] = targets[:, None, None, None, None].float()
    assert "D10" not in found(own(network, (volumes, targets), loss))


def walks() -> tuple[Tensor, Tensor]:
    """Sequences whose neighbouring steps go together, and that begin by their class."""
    random = torch.Generator().manual_seed(0)
    targets = torch.randint(3, (240,), generator=random)
    steps = torch.randn(240, 1, 40, generator=random) / 3
    steps[:, 0, 0] += 2.0 * targets
    return steps.cumsum(dim=2), targets


def test_a_step_that_was_made_from_the_class_is_found() -> None:
    steps, targets = walks()
    network = nn.Sequential(nn.Flatten(), nn.Linear(40, 3))
    loss = nn.CrossEntropyLoss()
    assert "D10" not in found(own(network, (steps, targets), loss))
    random = torch.Generator().manual_seed(1)
    wrong = torch.rand(240, generator=random) < 0.1
    told = torch.where(wrong, targets[torch.randperm(240, generator=random)], targets)
    for codes in (told, targets):
        steps[:, :, 20:23] = codes[:, None, None].float()
        finding = found(own(network, (steps, targets), loss))["D10"]
        assert "number 20 of 40" in finding.where
    steps[:, :, 10:30] = targets[:, None, None].float()
    assert "D10" not in found(own(network, (steps, targets), loss))


def test_wrong_labels_of_pictures_are_found_by_their_neighbours() -> None:
    random = torch.Generator().manual_seed(0)
    targets = torch.arange(500) % 5
    images = 0.3 * torch.rand(500, 1, 10, 10, generator=random)
    for row, place in enumerate(targets.tolist()):
        images[row, :, 2 * place : 2 * place + 2] += 0.5
    network = nn.Sequential(nn.Flatten(), nn.Linear(100, 5))
    assert "D11" not in found(own(network, (images, targets), nn.CrossEntropyLoss()))
    wrong = torch.rand(500, generator=random) < 0.25
    noisy = torch.where(wrong, targets[torch.randperm(500, generator=random)], targets)
    finding = found(own(network, (images, noisy), nn.CrossEntropyLoss()))["D11"]
    assert finding.severity == "error"
    # Two classes that cannot be told apart are no wrong labels.
    alike = torch.where(targets == 4, 3, targets)
    confused = torch.where(wrong & (alike == 3), 4, alike)
    assert "D11" not in found(own(network, (images, confused), nn.CrossEntropyLoss()))
