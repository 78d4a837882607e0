"""Texts as sequences of characters: one file for each class, one example per line."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.data.data import Change, Data
from torchsmith.data.lines import Lines
from torchsmith.data.sequence_parts import SequencePart, sequences_from_parts

_MARKS = ("\t", ";", "|", ",")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Begins texts that are refused by their line, rather than called no texts."""
_HEAD = 2**16  # bytes of a file that are looked at to tell texts from a table


@dataclass(frozen=True)
class _Lines:
    """A file's texts, their lines (1 = first), and what was changed."""

    texts: list[str]
    lines: list[int]
    changes: list[Change]


def look_like_texts(files: Sequence[Path]) -> bool:
    """Whether files are texts, line by line, and no tables.

    A table has the same mark, a tab, `;`, `|` or a comma, in each of its lines.
    """
    found = False
    for path in files:
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD)
        except OSError:
            return False
        lines = [line for line in head.split(b"\n")[:20] if line.strip()]
        if b"\0" in head and not head.startswith(_UTF_16):
            return False
        if not lines:
            continue  # is told by name when the others turn out to be texts
        found = True
        if any(all(mark.encode() in line for line in lines) for mark in _MARKS):
            return False
    return found


def not_texts(names: Sequence[str]) -> str:
    """Say why several files of a folder are not read as texts, if some may be.

    Args:
        names: Of all files in it.
    """
    seen = [name for name in names if not name.startswith(".")]
    others = [name for name in seen if not name.lower().endswith(".txt")]
    if len(seen) - len(others) < 2:
        return ""
    if others:
        return f"; to read its .txt files as texts, a class each, remove {others[0]}"
    return (
        "; their lines look like those of tables: if they are texts, a class each, set "
        "data.kind: sequences"
    )


def read_text_folder(
    folder: Path, files: Sequence[Path], *, target: str | None
) -> Data:
    """Read a folder of text files: the file's name is the class of each of its lines.

    Args:
        folder: What the person named.
        files: Its files, `CLASS.txt`, in UTF-8.
        target: What to call the label; default `"label"`.

    Raises:
        DataError: A file is not UTF-8, or holds no lines; says the file and the line.
    """
    read = [_lines(path) for path in sorted(files)]
    names, labels, texts, changes = [], [], [], []
    for path, content in zip(sorted(files), read, strict=True):
        names += [f"{path.name} line {line}" for line in content.lines]
        labels += [path.stem] * len(content.texts)
        texts += content.texts
        changes += content.changes
    return sequences_from_texts(
        texts,
        np.array(labels),
        target=target,
        source=str(folder),
        names=names,
        changes=changes,
    )


def read_text_file(path: Path) -> Data:
    """Read a file of texts without labels, one per line.

    Raises:
        DataError: The file is not UTF-8, or holds no lines.
    """
    content = _lines(path)
    names = [f"line {line}" for line in content.lines]
    return sequences_from_texts(
        content.texts, source=str(path), names=names, changes=content.changes
    )


def sequences_from_texts(
    texts: Sequence[str],
    labels: np.ndarray | None = None,
    *,
    target: str | None = None,
    source: str = "texts",
    names: Sequence[str] = (),
    changes: Sequence[Change] = (),
) -> Data:
    """Take texts from Python, or from what was read.

    Args:
        texts: N of them, as they stand: nothing is stripped.
        labels: `(N,)`: the labels, or None.
        target: What to call the label; default `"label"`.
        source: What they are of.
        names: What to call each in messages; default: by their numbers.
        changes: What reading changed.

    Raises:
        DataError: A text is empty, or there are none.
    """
    try:
        letters = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    except UnicodeEncodeError as error:
        raise DataError(
            f"{source}: a text holds half of a character, "
            f"{error.object[error.start]!r}; decode the texts again"
        ) from error
    symbols, places = np.unique(letters, return_inverse=True)
    part = SequencePart(
        None,
        source,
        places.reshape(-1, 1).astype(np.float32),
        np.array([len(text) for text in texts], np.int64),
        labels,
        tuple(names),
    )
    return sequences_from_parts(
        source,
        [part],
        channels=("character",),
        symbols=[chr(code) for code in symbols.tolist()],
        target=target,
        reading={"format": "texts, one per line", "encoding": "utf-8"},
        changes=changes,
    )


def _lines(path: Path) -> _Lines:
    try:
        raw = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    texts, lines, blank, stripped = [], [], [], []
    for number, content in enumerate(raw.splitlines(), 1):
        try:
            line = content.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {number}: byte {error.start + 1} is "
                f"{content[error.start]:#04x}, which is not UTF-8; save the file as "
                "UTF-8"
            ) from error
        text = line.strip()
        if not text:
            blank.append(number)
            continue
        if text != line:
            stripped.append(number)
        texts.append(text)
        lines.append(number)
    if not texts:
        raise DataError(f"{path}: holds no texts, one per line; add some, or remove it")
    changes = [
        Change.at(Lines.of_text(found), "", f"{what} ({path.name})")
        for what, found in (
            ("blank line left out", blank),
            ("spaces around a text removed", stripped),
        )
        if found
    ]
    return _Lines(texts, lines, changes)
