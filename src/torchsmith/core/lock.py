"""A folder that one process holds."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

from torchsmith.core.errors import TrainError
from torchsmith.core.files import write_failed

LOCK = ".lock"

TRIES, PAUSE = 20, 0.01
"""So often is a lock asked for, and who has it, with so many seconds between: a busy
machine waits between taking a lock and saying so."""

_held: set[int] = set()
"""The locks of this process, as file descriptors."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; freed even by kill -9.

    Raises:
        TrainError: Another process holds it, or the folder is read-only.
    """
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise write_failed(path, error) from error
    _held.add(descriptor)
    try:
        _take(folder, descriptor)
        yield
    finally:
        if descriptor in _held:
            _held.remove(descriptor)
            os.close(descriptor)


def other_holder(folder: Path) -> str:
    """Say which other process holds a folder, as `process 7`; empty where none does."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        told = _holder(descriptor)
        return "" if told == _told() else told
    except OSError:  # some disks know no locks
        return ""
    finally:
        os.close(descriptor)
    return ""


def _take(folder: Path, lock: int) -> None:
    for _ in range(TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:  # it may be `other_holder`, which has it for an instant
            sleep(PAUSE)
        except OSError as error:
            raise write_failed(folder, error) from error
    else:
        raise TrainError(
            f"{folder}: the run is in use by {_holder(lock)}; wait until it ends, or "
            "stop it"
        )
    with suppress(OSError):  # on a full disk, the message names no process
        os.ftruncate(lock, 0)
        os.pwrite(lock, _told().encode(), 0)


def _told() -> str:
    return f"process {os.getpid()}"


def _holder(lock: int) -> str:
    """Say who holds a lock, who writes that as soon as it is his."""
    for _ in range(TRIES):
        if told := os.pread(lock, 40, 0).decode():
            return told
        sleep(PAUSE)
    return "another process"


def _leave() -> None:
    """Let a forked process hold nothing: it may outlive the one that is killed."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_leave)
