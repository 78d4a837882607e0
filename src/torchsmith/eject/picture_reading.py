"""The part of a script that reads pictures."""

from pathlib import Path

from torchsmith.core.errors import PlanError
from torchsmith.data.data import Images
from torchsmith.data.idx import is_idx_name
from torchsmith.data.pixels_csv import find_layout
from torchsmith.eject.array_reading import read_idx_section, read_npz_section
from torchsmith.eject.class_folders import FileReader, read_class_folders_section
from torchsmith.eject.code import Section, constant, function, quoted
from torchsmith.eject.label_codes import label_lines
from torchsmith.eject.picture_function import picture_function
from torchsmith.eject.sources import Located
from torchsmith.eject.subject import Subject

_ABOUT = "Pictures become arrays of bytes, their channels first, as PyTorch wants them."


def read_pictures_section(subject: Subject, located: Located) -> Section:
    """Write how pictures are read.

    Raises:
        PlanError: They cannot be read in a few plain lines.
    """
    path, inputs = located.path, subject.data.inputs
    if path is None or not isinstance(inputs, Images):
        raise AssertionError(subject.name)
    if inputs.files:
        reader = FileReader("picture", "pixels", _ABOUT, _read_picture(subject, inputs))
        return read_class_folders_section(subject, path, inputs.files, reader)
    if located.entry or is_idx_name(path.name) or _holds(path, "images"):
        return read_idx_section(subject, path, located)
    if path.suffix == ".npz" or path.is_dir():
        return read_npz_section(subject, path)
    target = subject.plan.problem.target
    if layout := find_layout(path, target=target, kind="images"):
        return _pixel_file(subject, path, layout.delimiter, layout.label, layout.header)
    raise PlanError(f"{path}: there is no plain way to read this source in a script")


def _holds(path: Path, what: str) -> bool:
    return path.is_dir() and any(
        is_idx_name(file.name) and what in file.name for file in path.iterdir()
    )


def _pixel_file(
    subject: Subject,
    path: Path,
    delimiter: str,
    label: int | None,
    header: tuple[str, ...],
) -> Section:
    import numpy as np

    skipped = ", skiprows=1" if header else ""
    load = f"np.loadtxt(DATA, np.int32, delimiter={quoted(delimiter)}{skipped})"
    place = label or 0
    inputs = subject.data.inputs
    if not isinstance(inputs, Images) or inputs.pixels is None:
        raise AssertionError(path)
    side = inputs.pixels.shape[1]
    labels = subject.target.values
    if subject.target.kind == "number":
        labels = labels.astype(np.int64)
    body = [
        f"cells = {load}",
        f"labels, pixels = cells[:, {place}], np.delete(cells, {place}, axis=1)",
        f"pixels = pixels.astype(np.uint8).reshape(-1, 1, {side}, {side})",
        *label_lines(subject, labels, "labels"),
        "return pixels, targets",
    ]
    return Section(
        title="Read the data",
        about="Each line holds a label and the pixels of one picture.",
        code=function("read()", "Return the pictures and their targets.", body),
        steps=("pixels, targets = read()",),
        constants=(constant("DATA", str(path)), *_classes(subject)),
    )


def _classes(subject: Subject) -> tuple[str, ...]:
    return (constant("CLASSES", list(subject.classes)),) if subject.classes else ()


def _read_picture(subject: Subject, images: Images) -> str:
    prepared = subject.preparation.images
    if prepared is None:
        raise AssertionError(subject.name)
    return picture_function(
        prepared,
        {change.what for change in subject.data.changes},
        has_jpeg="JPEG" in subject.data.reading.get("formats", ""),
        resizes=not (images.sizes == (prepared.height, prepared.width)).all(),
    )
