"""The part of a script that reads pictures."""

from pathlib import Path

from torchsmith.core.errors import PlanError
from torchsmith.data.data import Images
from torchsmith.data.idx import is_idx_name
from torchsmith.data.pixels_csv import find_layout
from torchsmith.eject.array_reading import read_idx_section, read_npz_section
from torchsmith.eject.code import (
    Section,
    block,
    comment,
    constant,
    function,
    joined,
    literal,
)
from torchsmith.eject.label_codes import label_lines
from torchsmith.eject.sources import Located
from torchsmith.eject.subject import Subject

_ABOUT = "Pictures become arrays of bytes, their channels first, as PyTorch wants them."


def read_pictures_section(subject: Subject, located: Located) -> Section:
    """Write how pictures are read.

    Raises:
        PlanError: They cannot be read in a few plain lines.
    """
    path, inputs = located.path, subject.data.inputs
    if path is None or not isinstance(inputs, Images):
        raise AssertionError(subject.name)
    if inputs.files:
        return _folder(subject, path, inputs)
    if located.entry or is_idx_name(path.name) or _holds(path, "images"):
        return read_idx_section(subject, path, located)
    if path.suffix == ".npz" or path.is_dir():
        return read_npz_section(subject, path)
    target = subject.plan.problem.target
    if layout := find_layout(path, target=target, kind="images"):
        return _pixel_file(subject, path, layout.delimiter, layout.label, layout.header)
    raise PlanError(f"{path}: there is no plain way to read this source in a script")


def _holds(path: Path, what: str) -> bool:
    return path.is_dir() and any(
        is_idx_name(file.name) and what in file.name for file in path.iterdir()
    )


def _pixel_file(
    subject: Subject,
    path: Path,
    delimiter: str,
    label: int | None,
    header: tuple[str, ...],
) -> Section:
    import numpy as np

    skipped = ", skiprows=1" if header else ""
    load = f'np.loadtxt(DATA, np.int32, delimiter="{delimiter}"{skipped})'
    place = label or 0
    inputs = subject.data.inputs
    if not isinstance(inputs, Images) or inputs.pixels is None:
        raise AssertionError(path)
    side = inputs.pixels.shape[1]
    labels = subject.target.values
    if subject.target.kind == "number":
        labels = labels.astype(np.int64)
    body = [
        f"cells = {load}",
        f"labels, pixels = cells[:, {place}], np.delete(cells, {place}, axis=1)",
        f"pixels = pixels.astype(np.uint8).reshape(-1, 1, {side}, {side})",
        *label_lines(subject, labels, "labels"),
        "return pixels, targets",
    ]
    return Section(
        title="Read the data",
        about="Each line holds a label and the pixels of one picture.",
        code=function("read()", "Return the pictures and their targets.", body),
        steps=("pixels, targets = read()",),
        constants=(constant("DATA", str(path)), *_classes(subject)),
    )


def _classes(subject: Subject) -> tuple[str, ...]:
    return (constant("CLASSES", list(subject.classes)),) if subject.classes else ()


def _folder(subject: Subject, path: Path, images: Images) -> Section:
    places = [file.relative_to(path).parts for file in images.files]
    deep = 2 if subject.data.given is None else 3
    if any(len(parts) != deep for parts in places):
        raise PlanError(
            f"{path}: some pictures lie in folders within the folder of their class; "
            "a script reads class folders only: move them up"
        )
    parts = list(dict.fromkeys(place[0] for place in places)) if deep == 3 else []
    folders = list(dict.fromkeys(place[-2] for place in places))
    left_out = _left_out(path, images, parts, folders)
    body = ["pictures, targets = [], []"]
    given = {part: f"is_{part}" for part in subject.given}
    body += [f"{name} = []" for name in given.values()]
    body.append(_walk(subject, parts, folders, left_out))
    returned = ["np.stack(pictures)", "np.array(targets)"]
    returned += [f"np.array({name})" for name in given.values()]
    body.append(f"return {', '.join(returned)}")
    names = ["pixels", "targets", *given.values()]
    about = "Return all pictures, their classes, and which are for the test."
    if not given:
        about = "Return all pictures and their classes."
    constants = [constant("DATA", subject.plan.data.source), *_classes(subject)]
    if list(subject.classes) != folders:
        constants.append(constant("FOLDERS", folders, "of the classes"))
    if left_out:
        constants.append(constant("LEFT_OUT", left_out, "no pictures, or damaged"))
    return Section(
        title="Read the data",
        about=_ABOUT,
        code=joined([_read_picture(subject, images), function("read()", about, body)]),
        steps=(f"{', '.join(names)} = read()",),
        constants=tuple(constants),
    )


def _walk(
    subject: Subject, parts: list[str], folders: list[str], left_out: list[str]
) -> str:
    names = "CLASSES" if list(subject.classes) == folders else "FOLDERS"
    folder = "Path(DATA) / part / name" if parts else "Path(DATA) / name"
    inner = ["pictures.append(read_picture(path))", "targets.append(code)"]
    if names == "FOLDERS":
        inner[1] = "targets.append(CLASSES.index(name))"
    codes = {"train": 0, "val": 1, "test": 2}
    for part in subject.given:
        held = subject.data.given
        name = (
            parts[sorted({*held.tolist()}).index(codes[part])]
            if held is not None
            else ""
        )
        inner.append(f'is_{part}.append(part == "{name}")')
    files = f"for path in sorted(({folder}).iterdir()):"
    if left_out:
        inner = [block("if path.name not in LEFT_OUT:", inner)]
    classes = "for code, name in enumerate(CLASSES):"
    if names == "FOLDERS":
        classes = "for name in FOLDERS:"
    loop = block(classes, [block(files, inner)])
    return block(f"for part in {literal(tuple(parts))}:", [loop]) if parts else loop


def _left_out(
    path: Path, images: Images, parts: list[str], folders: list[str]
) -> list[str]:
    """Return the names of the files in class folders that are not read.

    Raises:
        PlanError: They cannot be told by their names, or are listed in another order.
    """
    listed = [
        file
        for part in parts or [""]
        for folder in folders
        if (path / part / folder).is_dir()
        for file in sorted((path / part / folder).iterdir())
    ]
    read = set(images.files)
    names = list(dict.fromkeys(file.name for file in listed if file not in read))
    kept = [file for file in listed if file.name not in names]
    if kept != list(images.files):
        raise PlanError(
            f"{path}: the files to leave out ({len(names)}) cannot be told by their "
            "names; remove them from the class folders"
        )
    return names


def _read_picture(subject: Subject, images: Images) -> str:
    prepared = subject.preparation.images
    if prepared is None:
        raise AssertionError(subject.name)
    done = {change.what for change in subject.data.changes}
    height, width = prepared.height, prepared.width
    body = ["picture = Image.open(path)"]
    if "JPEG" in subject.data.reading.get("formats", ""):
        twice = 2 * max(height, width)
        body += [
            comment(
                "A JPEG can be decoded at a fraction of its size, which is faster.", 1
            ),
            f"picture.draft(None, ({twice}, {twice}))",
        ]
    if any("EXIF" in what for what in done):
        body.append("picture = ImageOps.exif_transpose(picture)  # upright")
    if any("alpha" in what for what in done):
        lay = [
            'picture = picture.convert("RGBA")',
            'white = Image.new("RGBA", picture.size, "white")',
            "picture = Image.alpha_composite(white, picture)",
        ]
        body.append(block("if picture.has_transparency_data:", lay))
    if any("16-bit" in what for what in done):
        lay = [
            "levels = np.asarray(picture).astype(np.uint16) >> 8",
            "picture = Image.fromarray(levels.astype(np.uint8))",
        ]
        body.append(block('if picture.mode.startswith("I;16"):', lay))
    grey = prepared.channels == 1
    body.append(f'picture = picture.convert("{"L" if grey else "RGB"}")')
    if not (images.sizes == (height, width)).all():
        how = "Image.Resampling.BILINEAR, reducing_gap=2.0"
        body.append(f"picture = picture.resize(({width}, {height}), {how})")
    body.append(
        "return np.asarray(picture)[None]"
        if grey
        else "return np.asarray(picture).transpose(2, 0, 1)"
    )
    about = f"Return one picture, ({prepared.channels}, {height}, {width})."
    return function("read_picture(path)", about, body)
