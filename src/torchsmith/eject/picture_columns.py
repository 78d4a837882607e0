"""The part of a script that makes columns of the pictures that a table names."""

from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.data import Images, Table
from torchsmith.data.picture_columns import SPELLINGS, PictureColumn, pictures_of
from torchsmith.data.pictures import (
    UNREADABLE,
    Picture,
    Unreadable,
    check,
    read_content,
    strict_decoding,
)
from torchsmith.data.tabular import TablePreparation
from torchsmith.eject.code import function, literal, quoted
from torchsmith.eject.picture_function import picture_function
from torchsmith.eject.subject import Subject

_SPELLED = {
    "as it stands": "name",
    "with slashes": r'name.replace("\\", "/")',
    "composed": 'unicodedata.normalize("NFC", name)',
    "decomposed": 'unicodedata.normalize("NFD", name)',
}
"""The code of `SPELLINGS`."""

_AXES = (0, 2, 3)
_SCALE = function(
    "pixel_scale(pixels)",
    "Return the mean and 1 / standard deviation of each channel.",
    [f"return pixels.mean(axis={_AXES}), 1 / pixels.std(axis={_AXES})"],
)
_COLUMNS = function(
    "pixel_columns(pixels, mean, factor)",
    "Scale pixels, and give each a column of its own, (N, C * H * W).",
    [
        "mean = np.array(mean, np.float32)[:, None, None]",
        "factor = np.array(factor, np.float32)[:, None, None]",
        "return ((pixels - mean) * factor).reshape(len(pixels), -1)",
    ],
)


def picture_functions(subject: Subject, table: TablePreparation) -> list[str]:
    """Write the functions that read and scale the pictures of columns.

    Raises:
        DataError: A picture is not there any more, or cannot be read.
        PlanError: The pictures of some columns are grey, those of others in colour.
    """
    if not table.pictures:
        return []
    images = table.pictures[0].images
    if len({column.shape for column in table.pictures}) > 1:
        raise PlanError(
            f"{subject.plan.data.source}: some columns name grey pictures and others "
            "coloured ones; save all in colour, train on that, and eject that run"
        )
    looked_at = [
        picture
        for column in table.pictures
        for picture in _looked_at(_images(subject, column))
    ]
    size = (images.height, images.width)
    read = picture_function(
        images,
        {what for picture in looked_at for what in picture.conversions},
        has_jpeg=any(picture.format == "JPEG" for picture in looked_at),
        resizes=any((p.height, p.width) != size for p in looked_at),
    )
    name, about = _spelled(subject, table), "Return the pictures that a column names"
    spelled = [f"names = [{name} for name in names]"] if name != "name" else []
    pixels = function(
        "pixels_of(names)",
        f"{about}, from the folder of the table.",
        [
            "folder = Path(DATA).parent",
            *spelled,
            "return np.stack([read_picture(folder / name) for name in names])",
        ],
    )
    scale = [_SCALE] if any(_is_the_same(subject, c) for c in table.pictures) else []
    return [read, pixels, *scale, _COLUMNS]


def picture_lines(subject: Subject, table: TablePreparation) -> list[str]:
    """Return the statements that add the pixels of each column to the features."""
    lines = []
    for column in table.pictures:
        lines.append(f"pixels = pixels_of(table[{quoted(column.name)}])")
        if _is_the_same(subject, column):
            lines.append("mean, factor = pixel_scale(pixels[train])")
        else:
            for name in ("mean", "factor"):
                values = {"mean": column.images.offset, "factor": column.images.factor}
                lines.append(literal(list(values[name]), 1, f"{name} = "))
        lines.append("features.append(pixel_columns(pixels, mean, factor))")
    return lines


def _images(subject: Subject, column: PictureColumn) -> Images:
    table = subject.data.inputs
    if not isinstance(table, Table):
        raise TypeError(subject.name)
    return pictures_of(table, table.columns[column.name], column.images.channels)


def _spelled(subject: Subject, table: TablePreparation) -> str:
    """Return what of `name` finds the files that the names of all columns mean."""
    columns = [_images(subject, column) for column in table.pictures]
    pairs = [(p, n) for c in columns for p, n in zip(c.files, c.names, strict=True)]
    codes = (
        code
        for how, code in _SPELLED.items()
        if all(str(path).endswith(str(Path(SPELLINGS[how](n)))) for path, n in pairs)
    )
    return next(codes, "name")


def _looked_at(images: Images) -> list[Picture]:
    found = []
    with strict_decoding():
        for path in dict.fromkeys(images.files):
            try:
                found.append(check(read_content(path)))
            except (Unreadable, *UNREADABLE) as error:
                raise DataError(f"{path}: cannot be decoded ({error})") from error
    return found


def _is_the_same(subject: Subject, column: PictureColumn) -> bool:
    """Whether the arithmetic of `_SCALE` gives the run's scale, as float32."""
    images = _images(subject, column).take(subject.parts.train)
    pixels = column.images.apply(images)
    deviation = pixels.std(axis=_AXES)
    if not deviation.all():
        return False
    return np.array_equal(
        np.array([pixels.mean(axis=_AXES), 1 / deviation], np.float32),
        np.array([column.images.offset, column.images.factor], np.float32),
    )
