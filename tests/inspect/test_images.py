import numpy as np
import pytest

from tests.inspect.build import found, labels, pictures
from torchsmith.core.observer import Observer
from torchsmith.data.data import Change, Images
from torchsmith.inspect.examine import inspect


def pixels(num=240, side=8, channels=1, seed=0):
    shape = (num, side, side, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_ordinary_pictures_have_no_findings():
    inspection = inspect(pictures(pixels(), labels(240)))
    assert inspection.findings == ()
    facts = inspection.images
    assert facts is not None
    assert (facts.channels, facts.min_height, facts.max_width) == (1, 8, 8)
    assert facts.same_size
    assert facts.mean == pytest.approx(0.5, abs=0.01)
    assert facts.deviation == pytest.approx(0.29, abs=0.01)


def test_float_pixels_from_0_to_1_are_measured_on_the_same_scale():
    made = pixels()
    whole = inspect(pictures(made, labels(240))).images
    floats = inspect(pictures((made / 255).astype(np.float32), labels(240))).images
    assert floats.mean == pytest.approx(whole.mean, abs=1e-5)
    assert floats.deviation == pytest.approx(whole.deviation, abs=1e-5)


def test_an_even_picture_is_a_warning():
    made = pixels()
    made[7] = 40
    (finding,) = found(pictures(made, labels(240)), "D13")
    assert (finding.severity, finding.where) == ("warning", "image 7")


def test_a_picture_of_other_brightness_is_noted():
    made = pixels()
    made[9] = 250 + made[9] % 5
    (finding,) = found(pictures(made, labels(240)), "D13")
    assert (finding.severity, finding.where) == ("note", "image 9")
    made[:70] = 250 + made[:70] % 5  # a kind of their own
    assert not found(pictures(made, labels(240)), "D13")


def test_equal_pictures_with_different_labels_are_found():
    made = pixels()
    y = ["a", "b"] * 120
    made[11] = made[2]
    inspection = inspect(pictures(made, y))
    (finding,) = found(inspection, "D12")
    assert finding.evidence == "image 2 is 'a', image 11 is 'b'"
    assert not found(inspection, "D27")


def test_equal_pictures_with_equal_labels_repeat_each_other():
    made = pixels()
    made[12] = made[2]
    inspection = inspect(pictures(made, ["a", "b"] * 120))
    assert found(inspection, "D27")[0].evidence == "first: image 12 = image 2"
    assert not found(inspection, "D12")


def test_pictures_in_both_parts_are_a_warning():
    made = pixels(480)
    made[470] = made[2]
    given = np.array([0] * 240 + [2] * 240, np.int8)
    (finding,) = found(pictures(made, labels(480), given=given), "D8")
    assert (finding.severity, finding.where) == ("warning", "image 470")


def test_few_pictures_of_a_class_are_a_note_and_of_most_classes_a_warning():
    y = ["a"] * 100 + ["b"] * 99
    (finding,) = found(pictures(pixels(199), y), "D25")
    assert "99 pictures of a class" in finding.message
    assert finding.severity == "note"
    assert not found(pictures(pixels(200), labels(200)), "D25")
    seven = np.resize(list("abcdefg"), 200)
    assert found(pictures(pixels(200), seven), "D25")[0].severity == "warning"


def test_files_of_another_format_are_noted():
    change = Change(
        column="",
        what="BMP although the file name ends in .jpg",
        count=6,
        example="Cat/23.jpg",
    )
    inspection = inspect(pictures(pixels(), labels(240), changes=(change,)))
    (finding,) = found(inspection, "D33")
    assert finding.message == "6 files are BMP although the file name ends in .jpg."
    assert finding.where == "file Cat/23.jpg and 5 more"
    assert not found(inspection, "D17")


def test_formats_of_files_are_facts():
    data = pictures(pixels(), labels(240), reading={"formats": "JPEG: 234, BMP: 6"})
    assert inspect(data).images.formats == {"JPEG": 234, "BMP": 6}


def test_files_of_many_sizes_are_looked_at(tmp_path):
    from PIL import Image

    files, sizes = [], []
    for i in range(60):
        side = 20 + 4 * (i % 3)
        Image.fromarray(pixels(1, side, 3, i)[0]).save(tmp_path / f"{i}.png")
        files.append(tmp_path / f"{i}.png")
        sizes.append((side, side))
    Image.new("RGB", (5, 20), "white").save(tmp_path / "60.png")
    Image.new("RGB", (9, 20), "white").save(tmp_path / "61.png")
    data = pictures(pixels(62), ["a"] * 30 + ["b"] * 32)
    images = Images(
        sizes=np.array([*sizes, (20, 5), (20, 9)], np.int32),
        channels=3,
        files=(*files, tmp_path / "60.png", tmp_path / "61.png"),
        names=tuple(f"{i}.png" for i in range(62)),
    )
    inspection = inspect(type(data)(source="folder", inputs=images, target=data.target))
    assert found(inspection, "D13")[0].where == "60.png, 61.png"
    assert [f.severity for f in found(inspection, "D34")] == ["warning", "note"]
    assert not found(inspection, "D27")
    # Folders of classes are read one after the other: their order means nothing.
    assert not found(inspection, "D26")


def test_a_person_is_told_how_far_it_is():
    told = []

    class Listener(Observer):
        def stage(self, title, total=None):
            told.append((title, total))

        def advance(self, done):
            told.append(done)

    inspect(pictures(pixels(), labels(240)), Listener())
    assert told == [
        ("Inspecting", None),
        ("Looking at the pictures", 240),
        240,
        ("Mirroring and turning a sample of them", None),
    ]
