"""The part of a script that reads sequences from the arrays of an NPZ file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from torchsmith.core.errors import PlanError
from torchsmith.data.npy_files import load_npz
from torchsmith.data.on_disk import in_memory
from torchsmith.data.sequence_arrays import PartNames, names_in, without_part
from torchsmith.eject.array_reading import given_lines
from torchsmith.eject.code import Section, constant, function, joined, quoted
from torchsmith.eject.label_codes import label_lines
from torchsmith.eject.subject import Subject


def read_sequence_arrays_section(subject: Subject, path: Path) -> Section:
    """Write how sequences are read that `numpy.savez` wrote.

    Raises:
        DataError: The file is not what it was.
        PlanError: Its parts are stored in several ways.
    """
    arrays = {name: in_memory(array) for name, array in load_npz(path).items()}
    parts = names_in(path, arrays, subject.plan.problem.target)
    labels = _joint(arrays, [part.labels or "" for part in parts])
    body = ["arrays = np.load(DATA)", *_cut_lines(parts)]
    body.append(f"labels = {_source([part.labels or '' for part in parts])}")
    body += label_lines(subject, labels, "labels")
    returned = ["sequences", "targets"]
    if column := subject.plan.split.group or subject.plan.split.time:
        name = "groups" if subject.plan.split.group else "times"
        keys = [_key_of(arrays, part, column) for part in parts]
        source = _source(keys)
        if _joint(arrays, keys).dtype.kind == "S":
            source = f'np.char.decode({source}, "utf-8")'
        body.append(f"{name} = {source}")
        returned.append(name)
    counts = {p.part or "train": len(arrays[p.labels or ""]) for p in parts}
    body += given_lines(subject, list(counts), counts)
    returned += [f"is_{part}" for part in subject.given]
    body.append(f"return {', '.join(returned)}")
    constants = [constant("DATA", str(path))]
    if subject.classes:
        constants.append(constant("CLASSES", list(subject.classes)))
    return Section(
        title="Read the data",
        about="The arrays were written by numpy.savez.",
        code=joined(
            [
                _cut_function(path, arrays, parts),
                function("read()", "Return the sequences and their targets.", body),
            ]
        ),
        steps=(f"{', '.join(returned)} = read()",),
        constants=tuple(constants),
    )


def _cut_lines(parts: Sequence[PartNames]) -> list[str]:
    lines: list[str] = []
    for part in parts:
        keys = [key for key in (part.values, part.lengths) if key]
        arguments = ", ".join(f"arrays[{quoted(key)}]" for key in keys)
        lines.append(f"sequences {'+' if lines else ''}= steps_of({arguments})")
    return lines


def _cut_function(
    path: Path, arrays: Mapping[str, np.ndarray], parts: Sequence[PartNames]
) -> str:
    """Write how an array becomes a list of sequences, each laid out step by step."""
    values = [arrays[part.values] for part in parts]
    forms = {
        (array.ndim, part.lengths is None)
        for array, part in zip(values, parts, strict=True)
    }
    if len(forms) > 1:
        raise PlanError(
            f"{path}: the sequences of its parts are stored in several ways; store "
            "them alike, train on that, and eject that run"
        )
    ((num_dimensions, regular),) = forms
    # Sums over steps depend, in their last bits, on how these lie in memory.
    steps = "np.ascontiguousarray(values, np.float32)"
    if num_dimensions == 3:
        steps = "np.ascontiguousarray(values.transpose(0, 2, 1), np.float32)"
    elif num_dimensions == 1 or regular:
        steps += "[..., None]"
    about = f"Return the steps of each sequence, (L, {_width(values[0], regular)})."
    if regular:
        return function("steps_of(values)", about, [f"return list({steps})"])
    body = [f"return np.split({steps}, np.cumsum(lengths)[:-1])"]
    if num_dimensions == 3:
        about += "\nThe arrays are padded to one length."
        body = [
            f"steps = {steps}",
            "return [one[:length] for one, length in zip(steps, lengths)]",
        ]
    return function("steps_of(values, lengths)", about, body)


def _width(values: np.ndarray, regular: bool) -> int:  # noqa: FBT001
    if values.ndim == 1 or (values.ndim == 2 and regular):
        return 1
    return int(values.shape[1])


def _key_of(arrays: Mapping[str, np.ndarray], part: PartNames, column: str) -> str:
    return next(key for key in arrays if without_part(key, part.words) == column)


def _joint(arrays: Mapping[str, np.ndarray], keys: Sequence[str]) -> np.ndarray:
    return np.concatenate([arrays[key] for key in keys])


def _source(keys: Sequence[str]) -> str:
    listed = [f"arrays[{quoted(key)}]" for key in keys]
    if len(listed) == 1:
        return listed[0]
    return f"np.concatenate([{', '.join(listed)}])"
