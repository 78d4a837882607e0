from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from torchsmith.core.errors import DataError
from torchsmith.data.data import Data, Images
from torchsmith.data.image_folder import read_image_folder


def save(path: Path, *, mode="RGB", size=(6, 4), color=None, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color if color is not None else 0).save(path, **options)
    return path


def pets(root: Path) -> Path:
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        save(root / name)
    return root


def images(data: Data) -> Images:
    assert isinstance(data.inputs, Images)
    return data.inputs


def told(data: Data) -> dict[str, int]:
    return {change.what: change.count for change in data.changes}


def test_one_folder_per_class_gives_pictures_with_class_names(tmp_path):
    data = read_image_folder(pets(tmp_path))
    assert images(data).names == ("cat/1.png", "cat/2.png", "dog/1.png")
    assert data.target.name == "label"
    assert data.target.texts() == ["cat", "cat", "dog"]
    assert images(data).sizes.tolist() == [[4, 6]] * 3
    assert data.given is None
    assert data.changes == ()


@pytest.mark.parametrize("val", ["val", "Valid", "VALIDATION"])
def test_part_folders_of_any_case_give_the_split(tmp_path, val):
    for name in (f"{val}/a/1.png", "Test/a/1.png", "TRAIN/b/1.png", "TRAIN/a/1.png"):
        save(tmp_path / name)
    data = read_image_folder(tmp_path)
    assert data.given.tolist() == [0, 0, 1, 2]
    assert data.target.texts() == ["a", "b", "a", "a"]


def test_a_class_may_be_called_train(tmp_path):
    save(tmp_path / "train/1.png")
    save(tmp_path / "bus/1.png")
    data = read_image_folder(tmp_path)
    assert data.given is None
    assert data.target.texts() == ["bus", "train"]


def test_parts_without_train_are_refused(tmp_path):
    save(tmp_path / "test/a/1.png")
    with pytest.raises(DataError, match="no train folder"):
        read_image_folder(tmp_path)


def test_two_folders_for_one_part_are_refused(tmp_path):
    for part in ("train", "val", "valid"):
        save(tmp_path / part / "a/1.png")
    with pytest.raises(DataError, match="val and valid both mean val"):
        read_image_folder(tmp_path)


def test_an_empty_class_folder_is_named(tmp_path):
    (pets(tmp_path) / "hamster").mkdir()
    with pytest.raises(DataError, match="no pictures in the class folder hamster"):
        read_image_folder(tmp_path)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no pictures"):
        read_image_folder(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="none of its 1 subfolders holds a picture"):
        read_image_folder(tmp_path)


def damage(root: Path) -> Path:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(pixels).save(root / "cat/cut.jpg")
    whole = (root / "cat/cut.jpg").read_bytes()
    (root / "cat/cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "dog/empty.png").write_bytes(b"")
    Image.fromarray(pixels).save(root / "dog/flipped.png")
    content = bytearray((root / "dog/flipped.png").read_bytes())
    content[len(content) // 2] ^= 1
    (root / "dog/flipped.png").write_bytes(content)
    (root / "dog/words.jpg").write_text("no picture")
    return root


def test_all_damaged_pictures_are_counted_and_named(tmp_path):
    with pytest.raises(DataError) as caught:
        read_image_folder(damage(pets(tmp_path)))
    message = str(caught.value)
    assert "4 of 7 pictures cannot be decoded" in message
    for name in ("cat/cut.jpg", "dog/empty.png (the file is empty)", "dog/flipped.png"):
        assert name in message
    assert "dog/words.jpg (not a picture of JPEG" in message
    assert "data.skip_damaged: true" in message
    assert "\n" not in message


def test_a_wrong_checksum_in_a_png_is_damage(tmp_path):
    content = bytearray(save(tmp_path / "a" / "1.png").read_bytes())
    content[-14] ^= 1  # in the checksum of the pixel data, which decoding ignores
    (tmp_path / "a" / "1.png").write_bytes(content)
    with pytest.raises(DataError, match="1 of 1 pictures"):
        read_image_folder(tmp_path)


def test_only_the_first_damaged_pictures_are_named(tmp_path):
    pets(tmp_path)
    for number in range(8):
        (tmp_path / f"cat/x{number}.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"8 of 11 .*x4.jpg .*; and 3 more\.") as caught:
        read_image_folder(tmp_path)
    assert "x5" not in str(caught.value)


def test_damaged_pictures_are_left_out_only_when_asked_and_listed(tmp_path):
    data = read_image_folder(damage(pets(tmp_path)), skip_damaged=True)
    assert images(data).names == ("cat/1.png", "cat/2.png", "dog/1.png")
    (change,) = data.changes
    assert change.count == 4
    assert "dog/flipped.png" in change.what


def test_a_class_of_damaged_pictures_only_is_refused(tmp_path):
    pets(tmp_path)
    (tmp_path / "dog/1.png").write_bytes(b"")
    with pytest.raises(DataError, match="class folder dog are damaged"):
        read_image_folder(tmp_path, skip_damaged=True)


def test_the_content_of_a_file_counts_and_not_its_ending(tmp_path):
    pets(tmp_path)
    save(tmp_path / "cat/3.jpg", format="BMP")
    save(tmp_path / "cat/4", format="WEBP", lossless=True)
    data = read_image_folder(tmp_path)
    assert data.reading["formats"] == "PNG: 3, BMP: 1, WEBP: 1"
    assert told(data) == {
        "BMP although the file name ends in .jpg": 1,
        "WEBP although the file name ends in (none)": 1,
    }


def test_what_is_no_picture_is_left_out_and_counted(tmp_path):
    pets(tmp_path)
    save(tmp_path / "loose.png")
    (tmp_path / "cat/Thumbs.db").write_bytes(b"\xd0\xcf")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("BMW")
    (tmp_path / "linked").symlink_to(tmp_path / "cat")
    (tmp_path / "dog/2.png").symlink_to(tmp_path / "cat/1.png")
    data = read_image_folder(tmp_path)
    assert len(data) == 3
    assert told(data) == {
        "files that are no pictures left out": 1,
        "symbolic links not followed": 2,
        "pictures outside class folders left out": 1,
    }


def test_pictures_beside_the_parts_are_counted_as_pictures(tmp_path):
    for folder in ("train/cat", "train/dog", "test/cat", "test/dog", "more"):
        save(tmp_path / folder / "1.png")
    assert told(read_image_folder(tmp_path)) == {
        "pictures outside class folders left out": 1
    }


def test_a_gif_is_named_instead_of_passed_over(tmp_path):
    save(pets(tmp_path) / "cat/3.gif")
    with pytest.raises(DataError, match=r"1 of 4 .*cat/3.gif"):
        read_image_folder(tmp_path)


def test_grey_pictures_give_one_channel_and_mixed_ones_three(tmp_path):
    save(tmp_path / "a/1.png", mode="L")
    save(tmp_path / "b/1.png", mode="1")
    data = read_image_folder(tmp_path)
    assert images(data).channels == 1
    assert told(data) == {"black-and-white converted": 1}
    save(tmp_path / "b/2.png", mode="RGB")
    data = read_image_folder(tmp_path)
    assert images(data).channels == 3
    assert told(data)["grey read as colour, as other pictures are"] == 2


def test_conversions_are_counted(tmp_path):
    save(tmp_path / "a/1.png", mode="RGBA")
    save(tmp_path / "a/2.png", mode="P")
    save(tmp_path / "a/3.jpg", mode="CMYK")
    save(tmp_path / "a/4.png", mode="I;16", color=65535)
    assert told(read_image_folder(tmp_path)) == {
        "alpha laid over white": 1,
        "palette converted": 1,
        "CMYK converted": 1,
        "16-bit grey scaled to 8-bit": 1,
        "grey read as colour, as other pictures are": 1,
    }


def test_a_picture_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "a/1.jpg", size=(6, 4), exif=exif)
    data = read_image_folder(tmp_path)
    assert images(data).sizes.tolist() == [[6, 4]]
    assert told(data) == {"turned upright as its EXIF data says": 1}


def test_a_picture_above_the_cap_is_refused_before_it_is_decoded(tmp_path):
    save(tmp_path / "a/1.png", mode="1", size=(10_000, 5_001))
    save(tmp_path / "a/2.png", mode="1", size=(19_000, 5_001))
    with pytest.raises(DataError, match=r"2 of 2 .*10000 x 5001.*more than 50 mega"):
        read_image_folder(tmp_path)


def test_the_observed_range_of_pixels_is_told(tmp_path):
    save(tmp_path / "a/1.png", mode="L", color=3)
    save(tmp_path / "a/2.png", mode="L", color=200)
    reading = read_image_folder(tmp_path).reading
    assert (reading["pixel_range"], reading["pixel_max"]) == ("3..200", "200")


def test_the_fingerprint_follows_names_and_content(tmp_path):
    first = read_image_folder(pets(tmp_path)).fingerprint
    assert first == read_image_folder(tmp_path).fingerprint
    (tmp_path / "dog").rename(tmp_path / "wolf")
    renamed = read_image_folder(tmp_path).fingerprint
    save(tmp_path / "wolf/1.png", color=(1, 1, 1))
    assert len({first, renamed, read_image_folder(tmp_path).fingerprint}) == 3


def test_pictures_without_classes_have_no_target(tmp_path):
    file = save(tmp_path / "1.png")
    assert read_image_folder(tmp_path).target is None
    assert images(read_image_folder(file)).names == ("1.png",)


def test_a_korean_class_name_is_one_class_however_it_is_composed(tmp_path):
    save(tmp_path / "train" / "\uac00" / "1.png")
    save(tmp_path / "test" / "\u1100\u1161" / "1.png")
    assert read_image_folder(tmp_path).target.levels == ("\uac00",)


def test_cat_and_dog_photographs_are_read_with_their_six_bmp_files(shared_data):
    data = read_image_folder(shared_data / "catdog")
    assert np.bincount(data.given).tolist() == [65, 0, 31]
    assert data.target.levels == ("Cat", "Dog")
    assert data.reading["formats"] == "JPEG: 90, BMP: 6"
    assert told(data) == {"BMP although the file name ends in .jpg": 6}
    assert images(data).channels == 3
