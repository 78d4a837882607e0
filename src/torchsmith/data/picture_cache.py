"""Pictures that do not fit into memory: decoded or resized once, into a file."""

import fcntl
import io
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.files import (
    append,
    committed_folder,
    damage,
    make_folder,
    write_failed,
)
from torchsmith.core.memory import amount_of, is_large
from torchsmith.core.observer import Observer
from torchsmith.data.catalog import cache_folder
from torchsmith.data.data import Data, Images
from torchsmith.data.npy_files import leave_npy
from torchsmith.data.on_disk import CHUNK_BYTES
from torchsmith.data.pictures import decode
from torchsmith.data.pixels import size_of
from torchsmith.data.steps import Step

_FILE = "pixels.npy"


def decoded_once(data: Data, steps: Sequence[Step], observer: Observer) -> Data:
    """Return data whose pictures are not decoded or resized anew in each epoch.

    Where they fit into memory at the size that the plan says, or have that size on the
    disk, nothing is done. Else they are written, at that size, into a file in the cache
    folder; a later run on the same pictures finds it there.

    Args:
        data: Of any kind.
        steps: The plan's `prepare` section.
        observer: Is told how far it is.

    Raises:
        DataError: A picture cannot be decoded, or the disk has too little room.
        PlanError: The images have several sizes and there is no `Resize`.
        TrainError: The cache cannot be written.
    """
    images = data.inputs
    if not isinstance(images, Images):
        return data
    shape = (len(images), *size_of(images, steps), images.channels)
    if isinstance(images.pixels, np.ndarray) or not is_large(math.prod(shape)):
        return data
    if images.pixels is not None and (
        images.pixels.shape == shape or images.pixels.dtype != np.uint8
    ):
        return data
    digest = data.fingerprint.removeprefix("sha256:")[:24]
    name = f"{digest}-{shape[1]}x{shape[2]}x{shape[3]}"
    folder = cache_folder() / "pictures" / name
    with _one_process_at_a_time(folder.parent):
        problem = "not there yet"
        if folder.exists():
            observer.stage(f"Checking {folder}")
            problem = damage(folder)
            if problem:
                observer.note(f"{folder}: {problem}; it is made again")
        if problem:
            _write(folder, images, shape, observer)
        pixels = leave_npy(folder / _FILE)
    return replace(data, inputs=replace(images, pixels=pixels))


@contextmanager
def _one_process_at_a_time(folder: Path) -> Iterator[None]:
    """Let others wait, such as those of `torchrun`, and then find what was written."""
    try:
        make_folder(folder)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise write_failed(folder, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(
    folder: Path, images: Images, shape: tuple[int, int, int, int], observer: Observer
) -> None:
    needed = math.prod(shape)
    for left in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(left, ignore_errors=True)  # of a process that was killed
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise DataError(
            f"{folder.parent}: {len(images):,} pictures do not fit into memory, and "
            f"take {amount_of(needed)} at the size of the plan, where "
            f"{amount_of(free)} are free; make room, name a folder on another disk "
            "with XDG_CACHE_HOME, or make them smaller with a Resize step"
        )
    what = "Decoding" if images.files else "Resizing"
    observer.stage(f"{what} pictures into the cache", len(images))
    begin = perf_counter()
    step = max(1, CHUNK_BYTES // math.prod(shape[1:]))
    with committed_folder(folder, replaces=True) as temporary:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "|u1", "fortran_order": False, "shape": shape}
        )
        append(temporary / _FILE, header.getvalue())
        for first in range(0, len(images), step):
            rows = np.arange(first, min(first + step, len(images)))
            append(temporary / _FILE, decode(images, rows, *shape[1:3]).tobytes())
            done = int(rows[-1]) + 1
            per_picture = (perf_counter() - begin) / done
            observer.advance(done, per_picture * (len(images) - done))
