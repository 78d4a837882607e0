"""IDX files, the format of MNIST, plain or `.gz`."""

import gzip
import math
import re
import zlib
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.memory import amount_of, available_memory, is_large
from torchsmith.core.vocabulary import Part
from torchsmith.data.data import Data
from torchsmith.data.labels import PART_CODES
from torchsmith.data.on_disk import FileArray, OnDisk, Stored, in_memory, stamp_of
from torchsmith.data.pixel_arrays import ArrayPart, images_from_parts

MAX_BYTES = 8 * 2**30

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PARTS: dict[str, Part] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "t10k": "test",
    "test": "test",
}
_NAME = re.compile(
    r"(?P<set>.*?)(?P<part>train|val|valid|t10k|test)-(?P<what>images|labels)"
    r"[-.]idx\d-ubyte(\.gz)?",
    re.IGNORECASE,
)
_CHUNK = 16 * 2**20


def is_idx_name(name: str) -> bool:
    """Whether a file name follows the layout of MNIST."""
    return _NAME.fullmatch(name) is not None


def looks_like_idx(head: bytes) -> bool:
    """Whether a file begins as IDX files do: two zeros, a type, 1 to 4 dimensions."""
    return (
        len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _TYPES and 0 < head[3] < 5
    )


def read_idx(path: Path) -> Stored:
    """Read one IDX file; one that is large stays on the disk.

    Args:
        path: The file, plain or compressed with gzip.

    Returns:
        The array, in this machine's byte order.

    Raises:
        DataError: The header is wrong, or the file is shorter or longer than it says.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            head = file.read(4)
            if not looks_like_idx(head):
                raise DataError(
                    f"{path}: is not an IDX file (it begins with "
                    f"{head.hex(' ') or 'nothing'}, not 00 00, a type and a number of "
                    "dimensions)"
                )
            sizes = file.read(4 * head[3])
            if len(sizes) < 4 * head[3]:
                raise DataError(f"{path}: ends within its header; get the file again")
            shape = tuple(np.frombuffer(sizes, ">u4").tolist())
            dtype = np.dtype(_TYPES[head[2]])
            expected = math.prod(shape) * dtype.itemsize
            if is_large(expected) and len(shape) > 1:
                if not packed and path.stat().st_size == file.tell() + expected:
                    stamp = stamp_of(file.fileno())
                    piece = FileArray(path, file.tell(), shape, dtype, stamp)
                    return OnDisk((piece,), dtype.newbyteorder("="))
                if packed and expected <= MAX_BYTES:
                    raise DataError(
                        f"{path}: holds {amount_of(expected)}, of which three copies "
                        f"do not fit into the {amount_of(available_memory())} of "
                        "available memory; unpack it with gunzip, and it is read as "
                        "it is needed"
                    )
            if expected > MAX_BYTES:
                raise DataError(
                    f"{path}: its header claims shape {shape}, {expected:,} bytes; at "
                    f"most {MAX_BYTES:,} are read"
                )
            content = bytearray()
            while len(content) <= expected and (chunk := file.read(_CHUNK)):
                content += chunk
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); get the file again"
        ) from error
    if len(content) != expected:
        more = "more" if len(content) > expected else f"{len(content):,}"
        raise DataError(
            f"{path}: its header claims shape {shape}, {expected:,} bytes, but {more} "
            "follow; get the file again"
        )
    array = np.frombuffer(content, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def read_idx_source(path: Path, *, target: str | None = None) -> Data:
    """Read a folder in the layout of MNIST, or one IDX file of pictures.

    Args:
        path: A folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and
            perhaps `t10k-…`, each plain or `.gz`; or one file of pictures, whose labels
            are read from the file beside it.
        target: What to call the label; default `"label"`.

    Raises:
        DataError: A file is missing or damaged, or labels and pictures do not match.
    """
    if path.is_file():
        files = {("train", "images"): path}
        if beside := _labels_beside(path):
            files["train", "labels"] = beside
    else:
        files = files_of(path)
    parts = []
    for part in PART_CODES:
        pictures = files.get((part, "images"))
        labels = files.get((part, "labels"))
        if pictures is None and labels is None:
            continue
        if pictures is None:
            raise DataError(f"{labels}: there is no file of pictures beside it")
        if labels is None and path.is_dir():
            wanted = re.sub("images([-.])idx3", r"labels\1idx1", pictures.name)
            raise DataError(f"{pictures}: the labels {wanted} are not beside it")
        parts.append(
            ArrayPart(
                part=part,
                name=str(pictures),
                inputs=read_idx(pictures),
                labels=None if labels is None else in_memory(read_idx(labels)),
            )
        )
    if parts[0].part != "train":
        raise DataError(f"{path}: has no train-images-idx3-ubyte file")
    told = ", ".join(file.name for file in files.values())
    return images_from_parts(
        str(path), parts, target=target, reading={"format": "IDX", "files": told}
    )


def _labels_beside(path: Path) -> Path | None:
    match = _NAME.fullmatch(path.name)
    if match is None or match["what"].lower() != "images":
        return None
    for file in sorted(path.parent.iterdir()):
        other = _NAME.fullmatch(file.name)
        if (
            other
            and other["what"].lower() == "labels"
            and other["set"] == match["set"]
            and other["part"] == match["part"]
        ):
            return file
    return None


def files_of(folder: Path) -> dict[tuple[str, str], Path]:
    """Return the files of an IDX folder; a plain file wins over its `.gz`.

    Raises:
        DataError: There are several sets of them.
    """
    files: dict[tuple[str, str], Path] = {}
    sets = set()
    for file in sorted(folder.iterdir()):
        if match := _NAME.fullmatch(file.name):
            sets.add(match["set"])
            key = (_PARTS[match["part"].lower()], match["what"].lower())
            files.setdefault(key, file)
    if len(sets) > 1:
        names = ", ".join(f"'{name}…'" for name in sorted(sets))
        raise DataError(
            f"{folder}: holds several sets of IDX files ({names}); "
            "put each into a folder of its own"
        )
    return files
