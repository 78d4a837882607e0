"""How the parts go together, before training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from tests.doctor.subjects import own, planned
from tests.doctor.test_rules_data import Found, classes, found
from torchsmith.train.batches import DatasetBatches

Pair = tuple[Tensor, Tensor]


def of_parts(train: Pair, val: Pair) -> Found:
    return found(own(nn.Linear(4, 2), train, nn.CrossEntropyLoss(), val))


@pytest.fixture
def parts() -> tuple[Pair, Pair]:
    inputs, targets = classes(900)
    return (inputs[:600], targets[:600]), (inputs[600:], targets[600:])


def test_parts_that_are_drawn_alike_have_no_finding(parts: tuple[Pair, Pair]) -> None:
    assert of_parts(*parts) == {}


def test_validation_that_is_trained_on_is_an_error(parts: tuple[Pair, Pair]) -> None:
    train, _ = parts
    assert of_parts(train, (train[0][:200], train[1][:200]))["D8"].severity == "error"


def test_a_few_shared_examples_are_a_warning(parts: tuple[Pair, Pair]) -> None:
    train, (inputs, targets) = parts
    inputs = torch.cat([train[0][:9], inputs[9:]])
    targets = torch.cat([train[1][:9], targets[9:]])
    assert of_parts(train, (inputs, targets))["D8"].severity == "warning"


def test_coarse_inputs_that_repeat_by_themselves_are_no_leak() -> None:
    random = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 4, (900, 4), generator=random).float()
    noise = torch.randn(900, generator=random)
    targets = (inputs.sum(dim=1) + 2 * noise > 6).long()
    train, val = (inputs[:600], targets[:600]), (inputs[600:], targets[600:])
    assert "D8" not in of_parts(train, val)


def test_validation_that_is_scaled_otherwise_is_an_error(
    parts: tuple[Pair, Pair],
) -> None:
    train, (inputs, targets) = parts
    train = (train[0] + torch.tensor([0.0, 2.0, 0.0, 0.0]), train[1])
    val = (255 * inputs + 100, targets)
    findings = of_parts(train, val)
    assert findings["P9"].severity == "error"
    assert "D14" not in findings


def test_validation_from_elsewhere_is_an_error_where_it_matters(
    parts: tuple[Pair, Pair],
) -> None:
    (inputs, targets), val = parts
    moved = (val[0] + torch.tensor([1.5, -1.0, 0.0, 0.0]), val[1])
    harmless = (val[0] + torch.tensor([0.0, 0.0, 1.5, 0.0]), val[1])
    assert of_parts((inputs, targets), moved)["D14"].severity == "error"
    assert of_parts((inputs, targets), harmless)["D14"].severity == "note"


def test_validation_with_other_shares_of_classes_is_a_warning(
    parts: tuple[Pair, Pair],
) -> None:
    train, (inputs, targets) = parts
    kept = (targets == 1) | (torch.arange(300) % 9 == 0)
    assert of_parts(train, (inputs[kept], targets[kept]))["D14"].severity == "warning"


def test_shares_of_many_classes_that_no_chance_gives_are_a_warning() -> None:
    random = torch.Generator().manual_seed(0)
    targets = torch.randint(10, (900,), generator=random)
    inputs = targets[:, None] + torch.randn(900, 4, generator=random)
    rest, part = (inputs[:500], targets[:500]), slice(500, None)
    usual = (inputs[part], targets[part])
    network, loss = nn.Linear(4, 10), nn.CrossEntropyLoss()
    assert "D14" not in found(own(network, rest, loss, usual))
    kept = (usual[1] < 7) | (torch.arange(400) % 8 == 0)
    fewer = (usual[0][kept], usual[1][kept])
    assert found(own(network, rest, loss, fewer))["D14"].severity == "warning"


def test_validation_targets_in_another_order_are_a_warning(
    parts: tuple[Pair, Pair],
) -> None:
    train, (inputs, targets) = parts
    finding = of_parts(train, (inputs, targets.roll(1)))["D14"]
    assert finding.severity == "warning"
    assert "targets" in finding.message


def write(folder: Path, names: str, columns: list[np.ndarray]) -> Path:
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    path = folder / "rows.csv"
    path.write_text("\n".join([names, *rows]))
    return path


def test_a_random_split_through_groups_is_found_by_what_it_flatters(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    person = np.repeat(np.arange(60), 10)
    label = np.where(random.random(60) < 0.5, "yes", "no")[person]
    a, b = random.normal(size=(2, 60))[:, person] + random.normal(size=(2, 600)) / 100
    columns = [person, a.round(4), b.round(4), label]
    source = write(tmp_path, "person_id,a,b,label", columns)
    by_default = planned(source, "label")
    assert by_default.plan is not None
    assert by_default.plan.split.group == "person_id"
    assert "D9" not in found(by_default)
    finding = found(planned(source, "label", {"split.group": None}))["D9"]
    assert finding.severity == "error"
    assert finding.changes["split.group"] == "person_id"
    assert "D9" not in found(planned(source, "label", finding.changes))


def test_two_rows_of_each_person_are_enough_to_see_what_they_flatter(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    person = random.permutation(np.repeat(np.arange(300), 2))
    a, b = random.normal(size=(2, 300))[:, person] + random.normal(size=(2, 600)) / 100
    label = np.where(a + 3 * random.normal(size=300)[person] > 0, "yes", "no")
    label = np.where(random.random(600) < 0.3, np.roll(label, 1), label)
    columns = [person, a.round(4), b.round(4), label]
    source = write(tmp_path, "person_id,a,b,label", columns)
    assert "D9" in found(planned(source, "label", {"split.group": None}))


APART: dict[str, object] = {"split.keep_together": False, "split.drop_shared": False}


def test_shared_rows_of_a_plan_are_found_and_kept_together(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 400)).round(4)
    label = np.where(a + b > 0, "yes", "no")
    twice = [np.concatenate([each, each[:200]]) for each in (a, b, label)]
    source = write(tmp_path, "a,b,label", twice)
    finding = found(planned(source, "label", APART))["D8"]
    assert finding.severity == "error"
    assert "D8" not in found(planned(source, "label", APART | finding.changes))


def coarse(folder: Path, values: np.ndarray, label: np.ndarray) -> Path:
    names = ",".join([*(f"c{i}" for i in range(values.shape[1])), "label"])
    letters = np.array(list("abcdefgh"))[values]
    return write(folder, names, [*letters.T, np.array(["no", "yes"])[label]])


def test_different_cases_of_coarse_columns_are_no_leak(tmp_path: Path) -> None:
    """Columns go together, so that rows are equal more often than by chance alone."""
    random = np.random.default_rng(0)
    kind = random.integers(2, size=600)
    values = kind[:, None] ^ (random.random((600, 12)) < 0.1)
    assert "D8" not in found(planned(coarse(tmp_path, values, kind), "label", APART))


def test_coarse_rows_that_stand_there_twice_are_a_leak(tmp_path: Path) -> None:
    """Unlike those of the nearest other rows, their targets agree."""
    random = np.random.default_rng(0)
    values = np.unique(random.integers(6, size=(600, 5)), axis=0).repeat(2, axis=0)
    label = values.sum(axis=1) % 2
    findings = found(planned(coarse(tmp_path, values, label), "label", APART))
    assert findings["D8"].severity == "error"


def test_a_class_that_a_part_lacks_is_found(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 120)).round(4)
    label = np.where(np.arange(120) < 4, "rare", np.where(a > 0, "yes", "no"))
    source = write(tmp_path, "a,b,label", [a, b, label])
    finding = found(planned(source, "label", {"split.stratify": False}))["D6"]
    assert finding.changes == {"split.stratify": True}
    assert "D6" not in found(planned(source, "label", finding.changes))


@pytest.mark.parametrize("by", ["time", "given"])
def test_a_class_that_only_the_test_part_has_is_a_warning_that_names_its_rows(
    tmp_path: Path, by: str
) -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 120)).round(4)
    label = np.where(a > 0, "yes", "no").astype("<U4")
    label[[117, 119]] = "new"
    rows = "2 rows of the test part: lines 119, 121"
    if by == "given":
        arrays = {"x_train": np.stack([a, b], axis=1)[:90], "y_train": label[:90]}
        arrays |= {"x_test": np.stack([a, b], axis=1)[90:], "y_test": label[90:]}
        source = tmp_path / "parts.npz"
        np.savez(source, **arrays)
        finding = found(planned(source, "label", {}))["D6"]
        rows = "2 rows of the test part: rows 118, 120"
    else:
        label[90] = "new"  # is in the val part
        days = np.datetime64("2024-01-01") + np.arange(120)
        source = write(tmp_path, "day,a,b,label", [days, a, b, label])
        finding = found(planned(source, "label", {"split.time": "day"}))["D6"]
        rows = f"1 row of the val part: line 92; {rows}"
    assert finding.where == f"train part; {rows}"
    assert finding.severity == "warning"
    assert finding.message == "The train part has no example of 'new'."
    assert finding.evidence.endswith(" rows in the other parts")
    assert "scores count these as wrong" in finding.remedy
    assert not finding.changes


def test_a_part_of_fewer_rows_than_classes_is_not_blamed_for_those_it_lacks(
    tmp_path: Path,
) -> None:
    a = np.random.default_rng(0).normal(size=120).round(4)
    label = np.array([f"k{place % 8}" for place in range(120)])
    source = write(tmp_path, "a,b,label", [a, -a, label])
    small = {"split.test": 0.05, "split.stratify": False}
    finding = found(planned(source, "label", small))["D6"]
    assert (finding.severity, finding.where) == ("note", "test part")
    assert "make the part larger" in finding.remedy


class Augmented(Dataset[Pair]):
    """Adds noise to what it is asked for, as augmentation does."""

    def __init__(self, examples: Pair) -> None:
        self.inputs, self.targets = examples

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Pair:
        kept = self.inputs[index]
        return kept + 0.3 * torch.rand(len(kept)), self.targets[index]


def test_training_examples_that_are_augmented_may_differ_from_validation() -> None:
    inputs, targets = classes(900)
    inputs = torch.cat([inputs, torch.zeros(900, 2)], dim=1)  # where noise shows
    train, val = (inputs[:600], targets[:600]), (inputs[600:], targets[600:])
    device = torch.device("cpu")
    batches = DatasetBatches(Augmented(train), device, seed=0, part="train")
    once = batches.take(torch.arange(600))  # the same in each epoch
    loss = nn.CrossEntropyLoss()
    fixed = found(own(nn.Linear(6, 2), once, loss, val))
    assert {"D14", "P9"} & set(fixed)
    assert not {"D14", "P9"} & set(found(own(nn.Linear(6, 2), batches, loss, val)))
