"""The content of a source as one hash, so that a plan knows its data again."""

import hashlib
from collections.abc import Iterable

import numpy as np

from torchsmith.data.on_disk import Stored, chunks


def of_arrays(*arrays: Stored | None) -> str:
    """Return `"sha256:…"` of arrays: kinds, shapes and values, in order.

    The same pictures give the same fingerprint whichever file format held them.
    """
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            digest.update(b"none;")
            continue
        if isinstance(array, np.ndarray) and array.dtype.kind == "U":
            array = np.char.encode(array, "utf-8")
        digest.update(f"{array.dtype.str}{array.shape};".encode())
        if isinstance(array, np.ndarray) and array.ndim == 0:
            digest.update(array.tobytes())
            continue
        for _, chunk in chunks(array):
            digest.update(np.ascontiguousarray(chunk).reshape(-1).data)
    return f"sha256:{digest.hexdigest()}"


def of_files(digests: Iterable[tuple[str, bytes]]) -> str:
    """Return `"sha256:…"` of named files, given the SHA-256 of each, in order."""
    whole = hashlib.sha256()
    for name, digest in digests:
        whole.update(name.encode("utf-8", "surrogateescape") + b"\0" + digest)
    return f"sha256:{whole.hexdigest()}"
