"""Files that are either there and whole, or not there.

A write goes to a temporary neighbour, is synced, renamed, and the folder is synced.
Power may fail at any instant: the old file or the new one is found, never half of one.
"""

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from torchsmith.core.errors import DataError, TorchsmithError, TrainError

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
ANOTHER_FOLDER = "choose another folder (for runs: --runs)"

_FORMATS = frozenset(
    """.csv .tsv .parquet .pq .feather .arrow .xlsx .xlsm .xls .ods .json .jsonl .ndjson
    .xml .yaml .yml .py .ipynb .html .htm .md .pdf .docx .png .svg .npy .npz .h5 .pkl
    .pt .pth .sqlite .gz .bz2 .xz .zst .zip .tar .tgz .7z""".split()  # noqa: SIM905
)
"""Endings that promise a format; any other may name any file."""


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a whole file or leave what was there; a symlink stays, its target changes.

    Args:
        path: Where the file shall be; its folder must exist.
        content: The file's content; text is written as UTF-8.

    Raises:
        DataError: A device, a pipe or a folder has this name.
        TrainError: The disk is full, read-only, or failed; says the free bytes.
    """
    data = content.encode() if isinstance(content, str) else content
    check_replaceable(path)
    target = target_of(path)
    temporary = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):  # a read-only disk refuses to remove, too
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_failed(path, error, len(data)) from error
        raise


def target_of(path: Path) -> Path:
    """Return the file that a path names, which of a symlink is its target."""
    # Path.is_symlink and Path.resolve raise where a folder cannot be searched
    linked = os.path.islink(path)  # noqa: PTH114
    return Path(os.path.realpath(path)) if linked else path


def check_replaceable(path: Path) -> None:
    """Refuse what a file must not replace, such as `/dev/null`.

    Raises:
        DataError: A device, a pipe or a folder has this name.
    """
    try:
        mode = path.stat().st_mode
    except OSError:  # nothing is there, or writing says what is wrong
        return
    if not stat.S_ISREG(mode):
        found = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise DataError(f"{path}: is {found}, not a file; give the name of a file")


def check_ending(path: Path, *endings: str) -> None:
    """Refuse a name that promises another format than the one that is written.

    Args:
        path: The file.
        endings: Those of the format, in lower case, the usual one first.

    Raises:
        DataError: It ends as files of another format do.
    """
    ending = path.suffix.lower()
    if ending in _FORMATS.difference(endings):
        raise DataError(
            f"{path}: what is written is a {endings[0]} file, not {ending}; give a "
            f"name that ends in {endings[0]}"
        )


def require_writable(folder: Path, otherwise: str = ANOTHER_FOLDER) -> None:
    """Make sure that files can be written into a folder, before long work for one.

    Args:
        folder: Where they shall be.
        otherwise: What else the person can do.

    Raises:
        TrainError: It is read-only, or not there.
    """
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise write_failed(folder, error, otherwise=otherwise) from error


def append(path: Path, content: bytes) -> None:
    """Add bytes to a file, which is made where it is missing.

    A crash can tear only what is added.

    Raises:
        TrainError: The disk is full, read-only, or failed; says the free bytes.
    """
    try:
        with path.open("ab") as file:
            file.write(content)
    except OSError as error:
        raise write_failed(path, error, len(content)) from error


@contextmanager
def committed_folder(path: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Give a temporary folder to fill, then make it `path` in one step.

    A manifest with the size and SHA-256 of every file is written into it last.

    Args:
        path: The folder that shall appear.
        replaces: There may be one of that name, which goes when the new one is whole;
            a crash between leaves none. Otherwise there must be none.

    Yields:
        The temporary folder beside `path`.

    Raises:
        TrainError: The disk is full, read-only, or failed; nothing is left behind.
    """
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    before = path.with_name(f"{path.name}.tmp-{os.getpid()}-before")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        make_folder(path.parent)
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                sync_file(file)
        write_atomic(temporary / MANIFEST, _manifest_text(_manifest(temporary)))
        if replaces and path.exists():
            path.rename(before)
        temporary.rename(path)
        sync_folder(path.parent)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if before.exists() and not path.exists():
            before.rename(path)
        if isinstance(error, OSError):
            raise write_failed(path, error) from error
        raise
    finally:
        shutil.rmtree(before, ignore_errors=True)


def damage(folder: Path) -> str:
    """Say what is wrong with a committed folder, or return an empty string.

    Args:
        folder: A folder written by `committed_folder`.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = json.loads(content)
        if manifest["version"] != MANIFEST_VERSION:
            return f"{MANIFEST} has version {manifest['version']}"
        expected = {
            str(name): (int(entry["bytes"]), str(entry["sha256"]))
            for name, entry in manifest["files"].items()
        }
        if content != _manifest_text(manifest).encode():
            return f"{MANIFEST} is not as it was written"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{MANIFEST} cannot be read ({type(error).__name__})"
    for name, (size, digest) in expected.items():
        file = folder / name
        try:
            if file.stat().st_size != size:
                return f"{name} has {file.stat().st_size} bytes, not {size}"
            if sha256_file(file) != digest:
                return f"{name} does not have the SHA-256 of its manifest"
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})"
    return ""


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(path: Path) -> None:
    """Make a folder and what is missing above it, and make their names durable."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)  # another process may do the same
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_failed(
    path: Path, error: OSError, needed: int = 0, otherwise: str = ANOTHER_FOLDER
) -> TorchsmithError:
    """Turn a failed write into the message that the person needs.

    Args:
        path: What could not be written.
        error: Why not.
        needed: Bytes that were to be written; 0 is not known.
        otherwise: What the person can do but check the permissions.
    """
    known = _free_bytes(path)
    free = "unknown" if known is None else f"{known:,}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = "disk" if error.errno == errno.ENOSPC else "disk quota"
        wanted = f", {needed:,} needed" if needed else ""
        return TrainError(
            f"{path}: the {what} is full ({free} bytes free{wanted}); "
            "make room and try again; a run that had begun goes on with --resume"
        )
    if isinstance(error, FileNotFoundError):
        gone = path.parent
        while not gone.parent.exists():
            gone = gone.parent
        return TrainError(
            f"{path}: cannot be written: the folder {gone} is not there (any more); "
            f"make it, or {otherwise}"
        )
    return TrainError(
        f"{path}: cannot be written ({error.strerror or error}), {free} bytes free; "
        f"check its permissions, or {otherwise}"
    )


def require_room(folder: Path, needed: int) -> None:
    """Make sure that a disk can hold what is to be written, before long work for it.

    Args:
        folder: Where it shall be; it need not be there.
        needed: Bytes.

    Raises:
        TrainError: There is less room; says how much.
    """
    free = _free_bytes(folder / MANIFEST)
    if free is not None and free < needed:
        raise TrainError(
            f"{folder}: the disk is too full for one checkpoint ({free:,} bytes free, "
            f"{needed:,} needed); make room, or {ANOTHER_FOLDER}"
        )


def _free_bytes(path: Path) -> int | None:
    try:
        parent = next(each for each in path.absolute().parents if each.exists())
        return shutil.disk_usage(parent).free
    except OSError:  # a disk that fails may not even say this
        return None


def _manifest_text(manifest: dict[str, Any]) -> str:
    return json.dumps(manifest, indent=1)


def _manifest(folder: Path) -> dict[str, Any]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        "version": MANIFEST_VERSION,
        "files": {
            file.relative_to(folder).as_posix(): {
                "bytes": file.stat().st_size,
                "sha256": sha256_file(file),
            }
            for file in files
        },
    }
