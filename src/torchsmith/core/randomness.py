"""The program's global random numbers, which one thread at a time may seed."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_turn = threading.Lock()


class _Here(threading.local):
    """What this thread has: so many contexts of its turn, one within the other."""

    depth = 0


_here = _Here()


@contextmanager
def own_turn(tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """Let no other thread seed the global generators; wait while another does.

    Args:
        tell: Is given a line where it has to wait.
    """
    if not _here.depth and not _turn.acquire(blocking=False):
        if tell is not None:
            tell("waits for its turn: another thread of this program is training")
        _turn.acquire()
    with same_turn():
        try:
            yield
        finally:
            if _here.depth == 1:
                _turn.release()


@contextmanager
def same_turn() -> Iterator[None]:
    """Count as the thread that has its turn, and that waits for this one."""
    _here.depth += 1
    try:
        yield
    finally:
        _here.depth -= 1


@contextmanager
def seeded(seed: int | None = None) -> Iterator[None]:
    """Give the program PyTorch's random numbers on the CPU back afterwards.

    Args:
        seed: Of the numbers meanwhile; None goes on with those that there are.
    """
    import torch

    with own_turn(), torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        yield


def _free_in_child() -> None:
    """Do not wait in a fork for a thread that is not there."""
    global _turn  # noqa: PLW0603 -- a lock cannot be freed by who does not hold it
    if not _here.depth:
        _turn = threading.Lock()


os.register_at_fork(after_in_child=_free_in_child)
