"""The part of a script that reads arrays: IDX and NPZ files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.core.vocabulary import Kind, Part
from torchsmith.data.arrays import PART_WORDS, one_part, parts_of
from torchsmith.data.data import Images, Volumes
from torchsmith.data.idx import files_of, read_idx
from torchsmith.data.npy_files import load_npz
from torchsmith.data.on_disk import Stored
from torchsmith.data.pixel_arrays import ArrayPart
from torchsmith.eject.code import (
    Section,
    constant,
    function,
    joined,
    literal,
    quoted,
)
from torchsmith.eject.label_codes import label_lines
from torchsmith.eject.sources import Located
from torchsmith.eject.subject import Subject
from torchsmith.eject.table_reading import column_lists

_CALLED: dict[Kind, str] = {"table": "table", "images": "pixels", "volumes": "voxels"}

_READ_IDX = function(
    "read_idx(path)",
    "Return the array of an IDX file, whose header says its shape.",
    [
        'with OPEN(path, "rb") as file:',
        "    content = file.read()",
        "num_dimensions = content[3]",
        'shape = np.frombuffer(content, ">u4", num_dimensions, offset=4)',
        "start = 4 + 4 * num_dimensions",
        "return np.frombuffer(content, np.uint8, offset=start).reshape(shape)",
    ],
)


def read_idx_section(subject: Subject, path: Path, located: Located) -> Section:
    """Write how the files of MNIST and its like are read.

    Raises:
        PlanError: They hold something other than bytes, or some are packed.
    """
    files = files_of(path)
    parts: list[Part] = [p for p in ("train", "val", "test") if (p, "images") in files]
    names = {key: file.name for key, file in files.items()}
    packed = {name.endswith(".gz") for name in names.values()}
    arrays = {part: read_idx(files[part, "labels"]) for part in parts}
    inputs = subject.data.inputs
    if len(packed) > 1 or not isinstance(inputs, Images) or inputs.pixels is None:
        raise PlanError(f"{path}: some files are packed and others not; unpack all")
    if inputs.pixels.dtype != np.uint8 or arrays["train"].dtype != np.uint8:
        raise PlanError(f"{path}: holds numbers that are no bytes; save them as .npz")
    pixels = "pixels = np.concatenate([read_idx(Path(DATA) / name) for name in IMAGES])"
    labels = "labels = np.concatenate([read_idx(Path(DATA) / name) for name in LABELS])"
    made = [pixels, labels]
    if len(parts) == 1:
        made = [
            "pixels = read_idx(Path(DATA) / IMAGES)",
            "labels = read_idx(Path(DATA) / LABELS)",
        ]
    joint = np.concatenate([arrays[part] for part in parts])
    body = [*made, *label_lines(subject, joint, "labels")]
    lengths = {part: len(arrays[part]) for part in parts}
    body += given_lines(subject, parts, lengths)
    returned = ["pixels[:, None]", "targets", *(f"is_{p}" for p in subject.given)]
    body.append(f"return {', '.join(returned)}")
    opener = "gzip.open" if packed == {True} else "open"
    files_constants = [
        constant(
            name,
            names[parts[0], what]
            if len(parts) == 1
            else [names[p, what] for p in parts],
        )
        for name, what in (("IMAGES", "images"), ("LABELS", "labels"))
    ]
    return Section(
        title="Read the data",
        about="IDX, the format of MNIST: a short header, then one byte for each pixel.",
        code=joined([_READ_IDX.replace("OPEN", opener), _read(subject, body)]),
        steps=(_step(subject),),
        constants=(
            constant("DATA", str(path), located.note),
            *files_constants,
            *_classes(subject),
        ),
    )


def _classes(subject: Subject) -> tuple[str, ...]:
    return (constant("CLASSES", list(subject.classes)),) if subject.classes else ()


def _read(subject: Subject, body: Sequence[str]) -> str:
    about = "Return the pictures (N, C, H, W) and their classes (N,)."
    if subject.given:
        parts = " and ".join(subject.given)
        about += f"\nThe last of it says which pictures are for the {parts}."
    return function("read()", about, body)


def _step(subject: Subject) -> str:
    names = ["pixels", "targets", *(f"is_{part}" for part in subject.given)]
    return f"{', '.join(names)} = read()"


def given_lines(
    subject: Subject, parts: Sequence[Part], lengths: dict[Part, int]
) -> list[str]:
    """Write which examples the source puts into a part; the parts follow each other.

    Args:
        subject: The run.
        parts: In the order of the source.
        lengths: How many examples each has.
    """
    lines, begin = [], 0
    total = sum(lengths.values())
    for part in parts:
        end = begin + lengths[part]
        if part in subject.given:
            rows = "np.arange(len(targets))"
            test = f"{rows} >= {begin}"
            if end < total:
                test = f"({test}) & ({rows} < {end})"
            lines.append(f"is_{part} = {test}")
        begin = end
    return lines


def read_npz_section(subject: Subject, path: Path) -> Section:
    """Write how arrays are read that `numpy.savez` wrote.

    Raises:
        PlanError: Their parts are stored in several ways.
    """
    opening, parts = _npz_folder(path) if path.is_dir() else _npz_file(subject, path)
    inputs = np.concatenate([part.inputs[:1] for part in parts])
    labels = [part.labels for part in parts if part.labels is not None]
    made, shaped = _shaped(subject, inputs)
    lengths: dict[Part, int] = {
        part.part or "train": len(part.inputs) for part in parts
    }
    body = [
        *opening,
        *made,
        *label_lines(subject, np.concatenate(labels), "labels"),
        *given_lines(subject, list(lengths), lengths),
    ]
    first = _CALLED[subject.data.kind]
    returned = ["targets", *(f"is_{part}" for part in subject.given)]
    body.append(f"return {', '.join([shaped, *returned])}")
    lists = column_lists(subject).items()
    return Section(
        title="Read the data",
        about="The arrays were written by numpy.savez.",
        code=function("read()", "Return the examples and their targets.", body),
        steps=(f"{', '.join([first, *returned])} = read()",),
        constants=(
            constant("DATA", str(path)),
            *_classes(subject),
            *(constant(name, list(names)) for name, names in lists),
        ),
    )


def _npz_file(subject: Subject, path: Path) -> tuple[list[str], list[ArrayPart]]:
    arrays = load_npz(path)
    parts = parts_of(path, arrays, subject.plan.problem.target)
    inputs = [_key(arrays, part.inputs) for part in parts]
    labels = [_key(arrays, part.labels) for part in parts]
    lines = ["arrays = np.load(DATA)"]
    for name, keys in (("values", inputs), ("labels", labels)):
        listed = [f"arrays[{quoted(key)}]" for key in keys]
        joint = f"np.concatenate([{', '.join(listed)}])"
        lines.append(f"{name} = {listed[0] if len(listed) == 1 else joint}")
    return lines, parts


def _npz_folder(path: Path) -> tuple[list[str], list[ArrayPart]]:
    names, keys, parts = [], set(), []
    for part, words in PART_WORDS.items():
        for word in words:
            file = path / f"{word}.npz"
            if file.is_file():
                arrays = load_npz(file)
                found = one_part(file, arrays, part, None)
                names.append(file.name)
                keys.add((_key(arrays, found.inputs), _key(arrays, found.labels)))
                parts.append(found)
    if len(keys) > 1:
        raise PlanError(f"{path}: the arrays of its files have different names")
    inputs, labels = keys.pop()
    files = literal(tuple(names))
    return [
        f"parts = [np.load(Path(DATA) / name) for name in {files}]",
        f"values = np.concatenate([part[{quoted(inputs)}] for part in parts])",
        f"labels = np.concatenate([part[{quoted(labels)}] for part in parts])",
    ], parts


def _key(arrays: Mapping[str, Stored], array: Stored | None) -> str:
    return next(key for key, held in arrays.items() if held is array)


def _shaped(subject: Subject, values: np.ndarray) -> tuple[list[str], str]:
    """Return the statements that bring arrays into PyTorch's shape, and the result."""
    inputs = subject.data.inputs
    if isinstance(inputs, Volumes):
        return _volumes(inputs, values)
    if not isinstance(inputs, Images) or inputs.pixels is None:
        columns = "enumerate(values.T.astype(np.float64).copy())"
        return [f'table = {{f"x{{i}}": column for i, column in {columns}}}'], "table"
    lines = []
    if values.dtype != inputs.pixels.dtype:
        lines.append(f"values = values.astype(np.{inputs.pixels.dtype})")
    if values.ndim == 3:
        return lines, "values[:, None]"
    first = values.shape[-1] not in (1, 3) and values.shape[1] in (1, 3)
    if first:
        return lines, "values"
    lines.append("values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))")
    return lines, "values"


def _volumes(inputs: Volumes, values: np.ndarray) -> tuple[list[str], str]:
    lines = []
    if values.dtype != inputs.values.dtype:
        lines.append(f"values = values.astype(np.{inputs.values.dtype})")
    if values.ndim == 4:
        # Convolutions look at the strides of one channel: they decide the last bits.
        plain = inputs.values.strides[1] == 0
        return lines, "values[:, None]" if plain else "np.expand_dims(values, 1)"
    if values.shape[1:] != inputs.values.shape[1:]:
        lines.append("values = np.ascontiguousarray(values.transpose(0, 4, 1, 2, 3))")
    return lines, "values"
