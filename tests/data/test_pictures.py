from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from torchsmith.core.errors import DataError
from torchsmith.data.data import Images
from torchsmith.data.pictures import decode, sniff, thumbnail


def on_disk(*files: Path, channels: int = 3) -> Images:
    return Images(np.ones((len(files), 2), np.int32), channels, files=files)


def in_memory(pixels: np.ndarray, channels: int) -> Images:
    return Images(np.tile(pixels.shape[1:3], (len(pixels), 1)), channels, pixels)


def test_files_of_the_right_size_keep_their_exact_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    files = [tmp_path / "0.png", tmp_path / "1.png"]
    for file, picture in zip(files, pixels, strict=True):
        Image.fromarray(picture).save(file)
    out = decode(on_disk(*files), np.array([1, 0, 1]), 5, 7)
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out, pixels[[1, 0, 1]])


def test_files_become_grey_or_colour_as_asked(tmp_path):
    file = tmp_path / "0.png"
    Image.new("RGB", (3, 3), (255, 0, 0)).save(file)
    grey = decode(on_disk(file, channels=1), np.array([0]), 3, 3)
    assert grey.shape == (1, 3, 3, 1)
    assert (grey == 76).all()
    Image.new("L", (3, 3), 9).save(file)
    assert (decode(on_disk(file), np.array([0]), 3, 3) == 9).all()


def test_16_bit_grey_keeps_its_upper_8_bits(tmp_path):
    levels = np.array([[0, 256, 32768, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "0.png")
    out = decode(on_disk(tmp_path / "0.png", channels=1), np.array([0]), 1, 4)
    assert out.ravel().tolist() == [0, 1, 128, 255]


def test_transparent_pixels_become_white(tmp_path):
    Image.new("RGBA", (2, 2), (9, 9, 9, 0)).save(tmp_path / "0.png")
    assert (decode(on_disk(tmp_path / "0.png"), np.array([0]), 2, 2) == 255).all()


def test_resizing_shrinks_without_aliasing(tmp_path):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 254
    Image.fromarray(stripes).save(tmp_path / "0.png")
    for images in (
        on_disk(tmp_path / "0.png", channels=1),
        in_memory(stripes[None, ..., None], 1),
    ):
        out = decode(images, np.array([0]), 8, 8)
        assert abs(out.astype(int) - 127).max() <= 12


def test_a_large_turned_jpeg_is_decoded_upright(tmp_path):
    picture = Image.new("L", (400, 100), 0)
    picture.paste(255, (0, 0, 200, 100))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned by 90 degrees to the left
    picture.save(tmp_path / "0.jpg", exif=exif)
    out = decode(on_disk(tmp_path / "0.jpg", channels=1), np.array([0]), 40, 10)
    assert out[0, :15].min() > 240
    assert out[0, 25:].max() < 15


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_a_thumbnail_is_upright_and_fits_into_its_square(mode, channels, tmp_path):
    picture = Image.new(mode, (300, 200))
    picture.paste("white", (0, 0, 150, 200))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise: left comes to the top
    picture.save(tmp_path / "0.jpg", exif=exif)
    found = thumbnail(tmp_path / "0.jpg", 60)
    assert found.shape == (60, 40, channels)
    assert found[:28].min() > 250
    assert found[32:].max() < 5
    assert thumbnail(tmp_path / "0.jpg", 500).shape == (300, 200, channels)


def test_a_thumbnail_of_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match=r"0\.png: cannot be decoded"):
        thumbnail(tmp_path / "0.png", 8)


def test_pixels_in_memory_change_size_and_channels():
    pixels = np.full((2, 4, 4, 1), 0.5, np.float32)
    out = decode(in_memory(pixels, 3), np.array([1]), 2, 3)
    assert out.shape == (1, 2, 3, 3)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, 0.5)
    red = np.zeros((1, 2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert (decode(in_memory(red, 1), np.array([0]), 2, 2) == 76).all()


def test_a_file_that_was_damaged_since_is_named(tmp_path):
    file = tmp_path / "0.png"
    with pytest.raises(DataError, match=r"0\.png: cannot be decoded"):
        decode(on_disk(file), np.array([0]), 2, 2)


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", "tif", "webp"])
def test_formats_are_told_by_their_first_bytes(tmp_path, extension):
    file = tmp_path / f"x.{extension}"
    Image.new("RGB", (2, 2)).save(file)
    names = {"jpg": "JPEG", "tif": "TIFF"}
    assert sniff(file.read_bytes()[:32]) == names.get(extension, extension.upper())


@pytest.mark.parametrize(
    "head", [b"", b"BMW cars\n\n\n\n\n\n\n\n\n", b"RIFF1234WAVE", b"GIF89a"]
)
def test_other_content_is_no_picture(head):
    assert sniff(head) == ""
