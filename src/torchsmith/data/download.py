"""Downloading one file: resumed where it was cut, kept only if its hash is right."""

import fcntl
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from torchsmith.core.errors import DataError
from torchsmith.core.observer import Observer

TIMEOUT = 30.0
"""Seconds without a byte after which a connection is given up."""

_CHUNK = 2**18
_MAX_BYTES = 4 * 2**30


def fetch(
    url: str,
    destination: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    observer: Observer | None = None,
) -> None:
    """Download a file, going on from a `.part` file where there is one.

    The file appears under its name only when it is whole and its hash is right.

    Args:
        url: `http` or `https`.
        destination: Where the file shall be; its folder is made.
        sha256: The hash of the whole file, in hexadecimal; this or `md5` is needed.
        md5: The same for publishers that name no SHA-256.
        observer: Is told how many bytes are there.

    Raises:
        DataError: No network, no such file, a cut connection, or a wrong hash.
    """
    if not url.startswith(("http://", "https://")):
        raise DataError(f"{url}: only http and https addresses are downloaded")
    if not (sha256 or md5):
        raise DataError(f"{url}: is not downloaded without a hash to check it by")
    observer = observer or Observer()
    part = destination.with_name(destination.name + ".part")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            _lock(file, part, destination)
            _complete(url, file, destination.name, observer)
            file.flush()
            # While it is locked: whoever opened it meanwhile would begin it anew.
            _verify(url, part, sha256, md5)
            part.replace(destination)
    except urllib.error.HTTPError as error:
        error.close()
        _drop_if_empty(part)
        raise DataError(
            f"{url}: the server answers {error.code} {error.reason}; "
            f"get {destination.name} elsewhere and put it into {destination.parent}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        there = part.stat().st_size if part.exists() else 0
        _drop_if_empty(part)
        kept = f"; {there:,} bytes are kept, and the next try goes on there"
        raise DataError(
            f"{url}: cannot be downloaded ({_reason(error)}){kept if there else ''}; "
            f"check the network, or put {destination.name} into {destination.parent}"
        ) from error


def _complete(url: str, file: IO[bytes], name: str, observer: Observer) -> None:
    """Ask for what is missing, until all is there or a try brings no more."""
    staged = False
    while True:
        before = start = file.tell()
        with _ask(url, start) as response:
            if start and response.status != http.client.PARTIAL_CONTENT:
                file.truncate(0)
                file.seek(0)
                start = 0
            length = response.headers.get("Content-Length")
            total = start + int(length) if length and length.isdigit() else None
            if not staged:
                observer.stage(f"Downloading {name}", total)
                staged = True
            try:
                while chunk := response.read(_CHUNK):
                    file.write(chunk)
                    observer.advance(file.tell())
                    if file.tell() > _MAX_BYTES:
                        raise OSError(f"more than {_MAX_BYTES:,} bytes")
            except http.client.IncompleteRead as error:
                file.write(error.partial)
        if total is None or file.tell() >= total:
            return
        if file.tell() <= before:
            there = file.tell()
            raise OSError(f"the connection was cut after {there:,} of {total:,} bytes")


def _ask(url: str, start: int) -> http.client.HTTPResponse:
    """Open the address at an offset; from the beginning if the offset is refused."""
    headers = {"User-Agent": "torchsmith"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 -- checked
    try:
        response = _opener().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        error.close()
        return _ask(url, 0)
    stated = response.headers.get("Content-Range", "")
    if response.status == http.client.PARTIAL_CONTENT and not stated.startswith(
        f"bytes {start}-"
    ):
        response.close()
        return _ask(url, 0)
    found: http.client.HTTPResponse = response
    return found


def _opener() -> urllib.request.OpenerDirector:
    """Make an opener that knows http and https, and no other protocol."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _lock(file: IO[bytes], part: Path, destination: Path) -> None:
    busy = f"{destination}: is being downloaded by another process; wait for it"
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DataError(busy) from error
    # Between opening and locking it may have become the whole file of another process.
    if not part.exists() or not os.path.samestat(os.fstat(file.fileno()), part.stat()):
        raise DataError(busy)


def _verify(url: str, part: Path, sha256: str | None, md5: str | None) -> None:
    name, expected = ("sha256", sha256) if sha256 else ("md5", md5)
    with part.open("rb") as file:
        found = hashlib.file_digest(file, name).hexdigest()
    if found != expected:
        size = part.stat().st_size
        part.unlink()
        raise DataError(
            f"{url}: the {size:,} bytes that came have {name} {found}, expected "
            f"{expected}; they were deleted: try again, or get the file elsewhere"
        )


def _drop_if_empty(part: Path) -> None:
    if part.exists() and not part.stat().st_size:
        part.unlink()


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(error).__name__)
