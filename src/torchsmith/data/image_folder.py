"""Folders of pictures: one subfolder per class, with or without train, val and test.

```
photos/cat/1.jpg  photos/dog/2.png                       split by Torchsmith
photos/train/cat/1.jpg  photos/test/cat/7.jpg            split as given
photos/1.jpg  photos/2.png                               no classes, for prediction
```
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer
from torchsmith.core.vocabulary import Part
from torchsmith.data import fingerprint
from torchsmith.data.data import Change, Data, Images
from torchsmith.data.labels import PART_CODES, text_column
from torchsmith.data.picture_checks import CheckedPicture, check_pictures, converted
from torchsmith.data.picture_files import (
    FoundPicture,
    PassedOver,
    damage_changes,
    damage_text,
    find_pictures,
    printable,
)


def read_image_folder(
    path: Path,
    *,
    target: str | None = None,
    skip_damaged: bool | None = False,
    labelled: bool = True,
    observer: Observer | None = None,
) -> Data:
    """Read a folder of pictures, decoding each once to find damaged ones.

    Args:
        path: The folder, or one picture file.
        target: What to call the label; default `"label"`.
        skip_damaged: Leave damaged pictures out and list them, instead of refusing.
            None refuses, too, where there is no plan in which to ask for it.
        labelled: Whether folders are parts and classes; else all are read alike.
        observer: Is told how many pictures are checked.

    Returns:
        Images as files; targets are the names of the class folders, or None where the
        folder holds pictures only.

    Raises:
        DataError: A picture is damaged, a class is empty, or the folder holds no
            pictures.
    """
    passed = PassedOver()
    root = path.parent if path.is_file() else path
    found = find_pictures(path, passed, labelled=labelled)
    called = [printable(file.path.relative_to(root).as_posix()) for file in found]
    checked = check_pictures(found, called, observer or Observer())
    good = [item for item in checked if item.picture is not None]
    damaged = [(one.name, one.problem) for one in checked if one.picture is None]
    if damaged and not skip_damaged:
        what, asked = "pictures cannot be decoded", skip_damaged is not None
        raise DataError(damage_text(path, damaged, len(checked), what, skippable=asked))
    _require_classes(path, found, good)
    left_out = damage_changes(damaged, "picture")
    changes = (*_changes(good), *passed.changes(), *left_out)
    return _assemble(path, good, target or "label", changes)


def _require_classes(
    path: Path, found: Sequence[FoundPicture], good: Sequence[CheckedPicture]
) -> None:
    if not good:
        raise DataError(f"{path}: all {len(found)} pictures are damaged")
    kept = {(item.file.part, item.file.label) for item in good}
    for part, label in sorted({(f.part or "", f.label or "") for f in found}):
        if (part or None, label or None) not in kept:
            where = f"{part}/{label}" if part else label
            raise DataError(
                f"{path}: all pictures of the class folder {where} are damaged; "
                "replace them or remove the folder"
            )


def _changes(good: Sequence[CheckedPicture]) -> list[Change]:
    return [
        Change(column="", what=what, count=len(items), example=items[0].name)
        for what, items in converted(good).items()
    ]


def _assemble(
    path: Path, good: Sequence[CheckedPicture], target: str, changes: tuple[Change, ...]
) -> Data:
    pictures = [item.picture for item in good if item.picture is not None]
    sizes = np.array([(p.height, p.width) for p in pictures], np.int32)
    formats = Counter(picture.format for picture in pictures)
    high = max(picture.high for picture in pictures)
    images = Images(
        sizes=sizes,
        channels=1 if all(picture.grey for picture in pictures) else 3,
        files=tuple(item.file.path for item in good),
        names=tuple(item.name for item in good),
    )
    parts = {item.file.part for item in good}
    given = None
    if len(parts) > 1:
        given = np.array([PART_CODES[i.file.part] for i in good if i.file.part], "i1")
    labels = [item.file.label for item in good if item.file.label is not None]
    return Data(
        source=str(path),
        inputs=images,
        target=text_column(target, labels) if labels else None,
        given=given,
        fingerprint=fingerprint.of_files((item.name, item.digest) for item in good),
        reading={
            "layout": _layout(parts, labels),
            "formats": ", ".join(f"{name}: {n}" for name, n in formats.most_common()),
            "pixel_range": f"{min(picture.low for picture in pictures)}..{high}",
            "pixel_max": str(high),
        },
        changes=changes,
    )


def _layout(parts: set[Part | None], labels: Sequence[str]) -> str:
    if not labels:
        return "pictures without classes"
    named = [part for part in PART_CODES if part in parts]
    classes = f"one folder for each of {len(set(labels))} classes"
    return f"{classes}, in {', '.join(named)}" if named else classes
