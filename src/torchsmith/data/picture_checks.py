"""Opening picture files once: which are damaged, and what has to be converted."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from torchsmith.core.observer import Observer
from torchsmith.data.picture_files import FoundPicture
from torchsmith.data.pictures import (
    EXTENSIONS,
    Picture,
    Unreadable,
    check,
    read_content,
    strict_decoding,
)

_THREADS = 2


@dataclass(frozen=True)
class CheckedPicture:
    """A picture file after it was opened.

    Attributes:
        file: Which.
        name: What it is called in messages.
        picture: What was found; None where it cannot be decoded.
        problem: Why it cannot be; else empty.
        digest: SHA-256 of its content.
    """

    file: FoundPicture
    name: str
    picture: Picture | None
    problem: str
    digest: bytes


def check_pictures(
    found: Sequence[FoundPicture], names: Sequence[str], observer: Observer
) -> list[CheckedPicture]:
    """Decode each picture once.

    Args:
        found: The files.
        names: What each is called in messages.
        observer: Is told how many are checked.
    """
    observer.stage("Checking pictures", len(found))

    def check_one(file: FoundPicture, name: str) -> CheckedPicture:
        try:
            content = read_content(file.path)
            digest = hashlib.sha256(content).digest()
            return CheckedPicture(file, name, check(content), "", digest)
        except (Unreadable, OSError) as error:
            return CheckedPicture(file, name, None, str(error), b"")

    checked = []
    with strict_decoding(), ThreadPoolExecutor(_THREADS) as pool:
        for item in pool.map(check_one, found, names):
            checked.append(item)
            observer.advance(len(checked))
    return checked


def converted(checked: Sequence[CheckedPicture]) -> dict[str, list[CheckedPicture]]:
    """Return the pictures that are not read as they stand, by what is done to them."""
    seen: dict[str, list[CheckedPicture]] = {}
    for item in checked:
        if item.picture is None:
            continue
        meant = EXTENSIONS.get(item.file.path.suffix.lower())
        if meant != item.picture.format:
            ending = item.file.path.suffix or "(none)"
            what = f"{item.picture.format} although the file name ends in {ending}"
            seen.setdefault(what, []).append(item)
        for what in item.picture.conversions:
            seen.setdefault(what, []).append(item)
    if len({item.picture.grey for item in checked if item.picture}) == 2:
        grey = [item for item in checked if item.picture and item.picture.grey]
        seen["grey read as colour, as other pictures are"] = grey
    return seen
