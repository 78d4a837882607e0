"""Runs on tables of which columns name picture files, as scripts."""

import numpy as np
import pytest
from PIL import Image

import torchsmith as ts

from .test_eject import verified

NET = {"PictureTableNet": {"channels": [4, 8], "features": 4, "hidden": [16]}}
QUICK = {
    "training.epochs": 2,
    "training.threads": 1,
    "doctor.examine": False,
    "network": NET,
    "prepare.Resize": {"height": 8, "width": 8},
}


def shop(folder, num=80, *, colour=False):
    """A table whose price is the brightness of two pictures, and what columns add."""
    random = np.random.default_rng(0)
    (folder / "shots").mkdir(parents=True)
    lines = ["front;extra;made;kind;back;price"]
    for row in range(num):
        bright, extra = random.integers(20, 200), random.integers(0, 99) / 10
        for side, ending in (("à", "png"), ("b", "jpg" if colour else "png")):
            size = (9 + row % 3, 40, *((3,) * colour))
            pixels = (bright + random.integers(0, 50, size)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"shots/{row % 70}{side}.{ending}")
        cells = [f"shots/{row % 70}à.png", f"{extra}".replace(".", ",")]
        cells += [f"2024-01-{1 + row % 28:02d}", ("old", "new", "né")[row % 3]]
        price = f"{bright / 10 + extra:.2f}".replace(".", ",")
        lines.append(";".join([*cells, f"shots/{row % 70}b.{ending}", price]))
    (folder / "shop.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder / "shop.csv"


@pytest.mark.parametrize("colour", [False, True])
def test_columns_of_pictures_end_with_the_same_weights(tmp_path, colour):
    source = shop(tmp_path, colour=colour)
    run = ts.train(source, target="price", settings=QUICK, runs=tmp_path)
    assert run.plan.data.columns["front"] == "picture"
    code = verified(run, tmp_path / "train.py")
    assert 'pixels = pixels_of(table["front"])' in code
    assert "embedding(codes[:, i])" in code
    assert ("picture.draft(None, (16, 16))" in code) == colour


def test_pictures_with_captions_end_with_the_same_weights(tmp_path):
    lines = ["photo,caption,size"]
    for row in range(80):
        pixels = np.full((8, 8), 3 * row, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{row}.png")
        lines.append(f"{row}.png,a {('cat', 'dog')[row % 2]} no. {row},{row}.5")
    (tmp_path / "shots.csv").write_text("\n".join(lines) + "\n")
    run = ts.train(tmp_path / "shots.csv", target="size", settings=QUICK, runs=tmp_path)
    assert run.plan.data.columns == {"photo": "picture", "caption": "text"}
    names = run.model.preparation.feature_names
    assert names[:2] == ("caption has 'cat'", "caption has 'dog'")
    code = verified(run, tmp_path / "train.py")
    words, pixels = "bag_of_words(table[name]", 'pixels_of(table["photo"'
    assert code.index(words) < code.index(pixels)


@pytest.mark.parametrize(
    ("written", "stored", "code_of_name"),
    [
        (".\\{}", "{}", 'name.replace("\\\\", "/")'),
        ("\u00e9{}", "e\u0301{}", 'unicodedata.normalize("NFD", name)'),
    ],
    ids=["Windows", "macOS"],
)
def test_pictures_alone_of_one_shade_end_with_the_same_weights(
    tmp_path, written, stored, code_of_name
):
    """Where names come from other systems, and a channel never changes."""
    lines = ["photo,kind"]
    for row in range(60):
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels[..., 0] = 100 * (row % 2) + row
        Image.fromarray(pixels).save(tmp_path / stored.format(f"{row}.png"))
        lines.append(f"{written.format(f'{row}.png')},{'ab'[row % 2]}")
    (tmp_path / "shots.csv").write_text("\n".join(lines) + "\n")
    run = ts.train(tmp_path / "shots.csv", target="kind", settings=QUICK, runs=tmp_path)
    code = verified(run, tmp_path / "train.py")
    assert f"names = [{code_of_name} for name in names]" in code
    assert "picture.resize(" not in code
    assert "def pixel_scale(" not in code
