"""Columns of a table that name picture files."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unicodedata import normalize

import numpy as np

from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.observer import Observer
from torchsmith.core.record import Record
from torchsmith.data.data import Column, Images, Table
from torchsmith.data.picture_checks import CheckedPicture, check_pictures
from torchsmith.data.picture_files import FoundPicture
from torchsmith.data.pictures import EXTENSIONS, stores_grey
from torchsmith.data.pixels import ImagePreparation, fit_images
from torchsmith.data.steps import Resize, Standardize, Step

MOSTLY = 0.95
"""Of a column's different texts name picture files that are there."""

SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "as it stands": str,
    "with slashes": lambda name: name.replace("\\", "/"),
    "composed": partial(normalize, "NFC"),
    "decomposed": partial(normalize, "NFD"),
}
"""In which a name is looked for: one that was written on Windows, with backslashes, or
on macOS, where é and 한 may be several characters, means the same elsewhere."""


class PictureColumn(Record):
    """What is known of a column that names picture files.

    Attributes:
        name: Of the column.
        images: The size and the scale of its pictures.
    """

    name: str
    images: ImagePreparation

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)`."""
        return (self.images.channels, self.images.height, self.images.width)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the pixels are called, channel by channel, row by row."""
        places = np.ndindex(self.shape)
        return tuple(f"{self.name}: pixel {c}, {y}, {x}" for c, y, x in places)

    def features(self, table: Table) -> np.ndarray:
        """Return the scaled pixels, `(N, C * H * W)` float32.

        Raises:
            DataError: A picture is not named, not there, or cannot be read.
        """
        column = table.columns[self.name]
        images = pictures_of(table, column, self.images.channels)
        try:
            pixels = self.images.apply(images).astype(np.float32)
        except DataError:
            refuse_unreadable(table, column)  # says in which rows
            raise
        channel = (-1, 1, 1)
        pixels -= np.array(self.images.offset, np.float32).reshape(channel)
        pixels *= np.array(self.images.factor, np.float32).reshape(channel)
        return pixels.reshape(len(pixels), math.prod(self.shape))


def fit_pictures(table: Table, column: Column, steps: Sequence[Step]) -> PictureColumn:
    """Fit the size and the scale of pictures on the training rows.

    Args:
        table: The training rows.
        column: Names their pictures.
        steps: The plan's `prepare` section; `Resize` says their size.

    Raises:
        DataError: A picture is not named, not there, or cannot be read.
        PlanError: There is no `Resize`.
    """
    resize = next((step for step in steps if isinstance(step, Resize)), None)
    if resize is None:
        raise PlanError(
            f"prepare: the column '{column.name}' names pictures, which need one size; "
            "add a Resize step, such as Resize: {height: 32, width: 32}"
        )
    files = pictures_of(table, column, channels=1).files
    grey = all(stores_grey(path) for path in dict.fromkeys(files))
    images = pictures_of(table, column, 1 if grey else 3)
    return PictureColumn(
        name=column.name, images=fit_images(images, [resize, Standardize()])
    )


def pictures_of(table: Table, column: Column, channels: int) -> Images:
    """Return the pictures that a column names, one for each row.

    Args:
        table: Knows the folder that the names start from.
        column: Of texts.
        channels: 1 (grey) or 3 (colour): what they become.

    Raises:
        DataError: A row names none, or one that is not there; says the lines.
    """
    _refuse(table, column, lacking_pictures(table, column))
    paths = [file_of(table.folder, level) for level in column.levels]
    codes = column.values
    files = tuple(paths[code] for code in codes.tolist())
    names = tuple(column.levels[code] for code in codes.tolist())
    sizes = np.zeros((len(files), 2), np.int32)
    return Images(sizes=sizes, channels=channels, files=files, names=names)


@dataclass(frozen=True)
class Lacking:
    """Rows that have no picture, or a damaged one.

    Attributes:
        rows: Which.
        what: What they do instead: `"name no picture"`.
        remedy: What to do.
        example: The first file that is not there, or why it cannot be decoded, as an
            addition to the lines.
    """

    rows: np.ndarray
    what: str
    remedy: str
    example: str = ""


def lacking_pictures(table: Table, column: Column) -> Iterator[Lacking]:
    """Find the rows that name no picture, and those whose picture is not there.

    Args:
        table: Knows the folder that the names start from.
        column: Of texts.
    """
    if len(gone := np.flatnonzero(column.missing)):
        yield Lacking(gone, "name no picture", "name one in each row, or remove these")
    paths = [file_of(table.folder, level) for level in column.levels]
    # The last entry is what a missing name, -1, finds: it is told above.
    there = np.array([*(path.is_file() for path in paths), True], bool)
    if len(gone := np.flatnonzero(~there[column.values])):
        yield Lacking(
            gone,
            "name a picture that is not there",
            "names start from the folder of the table: bring the files there",
            f"; first: {paths[int(column.values[gone[0]])]}",
        )


def check_column(
    table: Table, column: Column, observer: Observer | None = None
) -> list[CheckedPicture]:
    """Open each picture that a column names and that is there, once.

    Args:
        table: Knows the folder that the names start from.
        column: Of texts.
        observer: Is told how many are checked.

    Returns:
        The pictures in the order of the column's levels, called as its cells say.
    """
    used = np.unique(column.values[~column.missing]).tolist()
    names = [column.levels[code] for code in used]
    files = {name: file_of(table.folder, name) for name in names}
    there = [name for name in names if files[name].is_file()]
    found = [FoundPicture(files[name], None, None) for name in there]
    return check_pictures(found, there, observer or Observer())


def rows_with(column: Column, pictures: Sequence[CheckedPicture]) -> np.ndarray:
    """Return the rows that name one of these pictures."""
    names = {item.name for item in pictures}
    codes = [code for code, name in enumerate(column.levels) if name in names]
    return np.flatnonzero(np.isin(column.values, codes))


def damaged_pictures(
    column: Column, checked: Sequence[CheckedPicture]
) -> Iterator[Lacking]:
    """Find the rows whose picture cannot be decoded.

    Args:
        column: Of texts.
        checked: Its pictures.
    """
    damaged = {item.name: item for item in checked if item.picture is None}
    if damaged:
        rows = rows_with(column, [*damaged.values()])
        first = damaged[column.levels[column.values[rows[0]]]]
        yield Lacking(
            rows,
            "name a picture that cannot be decoded",
            "repair these files, or remove these rows",
            f"; first: {first.file.path}: {first.problem}",
        )


def refuse_unreadable(table: Table, column: Column) -> None:
    """Look at each picture that a column names, before anything is learned.

    Raises:
        DataError: A picture is not named, not there, or damaged; says the lines.
    """
    _refuse(table, column, lacking_pictures(table, column))
    _refuse(table, column, damaged_pictures(column, check_column(table, column)))


def _refuse(table: Table, column: Column, found: Iterable[Lacking]) -> None:
    for lacking in found:
        raise DataError(
            f"column '{column.name}': {len(lacking.rows):,} of {len(table):,} rows "
            f"{lacking.what} ({table.places(lacking.rows)}{lacking.example}); "
            f"{lacking.remedy}"
        )


def file_of(folder: Path | None, name: str) -> Path:
    """Return the file that a cell names, from the folder of its table.

    It is the first of `SPELLINGS` that is there.
    """
    if name.isascii() and "\\" not in name:
        return (folder or Path()) / name
    _, slashed, *_ = paths = [
        (folder or Path()) / spelled(name) for spelled in SPELLINGS.values()
    ]
    return next((path for path in paths if path.is_file()), slashed)


def names_pictures(levels: Sequence[str], folder: Path | None) -> bool:
    """Whether the texts of a column name picture files that are there.

    >>> names_pictures(["red", "blue"], None)
    False
    """
    if not look_like_pictures(levels):
        return False
    there = sum(file_of(folder, name).is_file() for name in levels)
    return there >= MOSTLY * len(levels)


def look_like_pictures(levels: Sequence[str]) -> bool:
    """Whether the texts of a column end as names of picture files do.

    >>> look_like_pictures(["red.png", "blue.PNG"]), look_like_pictures(["red", "blue"])
    (True, False)
    """
    named = sum(Path(level).suffix.lower() in EXTENSIONS for level in levels)
    return 0 < MOSTLY * len(levels) <= named
