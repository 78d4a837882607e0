"""Threads between which the networks of a study are divided."""

import threading
from collections.abc import Callable, Sequence

import torch

from torchsmith.core.errors import Interrupted
from torchsmith.core.randomness import same_turn
from torchsmith.train.pace import quiet_schedules
from torchsmith.train.processor import flushed_denormals, kept_memory
from torchsmith.train.randomness import own_randomness
from torchsmith.train.session import Stop

WAIT_SECONDS = 0.1
"""Between looks at a thread: only the main one hears signals."""


def in_lanes(
    work: Sequence[Callable[[], None]], stop: Stop, *, one_thread: bool
) -> None:
    """Do several things at once, the first in this thread; one that fails stops all.

    Args:
        work: Trains networks whose sessions share `stop`.
        stop: Hears the signals.
        one_thread: Whether one network alone computes with one thread; so must each
            lane, where there are several.

    Raises:
        Interrupted: The person asked to stop.
        TorchsmithError: The first error that is no interruption.
    """
    errors: list[BaseException] = []

    def run(own: Callable[[], None]) -> None:
        threads = torch.get_num_threads()
        if len(work) > 1:
            torch.set_num_threads(1)  # counts for this thread alone
        try:
            with flushed_denormals(flush=one_thread), same_turn():
                own()
        except BaseException as error:  # noqa: BLE001 -- raised below
            errors.append(error)
            stop.ask()
        finally:
            torch.set_num_threads(threads)

    with own_randomness(), kept_memory(), quiet_schedules(), stop.signals():
        threads = [
            threading.Thread(target=run, args=(own,), daemon=True) for own in work[1:]
        ]
        for thread in threads:
            thread.start()
        run(work[0])
        for thread in threads:
            while thread.is_alive():
                thread.join(WAIT_SECONDS)
        # One that failed has asked the others to stop.
        errors.sort(key=lambda error: isinstance(error, Interrupted))
        if errors:
            raise errors[0]
