"""Arrays that are larger than memory: rows are read from the file as they are taken.

They are read, not mapped. A mapped file that is cut off or cannot be read kills the
process without a word; here it is an error that names the file.
"""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from torchsmith.core.errors import DataError

CHUNK_BYTES = 16 * 2**20
"""What is read at once when all of an array is passed over."""


@dataclass(frozen=True)
class FileArray:
    """An array within a file, row after row.

    Attributes:
        path: The file.
        offset: Where the first row begins, in bytes.
        shape: `(N, …)`.
        dtype: As in the file; bytes may stand in another order than this machine's.
        stamp: What `stamp_of` said when the file was first looked at.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    stamp: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Read rows, in this order, in this machine's byte order.

        Raises:
            DataError: The file cannot be read, or was changed meanwhile.
        """
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        size = math.prod(self.shape[1:]) * self.dtype.itemsize
        view = out.reshape(-1).view(np.uint8).data
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                if stamp_of(descriptor) != self.stamp:
                    raise DataError(
                        f"{self.path}: was changed since it was first read; leave it "
                        "alone until training ends, and begin again"
                    )
                for place, row, count in _runs(rows):
                    part = view[place * size : (place + count) * size]
                    _read_into(descriptor, part, self.offset + row * size)
            finally:
                os.close(descriptor)
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or "it ends too early"
            raise DataError(
                f"{self.path}: cannot be read ({reason}); examples are read from it "
                "all the time, since it is larger than memory: bring it back"
            ) from error
        return out.astype(self.dtype.newbyteorder("="), copy=False)


@dataclass(frozen=True)
class OnDisk:
    """Arrays one after the other, some of them in files, that look like one array.

    Attributes:
        pieces: With rows of one shape.
        dtype: What is taken is turned into it.
        order: How the dimensions of a piece are turned, such as `(0, 2, 3, 1)`; empty
            leaves them.
        rows: Which rows of the pieces, in this order; None is all.
    """

    pieces: "tuple[FileArray | np.ndarray | OnDisk, ...]"
    dtype: np.dtype
    order: tuple[int, ...] = ()
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return self._count if self.rows is None else len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """`(N, …)`."""
        inner = self.pieces[0].shape
        return (
            len(self),
            *(inner[axis] for axis in self.order[1:] or range(1, len(inner))),
        )

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """What all of it would take in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    @cached_property
    def _count(self) -> int:
        return sum(map(len, self.pieces))

    def at(self, rows: np.ndarray) -> "OnDisk":
        """Return only these rows, in this order, without reading them."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def transpose(self, *order: int) -> "OnDisk":
        """Turn the dimensions of what is taken; the first must stay first."""
        return replace(self, order=order)

    def with_channel(self) -> "OnDisk":
        """Return `(N, H, W)` of one file as `(N, H, W, 1)`."""
        pieces = (
            replace(p, shape=(*p.shape, 1))
            for p in self.pieces
            if isinstance(p, FileArray)
        )
        return replace(self, pieces=tuple(pieces))

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        """Read rows."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        rows = rows if self.rows is None else self.rows[rows]
        if len(self.pieces) == 1:
            found = _take(self.pieces[0], rows)
        else:
            found = np.empty((len(rows), *self.pieces[0].shape[1:]), self.dtype)
            first = 0
            for piece in self.pieces:
                places = np.flatnonzero((rows >= first) & (rows < first + len(piece)))
                if len(places):
                    found[places] = _take(piece, rows[places] - first)
                first += len(piece)
        if self.order:
            found = found.transpose(self.order)
        return np.ascontiguousarray(found, self.dtype)


Stored = np.ndarray | OnDisk
"""An array in memory, or one that is read as it is taken."""


def chunks(array: Stored) -> Iterator[tuple[int, np.ndarray]]:
    """Pass over an array in pieces of about 16 MB: the first row's number, and rows."""
    row = max(math.prod(array.shape[1:]) * array.dtype.itemsize, 1)
    step = max(CHUNK_BYTES // row, 1)
    for first in range(0, len(array), step):
        yield first, array[first : first + step]


def extremes(array: Stored) -> tuple[float, float]:
    """Return the smallest and the largest value, as the array's type has them."""
    found = [(chunk.min(), chunk.max()) for _, chunk in chunks(array)]
    return min(low for low, _ in found), max(high for _, high in found)


def in_memory(array: Stored) -> np.ndarray:
    """Return an array itself, or all that lies in files."""
    return array if isinstance(array, np.ndarray) else array[:]


def one_after_the_other(pieces: Sequence[Stored]) -> Stored:
    """Put arrays of one type together; what lies in files stays there."""
    if len(pieces) == 1:
        return pieces[0]
    if not any(isinstance(piece, OnDisk) for piece in pieces):
        return np.concatenate([np.asarray(piece) for piece in pieces])
    return OnDisk(tuple(pieces), pieces[0].dtype)


def stamp_of(descriptor: int) -> tuple[int, ...]:
    """Return what changes when a file does: its place, its size, its time."""
    found = os.fstat(descriptor)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _take(piece: FileArray | np.ndarray | OnDisk, rows: np.ndarray) -> np.ndarray:
    return piece.read(rows) if isinstance(piece, FileArray) else piece[rows]


def _runs(rows: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Find rows that stand one after the other: place, first row and count of each.

    They come in the order of the file, which a disk reads faster.
    """
    if not len(rows):
        return
    starts = np.flatnonzero(np.diff(rows, prepend=rows[0]) != 1)
    counts = np.diff(np.append(starts, len(rows)))
    firsts = rows[starts]
    for run in np.argsort(firsts, kind="stable"):
        yield int(starts[run]), int(firsts[run]), int(counts[run])


def _read_into(descriptor: int, view: memoryview, position: int) -> None:
    while len(view):
        count = os.preadv(descriptor, [view], position)
        if not count:
            raise EOFError
        view, position = view[count:], position + count
