"""Files of sequences that come as `NAME_TRAIN` and `NAME_TEST`, as the UCR archive has.

Archive: https://www.timeseriesclassification.com
"""

import re
from collections.abc import Sequence
from pathlib import Path

from torchsmith.core.errors import DataError
from torchsmith.core.vocabulary import Part
from torchsmith.data.encoding import decode

_NAME = re.compile(r"(?P<set>.+)_(?P<part>TRAIN|TEST)(?P<ending>\.tsv|\.txt|\.ts)")
_ENDINGS = (".ts", ".tsv", ".txt")
_PARTS: dict[str, Part] = {"TRAIN": "train", "TEST": "test"}


def is_archive_name(name: str) -> bool:
    """Whether a file is called as in the archive.

    >>> is_archive_name("GunPoint_TRAIN.tsv"), is_archive_name("adult_train.tsv")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


def parts_beside(path: Path) -> list[tuple[Part | None, Path]]:
    """Return the parts that a file stands for.

    `NAME_TRAIN` brings `NAME_TEST` beside it along; every other file is one piece, and
    so is `NAME_TEST`, which people name to predict or to score it.
    """
    name = _NAME.fullmatch(path.name)
    if name is None or name["part"] == "TEST":
        return [(None, path)]
    beside = path.with_name(f"{name['set']}_TEST{name['ending']}")
    return [("train", path), ("test", beside)] if beside.is_file() else [(None, path)]


def parts_in_folder(folder: Path, names: Sequence[str]) -> list[tuple[Part, Path]]:
    """Return the parts of the one set that lies in a folder, or none.

    Archives hold a set in several formats; `.ts` says the most, then `.tsv`.

    Args:
        folder: The folder.
        names: Of its files.

    Raises:
        DataError: Parts of several sets lie there, or a test part alone.
    """
    found = [match for match in map(_NAME.fullmatch, sorted(names)) if match]
    if not found:
        return []
    if len(sets := sorted({match["set"] for match in found})) > 1:
        raise DataError(
            f"{folder}: holds {len(sets)} sets ({', '.join(sets[:10])}); give a file "
            f"of one of them, such as {folder / found[0][0]}"
        )
    ending = min((match["ending"] for match in found), key=_ENDINGS.index)
    chosen = [match for match in found if match["ending"] == ending]
    train = f"{sets[0]}_TRAIN{ending}"
    if all(match[0] != train for match in chosen):
        raise DataError(
            f"{folder}: holds {chosen[0][0]} but no {train}; add it, or give the file "
            f"itself: {folder / chosen[0][0]}"
        )
    parts = [(_PARTS[match["part"]], folder / match[0]) for match in chosen]
    return sorted(parts, key=lambda part: part[0] != "train")


def text_of(path: Path) -> str:
    """Return the text of a file, in any common encoding.

    Raises:
        DataError: It cannot be read, or is no text.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return decode(raw, str(path)).text


def line_names(
    parts: Sequence[tuple[Part | None, Path]], path: Path, lines: Sequence[int]
) -> tuple[str, ...]:
    """Return what to call the sequences of one file: by their lines, 1 = first."""
    before = f"{path.name} " if len(parts) > 1 else ""
    return tuple(f"{before}line {line}" for line in lines)
