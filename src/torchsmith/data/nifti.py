"""NIfTI files: volumes of the body, in folders of classes, or without classes.

```
scans/healthy/1.nii.gz  scans/ill/2.nii.gz                split by Torchsmith
scans/train/healthy/1.nii  scans/test/healthy/7.nii       split as given
scans/1.nii.gz  scans/2.nii.gz                            no classes, for prediction
```

Source: https://nifti.nimh.nih.gov/nifti-1, read with https://nipy.org/nibabel.
"""

import hashlib
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer
from torchsmith.data import fingerprint
from torchsmith.data.data import Change, Data, Volumes
from torchsmith.data.labels import PART_CODES, text_column
from torchsmith.data.on_disk import extremes
from torchsmith.data.picture_files import (
    NAMED_FIRST,
    FoundPicture,
    PassedOver,
    damage_text,
    find_pictures,
    printable,
    require_in_train,
)
from torchsmith.data.pictures import EXTENSIONS
from torchsmith.data.pixel_arrays import stored_type
from torchsmith.data.volumes import refuse_large

ENDINGS = (".nii", ".nii.gz")

_MISSING = (
    "NIfTI files are read by nibabel, which is not installed; install it with: "
    'pip install "torchsmith[volumes]"'
)


@dataclass(frozen=True)
class _Scan:
    """A file whose header was read: an image of nibabel, or why there is none."""

    file: FoundPicture
    name: str
    image: Any
    problem: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """`(X, Y, Z)` or `(X, Y, Z, C)`, in voxels."""
        return tuple(map(int, self.image.shape))


def is_nifti(file: Path) -> bool:
    """Whether a file is named as NIfTI files are."""
    name = file.name.lower()
    return name.endswith(ENDINGS) and not name.startswith(".")


def holds_nifti(folder: Path) -> bool:
    """Whether the first picture or NIfTI file under a folder is a NIfTI file."""
    for _, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if name[0] != ".")
        for name in sorted(names):
            if is_nifti(Path(name)):
                return True
            if Path(name).suffix.lower() in EXTENSIONS:
                return False
    return False


def read_nifti(
    path: Path,
    *,
    target: str | None = None,
    skip_damaged: bool | None = False,
    labelled: bool = True,
    observer: Observer | None = None,
) -> Data:
    """Read a folder of NIfTI files, or one file.

    Each volume is turned so that its axes point to the right, to the front and up, as
    its header says, and becomes `(C, D, H, W)`: upwards, to the front, to the right.

    Args:
        path: The folder, or one file.
        target: What to call the label; default `"label"`.
        skip_damaged: Leave damaged files out and list them, instead of refusing.
            None refuses, too, where there is no plan in which to ask for it.
        labelled: Whether folders are parts and classes; else all are read alike.
        observer: Is told how many files are read.

    Returns:
        Volumes; targets are the names of the class folders, or None where the folder
        holds files only.

    Raises:
        DataError: nibabel is not installed, a file is damaged, volumes differ in shape,
            or they do not fit into memory.
    """
    if find_spec("nibabel") is None:
        raise DataError(f"{path}: {_MISSING}")
    passed = PassedOver(is_nifti, "volume", ENDINGS)
    root = path.parent if path.is_file() else path
    scans = [
        _open(file, root) for file in find_pictures(path, passed, labelled=labelled)
    ]
    observer = observer or Observer()
    observer.stage("Reading volumes", len(scans))
    damaged = [scan for scan in scans if scan.problem]
    if damaged and not skip_damaged:
        named = [(scan.name, scan.problem) for scan in damaged]
        what, asked = "files cannot be read", skip_damaged is not None
        raise DataError(damage_text(path, named, len(scans), what, skippable=asked))
    scans = [scan for scan in scans if not scan.problem]
    _refuse_unusable(path, scans)
    require_in_train(path, {(s.file.part, s.file.label) for s in scans})
    changes = [*passed.changes(), *_left_out(damaged)]
    values, digests = _read(path, scans, changes, observer)
    stored = np.asarray(values, stored_type(str(path), values, changes, *_WORDS))
    labels = [s.file.label for s in scans if s.file.label is not None]
    parts = [PART_CODES[s.file.part] for s in scans if s.file.part]
    low, high = extremes(stored)
    return Data(
        source=str(path),
        inputs=Volumes(stored, tuple(scan.name for scan in scans)),
        target=text_column(target or "label", labels) if labels else None,
        given=np.array(parts, np.int8) if len(set(parts)) > 1 else None,
        fingerprint=fingerprint.of_files(
            (scan.name, digest) for scan, digest in zip(scans, digests, strict=True)
        ),
        reading={
            "format": "NIfTI",
            "axes": "turned to right, front, up; read as (up, front, right)",
            "voxel_size": _voxel_sizes(scans),
            "voxel_range": f"{low:.9g}..{high:.9g}",
        },
        changes=tuple(changes),
    )


_WORDS = ("volume", "voxel")


def _open(file: FoundPicture, root: Path) -> _Scan:
    """Read a header; the voxels are read later."""
    import nibabel
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    name = printable(file.path.relative_to(root).as_posix())
    try:
        image = nibabel.as_closest_canonical(nibabel.load(file.path))
    except (OSError, EOFError, ValueError, ImageFileError, HeaderDataError) as error:
        return _Scan(file, name, None, _first_line(error))
    if image.get_data_dtype().fields:
        return _Scan(file, name, image, "holds colours; only numbers are read")
    return _Scan(file, name, image)


def _refuse_unusable(path: Path, scans: Sequence[_Scan]) -> None:
    if not scans:
        raise DataError(f"{path}: all files are damaged")
    shapes: dict[tuple[int, ...], str] = {}
    for scan in scans:
        shapes.setdefault(scan.shape, scan.name)
    if len(shapes) > 1:
        told = "; ".join(
            f"{name} is {' x '.join(map(str, shape))}"
            for shape, name in list(shapes.items())[:NAMED_FIRST]
        )
        raise DataError(
            f"{path}: the volumes have {len(shapes)} shapes ({told}); bring all to one "
            "shape first, such as by resampling"
        )
    shape = scans[0].shape
    if len(shape) not in (3, 4) or 0 in shape:
        raise DataError(
            f"{path}: {scans[0].name} has {len(shape)} dimensions, {shape}; volumes "
            "have three, and a fourth for channels"
        )
    bytes_only = all(s.image.get_data_dtype() == np.uint8 for s in scans)
    refuse_large(str(path), (len(scans), *shape), 1 if bytes_only else 4)


def _read(
    path: Path, scans: Sequence[_Scan], changes: list[Change], observer: Observer
) -> tuple[np.ndarray, list[bytes]]:
    """Return `(N, C, D, H, W)` and the SHA-256 of each file."""
    pieces, digests, damaged, rounded = [], [], [], 0
    for number, scan in enumerate(scans, start=1):
        try:
            digests.append(hashlib.sha256(scan.file.path.read_bytes()).digest())
            voxels = np.asanyarray(scan.image.dataobj)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            damaged.append(f"{scan.name} ({_first_line(error)})")
            continue
        if voxels.dtype == np.float64:
            short = voxels.astype(np.float32)
            rounded += int(np.count_nonzero(short != voxels))
            voxels = short
        channels_last = voxels if voxels.ndim == 4 else voxels[..., None]
        pieces.append(channels_last.transpose(3, 2, 1, 0))
        observer.advance(number)
    if damaged:
        more = f" and {len(damaged) - NAMED_FIRST} more" * (len(damaged) > NAMED_FIRST)
        raise DataError(
            f"{path}: the voxels of {len(damaged)} of {len(scans)} files cannot be "
            f"read: {'; '.join(damaged[:NAMED_FIRST])}{more}; replace or remove them"
        )
    if rounded:
        what = "voxel values rounded from float64 to float32"
        changes.append(Change(column="", what=what, count=rounded))
    return np.stack(pieces), digests


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _left_out(damaged: Sequence[_Scan]) -> list[Change]:
    if not damaged:
        return []
    names = ", ".join(scan.name for scan in damaged)
    what = f"damaged volumes left out: {names}"
    return [
        Change(column="", what=what, count=len(damaged), example=damaged[0].problem)
    ]


def _voxel_sizes(scans: Sequence[_Scan]) -> str:
    """Write the size of a voxel: right, front, up, as the headers say."""
    sizes = np.array([scan.image.header.get_zooms()[:3] for scan in scans], np.float64)
    low, high = sizes.min(axis=0), sizes.max(axis=0)
    sides = [
        f"{a:.4g}" if np.isclose(a, b, rtol=1e-3) else f"{a:.4g} to {b:.4g}"
        for a, b in zip(low, high, strict=True)
    ]
    return " x ".join(sides)
