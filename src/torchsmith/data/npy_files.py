"""Reading NPZ and NPY files: headers first, nothing unpickled, sizes capped."""

import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from torchsmith.core.errors import DataError
from torchsmith.core.memory import amount_of, available_memory, is_large
from torchsmith.data.on_disk import CHUNK_BYTES, FileArray, OnDisk, Stored, stamp_of

MAX_BYTES = 8 * 2**30
SMALL_BYTES = 2**20
"""Arrays of a large file that are not larger are kept in memory, such as names."""

_NPY = b"\x93NUMPY"
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
"""Of a file within a ZIP file; ends with the lengths of its name and extra field."""


def is_array_file(path: Path) -> bool:
    """Whether a file is an NPZ or NPY file, by its name or its first bytes."""
    if path.suffix.lower() in (".npz", ".npy"):
        return True
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_NPY)) == _NPY
    except OSError:
        return False


def load_npy(path: Path) -> Stored:
    """Load the array of an NPY file; one that is large stays there.

    Raises:
        DataError: The file is damaged, claims more than 8 GB that it does not have, or
            holds Python objects.
    """
    try:
        if is_large(path.stat().st_size):
            return leave_npy(path)
        with path.open("rb") as file:
            array = _read_array(file, str(path))
            if file.read(1):
                raise DataError(f"{path}: goes on after its array; save it again")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return array


def leave_npy(path: Path) -> OnDisk:
    """Return the array of an NPY file, which stays there.

    Raises:
        DataError: The file is damaged, or holds Python objects.
    """
    with path.open("rb") as file:
        return _on_disk(path, file, path.stat().st_size, str(path))


def load_npz(path: Path) -> dict[str, Stored]:
    """Load all arrays of an NPZ file, reading each header before its content.

    Where they are large, those of two and more dimensions stay in the file.

    Raises:
        DataError: The file is damaged, claims more than 8 GB, holds Python objects, or
            is large and compressed.
    """
    arrays: dict[str, Stored] = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            large = is_large(sum(member.file_size for member in archive.infolist()))
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                if large and member.file_size > SMALL_BYTES:
                    arrays[name] = _member_on_disk(path, archive, member)
                    continue
                total += member.file_size
                if total > MAX_BYTES:
                    raise DataError(
                        f"{path}: its arrays take {total:,} bytes or more; at most "
                        f"{MAX_BYTES:,} are read"
                    )
                with archive.open(member) as file:
                    arrays[name] = _read_array(file, f"{path}, array '{name}'")
    except (
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(
            f"{path}: cannot be read as an NPZ file ({error}); save it again"
        ) from error
    if not arrays:
        raise DataError(f"{path}: holds no arrays")
    return arrays


def _member_on_disk(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> Stored:
    name = f"{path}, array '{member.filename.removesuffix('.npy')}'"
    if member.compress_type != zipfile.ZIP_STORED:
        raise DataError(
            f"{name}: takes {amount_of(member.file_size)}, of which three copies do "
            f"not fit into the {amount_of(available_memory())} of available memory, "
            "and is compressed; save it with numpy.savez instead of savez_compressed, "
            "and it is read as it is needed"
        )
    with archive.open(member) as content:  # which checks the sum of all bytes
        while content.read(CHUNK_BYTES):
            pass
    with path.open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        lengths = _LOCAL_HEADER.unpack(header)[-2:]
        file.seek(sum(lengths), 1)
        found = _on_disk(path, file, file.tell() + member.file_size, name)
    return found if found.ndim > 1 else found[:]


def _on_disk(path: Path, file: IO[bytes], end: int, name: str) -> OnDisk:
    """Leave the array whose header begins here, and whose content ends there."""
    shape, by_column, dtype = _read_header(file, name)
    claimed = math.prod(shape) * dtype.itemsize
    offset = file.tell()
    if offset + claimed != end:
        raise DataError(
            f"{name}: claims shape {shape} {dtype}, {claimed:,} bytes, but "
            f"{end - offset:,} follow; save it again"
        )
    if by_column and len(shape) > 1:
        raise DataError(
            f"{name}: is larger than memory and saved by column, so that no row can be "
            "read by itself; save numpy.ascontiguousarray of it"
        )
    stamp = stamp_of(file.fileno())
    return OnDisk(
        (FileArray(path, offset, shape, dtype, stamp),), dtype.newbyteorder("=")
    )


def _read_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, whether it is saved by column, and type."""
    fmt = np.lib.format
    try:
        version = fmt.read_magic(file)
        read_header = {
            (1, 0): fmt.read_array_header_1_0,
            (2, 0): fmt.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise DataError(
                f"{name}: NPY version {version[0]}.{version[1]} is not read, only 1.0 "
                "and 2.0; save it again with numpy.save"
            )
        shape, by_column, dtype = read_header(file)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{name}: is not an NPY array ({str(error).splitlines()[0]}); save it again"
        ) from error
    if dtype.hasobject:
        raise DataError(
            f"{name}: holds Python objects, which are never unpickled; save numbers, "
            "or texts with dtype=str"
        )
    return shape, by_column, dtype


def _read_array(file: IO[bytes], name: str) -> np.ndarray:
    shape, by_column, dtype = _read_header(file, name)
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > MAX_BYTES:
        raise DataError(
            f"{name}: claims shape {shape} {dtype}, {claimed:,} bytes; at most "
            f"{MAX_BYTES:,} are read"
        )
    content = bytearray()
    while len(content) < claimed and (chunk := file.read(min(2**24, claimed))):
        content += chunk
    if len(content) < claimed:
        raise DataError(
            f"{name}: claims shape {shape} {dtype}, {claimed:,} bytes, but only "
            f"{len(content):,} follow; save it again"
        )
    array = np.frombuffer(bytes(content) if claimed else b"", dtype)
    return np.ascontiguousarray(
        array.reshape(shape, order="F" if by_column else "C"), dtype.newbyteorder("=")
    )
