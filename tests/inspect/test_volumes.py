"""What is odd about volumes is found, and which changes keep their class is probed."""

import numpy as np
import pytest

from tests.inspect.build import found, labels, volumes
from torchsmith.data.load import load
from torchsmith.inspect.examine import inspect
from torchsmith.inspect.volume_symmetry import find_volume_symmetry

NUM = 120


def blobs(num=NUM, seed=0):
    """Ordinary volumes, all different."""
    made = np.random.default_rng(seed).integers(0, 200, (num, 1, 6, 6, 6))
    return made.astype(np.uint8)


def test_ordinary_volumes_have_no_findings():
    assert not inspect(volumes(blobs(240), labels(240))).findings
    facts = inspect(volumes(blobs(), labels(NUM))).volumes
    assert (facts.channels, facts.depth, facts.height, facts.width) == (1, 6, 6, 6)
    assert facts.mean == pytest.approx(blobs().mean())
    assert facts.deviation == pytest.approx(blobs().std())
    assert facts.voxel_max == blobs().max()
    assert not facts.binary
    assert inspect(volumes(blobs() % 2, labels(NUM))).volumes.binary


def test_facts_are_of_all_channels_together():
    values = np.concatenate([blobs(), blobs(seed=1) // 2], axis=1)
    facts = inspect(volumes(values, labels(NUM))).volumes
    assert facts.mean == pytest.approx(values.mean())
    assert facts.deviation == pytest.approx(values.std())


def test_empty_volumes_are_counted_and_named():
    values = blobs()
    values[[4, 9]] = 0
    (finding,) = found(volumes(values, labels(NUM)), "D13")
    assert finding.message.startswith("2 volumes of 120 are empty")
    assert finding.where == "volume 4, volume 9"
    assert finding.evidence == "value 0 everywhere"


def test_a_channel_that_never_varies_is_found():
    values = np.concatenate([blobs(), np.full_like(blobs(), 3)], axis=1)
    (finding,) = found(volumes(values, labels(NUM)), "D2")
    assert finding.message.startswith("1 channel of 2 has one value in all volumes")
    assert finding.where.startswith("channel 1 ")


def test_copies_contradictions_and_what_two_parts_share_are_found():
    values, y = blobs(), labels(NUM)
    values[1], y[1] = values[0], y[0]
    values[3] = values[2]
    y[2], y[3] = "a", "b"
    values[100] = values[50]
    given = np.array([0] * 90 + [2] * 30, np.int8)
    inspection = inspect(volumes(values, y, given=given))
    (twins,) = found(inspection, "D27")
    assert twins.where == "volume 1"
    (clash,) = found(inspection, "D12")
    assert "volume 2" in clash.where
    (shared,) = found(inspection, "D8")
    assert shared.message.startswith("1 volume of the test part (3.3 %) is in the")
    assert "split.drop_shared: true" in shared.remedy


def test_a_class_that_only_the_test_part_has_is_named():
    y = ["a", "b"] * 45 + ["a", "b", "c"] * 10
    given = np.array([0] * 90 + [2] * 30, np.int8)
    (finding,) = found(volumes(blobs(), y, given=given), "D6")
    assert finding.message == "The train part has no example of 'c'."


def test_few_volumes_of_a_class_are_too_little():
    assert found(volumes(blobs(30), labels(30)), "D25")


def things(num=200, side=12, seed=0):
    """Class b lies in the upper half of the depth, class a in the lower."""
    draw = np.random.default_rng(seed)
    classes = np.arange(num) % 2
    values = draw.integers(0, 60, (num, 1, side, side, side)).astype(np.uint8)
    for row, code in enumerate(classes):
        start = side // 2 if code else 0
        values[row, 0, start : start + side // 2] += 100
    return values, classes


def test_a_mirror_that_swaps_classes_is_told_from_those_that_keep_them():
    found = find_volume_symmetry(*things())
    assert found.plain > 0.95
    assert found.mirrored[0] < 0.05
    assert min(found.mirrored[1:]) > 0.95
    assert found.turned[0] > 0.95
    assert max(found.turned[1:]) < 0.8
    assert found.shifted > 0.95
    assert found.largest_class == 0.5


def test_sides_that_differ_cannot_be_turned():
    values, classes = things()
    found = find_volume_symmetry(values[:, :, :, :, :9], classes)
    assert found.turned[0] is None
    assert found.turned[1] is None
    assert found.turned[2] is not None


def test_few_volumes_or_one_class_tell_nothing():
    values, classes = things()
    assert find_volume_symmetry(values[:19], classes[:19]) is None
    assert find_volume_symmetry(values, np.zeros_like(classes)) is None


def test_the_probe_never_sees_the_test_part():
    values, classes = things()
    given = np.array([0] * 150 + [2] * 50, np.int8)
    y = np.array(["a", "b"])[classes].tolist()
    one = inspect(volumes(values, y, given=given)).volumes.symmetry
    values[150:] = 0
    assert inspect(volumes(values, y, given=given)).volumes.symmetry == one
    assert one.num_volumes == 150


def test_real_volumes_have_the_defects_that_they_are_known_for(shared_data):
    data = load(shared_data / "modelnet10" / "modelnet10_30.npz")
    inspection = inspect(data)
    assert inspection.given == {"train": 3991, "test": 908}
    (empty,) = found(inspection, "D13")
    assert empty.message.startswith("8 volumes of 4,899 are empty")
    (shared,) = found(inspection, "D8")
    assert shared.message.startswith("72 volumes of the test part (7.9 %) are in")
    symmetry = inspection.volumes.symmetry
    # Furniture stands on its feet, and all pieces face the same way.
    assert symmetry.mirrored[2] < symmetry.plain - 0.3
    assert symmetry.shifted > symmetry.plain - 0.02
