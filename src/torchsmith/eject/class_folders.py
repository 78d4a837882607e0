"""The part of a script that reads a file for each example, from folders of classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torchsmith.core.errors import PlanError
from torchsmith.eject.code import (
    Section,
    block,
    constant,
    function,
    joined,
    literal,
    quoted,
)
from torchsmith.eject.subject import Subject


@dataclass(frozen=True)
class FileReader:
    """How a script reads one example from its file.

    Attributes:
        noun: What a file holds; the function is called `read_` and this.
        array: The variable that holds all of them.
        about: What the part does and why.
        code: Of the function.
    """

    noun: str
    array: str
    about: str
    code: str


def read_class_folders_section(
    subject: Subject, path: Path, files: Sequence[Path], reader: FileReader
) -> Section:
    """Write how the files of class folders are read.

    Args:
        subject: The run.
        path: The folder.
        files: All that were read, in their order.
        reader: Reads one of them.

    Raises:
        PlanError: The files lie, or are left out, in a way that takes many lines.
    """
    places = [file.relative_to(path).parts for file in files]
    deep = 2 if subject.data.given is None else 3
    plural = f"{reader.noun}s"
    if any(len(parts) != deep for parts in places):
        raise PlanError(
            f"{path}: some {plural} lie in folders within the folder of their class; "
            "a script reads class folders only: move them up"
        )
    parts = list(dict.fromkeys(place[0] for place in places)) if deep == 3 else []
    codes = map(subject.classes.index, subject.target.texts())
    folders = dict(sorted(zip((place[-2] for place in places), codes, strict=True)))
    left_out, called = _left_out(path, files, parts, [*folders])
    given = {part: f"is_{part}" for part in subject.given}
    names = [reader.array, "targets", *given.values()]
    returned = [f"np.stack({plural})", "np.array(targets)"]
    returned += [f"np.array({name})" for name in given.values()]
    body = [
        f"{plural}, targets = [], []",
        *(f"{name} = []" for name in given.values()),
        _walk(subject, path, parts, folders, called, reader.noun),
        f"return {', '.join(returned)}",
    ]
    about = f"Return all {plural}, their classes, and which are for the test."
    if not given:
        about = f"Return all {plural} and their classes."
    constants = [constant("DATA", subject.plan.data.source)]
    constants.append(constant("CLASSES", list(subject.classes)))
    if list(subject.classes) != [*folders]:
        constants.append(constant("FOLDERS", folders, "of the classes"))
    if left_out:
        constants.append(constant("LEFT_OUT", left_out, f"no {plural}, or damaged"))
    return Section(
        title="Read the data",
        about=reader.about,
        code=joined([reader.code, function("read()", about, body)]),
        steps=(f"{', '.join(names)} = read()",),
        constants=tuple(constants),
    )


def _walk(
    subject: Subject,
    path: Path,
    parts: Sequence[str],
    folders: dict[str, int],
    called: str,
    noun: str,
) -> str:
    folder = "Path(DATA) / part / name" if parts else "Path(DATA) / name"
    inner = [f"{noun}s.append(read_{noun}(path))", "targets.append(code)"]
    codes = {"train": 0, "val": 1, "test": 2}
    for part in subject.given:
        held = subject.data.given
        name = (
            parts[sorted({*held.tolist()}).index(codes[part])]
            if held is not None
            else ""
        )
        inner.append(f"is_{part}.append(part == {quoted(name)})")
    everywhere = all(
        (path / part / name).is_dir() for part in parts for name in folders
    )
    # A folder that is not there holds nothing, to `glob`.
    listed = "iterdir()" if everywhere else 'glob("*")'
    files = f"for path in sorted(({folder}).{listed}):"
    if called:
        inner = [block(f"if {called} not in LEFT_OUT:", inner)]
    classes = "for code, name in enumerate(CLASSES):"
    if list(subject.classes) != [*folders]:
        classes = "for name, code in FOLDERS.items():"
    loop = block(classes, [block(files, inner)])
    return block(f"for part in {literal(tuple(parts))}:", [loop]) if parts else loop


def _left_out(
    path: Path, files: Sequence[Path], parts: Sequence[str], folders: Sequence[str]
) -> tuple[list[str], str]:
    """Return what the files in class folders are called that are not read.

    They go by their names, or by their paths where others have the same names.

    Returns:
        What they are called, and the expression for that, empty where there are none.

    Raises:
        PlanError: The others are listed in another order.
    """
    listed = [
        file
        for part in parts or [""]
        for folder in folders
        if (path / part / folder).is_dir()
        for file in sorted((path / part / folder).iterdir())
    ]
    read = set(files)
    gone = [file for file in listed if file not in read]
    if [file for file in listed if file in read] != list(files):
        raise PlanError(
            f"{path}: its files are not read in the order of their folders and names; "
            "give these other names, train on that, and eject that run"
        )
    if not gone:
        return [], ""
    names = list(dict.fromkeys(file.name for file in gone))
    if any(file.name in names for file in files):
        places = [file.relative_to(path).as_posix() for file in gone]
        return places, "path.relative_to(DATA).as_posix()"
    return names, "path.name"
