"""Checks of columns that name picture files."""

from collections.abc import Iterator, Sequence

from torchsmith.data.data import Table
from torchsmith.data.picture_columns import (
    MOSTLY,
    file_of,
    lacking_pictures,
    look_like_pictures,
)
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.profile import Profile
from torchsmith.inspect.values import Roles
from torchsmith.inspect.wording import amount, at_lines


def find_in_picture_columns(
    table: Table, profiles: Sequence[Profile], roles: Roles
) -> Iterator[Finding]:
    """Check that each row has its picture, as training does.

    Args:
        table: Knows its lines, and the folder that names start from.
        profiles: The input columns.
        roles: What each is used as, and why.
    """
    for profile in profiles:
        if profile.kind != "text":
            continue
        if roles[profile.name][0] == "picture":
            yield from _lacking(table, profile)
        elif look_like_pictures(profile.levels):
            yield from _elsewhere(table, profile)


def _lacking(table: Table, profile: Profile) -> Iterator[Finding]:
    for found in lacking_pictures(table, profile.column):
        count = len(found.rows)
        what = found.what if count > 1 else found.what.replace("name", "names", 1)
        yield Finding(
            code="D38",
            severity="error",
            message=f"{amount(count, 'row')} {what} in '{profile.name}'.",
            where=f"column '{profile.name}', {at_lines(table.lines[found.rows])}",
            evidence=found.example.removeprefix("; "),
            remedy=f"{found.remedy[0].upper()}{found.remedy[1:]}, or set "
            f"data.columns.{profile.name} to ignore.",
        )


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
