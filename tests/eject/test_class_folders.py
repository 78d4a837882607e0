"""Runs on class folders, of pictures and of NIfTI files, as scripts."""

import unicodedata

import numpy as np
import pytest
from PIL import Image

import torchsmith as ts

from .test_eject import verified

nibabel = pytest.importorskip("nibabel")

QUICK = {"training.epochs": 2, "training.threads": 1}
VOLUMES = {**QUICK, "network": {"VolumeNet": {"channels": [4]}}}
LEFT_BACK_UP = np.diag([-1.0, -1.0, 2.0, 1.0])


def write_scans(folder, names=("ill", "well"), *, num=14, channels=()):
    """Bright and dark scans; every other one was saved from left to right."""
    for code, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for place in range(num):
            random = np.random.default_rng(100 * code + place)
            voxels = random.normal(code, 1, (6, 7, 8, *channels)).astype(np.float32)
            affine = LEFT_BACK_UP if place % 2 else np.eye(4)
            image = nibabel.Nifti1Image(voxels, affine)
            nibabel.save(image, folder / name / f"{place}.nii.gz")
    return folder


def test_scans_of_several_directions_end_with_the_same_weights(tmp_path):
    source = write_scans(tmp_path / "scans", ("sain", "malade\u0301 9"))
    (source / "sain" / "broken.nii").write_bytes(b"no scan")
    settings = {**VOLUMES, "data.skip_damaged": True}
    run = ts.train(source, settings=settings, runs=tmp_path)
    code = verified(run, tmp_path / "train.py")
    assert "nibabel.as_closest_canonical(nibabel.load(path))" in code
    assert 'LEFT_OUT = ["broken.nii"]  # no volumes, or damaged' in code


def test_scans_of_bytes_and_channels_in_parts_end_with_the_same_weights(tmp_path):
    write_scans(tmp_path / "scans" / "train", channels=(2,), num=20)
    write_scans(tmp_path / "scans" / "test", channels=(2,), num=5)
    for file in (tmp_path / "scans").rglob("*.nii.gz"):
        voxels = np.asanyarray(nibabel.load(file).dataobj)
        image = nibabel.Nifti1Image((voxels * 9 + 90).astype(np.uint8), np.eye(4))
        nibabel.save(image, file)
    run = ts.train(tmp_path / "scans", settings=VOLUMES, runs=tmp_path)
    code = verified(run, tmp_path / "train.py")
    assert ".astype(np.uint8)" in code
    assert 'is_test.append(part == "test")' in code


def test_pictures_of_folders_in_another_order_or_spelling_are_the_same(tmp_path):
    """Where a class lacks pictures in a part, where folders are spelled by a Mac."""
    folders = ("10", "2", unicodedata.normalize("NFD", "été"))
    for part, names in (("train", folders), ("test", folders[:2])):
        for code, name in enumerate(names):
            folder = tmp_path / "shots" / part / name
            folder.mkdir(parents=True)
            for place in range(12):
                random = np.random.default_rng(100 * code + place + 50 * len(part))
                pixels = random.integers(0, 80, (9, 9)) + 60 * code
                image = Image.fromarray(pixels.astype(np.uint8))
                image.save(folder / f"{place}.png")
            if names == folders:
                (folder / "11.png").write_bytes(b"")  # there are others of this name
    net = {"MLP": {"hidden": [4]}}
    settings = {**QUICK, "network": net, "data.skip_damaged": True}
    run = ts.train(tmp_path / "shots", settings=settings, runs=tmp_path)
    code = verified(run, tmp_path / "train.py")
    assert "for name, code in FOLDERS.items():" in code
    assert "if path.relative_to(DATA).as_posix() not in LEFT_OUT:" in code
