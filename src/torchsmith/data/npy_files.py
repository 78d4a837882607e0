"""Reading NPZ and NPY files: headers first, nothing unpickled, sizes capped."""

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from torchsmith.core.errors import DataError

MAX_BYTES = 8 * 2**30


def load_npy(path: Path) -> np.ndarray:
    """Load the array of an NPY file.

    Raises:
        DataError: The file is damaged, claims more than 8 GB, or holds Python objects.
    """
    try:
        with path.open("rb") as file:
            array = _read_array(file, str(path))
            if file.read(1):
                raise DataError(f"{path}: goes on after its array; save it again")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return array


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """Load all arrays of an NPZ file, reading each header before its content.

    Raises:
        DataError: The file is damaged, claims more than 8 GB, or holds Python objects.
    """
    arrays = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
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


def _read_array(file: IO[bytes], name: str) -> np.ndarray:
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
