"""NIfTI files: volumes of the body, in folders of classes, or without classes.

```
scans/healthy/1.nii.gz  scans/ill/2.nii.gz                split by Torchsmith
scans/train/healthy/1.nii  scans/test/healthy/7.nii       split as given
scans/1.nii.gz  scans/2.nii.gz                            no classes, for prediction
```

Source: https://nifti.nimh.nih.gov/nifti-1, read with https://nipy.org/nibabel.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer
from torchsmith.core.wording import SHOWN, listed
from torchsmith.data import fingerprint
from torchsmith.data.data import Change, Data, Volumes
from torchsmith.data.labels import PART_CODES, text_column
from torchsmith.data.on_disk import extremes
from torchsmith.data.picture_files import (
    FoundPicture,
    PassedOver,
    damage_changes,
    damage_text,
    find_pictures,
    printable,
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
        """`(X, Y, Z)` or `(X, Y, Z, C)`, in voxels, as the axes are turned."""
        return self._turned(self.image.shape)

    @property
    def voxel_size(self) -> tuple[float, ...]:
        """To the right, to the front, up, as the header says."""
        return self._turned(self.image.header.get_zooms())[:3]

    def _turned(self, sides: tuple[Any, ...]) -> tuple[Any, ...]:
        from nibabel.orientations import io_orientation

        if len(sides) < 3:
            return sides
        order = io_orientation(self.image.affine)[:, 0].argsort()
        return (*(sides[axis] for axis in order), *sides[3:])


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
    found = find_pictures(path, passed, labelled=labelled)
    observer = observer or Observer()
    observer.stage("Reading volumes", len(found))
    opened = [_open(file, root) for file in found]
    _refuse_unusable(path, _sound(path, opened, skip_damaged=skip_damaged))
    scans, pieces, digests = _read(opened, observer)
    left_out = damage_changes(_damaged(scans), "volume")
    scans = _sound(path, scans, skip_damaged=skip_damaged)
    changes = [*passed.changes(), *_rounded(pieces), *left_out]
    values = np.stack(pieces)
    names = tuple(scan.name for scan in scans)
    dtype = stored_type(str(path), values, changes, *_WORDS, names=names)
    stored = values.astype(dtype, copy=False)
    labels = [s.file.label for s in scans if s.file.label is not None]
    parts = [PART_CODES[s.file.part] for s in scans if s.file.part]
    low, high = extremes(stored)
    return Data(
        source=str(path),
        inputs=Volumes(stored, names),
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
    from nibabel.orientations import io_orientation
    from nibabel.spatialimages import HeaderDataError

    name = printable(file.path.relative_to(root).as_posix())
    try:
        image: Any = nibabel.load(file.path)
    except (OSError, EOFError, ValueError, ImageFileError, HeaderDataError) as error:
        return _Scan(file, name, None, _first_line(error))
    if image.get_data_dtype().fields:
        return _Scan(file, name, image, "holds colours; only numbers are read")
    if np.isnan(io_orientation(image.affine)).any():
        return _Scan(file, name, image, "its header gives an axis no direction")
    return _Scan(file, name, image)


def _sound(
    path: Path, scans: Sequence[_Scan], *, skip_damaged: bool | None
) -> list[_Scan]:
    """Return the files that can be read.

    Raises:
        DataError: Some cannot be, and are not to be left out; or none can.
    """
    damaged = _damaged(scans)
    if damaged and not skip_damaged:
        what, asked = "files cannot be read", skip_damaged is not None
        raise DataError(damage_text(path, damaged, len(scans), what, skippable=asked))
    if len(damaged) == len(scans):
        raise DataError(f"{path}: all files are damaged")
    return [scan for scan in scans if not scan.problem]


def _refuse_unusable(path: Path, scans: Sequence[_Scan]) -> None:
    shapes: dict[tuple[int, ...], list[str]] = {}
    for scan in scans:
        shapes.setdefault(scan.shape, []).append(scan.name)
    if len(shapes) > 1:
        by_count = sorted(shapes.items(), key=lambda item: -len(item[1]))
        told = "; ".join(
            f"{' x '.join(map(str, shape))}: {listed(names)}"
            for shape, names in by_count[:SHOWN]
        )
        more = f"; and {len(shapes) - SHOWN} more" * (len(shapes) > SHOWN)
        raise DataError(
            f"{path}: the volumes have {len(shapes)} shapes ({told}{more}); bring all "
            "to one shape first, such as by resampling"
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
    opened: Sequence[_Scan], observer: Observer
) -> tuple[list[_Scan], list[np.ndarray], list[bytes]]:
    """Read the voxels of all files whose header could be read.

    Returns:
        All files, some with a problem that they were not known to have; and of those
        without one `(C, D, H, W)` and the SHA-256.
    """
    scans, pieces, digests = [], [], []
    for number, scan in enumerate(opened, start=1):
        scans.append(scan)
        if not scan.problem:
            try:
                content = scan.file.path.read_bytes()
                pieces.append(_voxels(content, type(scan.image)))
                digests.append(hashlib.sha256(content).digest())
            except (OSError, EOFError, ValueError, zlib.error) as error:
                scans[-1] = replace(scan, problem=_first_line(error))
        observer.advance(number)
    return scans, pieces, digests


def _voxels(content: bytes, image_class: Any) -> np.ndarray:  # noqa: ANN401
    """Return `(C, D, H, W)` from the content of a file."""
    import nibabel

    if content.startswith(b"\x1f\x8b"):
        # Whole, with its checksum, over which nibabel passes.
        content = gzip.decompress(content)
    image = nibabel.as_closest_canonical(image_class.from_bytes(content))
    voxels: np.ndarray = np.asanyarray(image.dataobj)
    channels_last = voxels if voxels.ndim == 4 else voxels[..., None]
    return channels_last.transpose(3, 2, 1, 0)


def _rounded(pieces: list[np.ndarray]) -> list[Change]:
    """Make float64 float32 in place, and count the values that this changes."""
    rounded = 0
    for place, voxels in enumerate(pieces):
        if voxels.dtype == np.float64:
            pieces[place] = voxels.astype(np.float32)
            rounded += int(np.count_nonzero(pieces[place] != voxels))
    if not rounded:
        return []
    what = "voxel values rounded from float64 to float32"
    return [Change(column="", what=what, count=rounded)]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _damaged(scans: Sequence[_Scan]) -> list[tuple[str, str]]:
    return [(scan.name, scan.problem) for scan in scans if scan.problem]


def _voxel_sizes(scans: Sequence[_Scan]) -> str:
    """Write the size of a voxel: right, front, up, as the headers say."""
    sizes = np.array([scan.voxel_size for scan in scans], np.float64)
    low, high = sizes.min(axis=0), sizes.max(axis=0)
    sides = [
        f"{a:.4g}" if np.isclose(a, b, rtol=1e-3) else f"{a:.4g} to {b:.4g}"
        for a, b in zip(low, high, strict=True)
    ]
    return " x ".join(sides)
