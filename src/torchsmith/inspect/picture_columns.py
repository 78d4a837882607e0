"""Checks of columns that name picture files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from torchsmith.core.observer import Observer
from torchsmith.core.wording import amount, sentence
from torchsmith.data.data import Change, Column, Images, Table
from torchsmith.data.lines import Named
from torchsmith.data.picture_checks import CheckedPicture, converted
from torchsmith.data.picture_columns import (
    MOSTLY,
    Lacking,
    check_column,
    damaged_pictures,
    file_of,
    lacking_pictures,
    look_like_pictures,
    rows_with,
)
from torchsmith.inspect.images import (
    describe_images,
    find_in_images,
    find_wrong_names,
    is_wrong_name,
    look_at,
)
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.profile import Profile
from torchsmith.inspect.values import Roles, find_changes


@dataclass(frozen=True)
class _Shown(Named):
    """The pictures that a column names, each called with its lines."""

    kind = "images"

    table: Table
    column: Column
    pictures: Sequence[CheckedPicture]

    def name(self, index: int) -> str:
        picture = self.pictures[index]
        rows = rows_with(self.column, [picture])
        return f"{picture.name} ({self.table.places(rows)})"


def find_in_picture_columns(
    table: Table, profiles: Sequence[Profile], roles: Roles, observer: Observer
) -> Iterator[Finding]:
    """Check that each row has its picture, and the pictures as those of a folder.

    Args:
        table: Knows its lines, and the folder that names start from.
        profiles: The input columns.
        roles: What each is used as, and why.
        observer: Told how many pictures are checked.
    """
    for profile in profiles:
        if profile.kind != "text":
            continue
        if roles[profile.name][0] == "picture":
            column = profile.column
            checked = check_column(table, column, observer)
            yield from _lacking(table, column, lacking_pictures(table, column))
            yield from _lacking(table, column, damaged_pictures(column, checked))
            good = [item for item in checked if item.picture is not None]
            yield from _converted(table, column, good)
            yield from _shown(table, column, good, observer)
        elif look_like_pictures(profile.levels):
            yield from _elsewhere(table, profile)


def _lacking(
    table: Table, column: Column, lacking: Iterable[Lacking]
) -> Iterator[Finding]:
    for found in lacking:
        count = len(found.rows)
        what = found.what if count > 1 else found.what.replace("name", "names", 1)
        yield Finding(
            code="D38",
            severity="error",
            message=f"{amount(count, 'row')} {what} in '{column.name}'.",
            where=f"column '{column.name}', {table.places(found.rows)}",
            evidence=found.example.removeprefix("; "),
            remedy=f"{sentence(found.remedy)}, or set "
            f"data.columns.{column.name} to ignore.",
        )


def _converted(
    table: Table, column: Column, good: Sequence[CheckedPicture]
) -> Iterator[Finding]:
    """Report the pictures that are not read as they stand, with their lines."""
    changes = []
    for what, items in converted(good).items():
        rows = rows_with(column, items)
        if is_wrong_name(what):  # of files, whatever number of rows names each
            firsts = np.unique(column.values[rows], return_index=True)[1]
            rows = rows[np.sort(firsts)]
        first = column.levels[column.values[rows[0]]]
        changes.append(Change.at(table.lines.take(rows), column.name, what, first))
    yield from find_changes([c for c in changes if not is_wrong_name(c.what)])
    yield from find_wrong_names(changes)


def _shown(
    table: Table, column: Column, good: Sequence[CheckedPicture], observer: Observer
) -> Iterator[Finding]:
    """Check what the pictures show, and their sizes, each called with its line."""
    pictures = [item.picture for item in good if item.picture is not None]
    if not pictures:
        return
    images = Images(
        sizes=np.array([(p.height, p.width) for p in pictures], np.int32),
        channels=1 if all(p.grey for p in pictures) else 3,
        files=tuple(item.file.path for item in good),
        names=tuple(item.name for item in good),
    )
    look = look_at(images, np.zeros(0, np.int64), observer)
    facts = describe_images(images, look, None, "")
    for found in find_in_images(images, look, facts, _Shown(table, column, good)):
        where = ", ".join(filter(None, (f"column '{column.name}'", found.where)))
        yield found.model_copy(update={"where": where})


def _elsewhere(table: Table, profile: Profile) -> Iterator[Finding]:
    paths = [file_of(table.folder, level) for level in profile.levels]
    gone = [path for path in paths if not path.is_file()]
    if len(gone) > (1 - MOSTLY) * len(paths):
        yield Finding(
            code="D38",
            severity="warning",
            message=f"'{profile.name}' looks like names of pictures, of which "
            f"{len(gone):,} of {len(paths):,} are not there, so none is used.",
            where=f"column '{profile.name}'",
            evidence=f"first: {gone[0]}",
            remedy="Names start from the folder of the table: bring the files there, "
            f"or set data.columns.{profile.name} to ignore.",
        )
