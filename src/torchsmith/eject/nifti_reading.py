"""The part of a script that reads volumes from NIfTI files."""

from pathlib import Path
from typing import Any

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.data.data import Volumes
from torchsmith.eject.class_folders import FileReader, read_class_folders_section
from torchsmith.eject.code import Section, function
from torchsmith.eject.subject import Subject


def read_nifti_section(subject: Subject, path: Path) -> Section:
    """Write how class folders of NIfTI files are read.

    Raises:
        PlanError: The files lie, or are left out, in a way that takes many lines.
    """
    inputs = subject.data.inputs
    if not isinstance(inputs, Volumes) or not inputs.names:
        raise AssertionError(subject.name)
    files = [path / name for name in inputs.names]
    if not all(file.is_file() for file in files):
        raise PlanError(
            f"{path}: the names of some files are no UTF-8; rename them, train on "
            "that, and eject that run"
        )
    reader = FileReader(
        noun="volume",
        array="voxels",
        about="NIfTI files hold volumes of the body, and say in their headers how they "
        "lie in it.",
        code=_read_volume(inputs.values, files[0]),
    )
    return read_class_folders_section(subject, path, files, reader)


def _read_volume(values: np.ndarray, file: Path) -> str:
    import nibabel

    shape = ", ".join(map(str, values.shape[1:]))
    image: Any = nibabel.load(file)
    channel = "" if len(image.shape) == 4 else "[..., None]"
    body = [
        "# The axes are turned: to the right, to the front, up.",
        "image = nibabel.as_closest_canonical(nibabel.load(path))",
        f"voxels = np.asanyarray(image.dataobj).astype(np.{values.dtype})",
        f"return voxels{channel}.transpose(3, 2, 1, 0)  # the channels first",
    ]
    about = f"Return one volume, ({shape}): upwards, to the front, to the right."
    return function("read_volume(path)", about, body)
