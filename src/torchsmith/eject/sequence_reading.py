"""The part of a script that reads sequences: rows of numbers, `.ts` files, texts."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.core.vocabulary import Part
from torchsmith.data.data import Sequences
from torchsmith.data.sequence_files import parts_beside, parts_in_folder
from torchsmith.eject.code import Section, block, constant, function, joined, literal
from torchsmith.eject.label_codes import label_lines
from torchsmith.eject.sequence_array_reading import read_sequence_arrays_section
from torchsmith.eject.sequence_table_reading import read_sequence_table_section
from torchsmith.eject.sources import locate
from torchsmith.eject.subject import Subject
from torchsmith.eject.window_reading import is_windows, read_windows_section

_READ_TS = function(
    "read_file(path)",
    "Return the sequences of a .ts file, (L, C) each, and their labels.\n"
    "Channels stand between colons, the label is last.",
    [
        "with open(path, encoding=ENCODING) as file:",
        "    lines = [line.strip() for line in file]",
        "begin = [line.lower() for line in lines].index('@data') + 1",
        "sequences, labels = [], []",
        block(
            "for line in lines[begin:]:",
            [
                block(
                    'if line and not line.startswith("#"):',
                    [
                        '*channels, label = line.split(":")',
                        'cells = [channel.split(",") for channel in channels]',
                        "values = [[NUMBER for cell in row] for row in cells]",
                        "sequences.append(np.array(values).T.astype(np.float32))",
                        "labels.append(label.strip())",
                    ],
                ),
            ],
        ),
        "return sequences, labels",
    ],
).replace("'@data'", '"@data"')

_READ_ROWS = function(
    "read_file(path)",
    "Return the sequences of a file, (L, 1) each, and their labels.\n"
    "A line holds the label, then the values. NaN after the last value is no step.",
    [
        "with open(path, encoding=ENCODING) as file:",
        "    rows = [line.split(SEPARATOR) for line in file if line.strip()]",
        "sequences, labels = [], []",
        block(
            "for label, *cells in rows:",
            [
                "values = np.array([NUMBER for cell in cells])[:, None]",
                "length = np.flatnonzero(~np.isnan(values))[-1] + 1",
                "sequences.append(values[:length].astype(np.float32))",
                "labels.append(label.strip())",
            ],
        ),
        "return sequences, labels",
    ],
)

_NUMBER = function(
    "number(cell)",
    "Return the number of a cell; NaN where it is missing.",
    ['return math.nan if cell.strip() in ("", "?", "NA") else float(cell)'],
)

_READ_TEXTS = [
    "sequences, labels = [], []",
    block(
        'for path in sorted(Path(DATA).glob("*.txt")):',
        [
            'for line in path.read_bytes().decode("utf-8-sig").splitlines():',
            block(
                "    if text := line.strip():",
                [
                    '    letters = text.encode("utf-32-le")',
                    "    sequences.append(np.frombuffer(letters, np.uint32))",
                    "    labels.append(path.stem)",
                ],
            ),
        ],
    ),
]


def read_sequences_section(subject: Subject) -> Section:
    """Write how sequences are read.

    Raises:
        DataError: The source is not there any more.
        PlanError: A script does not read sequences of this kind.
    """
    if is_windows(subject):
        return read_windows_section(subject)
    form = subject.data.reading.get("format", "")
    path = locate(subject.plan.data.source).path
    if path is None:
        raise AssertionError(subject.plan.data.source)
    inputs = subject.data.inputs
    if isinstance(inputs, Sequences) and inputs.symbols:
        return _texts(subject, path)
    if form.startswith(".ts"):
        return _files(subject, path, ts=True)
    if form.startswith("one sequence per line"):
        return _files(subject, path, ts=False)
    if form == "arrays":
        return read_sequence_arrays_section(subject, path)
    return read_sequence_table_section(subject, path)


def _texts(subject: Subject, path: Path) -> Section:
    if not path.is_dir():
        raise PlanError(f"{path}: a script reads texts from a folder of .txt files")
    labels = np.array(subject.target.texts())
    body = [*_READ_TEXTS, *_targets(subject, labels), "return sequences, targets"]
    return Section(
        title="Read the data",
        about="A file for each class, a text on each line; a text is its characters.",
        code=function("read()", "Return the texts and their classes.", body),
        steps=("sequences, targets = read()",),
        constants=_constants(subject, [path]),
    )


def _files(subject: Subject, path: Path, *, ts: bool) -> Section:
    found: Sequence[tuple[Part | None, Path]] = (
        parts_in_folder(path, [file.name for file in path.iterdir()])
        if path.is_dir()
        else parts_beside(path)
    )
    paths = [file for _, file in found]
    texts = [file.read_bytes() for file in paths]
    labels = np.array(_labels([text.decode("latin-1") for text in texts], ts=ts))
    reader = (_READ_TS if ts else _READ_ROWS).replace(
        "ENCODING", '"utf-8-sig"' if all(map(_is_utf8, texts)) else '"latin-1"'
    )
    reader = reader.replace("SEPARATOR", _separator(texts[0], ts=ts))
    number, missing = _number(texts, ts=ts)
    reader = reader.replace("NUMBER", number)
    body = ["sequences, labels = read_file(TRAIN_DATA)"]
    if len(paths) == 2:
        body += [
            "num_train = len(sequences)",
            "more_sequences, more_labels = read_file(TEST_DATA)",
            "sequences, labels = sequences + more_sequences, labels + more_labels",
        ]
    else:
        body = [line.replace("TRAIN_DATA", "DATA") for line in body]
    body += _targets(subject, labels)
    returned = ["sequences", "targets", *(f"is_{part}" for part in subject.given)]
    if "test" in subject.given:
        body.append("is_test = np.arange(len(targets)) >= num_train")
    elif len(paths) == 2:
        body.remove("num_train = len(sequences)")
    body.append(f"return {', '.join(returned)}")
    return Section(
        title="Read the data",
        about="A sequence has a row for each of its steps.",
        code=joined([missing, reader, function("read()", _about(subject), body)]),
        steps=(f"{', '.join(returned)} = read()",),
        constants=_constants(subject, paths),
    )


def _about(subject: Subject) -> str:
    about = "Return the sequences, and what is to be predicted."
    if subject.given:
        about += "\nThe last of it says which sequences are for the test."
    return about


def _constants(subject: Subject, paths: Sequence[Path]) -> tuple[str, ...]:
    names = ["TRAIN_DATA", "TEST_DATA"] if len(paths) == 2 else ["DATA"]
    pairs = zip(names, paths, strict=True)
    found = [constant(name, str(path)) for name, path in pairs]
    if subject.classes:
        found.append(constant("CLASSES", list(subject.classes)))
    return tuple(found)


def _targets(subject: Subject, labels: np.ndarray) -> list[str]:
    """Return the statements that turn labels, as a list of texts, into targets."""
    if not subject.classes:
        return ["targets = np.array([float(label) for label in labels])"]
    if set(labels.tolist()) <= set(subject.classes):
        return ["targets = np.array([CLASSES.index(label) for label in labels])"]
    lines = label_lines(subject, labels.astype(object), "np.array(labels, object)")
    return [
        line.replace("np.array(labels, object).tolist()", "labels") for line in lines
    ]


def _labels(texts: Sequence[str], *, ts: bool) -> list[str]:
    """Return the label of each sequence as it stands in its file."""
    found = []
    for text in texts:
        lines = [line.strip() for line in text.splitlines()]
        if ts:
            begin = [line.lower() for line in lines].index("@data") + 1
            kept = [line for line in lines[begin:] if line and line[0] != "#"]
            found += [line.rpartition(":")[2].strip() for line in kept]
        else:
            mark = _mark(text)
            found += [line.split(mark)[0].strip() for line in lines if line]
    return found


def _mark(text: str) -> str | None:
    head = next(line for line in text.splitlines() if line.strip())
    return next((mark for mark in "\t,;" if mark in head), None)


def _separator(content: bytes, *, ts: bool) -> str:
    mark = None if ts else _mark(content.decode("latin-1"))
    return "" if mark is None else literal(mark).replace("\t", "\\t")


def _number(texts: Sequence[bytes], *, ts: bool) -> tuple[str, str]:
    """Return the expression that makes a number of a cell, and what it calls."""
    if ts:
        plain = not any(b"?" in text.lower().partition(b"@data")[2] for text in texts)
    else:
        mark = _mark(texts[0].decode("latin-1"))
        plain = all(
            _is_float(cell)
            for text in texts
            for line in text.decode("latin-1").splitlines()
            if line.strip()
            for cell in line.strip("\r\n").split(mark)[1:]
        )
    return ("float(cell)", "") if plain else ("number(cell)", _NUMBER)


def _is_float(cell: str) -> bool:
    try:
        return not math.isinf(float(cell))
    except ValueError:
        return False


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
