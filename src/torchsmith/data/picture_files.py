"""Finding the pictures of a folder, and the class and part that each belongs to.

Volumes lie in such folders, too: `PassedOver` says what is looked for.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import Part
from torchsmith.data.data import Change
from torchsmith.data.labels import PART_CODES
from torchsmith.data.pictures import EXTENSIONS, FORMATS, OTHER_EXTENSIONS, sniff

PART_NAMES: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}

OF_SYSTEMS = frozenset({"thumbs.db", "desktop.ini"})
"""Files in which Windows keeps how a folder looks."""

NAMED_FIRST = 5
"""So many damaged or passed-over files are named in a message."""

OUTSIDE = "outside class folders left out"
"""So ends what is said of pictures and volumes that have no class."""


@dataclass(frozen=True)
class FoundPicture:
    """A picture file, before it is opened."""

    path: Path
    part: Part | None
    label: str | None


def is_picture(file: Path) -> bool:
    """Whether a file is a picture, or by its name should be one.

    Raises:
        DataError: It cannot be read.
    """
    if file.name.startswith(".") or not file.is_file():
        return False
    suffix = file.suffix.lower()
    if suffix in EXTENSIONS or suffix in OTHER_EXTENSIONS:
        return True
    try:
        with file.open("rb") as stream:
            return bool(sniff(stream.read(32)))
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from error


@dataclass
class PassedOver:
    """What is looked for, and what was met on the way and not read.

    Attributes:
        is_wanted: Whether a file is looked for.
        noun: What such a file holds.
        formats: Their names, for messages.
    """

    is_wanted: Callable[[Path], bool] = is_picture
    noun: str = "picture"
    formats: Sequence[str] = FORMATS
    others: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)

    def leave(self, file: Path) -> None:
        """Note a file that is not looked for, unless it is one of the system's."""
        if not file.name.startswith(".") and file.name.lower() not in OF_SYSTEMS:
            self.others.append(str(file))

    def changes(self) -> list[Change]:
        """Count what was not read, kind by kind."""
        listed = [
            (f"files that are no {self.noun}s left out", self.others),
            ("symbolic links not followed", self.links),
            (f"{self.noun}s {OUTSIDE}", self.unlabelled),
        ]
        return [
            Change(column="", what=what, count=len(names), example=min(names))
            for what, names in listed
            if names
        ]


def damage_text(
    path: Path,
    damaged: Sequence[tuple[str, str]],
    total: int,
    what: str,
    *,
    skippable: bool,
) -> str:
    """Say which files of a folder are damaged, and what to do.

    Args:
        path: The folder.
        damaged: Name and problem of each.
        total: How many files there are.
        what: Is wrong with them, such as `"pictures cannot be decoded"`.
        skippable: Whether there is a plan that could ask to go on without them.
    """
    first = "; ".join(f"{name} ({problem})" for name, problem in damaged[:NAMED_FIRST])
    more = f"; and {len(damaged) - NAMED_FIRST} more" * (len(damaged) > NAMED_FIRST)
    skip = (
        ", or go on without them by data.skip_damaged: true "
        "(--set data.skip_damaged=true)"
    )
    return (
        f"{path}: {len(damaged)} of {total} {what}: {first}{more}. "
        f"Replace or remove them{skip * skippable}"
    )


def damage_changes(damaged: Sequence[tuple[str, str]], noun: str) -> list[Change]:
    """Tell of damaged files that were left out, with name and problem of each."""
    if not damaged:
        return []
    what = f"damaged {noun}s left out: {', '.join(name for name, _ in damaged)}"
    return [Change(column="", what=what, count=len(damaged), example=damaged[0][1])]


def find_pictures(
    path: Path, passed: PassedOver, *, labelled: bool
) -> list[FoundPicture]:
    """Find the pictures of a folder in a fixed order: by part, class and name.

    Args:
        path: A folder, or one picture file.
        passed: Is told of all that is not read.
        labelled: Whether folders are parts and classes; else all pictures are found,
            wherever in the folder they lie.

    Raises:
        DataError: There are no pictures, a class folder is empty, or the folders do not
            say which part is for training.
    """
    if path.is_file():
        return [FoundPicture(path, None, None)]
    folders = _class_folders(path, passed) if labelled else []
    if not folders:
        found = [FoundPicture(file, None, None) for file in _pictures(path, passed)]
        if not found:
            raise DataError(
                f"{path}: holds no {passed.noun}s ({', '.join(passed.formats)}); give "
                "a folder with one subfolder per class, or with train and test folders "
                "of these"
            )
        return found
    parts = _part_folders(path, folders)
    if not parts:
        passed.unlabelled += [str(file) for file in _loose_pictures(path, passed)]
        return _find_classes(path, folders, None, passed)
    for folder in folders:
        if folder not in parts:
            passed.unlabelled += [str(file) for file in _pictures(folder, passed)]
    found = []
    for folder, part in parts.items():
        classes = _class_folders(folder, passed)
        passed.unlabelled += [str(file) for file in _loose_pictures(folder, passed)]
        found += _find_classes(folder, classes, part, passed)
    return found


def _part_folders(path: Path, folders: Sequence[Path]) -> dict[Path, Part]:
    """Return the folders that are parts, train first, or none if they are classes."""
    named = [f for f in folders if f.name.lower() in PART_NAMES]
    trains = [f for f in named if PART_NAMES[f.name.lower()] == "train"]
    if len(named) == len(folders) and not trains:
        raise DataError(
            f"{path}: has the folders {', '.join(f.name for f in named)}, but no train "
            "folder; add one, or give the folder whose subfolders are the classes"
        )
    if not trains or not _class_folders(trains[0], PassedOver()):
        return {}
    parts = {folder: PART_NAMES[folder.name.lower()] for folder in named}
    for part, count in Counter(parts.values()).items():
        if count > 1:
            twice = [folder.name for folder, p in parts.items() if p == part]
            raise DataError(
                f"{path}: the folders {' and '.join(twice)} both mean {part}; "
                "rename or remove one"
            )
    return dict(sorted(parts.items(), key=lambda item: PART_CODES[item[1]]))


def _find_classes(
    root: Path, folders: Sequence[Path], part: Part | None, passed: PassedOver
) -> list[FoundPicture]:
    found = []
    empty = []
    for folder in folders:
        label = unicodedata.normalize("NFC", printable(folder.name))
        files = [FoundPicture(file, part, label) for file in _pictures(folder, passed)]
        found += files
        if not files:
            empty.append(folder.name)
    if empty and len(empty) == len(folders):
        texts = any(any(folder.glob("*.txt")) for folder in folders)
        other = "; texts stand in one folder without subfolders, a .txt for each class"
        raise DataError(
            f"{root}: none of its {len(folders)} subfolders holds a {passed.noun} "
            f"({', '.join(passed.formats)}); give a folder with one subfolder per class"
            f"{other * texts}"
        )
    if empty:
        more = f" and {len(empty) - NAMED_FIRST} more" * (len(empty) > NAMED_FIRST)
        raise DataError(
            f"{root}: no {passed.noun}s in the class folder "
            f"{', '.join(empty[:NAMED_FIRST])}{more}; add some or remove it"
        )
    return found


def _class_folders(path: Path, passed: PassedOver) -> list[Path]:
    folders = []
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.is_symlink():
            if Path(entry.path).is_dir():
                passed.links.append(entry.path)
        elif entry.is_dir() and not entry.name.startswith((".", "__")):
            folders.append(Path(entry.path))
    return folders


def _loose_pictures(path: Path, passed: PassedOver) -> Iterator[Path]:
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.is_file(follow_symlinks=False):
            if passed.is_wanted(Path(entry.path)):
                yield Path(entry.path)
            else:
                passed.leave(Path(entry.path))


def _pictures(path: Path, passed: PassedOver) -> Iterator[Path]:
    """Yield the pictures under a folder, sorted, and note all else."""
    for folder, subfolders, names in os.walk(path):
        for name in list(subfolders):
            if (Path(folder) / name).is_symlink():
                passed.links.append(str(Path(folder) / name))
        subfolders[:] = sorted(n for n in subfolders if not n.startswith((".", "__")))
        for name in sorted(names):
            file = Path(folder) / name
            if file.is_symlink():
                passed.links.append(str(file))
            elif passed.is_wanted(file):
                yield file
            else:
                passed.leave(file)


def printable(name: str) -> str:
    """Return a file name that can be written as UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
